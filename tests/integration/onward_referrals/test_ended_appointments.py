"""When support ends nobody must wait for a visit that does not come: a task, a timeline entry, a place in Work."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, update

from tests.integration.onward_referrals.arrange import (
    MORNING,
    Given,
    a_provider,
    events_of,
    offered,
    onward_row,
    referral_row,
)
from tests.integration.onward_referrals.successions import take_over
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput
from victim_gateway.models import Referral, ServiceAppointment, Task
from victim_gateway.offer_vocabulary import ReturnReason
from victim_gateway.queries.referrals.cancelled_appointments import close_cancelled_appointments
from victim_gateway.rules.service_records import AppointmentTimes
from victim_gateway.service_record_vocabulary import AppointmentManner, AppointmentState
from victim_gateway.services import onward_referrals
from victim_gateway.services.onward_referrals import AppointmentAnswers, ReturnAnswers
from victim_gateway.services.onward_referrals.succession import SuccessionPlan
from victim_gateway.services.referrals import consents
from victim_gateway.services.referrals import tasks as referral_tasks
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import NextAction, Risk, ServiceOutcome, TaskKind, WithdrawReason

# Tuesday the 14th; the person may be rung on Mondays and Tuesdays from ten to two.
LATER = MORNING + timedelta(hours=3)
NEXT_MONDAY = MORNING + timedelta(days=6, hours=1)
SOON = MORNING + timedelta(days=1, hours=5)
CANCELLED = "onward_referral.appointment_cancelled"
End = Callable[[Actor, Given, UUID], None]


@pytest.fixture
def given(owner: Owner, make_actor: MakeActor) -> Given:
    return a_provider(owner, make_actor)


def _withdraw(caseworker: Actor, given: Given, onward_id: UUID) -> None:
    onward_referrals.withdraw_onward_referral(
        Command(caseworker, LATER), onward_id, reason=WithdrawReason.OTHER, text="She moved away."
    )


def _close(caseworker: Actor, given: Given, onward_id: UUID) -> None:
    onward_referrals.close_onward_referral(
        Command(given.provider, LATER),
        onward_id,
        outcome=ServiceOutcome.DISENGAGED,
        text="No answer.",
        person_knows=False,
    )


def _give_back(caseworker: Actor, given: Given, onward_id: UUID) -> None:
    answers = ReturnAnswers(ReturnReason.PERSON_ASKED, "She asked for it.")
    onward_referrals.return_onward_referral(Command(given.provider, LATER), onward_id, answers)


@pytest.mark.parametrize("end", [_withdraw, _close, _give_back])
def test_each_end_asks_a_caseworker_to_make_sure_that_the_person_knows(
    app: Flask, owner: Owner, caseworker: Actor, given: Given, end: End
) -> None:
    onward_id = _planned(caseworker, given, NEXT_MONDAY + timedelta(days=1), NEXT_MONDAY)

    end(caseworker, given, onward_id)

    task = _task(owner, onward_id)
    assert task is not None
    # The last working day before the first of them.
    assert task.due_on == date(2026, 7, 17)
    assert [_appointment(owner, UUID(each)).starts_at for each in task.details["appointment_ids"]] == [
        NEXT_MONDAY,
        NEXT_MONDAY + timedelta(days=1),
    ]
    said = [event for event in events_of(owner, onward_id) if event.event == CANCELLED]
    assert [event.reason_code for event in said] == [AppointmentState.CANCELLED_BY_END] * 2
    assert {event.details["manner"] for event in said} == {AppointmentManner.PHONE}
    assert referral_row(owner, onward_id).next_action is NextAction.DO_TASK


def test_a_yes_taken_back_and_a_succession_ask_too(
    app: Flask, owner: Owner, make_actor: MakeActor, caseworker: Actor, senior: Actor, given: Given
) -> None:
    refused, moved = _planned(caseworker, given, NEXT_MONDAY), _planned(caseworker, given, SOON)
    row = onward_row(owner, refused)
    assert row.consent_id is not None
    consents.withdraw_consent(Command(caseworker, LATER), row.consent_id)
    assert _task(owner, refused) is not None

    new = a_provider(owner, make_actor, "harbour")
    plan = SuccessionPlan(_id(given), _id(new), {given.service_id: new.service_id})
    take_over(Command(senior, LATER), plan)
    task = _task(owner, moved)
    # It is tomorrow: at once.
    assert task is not None and task.due_on == MORNING.date()


def test_the_provider_that_closes_says_whether_the_person_knows(
    app: Flask, owner: Owner, caseworker: Actor, given: Given
) -> None:
    onward_id = _planned(caseworker, given, NEXT_MONDAY)
    closing = {"outcome": ServiceOutcome.DISENGAGED, "text": "No answer."}

    with pytest.raises(InvalidInput) as refusal:
        onward_referrals.close_onward_referral(Command(given.provider, LATER), onward_id, **closing)
    assert set(refusal.value.fields) == {"person_knows"}
    assert _task(owner, onward_id) is None

    onward_referrals.close_onward_referral(
        Command(given.provider, LATER), onward_id, **closing, person_knows=True
    )
    assert _task(owner, onward_id) is None
    (said,) = (event for event in events_of(owner, onward_id) if event.event == CANCELLED)
    assert said.details["person_knows"] is True


def test_without_anything_planned_nothing_is_asked(
    app: Flask, owner: Owner, caseworker: Actor, given: Given
) -> None:
    onward_id = _planned(caseworker, given)

    onward_referrals.close_onward_referral(
        Command(given.provider, LATER), onward_id, outcome=ServiceOutcome.DISENGAGED, text="No answer."
    )
    assert _task(owner, onward_id) is None


def test_it_stands_high_in_work_within_two_working_days_and_until_it_is_done(
    app: Flask, owner: Owner, make_actor: MakeActor, caseworker: Actor, given: Given
) -> None:
    far, near, endangered = (_planned(caseworker, given, each) for each in (NEXT_MONDAY, SOON, SOON))
    high = onward_row(owner, endangered).referral_id
    with owner() as session:
        session.execute(update(Referral).where(Referral.id == high).values(risk=Risk.HIGH))
    for onward_id in (far, near, endangered):
        _withdraw(caseworker, given, onward_id)

    assert _shown(caseworker, MORNING.date()) == [_referral(owner, endangered), _referral(owner, near)]
    # On the Thursday it is within two working days, and long after it nobody has said that it is done.
    for day in (date(2026, 7, 16), date(2026, 8, 3)):
        assert set(_shown(caseworker, day)) == {_referral(owner, each) for each in (far, near, endangered)}
    task = _task(owner, near)
    assert task is not None
    referral_tasks.tick_off_task(Command(caseworker, LATER), _referral(owner, near), task_id=task.id)
    assert _shown(caseworker, MORNING.date()) == [_referral(owner, endangered)]


def _shown(actor: Actor, today: date) -> list[UUID]:
    with transaction(actor) as session:
        return [each.referral_id for each in close_cancelled_appointments(session, actor, today)]


def _planned(caseworker: Actor, given: Given, *starts: datetime) -> UUID:
    """An accepted onward referral with appointments by telephone."""
    onward_id = offered(caseworker, given)
    onward_referrals.accept_onward_referral(Command(given.provider, MORNING), onward_id)
    assert given.provider.user_id is not None
    for starts_at in starts:
        answers = AppointmentAnswers(
            times=AppointmentTimes(starts_at, starts_at + timedelta(hours=1)),
            manner=AppointmentManner.PHONE,
            worker_id=given.provider.user_id,
            although_clash=True,
            although_unsafe=True,
            unsafe_reason="She asked for that time.",
        )
        onward_referrals.make_appointment(Command(given.provider, MORNING), onward_id, answers)
    return onward_id


def _task(owner: Owner, onward_id: UUID) -> Task | None:
    with owner() as session:
        return session.scalars(
            select(Task).where(
                Task.onward_referral_id == onward_id,
                Task.kind == TaskKind.APPOINTMENT_CANCELLED,
                Task.done_at.is_(None),
            )
        ).one_or_none()


def _appointment(owner: Owner, appointment_id: UUID) -> ServiceAppointment:
    with owner() as session:
        return session.get_one(ServiceAppointment, appointment_id)


def _referral(owner: Owner, onward_id: UUID) -> UUID:
    return onward_row(owner, onward_id).referral_id


def _id(given: Given) -> UUID:
    assert given.provider.organisation_id is not None
    return given.provider.organisation_id
