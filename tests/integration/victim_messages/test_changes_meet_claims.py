"""A change and a claim at the same moment: neither locks the other up, and the reader learns what left before."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from tests.factories import casework as make
from tests.factories import victim_messages as messages
from tests.integration.victim_messages.test_appointment_reminders import DAY_BEFORE, planned, remind, rows
from tests.integration.victim_messages.test_gate import STATE, carriers
from tests.plumbing.apps import Owner
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import take_left_messages, transaction
from victim_gateway.extensions import db
from victim_gateway.models import Person, SafeContactPlan
from victim_gateway.queries.victim_messages.lists import find_left_message, messages_left_before
from victim_gateway.rules.safe_contact import CHANNELS_OF_DETAIL
from victim_gateway.services.shared import case_locks, victim_message_stops
from victim_gateway.services.victim_messages.claims import ClaimOutcome, claim_victim_message
from victim_gateway.vocabulary import Channel, SafeAnswer, TaskKind

__all__ = ["planned"]
WORKER = Actor.worker("tests")
NO_TEXTS = messages.safe_to_text(channels={"phone": SafeAnswer.YES})


@contextmanager
def claiming(app: Flask, *, stays_s: float) -> Iterator[dict[str, Any]]:
    """A claim in another connection, which stays open for a moment after it took its locks."""
    seen: dict[str, Any] = {}
    has_claimed = threading.Event()

    def run() -> None:
        with app.app_context():
            try:
                with transaction(WORKER) as session:
                    seen["claim"] = claim_victim_message(session, carriers(), at=times.now()).outcome
                    has_claimed.set()
                    time.sleep(stays_s)
            finally:
                has_claimed.set()
                db.session.remove()

    thread = threading.Thread(target=run)
    thread.start()
    has_claimed.wait(20)
    try:
        yield seen
    finally:
        thread.join(60)


def test_the_reader_learns_what_left_while_the_change_waited_behind_the_claim(
    texting_app: Flask, texter: Actor, committed_owner: Owner
) -> None:
    message_id = messages.asked(texter, at=times.now())
    referral = messages.referral_of(message_id, committed_owner)
    came_in_at = times.now()
    with claiming(texting_app, stays_s=0.5) as seen:
        make.record_plan(referral.id, texter, NO_TEXTS, at=came_in_at)
        assert referral.person_id in take_left_messages(db.session())
    assert seen["claim"] is ClaimOutcome.CLAIMED
    with transaction(texter) as session:
        assert find_left_message(session, referral.person_id) == referral.id
        plan = session.scalars(
            select(SafeContactPlan).where(
                SafeContactPlan.person_id == referral.person_id, SafeContactPlan.superseded_at.is_(None)
            )
        ).one()
        key = case_locks.open_person(session, referral.person_id)[1]
        assert [each.message_id for each in messages_left_before(session, plan, key)] == [message_id]


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.EMAIL])
def test_a_no_in_anothers_plan_is_confirmed_only_when_nothing_can_begin_any_more(
    texting_app: Flask, texter: Actor, committed_owner: Owner, channel: Channel
) -> None:
    at, shared = times.now(), {"phone": "07700 900561", "email": "shared@example.org"}
    daughter = messages.missed(texter, at=at, person=make.person_document(**shared))
    mother = make.in_contact(texter, person=make.person_document(**shared), at=at - timedelta(hours=3))
    message_id = messages.ask(daughter, texter, at=at, channel=channel)
    with claiming(texting_app, stays_s=0.5) as seen:
        make.record_plan(mother, texter, messages.safe_to_text(channels={}, safe=SafeAnswer.NO), at=at)
        confirmed = times.now()
    assert seen["claim"] is ClaimOutcome.CLAIMED
    begins_before = messages.message(message_id, committed_owner).start_before
    assert begins_before is not None and begins_before <= confirmed


def test_an_import_that_has_the_person_and_a_claim_do_not_lock_each_other_up(
    texting_app: Flask, texter: Actor, committed_owner: Owner
) -> None:
    message_id = messages.asked(texter, at=times.now())
    person_id = messages.referral_of(message_id, committed_owner).person_id
    with transaction(WORKER) as session:
        session.scalars(select(Person).where(Person.id == person_id).with_for_update()).all()
        with claiming(texting_app, stays_s=0) as seen:
            pass
        assert seen["claim"] is ClaimOutcome.NOTHING_DUE, "it waits for nothing"
        victim_message_stops.stop_messages_of_records(
            session, [person_id], at=times.now(), because="changed_by_import", asks_person=True
        )
    assert messages.state_of(message_id, committed_owner) is STATE.CANCELLED


def test_a_reminder_that_a_harmless_change_cancelled_is_made_again(
    planned: Callable[..., tuple[UUID, UUID]], owner: Owner, caseworker: Actor
) -> None:
    referral_id, _ = planned()
    assert remind() == 1
    plan = replace(
        messages.safe_to_text(),
        wants_reminders=True,
        same_details=tuple(CHANNELS_OF_DETAIL),
        remarks="Has a dog",
    )
    make.record_plan(referral_id, caseworker, plan, at=DAY_BEFORE + timedelta(minutes=5))
    (row,) = rows(owner)
    assert row.state is STATE.CANCELLED
    assert TaskKind.MESSAGE_TO_PERSON in make.open_tasks(referral_id, caseworker)
    assert remind(DAY_BEFORE + timedelta(minutes=10)) == 1
    assert sorted(each.state.value for each in rows(owner)) == ["cancelled", "queued"]
