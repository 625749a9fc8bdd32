"""What a feed tells about a person we know: it can make contact stricter, never looser, and forgets nothing."""

from __future__ import annotations

from datetime import time, timedelta
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
    imported_plan,
    imported_referral,
    provider_safe_contact,
)
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.models import Consent, Referral, SafeContactPlan, Task
from victim_gateway.rules.handover import HandoverText
from victim_gateway.services import onward_referrals
from victim_gateway.services.onward_referrals import SharingConsent
from victim_gateway.services.referrals import consents, safe_contact
from victim_gateway.services.referrals.safe_contact import SafeContactAnswer
from victim_gateway.services.referrals.status import take_referral
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    ConsentHow,
    ConsentPurpose,
    HandoverPart,
    NextAction,
    ReferralState,
    Role,
    SafeAnswer,
    TaskKind,
)

AT = IMPORTED_AT
HOUR = timedelta(hours=1)


@pytest.fixture
def caseworker(app: Flask, make_actor: MakeActor) -> Actor:
    return make_actor(Role.CASEWORKER)


def tasks_of(row: dict[str, str]) -> set[TaskKind]:
    with transaction(IMPORTER) as session:
        mine = (Task.referral_id == the_referral_id(session, row), Task.done_at.is_(None))
        return set(session.scalars(select(Task.kind).where(*mine)))


def the_referral_id(session: Any, row: dict[str, str]) -> Any:
    return session.scalar(select(Referral.id).where(Referral.feed_reference == row["feed_reference"]))


def referred_on(row: dict[str, str], caseworker: Actor, owner: Owner) -> Any:
    """Taken on, reached, assessed and offered to a provider by a caseworker."""
    referral_id = imported_referral(row).id
    take_referral(Command(caseworker, AT), referral_id)
    casework.log_attempt(referral_id, caseworker, at=AT + HOUR)
    casework.assess(referral_id, caseworker, at=AT + HOUR)
    _, service_id = casework.provider(owner)
    return onward_referrals.offer_onward_referral(
        Command(caseworker, AT + HOUR),
        referral_id,
        onward_referrals.OfferToProvider(
            service_id=service_id,
            share=frozenset({HandoverPart.NAME}),
            texts=HandoverText(),
            consent=SharingConsent(True, ConsentHow.SPOKEN, AT + HOUR),
        ),
    )


@pytest.mark.parametrize("safe", ["no", "unknown", ""])
def test_a_preferred_way_never_makes_that_way_safe(caseworker: Actor, safe: str) -> None:
    row = feed_row(safe_to_contact=safe, preferred_contact="phone")
    import_rows(row)
    # Nor does saying it again, or preferring another way.
    import_rows({**row, "preferred_contact": "sms"}, at=AT + HOUR)
    with transaction(IMPORTER) as session:
        person_id = session.get_one(Referral, the_referral_id(session, row)).person_id
        plans = session.execute(
            select(SafeContactPlan.safe, SafeContactPlan.safe_channels).where(
                SafeContactPlan.person_id == person_id
            )
        ).all()
    assert {tuple(plan.safe_channels) for plan in plans} == {()}
    assert {plan.safe for plan in plans} == {SafeAnswer(safe or "unknown")}


@pytest.mark.parametrize("through", ["an update", "another referral"])
def test_a_provider_reads_at_once_what_the_force_now_calls_unsafe(
    caseworker: Actor, owner: Owner, through: str
) -> None:
    row = feed_row()
    import_rows(row)
    onward_id = referred_on(row, caseworker, owner)
    assert provider_safe_contact(onward_id)["safe"] == "yes"

    if through == "an update":
        import_rows({**row, "safe_to_contact": "no"}, at=AT + 2 * HOUR)
    else:
        import_rows(
            feed_row(victim_reference=row["victim_reference"], safe_to_contact="no"), at=AT + 2 * HOUR
        )

    shared = provider_safe_contact(onward_id)
    assert shared["safe"] == "no"
    assert "number" not in shared


def test_what_a_second_referral_says_of_safety_stops_the_call_of_the_first(caseworker: Actor) -> None:
    row = feed_row()
    import_rows(row)
    take_referral(Command(caseworker, AT), imported_referral(row).id)
    assert imported_referral(row).next_action is NextAction.MAKE_CONTACT

    import_rows(feed_row(victim_reference=row["victim_reference"], safe_to_contact="no"), at=AT + HOUR)

    assert imported_referral(row).next_action is NextAction.FIND_SAFE_CONTACT


