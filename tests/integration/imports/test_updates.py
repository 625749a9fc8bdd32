"""What a person said or decided stands against whatever a feed sends later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from tests.factories import casework
from tests.factories.feeds import feed_file, feed_row
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import TransitionNotAllowed
from victim_gateway.models import CaseFacts, Consent, ImportRow, Person, Referral, SafeContactPlan, Task
from victim_gateway.services.imports.batches import ImportSummary
from victim_gateway.services.imports.runner import import_file
from victim_gateway.services.referrals import consents, corrections, create_referral, status
from victim_gateway.vocabulary import (
    CloseOutcome,
    ConsentHow,
    HeldReason,
    ImportKind,
    ReferralState,
    Role,
    SafeAnswer,
    TaskKind,
)

AT = datetime(2026, 3, 10, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
IMPORTER = Actor.worker("test import")


@pytest.fixture
def caseworker(app: Flask, make_actor: MakeActor) -> Actor:
    return make_actor(Role.CASEWORKER)


def take_in(*rows: dict[str, str], at: datetime = AT) -> ImportSummary:
    return import_file(
        feed_file(*rows),
        kind=ImportKind.POLICE_FEED,
        file_name="feed.csv",
        history=False,
        dry_run=False,
        actor=IMPORTER,
        at=at,
    )


def of(row: dict[str, str]) -> Referral:
    with transaction(IMPORTER) as session:
        return session.scalars(select(Referral).where(Referral.feed_reference == row["feed_reference"])).one()


def person_of(row: dict[str, str]) -> dict[str, Any]:
    referral = of(row)
    with transaction(IMPORTER) as session:
        person = session.get_one(Person, referral.person_id)
        key = encrypted_rows.open_key(session, person.key_id)
        document: dict[str, Any] = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
        return document


def tasks_of(row: dict[str, str]) -> dict[TaskKind, Any]:
    referral = of(row)
    with transaction(IMPORTER) as session:
        open_ones = session.scalars(
            select(Task).where(Task.referral_id == referral.id, Task.done_at.is_(None))
        )
        return {task.kind: task.details for task in open_ones}


def take_back(row: dict[str, str], caseworker: Actor) -> None:
    referral = of(row)
    with transaction(IMPORTER) as session:
        consent_id = session.scalars(
            select(Consent.id).where(Consent.person_id == referral.person_id, Consent.withdrawn_at.is_(None))
        ).one()
    consents.withdraw_consent(consent_id, actor=caseworker, at=AT + HOUR, through=referral.id)


def test_a_consent_that_was_taken_back_is_a_no_whatever_the_feed_says(caseworker: Actor) -> None:
    row = feed_row()
    take_in(row)
    take_back(row, caseworker)
    further = feed_row(victim_reference=row["victim_reference"])

    take_in({**row, "outcome": "Under investigation"}, further, at=AT + 2 * HOUR)

    for each in (row, further):
        assert (of(each).state, of(each).held_reason) == (ReferralState.HELD, HeldReason.CONSENT_REFUSED)


def test_an_update_about_another_victim_changes_nobody_and_is_told(caseworker: Actor) -> None:
    anna = feed_row(given_name="Anna", phone="07700 900001")
    bert = feed_row(given_name="Bert", phone="07700 900002")
    take_in(anna, bert)

    theirs = ("victim_reference", "given_name", "family_name", "phone", "email", "address_line_1")
    take_in({**anna, **{name: bert[name] for name in theirs}}, at=AT + HOUR)

    assert (person_of(anna)["given_name"], person_of(anna)["phone"]) == ("Anna", "+447700900001")
    assert {"victim_reference", "phone"} <= set(tasks_of(anna)[TaskKind.FEED_CONFLICT]["fields"])


def test_the_same_reference_from_another_force_is_set_aside(app: Flask) -> None:
    row = feed_row()
    take_in(row)
    strange = feed_row(feed_reference=row["feed_reference"], force="British Transport Police")

    summary = take_in(strange, at=AT + HOUR)

    assert (summary.updated, summary.set_aside) == (0, 1)
    assert person_of(row)["family_name"] == row["family_name"]
    with transaction(IMPORTER) as session:
        aside = session.scalars(select(ImportRow).where(ImportRow.outcome == "set_aside")).one()
    assert aside.reasons[0]["code"] == "other_force"


def test_a_hold_ends_only_by_what_it_waits_for(caseworker: Actor) -> None:
    row = feed_row()
    take_in(row)
    status.hold_referral(of(row).id, actor=caseworker, at=AT, reason=HeldReason.EXPLICIT_CONSENT_NEEDED)

    take_in({**row, "outcome": "Under investigation"}, at=AT + HOUR)

    assert of(row).state is ReferralState.HELD


def test_a_no_stops_every_referral_of_the_person(caseworker: Actor) -> None:
    row = feed_row()
    take_in(row)
    status.take_referral(of(row).id, actor=caseworker, at=AT)

    take_in(feed_row(victim_reference=row["victim_reference"], consent_to_referral="no"), at=AT + HOUR)

    assert (of(row).state, of(row).held_reason) == (ReferralState.HELD, HeldReason.CONSENT_REFUSED)


def test_a_no_that_was_recorded_by_hand_stops_the_others_too(caseworker: Actor) -> None:
    row = feed_row()
    take_in(row)
    status.take_referral(of(row).id, actor=caseworker, at=AT)

    told = casework.new_referral(person_id=of(row).person_id, agreed=False)
    create_referral.record_referral(told, actor=caseworker, at=AT + HOUR)

    assert of(row).state is ReferralState.HELD


def test_a_no_is_added_to_a_task_that_is_open_already(caseworker: Actor, owner: Owner) -> None:
    row = feed_row()
    take_in(row)
    referral_id = of(row).id
    status.take_referral(referral_id, actor=caseworker, at=AT)
    casework.log_attempt(referral_id, caseworker, at=AT + HOUR)
    casework.assess(referral_id, caseworker, at=AT + HOUR)
    with owner() as session:
        session.get_one(Referral, referral_id).corrected_fields = ["district"]
    take_in({**row, "district": "Tamworth"}, at=AT + 2 * HOUR)

    take_in({**row, "district": "Tamworth", "consent_to_referral": "no"}, at=AT + 3 * HOUR)

    assert tasks_of(row)[TaskKind.FEED_CONFLICT] == {"fields": ["consent_to_referral", "district"]}


def test_a_corrected_birth_date_still_counts_in_the_facts(caseworker: Actor) -> None:
    row = feed_row(date_of_birth="1985-06-07")
    take_in(row)
    corrections.correct_details(
        of(row).id,
        actor=caseworker,
        at=AT + HOUR,
        changes={"date_of_birth": "2012-06-07"},
        version=of(row).version,
    )

    take_in({**row, "reported_at": "2026-03-02T10:00:00"}, at=AT + 2 * HOUR)

    with transaction(IMPORTER) as session:
        newest = select(CaseFacts).where(CaseFacts.referral_id == of_id(session, row))
        facts = session.scalars(newest.order_by(CaseFacts.sequence.desc()).limit(1)).one()
    assert facts.under_18 is True


def of_id(session: Any, row: dict[str, str]) -> Any:
    return session.scalar(select(Referral.id).where(Referral.feed_reference == row["feed_reference"]))


def test_domestic_abuse_that_is_learned_later_puts_safe_contact_in_doubt(app: Flask) -> None:
    row = feed_row(domestic_abuse="no")
    take_in(row)

    take_in({**row, "domestic_abuse": "yes"}, at=AT + HOUR)

    referral = of(row)
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
    take_in(row)
    take_in({**row, "domestic_abuse": "no"}, at=AT + HOUR)
    assert of(row).domestic_abuse is False

    # the first row again, among others: another file than the first
    assert take_in(row, feed_row(), at=AT + 2 * HOUR).updated == 1
    assert of(row).domestic_abuse is True


def test_what_was_entered_in_error_teaches_nothing_about_the_person(app: Flask, owner: Owner) -> None:
    row = feed_row(phone="07700 900001")
    take_in(row)
    referral_id = of(row).id
    with owner() as session:
        session.get_one(Referral, referral_id).state = ReferralState.ENTERED_IN_ERROR

    take_in({**row, "phone": "07700 900009"}, at=AT + 2 * HOUR)

    assert person_of(row)["phone"] == "+447700900001"


def test_a_no_stops_a_referral_that_was_reopened(caseworker: Actor) -> None:
    referral_id = casework.assessed(caseworker)
    at = casework.MONDAY + 24 * HOUR
    status.close_referral(referral_id, actor=caseworker, at=at, outcome=CloseOutcome.NEEDS_MET)
    status.reopen_referral(referral_id, actor=caseworker, at=at + HOUR, words="They called again")
    consents.record_consent(
        referral_id,
        actor=caseworker,
        at=at + 2 * HOUR,
        purpose=consents.ConsentPurpose.CONTACT,
        agreed=False,
        how=ConsentHow.SPOKEN,
        given_at=at + 2 * HOUR,
    )

    assert casework.referral(referral_id, caseworker).state is ReferralState.HELD
    with pytest.raises(TransitionNotAllowed):
        casework.log_attempt(referral_id, caseworker, at=at + 3 * HOUR)
