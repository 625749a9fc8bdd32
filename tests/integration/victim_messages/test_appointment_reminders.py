"""The day before an appointment a reminder is made: for whom wants one, once, and never by itself after abuse."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, update

from tests.factories import casework as make
from tests.factories import victim_messages as messages
from tests.factories.casework import DAY, HOUR, MONDAY
from tests.integration.victim_messages.test_gate import claim
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.models import OnwardReferral, ServiceAppointment, VictimMessage
from victim_gateway.rules.safe_contact import CHANNELS_OF_DETAIL
from victim_gateway.service_record_vocabulary import AppointmentManner, AppointmentState
from victim_gateway.services.shared.command import Command
from victim_gateway.services.victim_messages.appointment_reminders import remind_of_appointments
from victim_gateway.services.victim_messages.claims import ClaimOutcome
from victim_gateway.victim_message_vocabulary import MessageRefusal, VictimMessageKind, VictimMessageState
from victim_gateway.vocabulary import TaskKind

STATE = VictimMessageState
SWEEP = Actor.worker("messages to people")
# Offered on the Tuesday; the appointment is on the Thursday at half past two in London.
STARTS_AT = datetime(2026, 3, 5, 14, 30, tzinfo=UTC)
DAY_BEFORE = datetime(2026, 3, 4, 9, tzinfo=UTC)


@pytest.fixture
def planned(app: Flask, caseworker: Actor, owner: Owner) -> Any:
    """A person who wants reminders, with an appointment; what the plan says can be changed."""

    def plan(*, given: dict[str, object] | None = None, **overrides: object) -> tuple[UUID, UUID]:
        referral_id = make.assessed(caseworker, **overrides)  # type: ignore[arg-type]
        wanted: dict[str, object] = {"wants_reminders": True, "same_details": tuple(CHANNELS_OF_DETAIL)}
        make.record_plan(
            referral_id,
            caseworker,
            replace(messages.safe_to_text(), **(wanted | (given or {}))),
            at=MONDAY + 2 * HOUR,
        )
        onward_id = make.offered(caseworker, owner, referral_id)
        with owner() as session:
            onward = session.get_one(OnwardReferral, onward_id)
            appointment = ServiceAppointment(
                onward_referral_id=onward_id,
                provider_id=onward.provider_id,
                worker_id=caseworker.user_id,
                starts_at=STARTS_AT,
                ends_at=STARTS_AT + HOUR,
                manner=AppointmentManner.PHONE,
                sealed=b"sealed",
                made_at=MONDAY + DAY,
                by_id=caseworker.user_id,
            )
            session.add(appointment)
            session.flush()
            return referral_id, appointment.id

    return plan


def remind(at: datetime = DAY_BEFORE) -> int:
    return remind_of_appointments(Command(SWEEP, at))


def rows(owner: Owner) -> list[VictimMessage]:
    with owner() as session:
        return list(session.scalars(select(VictimMessage).order_by(VictimMessage.asked_at)))


def test_it_is_made_once_the_day_before_and_says_the_day_and_the_time_alone(
    planned: Any, owner: Owner
) -> None:
    planned()
    assert remind(DAY_BEFORE - DAY) == 0
    assert [remind(), remind()] == [1, 0]
    (row,) = rows(owner)
    assert (row.kind, row.state, row.is_by_hand) == (
        VictimMessageKind.APPOINTMENT_TOMORROW,
        STATE.QUEUED,
        False,
    )
    claimed = claim(DAY_BEFORE).message
    assert claimed is not None
    assert dict(claimed.values) == {"date": "Thursday 5 March", "time": "14:30"}


def test_a_moved_or_cancelled_appointment_is_not_reminded_of(planned: Any, owner: Owner) -> None:
    _, appointment_id = planned()
    remind()
    with owner() as session:
        session.execute(
            update(ServiceAppointment)
            .where(ServiceAppointment.id == appointment_id)
            .values(starts_at=STARTS_AT + HOUR, ends_at=STARTS_AT + 2 * HOUR)
        )
    assert claim(DAY_BEFORE).outcome is ClaimOutcome.NOT_SENT
    assert rows(owner)[0].refusal is MessageRefusal.NOT_RIGHT_ANY_MORE
    assert remind(DAY_BEFORE + HOUR) == 1, "of the new time"
    with owner() as session:
        session.execute(
            update(ServiceAppointment).values(
                state=AppointmentState.CANCELLED_BY_PROVIDER, settled_at=DAY_BEFORE
            )
        )
    assert claim(DAY_BEFORE + 2 * HOUR).outcome is ClaimOutcome.NOT_SENT
    assert remind(DAY_BEFORE + 2 * HOUR) == 0


def test_it_is_not_made_for_whom_has_not_asked_for_one(planned: Any, owner: Owner) -> None:
    planned(given={"wants_reminders": False})
    assert remind() == 0
    assert rows(owner) == []


def test_after_abuse_none_leaves_by_itself_and_a_caseworker_has_a_task(
    planned: Any, caseworker: Actor, owner: Owner
) -> None:
    referral_id, _ = planned(flags=frozenset({"domestic_abuse"}))
    assert [remind(), remind()] == [1, 0]
    (row,) = rows(owner)
    assert (row.state, row.refusal) == (STATE.REFUSED, MessageRefusal.PROTECTED)
    assert TaskKind.MESSAGE_TO_PERSON in make.open_tasks(referral_id, caseworker)
    assert claim(DAY_BEFORE).outcome is ClaimOutcome.NOTHING_DUE


def test_it_waits_for_a_safe_hour_and_is_not_sent_after_midnight(planned: Any, owner: Owner) -> None:
    planned(given={"from_time": time(18), "until_time": time(20)})
    assert remind() == 1
    assert rows(owner)[0].next_try_at == DAY_BEFORE.replace(hour=18)
    assert claim(DAY_BEFORE.replace(hour=17)).outcome is ClaimOutcome.NOTHING_DUE
    assert claim(DAY_BEFORE + timedelta(hours=16)).outcome is ClaimOutcome.NOT_SENT
    assert rows(owner)[0].state is STATE.REFUSED, "it is not tomorrow any more"
