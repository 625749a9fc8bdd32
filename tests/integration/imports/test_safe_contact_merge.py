"""What a feed tells about a person we know: it can make contact stricter, never looser, and forgets nothing."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
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
from victim_gateway.models import Consent, OnwardReferral, Person, Referral, SafeContactPlan, Task
from victim_gateway.queries.onward_referrals.handover import SAFE_CONTACT
from victim_gateway.rules.handover import HandoverText
from victim_gateway.services import onward_referrals
from victim_gateway.services.imports.runner import import_file
from victim_gateway.services.onward_referrals import SharingConsent
from victim_gateway.services.referrals import consents, safe_contact
from victim_gateway.services.referrals.safe_contact import SafeContactAnswer
from victim_gateway.services.referrals.status import take_referral
from victim_gateway.vocabulary import (
    ConsentHow,
    ConsentPurpose,
    HandoverPart,
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


def take_in(*rows: dict[str, str], at: datetime = AT) -> None:
    import_file(
        feed_file(*rows),
        kind=ImportKind.POLICE_FEED,
        file_name="feed.csv",
        history=False,
        dry_run=False,
        actor=IMPORTER,
        at=at,
    )


def the_referral(row: dict[str, str]) -> Referral:
    with transaction(IMPORTER) as session:
        return session.scalars(select(Referral).where(Referral.feed_reference == row["feed_reference"])).one()


def the_plan(row: dict[str, str]) -> tuple[SafeContactPlan, dict[str, Any]]:
    referral = the_referral(row)
    with transaction(IMPORTER) as session:
        plan = session.scalars(
            select(SafeContactPlan).where(
                SafeContactPlan.person_id == referral.person_id, SafeContactPlan.superseded_at.is_(None)
            )
        ).one()
        key = encrypted_rows.open_key(session, session.get_one(Person, referral.person_id).key_id)
        document: dict[str, Any] = encrypted_rows.unseal_row(key, "safe_contact_plan", plan.id, plan.sealed)
        return plan, document


def provider_reads(onward_id: Any) -> dict[str, Any]:
    with transaction(IMPORTER) as session:
        onward = session.get_one(OnwardReferral, onward_id)
        key = encrypted_rows.open_key(session, onward.key_id)
        document: dict[str, Any] = encrypted_rows.unseal_row(
            key, SAFE_CONTACT, onward.id, onward.safe_contact_sealed
        )
        return document


def tasks_of(row: dict[str, str]) -> set[TaskKind]:
    with transaction(IMPORTER) as session:
        mine = (Task.referral_id == the_referral_id(session, row), Task.done_at.is_(None))
        return set(session.scalars(select(Task.kind).where(*mine)))


def the_referral_id(session: Any, row: dict[str, str]) -> Any:
    return session.scalar(select(Referral.id).where(Referral.feed_reference == row["feed_reference"]))


def referred_on(row: dict[str, str], caseworker: Actor, owner: Owner) -> Any:
    """Taken on, reached, assessed and offered to a provider by a caseworker."""
    referral_id = the_referral(row).id
    take_referral(referral_id, actor=caseworker, at=AT)
    casework.log_attempt(referral_id, caseworker, at=AT + HOUR)
    casework.assess(referral_id, caseworker, at=AT + HOUR)
    _, service_id = casework.provider(owner)
    return onward_referrals.offer_onward_referral(
        referral_id,
        actor=caseworker,
        at=AT + HOUR,
        service_id=service_id,
        share=frozenset({HandoverPart.NAME}),
        texts=HandoverText(),
        consent=SharingConsent(True, ConsentHow.SPOKEN, AT + HOUR),
    )


@pytest.mark.parametrize("through", ["an update", "another referral"])
def test_a_provider_reads_at_once_what_the_force_now_calls_unsafe(
    caseworker: Actor, owner: Owner, through: str
) -> None:
    row = feed_row()
    take_in(row)
    onward_id = referred_on(row, caseworker, owner)
    assert provider_reads(onward_id)["safe"] == "yes"

    if through == "an update":
        take_in({**row, "safe_to_contact": "no"}, at=AT + 2 * HOUR)
    else:
        take_in(feed_row(victim_reference=row["victim_reference"], safe_to_contact="no"), at=AT + 2 * HOUR)

    told = provider_reads(onward_id)
    assert told["safe"] == "no"
    assert "number" not in told


def test_a_provider_no_longer_reads_a_number_that_the_force_has_replaced(
    caseworker: Actor, owner: Owner
) -> None:
    row = feed_row(phone="07700 900111")
    take_in(row)
    onward_id = referred_on(row, caseworker, owner)
    assert provider_reads(onward_id)["number"] == "+447700900111"

    take_in({**row, "phone": "07700 900222"}, at=AT + 2 * HOUR)

    told = provider_reads(onward_id)
    assert told["safe"] == "unknown"
    assert "number" not in told
    assert the_plan(row)[1]["number"] is None


def test_a_stricter_feed_forgets_nothing_that_the_person_said(caseworker: Actor) -> None:
    row = feed_row()
    take_in(row)
    said = SafeContactAnswer(
        SafeAnswer.YES,
        {"phone": SafeAnswer.YES, "voicemail": SafeAnswer.NO, "post": SafeAnswer.NO},
        code_word="marmalade",
        from_time=time(9),
        withhold_number=True,
        words="Never while he is at home",
    )
    safe_contact.record_safe_contact(
        the_referral(row).id, actor=caseworker, at=AT + HOUR, plan=said, version=the_plan(row)[0].version
    )

    take_in({**row, "phone": "07700 900333"}, at=AT + 2 * HOUR)

    plan, document = the_plan(row)
    assert plan.safe is SafeAnswer.UNKNOWN
    assert document["channels"]["post"] == document["channels"]["voicemail"] == "no"
    assert document["code_word"] == "marmalade"
    assert document["withhold_number"] is True
    assert document["words"] == "Never while he is at home"


def test_an_update_about_something_else_undoes_no_newer_answer(caseworker: Actor) -> None:
    row = feed_row(safe_to_contact="no", consent_to_referral="no")
    take_in(row)
    referral = the_referral(row)
    safe_contact.record_safe_contact(
        referral.id, actor=caseworker, at=AT + HOUR, plan=casework.safe_to_phone(), version=1
    )
    consents.record_consent(
        referral.id,
        actor=caseworker,
        at=AT + HOUR,
        purpose=ConsentPurpose.CONTACT,
        agreed=True,
        how=ConsentHow.SPOKEN,
        given_at=AT + HOUR,
    )

    take_in({**row, "offence": "Robbery"}, at=AT + 2 * HOUR)

    with transaction(IMPORTER) as session:
        answer = session.scalars(
            select(Consent).where(Consent.person_id == referral.person_id, Consent.withdrawn_at.is_(None))
        ).one()
    assert answer.agreed
    assert the_plan(row)[0].safe is SafeAnswer.YES


@pytest.mark.parametrize("change", [{"phone": ""}, {"safe_to_contact": "unknown"}])
def test_what_the_force_takes_back_is_no_longer_safe(app: Flask, change: dict[str, str]) -> None:
    row = feed_row()
    take_in(row)

    take_in({**row, **change}, at=AT + HOUR)

    plan, _ = the_plan(row)
    assert (plan.safe, plan.safe_channels) == (SafeAnswer.UNKNOWN, [])
    assert TaskKind.SAFE_CONTACT_CHECK in tasks_of(row)


def test_a_number_where_there_was_none_is_not_covered_by_an_older_yes(app: Flask) -> None:
    row = feed_row(phone="")
    take_in(row)

    take_in({**row, "phone": "07700 900444"}, at=AT + HOUR)

    assert the_plan(row)[0].safe is SafeAnswer.UNKNOWN


def test_a_note_of_the_force_is_added_to_the_plan_and_a_person_asks(app: Flask) -> None:
    row = feed_row(safe_contact_note="Ring in the morning")
    take_in(row)

    again = feed_row(victim_reference=row["victim_reference"], safe_contact_note="He reads her texts")
    take_in({**again, **{name: row[name] for name in ("phone", "email", "address_line_1")}}, at=AT + HOUR)

    assert the_plan(row)[1]["words"] == "Ring in the morning\nHe reads her texts"
    assert TaskKind.SAFE_CONTACT_CHECK in tasks_of(again)


def test_a_no_that_the_force_learns_later_stops_the_work(caseworker: Actor) -> None:
    row = feed_row()
    take_in(row)
    take_referral(the_referral(row).id, actor=caseworker, at=AT)

    take_in({**row, "consent_to_referral": "no"}, at=AT + HOUR)

    assert the_referral(row).state is ReferralState.HELD
    assert TaskKind.FEED_CONFLICT in tasks_of(row)