def test_a_provider_no_longer_reads_a_number_that_the_force_has_replaced(
    caseworker: Actor, owner: Owner
) -> None:
    row = feed_row(phone="07700 900111")
    import_rows(row)
    onward_id = referred_on(row, caseworker, owner)
    assert provider_safe_contact(onward_id)["number"] == "+447700900111"

    import_rows({**row, "phone": "07700 900222"}, at=AT + 2 * HOUR)

    shared = provider_safe_contact(onward_id)
    assert shared["safe"] == "unknown"
    assert "number" not in shared
    assert imported_plan(row)[1]["number"] is None


def test_a_stricter_feed_forgets_nothing_that_the_person_said(caseworker: Actor) -> None:
    row = feed_row()
    import_rows(row)
    said = SafeContactAnswer(
        SafeAnswer.YES,
        {"phone": SafeAnswer.YES, "voicemail": SafeAnswer.NO, "post": SafeAnswer.NO},
        code_word="marmalade",
        from_time=time(9),
        withhold_number=True,
        remarks="Never while he is at home",
    )
    safe_contact.record_safe_contact(
        Command(caseworker, AT + HOUR, version=imported_plan(row)[0].version), imported_referral(row).id, said
    )

    import_rows({**row, "phone": "07700 900333"}, at=AT + 2 * HOUR)

    plan, document = imported_plan(row)
    assert plan.safe is SafeAnswer.UNKNOWN
    assert document["channels"]["post"] == document["channels"]["voicemail"] == "no"
    assert document["code_word"] == "marmalade"
    assert document["withhold_number"] is True
    assert document["words"] == "Never while he is at home"


def test_an_update_about_something_else_undoes_no_newer_answer(caseworker: Actor) -> None:
    row = feed_row(safe_to_contact="no", consent_to_referral="no")
    import_rows(row)
    referral = imported_referral(row)
    safe_contact.record_safe_contact(
        Command(caseworker, AT + HOUR, version=1), referral.id, casework.safe_to_phone()
    )
    consents.record_consent(
        Command(caseworker, AT + HOUR),
        referral.id,
        consents.ConsentAnswer(
            purpose=ConsentPurpose.CONTACT, agreed=True, how=ConsentHow.SPOKEN, given_at=AT + HOUR
        ),
    )

    import_rows({**row, "offence": "Robbery"}, at=AT + 2 * HOUR)

    with transaction(IMPORTER) as session:
        answer = session.scalars(
            select(Consent).where(Consent.person_id == referral.person_id, Consent.withdrawn_at.is_(None))
        ).one()
    assert answer.agreed
    assert imported_plan(row)[0].safe is SafeAnswer.YES


@pytest.mark.parametrize("change", [{"phone": ""}, {"safe_to_contact": "unknown"}])
def test_what_the_force_takes_back_is_no_longer_safe(app: Flask, change: dict[str, str]) -> None:
    row = feed_row()
    import_rows(row)

    import_rows({**row, **change}, at=AT + HOUR)

    plan, _ = imported_plan(row)
    assert (plan.safe, plan.safe_channels) == (SafeAnswer.UNKNOWN, [])
    assert TaskKind.SAFE_CONTACT_CHECK in tasks_of(row)


def test_a_number_where_there_was_none_is_not_covered_by_an_older_yes(app: Flask) -> None:
    row = feed_row(phone="")
    import_rows(row)

    import_rows({**row, "phone": "07700 900444"}, at=AT + HOUR)

    assert imported_plan(row)[0].safe is SafeAnswer.UNKNOWN


def test_a_note_of_the_force_is_added_to_the_plan_and_a_person_asks(app: Flask) -> None:
    row = feed_row(safe_contact_note="Ring in the morning")
    import_rows(row)

    again = feed_row(victim_reference=row["victim_reference"], safe_contact_note="He reads her texts")
    import_rows({**again, **{name: row[name] for name in ("phone", "email", "address_line_1")}}, at=AT + HOUR)

    assert imported_plan(row)[1]["words"] == "Ring in the morning\nHe reads her texts"
    assert TaskKind.SAFE_CONTACT_CHECK in tasks_of(again)


def test_a_no_that_the_force_learns_later_stops_the_work(caseworker: Actor) -> None:
    row = feed_row()
    import_rows(row)
    take_referral(Command(caseworker, AT), imported_referral(row).id)

    import_rows({**row, "consent_to_referral": "no"}, at=AT + HOUR)

    assert imported_referral(row).state is ReferralState.HELD
    assert TaskKind.FEED_CONFLICT in tasks_of(row)
