"""What a person said or decided stands against whatever a feed sends later."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from tests.factories import casework
from tests.factories.feeds import feed_row
from tests.factories.imports import (
    IMPORTED_AT,
    IMPORTER,
    import_rows,
    imported_person,
    imported_referral,
)
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import TransitionNotAllowed
from victim_gateway.models import CaseFacts, Consent, ImportRow, Referral, SafeContactPlan, Task
from victim_gateway.services.referrals import consents, corrections, create_referral, status
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    CloseOutcome,
    ConsentHow,
    HeldReason,
    ReferralState,
    Risk,
    Role,
    SafeAnswer,
    TaskKind,
)

AT = IMPORTED_AT
HOUR = timedelta(hours=1)


@pytest.fixture
def caseworker(app: Flask, make_actor: MakeActor) -> Actor:
    return make_actor(Role.CASEWORKER)


def tasks_of(row: dict[str, str]) -> dict[TaskKind, Any]:
    referral = imported_referral(row)
    with transaction(IMPORTER) as session:
        open_ones = session.scalars(
            select(Task).where(Task.referral_id == referral.id, Task.done_at.is_(None))
        )
        return {task.kind: task.details for task in open_ones}


def take_back(row: dict[str, str], caseworker: Actor) -> None:
    referral = imported_referral(row)
    with transaction(IMPORTER) as session:
        consent_id = session.scalars(
            select(Consent.id).where(Consent.person_id == referral.person_id, Consent.withdrawn_at.is_(None))
        ).one()
    consents.withdraw_consent(Command(caseworker, AT + HOUR), consent_id, through=referral.id)


def test_a_consent_that_was_taken_back_is_a_no_whatever_the_feed_says(caseworker: Actor) -> None:
    row = feed_row()
    import_rows(row)
    take_back(row, caseworker)
    further = feed_row(victim_reference=row["victim_reference"])

    import_rows({**row, "outcome": "Under investigation"}, further, at=AT + 2 * HOUR)

    for each in (row, further):
        assert (imported_referral(each).state, imported_referral(each).held_reason) == (
            ReferralState.HELD,
            HeldReason.CONSENT_REFUSED,
        )


def test_an_update_about_another_victim_changes_nobody_and_is_told(caseworker: Actor) -> None:
    anna = feed_row(given_name="Anna", phone="07700 900001")
    bert = feed_row(given_name="Bert", phone="07700 900002")
    import_rows(anna, bert)

    theirs = ("victim_reference", "given_name", "family_name", "phone", "email", "address_line_1")
    import_rows({**anna, **{name: bert[name] for name in theirs}}, at=AT + HOUR)

    assert (
        imported_person(anna)["given_name"],
        imported_person(anna)["phone"],
    ) == ("Anna", "+447700900001")
    assert {"victim_reference", "phone"} <= set(tasks_of(anna)[TaskKind.FEED_CONFLICT]["fields"])


def test_the_same_reference_from_another_force_is_set_aside(app: Flask) -> None:
    row = feed_row()
    import_rows(row)
    other_force_row = feed_row(feed_reference=row["feed_reference"], force="British Transport Police")

    summary = import_rows(other_force_row, at=AT + HOUR)

    assert (summary.updated, summary.set_aside) == (0, 1)
    assert imported_person(row)["family_name"] == row["family_name"]
    with transaction(IMPORTER) as session:
        aside = session.scalars(select(ImportRow).where(ImportRow.outcome == "set_aside")).one()
    assert aside.reasons[0]["code"] == "other_force"


def test_a_hold_ends_only_by_what_it_waits_for(caseworker: Actor) -> None:
    row = feed_row()
    import_rows(row)
    status.hold_referral(
        Command(caseworker, AT), imported_referral(row).id, reason=HeldReason.EXPLICIT_CONSENT_NEEDED
    )

    import_rows({**row, "outcome": "Under investigation"}, at=AT + HOUR)

    assert imported_referral(row).state is ReferralState.HELD


def test_a_no_stops_every_referral_of_the_person(caseworker: Actor) -> None:
    row = feed_row()
    import_rows(row)
    status.take_referral(Command(caseworker, AT), imported_referral(row).id)

    import_rows(feed_row(victim_reference=row["victim_reference"], consent_to_referral="no"), at=AT + HOUR)

    assert (imported_referral(row).state, imported_referral(row).held_reason) == (
        ReferralState.HELD,
        HeldReason.CONSENT_REFUSED,
    )


def test_a_no_that_was_recorded_by_hand_stops_the_others_too(caseworker: Actor) -> None:
    row = feed_row()
    import_rows(row)
    status.take_referral(Command(caseworker, AT), imported_referral(row).id)

    self_referral = casework.new_referral(person_id=imported_referral(row).person_id, agreed=False)
    create_referral.record_referral(Command(caseworker, AT + HOUR), self_referral)

    assert imported_referral(row).state is ReferralState.HELD


def test_a_no_is_added_to_a_task_that_is_open_already(caseworker: Actor, owner: Owner) -> None:
    row = feed_row()
    import_rows(row)
    referral_id = imported_referral(row).id
    status.take_referral(Command(caseworker, AT), referral_id)
    casework.log_attempt(referral_id, caseworker, at=AT + HOUR)
    casework.assess(referral_id, caseworker, at=AT + HOUR)
    with owner() as session:
        session.get_one(Referral, referral_id).corrected_fields = ["district"]
    import_rows({**row, "district": "Tamworth"}, at=AT + 2 * HOUR)

    import_rows({**row, "district": "Tamworth", "consent_to_referral": "no"}, at=AT + 3 * HOUR)

    assert tasks_of(row)[TaskKind.FEED_CONFLICT] == {"fields": ["consent_to_referral", "district"]}


def test_a_corrected_birth_date_still_counts_in_the_facts(caseworker: Actor) -> None:
    row = feed_row(date_of_birth="1985-06-07")
    import_rows(row)
    corrections.correct_details(
        Command(caseworker, AT + HOUR, version=imported_referral(row).version),
        imported_referral(row).id,
        {"date_of_birth": "2012-06-07"},
    )

    import_rows({**row, "reported_at": "2026-03-02T10:00:00"}, at=AT + 2 * HOUR)

    with transaction(IMPORTER) as session:
        newest = select(CaseFacts).where(CaseFacts.referral_id == of_id(session, row))
        facts = session.scalars(newest.order_by(CaseFacts.sequence.desc()).limit(1)).one()
    assert facts.under_18 is True


def of_id(session: Any, row: dict[str, str]) -> Any:
    return session.scalar(select(Referral.id).where(Referral.feed_reference == row["feed_reference"]))


def test_domestic_abuse_that_is_learned_later_puts_safe_contact_in_doubt(app: Flask) -> None:
    row = feed_row(domestic_abuse="no")
    import_rows(row)

    import_rows({**row, "domestic_abuse": "yes"}, at=AT + HOUR)

    referral = imported_referral(row)
    with transaction(IMPORTER) as session:
        plan = session.scalars(
            select(SafeContactPlan).where(
                SafeContactPlan.person_id == referral.person_id, SafeContactPlan.superseded_at.is_(None)
            )
        ).one()
    assert (plan.safe, plan.safe_channels) == (SafeAnswer.UNKNOWN, [])
    assert TaskKind.SAFE_CONTACT_CHECK in tasks_of(row)


def test_a_force_that_goes_back_to_what_it_said_before_is_heard(app: Flask) -> None:
    row = feed_row(domestic_abuse="yes", consent_to_referral="yes")
    import_rows(row)
    import_rows({**row, "domestic_abuse": "no"}, at=AT + HOUR)
    assert imported_referral(row).domestic_abuse is False

    # the first row again, among others: another file than the first
    assert import_rows(row, feed_row(), at=AT + 2 * HOUR).updated == 1
    assert imported_referral(row).domestic_abuse is True


def test_what_was_entered_in_error_teaches_nothing_about_the_person(app: Flask, owner: Owner) -> None:
    row = feed_row(phone="07700 900001")
    import_rows(row)
    referral_id = imported_referral(row).id
    with owner() as session:
        session.get_one(Referral, referral_id).state = ReferralState.ENTERED_IN_ERROR

    import_rows({**row, "phone": "07700 900009"}, at=AT + 2 * HOUR)

    assert imported_person(row)["phone"] == "+447700900001"


def test_a_no_stops_a_referral_that_was_reopened(caseworker: Actor) -> None:
    referral_id = casework.assessed(caseworker)
    at = casework.MONDAY + 24 * HOUR
    status.close_referral(Command(caseworker, at), referral_id, outcome=CloseOutcome.NEEDS_MET)
    status.reopen_referral(Command(caseworker, at + HOUR), referral_id, text="They called again")
    consents.record_consent(
        Command(caseworker, at + 2 * HOUR),
        referral_id,
        consents.ConsentAnswer(
            purpose=consents.ConsentPurpose.CONTACT,
            agreed=False,
            how=ConsentHow.SPOKEN,
            given_at=at + 2 * HOUR,
        ),
    )

    assert casework.referral(referral_id, caseworker).state is ReferralState.HELD
    with pytest.raises(TransitionNotAllowed):
        casework.log_attempt(referral_id, caseworker, at=at + 3 * HOUR)


def test_a_grade_that_the_force_raises_above_our_assessment_counts_and_asks_to_assess_again(
    caseworker: Actor,
) -> None:
    row = feed_row(risk_assessment="standard", consent_to_referral="yes")
    import_rows(row)
    referral_id = imported_referral(row).id
    status.take_referral(Command(caseworker, AT + HOUR), referral_id)
    casework.log_attempt(referral_id, caseworker, at=AT + 2 * HOUR, although_unsafe=True)
    casework.assess(referral_id, caseworker, at=AT + 3 * HOUR)
    assert imported_referral(row).risk is Risk.STANDARD
    import_rows({**row, "risk_assessment": "high"}, at=AT + 4 * HOUR)
    assert imported_referral(row).risk is Risk.HIGH
    assert TaskKind.ASSESS_AGAIN in tasks_of(row)
    assert TaskKind.MARAC_DECISION not in tasks_of(row)
    import_rows({**row, "risk_assessment": "high", "domestic_abuse": "yes"}, at=AT + 5 * HOUR)
    assert TaskKind.MARAC_DECISION in tasks_of(row)


def test_the_officers_grade_follows_the_force_until_a_caseworker_corrects_it(caseworker: Actor) -> None:
    row = feed_row(risk_assessment="high")
    import_rows(row)
    assert imported_referral(row).officer_grade == "high"
    import_rows({**row, "risk_assessment": "medium"}, at=AT + HOUR)
    lowered = imported_referral(row)
    # What the force takes back counts until a caseworker assessed it and a senior agreed.
    assert (lowered.officer_grade, lowered.risk) == ("medium", Risk.HIGH)

    command = Command(caseworker, AT + 2 * HOUR, version=lowered.version)
    corrections.correct_details(command, lowered.id, {"risk_assessment": "high"}, reason="They rang us")
    import_rows({**row, "risk_assessment": "standard"}, at=AT + 3 * HOUR)
    assert imported_referral(row).officer_grade == "high"


def test_a_correction_of_the_officers_grade_takes_off_no_high_risk(make_actor: MakeActor) -> None:
    row = feed_row(risk_assessment="high")
    import_rows(row)
    stored = imported_referral(row)
    command = Command(make_actor(Role.SENIOR), AT + HOUR, version=stored.version)

    corrections.correct_details(command, stored.id, {"risk_assessment": "standard"}, reason="Typed wrongly")

    corrected = imported_referral(row)
    assert (corrected.officer_grade, corrected.risk) == ("standard", Risk.HIGH)
