"""Safety devices: one device, one person; what is overdue is chased; the stock says nothing of people."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from tests.factories import casework as make
from tests.factories.casework import DAY, HOUR, MONDAY
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, NotFound, TransitionNotAllowed
from victim_gateway.models import DeviceLoan, Referral, SafetyDevice
from victim_gateway.queries.referrals.safety_devices import devices_in_stock, lent_devices, stock_counts
from victim_gateway.services.referrals import safety_devices, status
from victim_gateway.services.referrals.safety_devices import NewLoan
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    CloseOutcome,
    DeviceState,
    LoanEnding,
    NextAction,
    Role,
    SafeAnswer,
    TaskKind,
)

TUESDAY = MONDAY + DAY
MONTH = timedelta(days=30)


def command(actor: Actor, days: int = 1) -> Command:
    return Command(actor, MONDAY + days * DAY, submission_id=uuid4())


def camera(actor: Actor, number: str = "dc  17") -> UUID:
    return safety_devices.add_safety_device(command(actor), kind="door_camera", serial_number=number)


def loan_of(device_id: UUID) -> NewLoan:
    return NewLoan(device_id, TUESDAY.date(), TUESDAY.date() + MONTH)


def test_a_device_is_with_one_person_until_it_comes_back(caseworker: Actor) -> None:
    first, second = make.assessed(caseworker), make.assessed(caseworker)
    device_id = camera(caseworker)
    loan_id = safety_devices.lend_safety_device(command(caseworker), first, loan_of(device_id))
    with pytest.raises(InvalidInput, match="not in the stock any more"):
        safety_devices.lend_safety_device(command(caseworker), second, loan_of(device_id))
    with pytest.raises(IntegrityError, match="uq_device_loan_one_open"), transaction(caseworker) as session:
        session.add(
            DeviceLoan(
                device_id=device_id,
                referral_id=second,
                issued_on=TUESDAY.date(),
                due_back_on=TUESDAY.date() + MONTH,
                recorded_at=TUESDAY,
                by_id=caseworker.user_id,
            )
        )
        session.flush()
    returned = {"ending": LoanEnding.RETURNED, "ended_on": TUESDAY.date() + DAY}
    with pytest.raises(NotFound):
        safety_devices.end_device_loan(command(caseworker, 3), second, loan_id, **returned)  # type: ignore[arg-type]
    for wrong in (MONDAY.date(), TUESDAY.date() + MONTH):
        with pytest.raises(InvalidInput) as refused:
            safety_devices.end_device_loan(
                command(caseworker, 3), first, loan_id, ending=LoanEnding.LOST, ended_on=wrong
            )
        assert list(refused.value.fields) == ["ended_on"]
    safety_devices.end_device_loan(command(caseworker, 3), first, loan_id, **returned)  # type: ignore[arg-type]
    with pytest.raises(TransitionNotAllowed, match="ended already"):
        safety_devices.end_device_loan(command(caseworker, 3), first, loan_id, **returned)  # type: ignore[arg-type]
    lost_id = safety_devices.lend_safety_device(command(caseworker, 3), second, loan_of(device_id))
    safety_devices.end_device_loan(
        command(caseworker, 3), second, lost_id, ending=LoanEnding.LOST, ended_on=TUESDAY.date() + DAY
    )
    with transaction(caseworker) as session:
        assert stock_counts(session) == {"door_camera": {DeviceState.LOST: 1}}
        assert devices_in_stock(session) == []
        assert [loan.ending for loan in lent_devices(session, second)] == [LoanEnding.LOST]


@pytest.mark.parametrize(
    ("kind", "number", "field"),
    [
        ("hoover", "1", "kind"),
        ("door_camera", "  ", "serial_number"),
        ("door_camera", "DC 17", "serial_number"),
    ],
)
def test_what_is_no_new_device_is_refused(caseworker: Actor, kind: str, number: str, field: str) -> None:
    camera(caseworker)
    with pytest.raises(InvalidInput) as refused:
        safety_devices.add_safety_device(command(caseworker), kind=kind, serial_number=number)
    assert list(refused.value.fields) == [field]


def test_a_loan_with_days_that_can_not_be_or_of_no_device_is_refused(caseworker: Actor) -> None:
    referral_id, loan = make.assessed(caseworker), loan_of(camera(caseworker))
    for changed, field in (
        ({"issued_on": TUESDAY.date() + timedelta(days=1)}, "issued_on"),
        ({"issued_on": MONDAY.date() - timedelta(days=1)}, "issued_on"),
        ({"due_back_on": TUESDAY.date()}, "due_back_on"),
        ({"due_back_on": TUESDAY.date() + timedelta(days=400)}, "due_back_on"),
        ({"device_id": uuid4()}, "device"),
    ):
        with pytest.raises(InvalidInput) as refused:
            safety_devices.lend_safety_device(command(caseworker), referral_id, replace(loan, **changed))  # type: ignore[arg-type]
        assert list(refused.value.fields) == [field]


def test_nothing_is_handed_over_where_nobody_said_that_contact_is_safe(caseworker: Actor) -> None:
    referral_id, device_id = make.assessed(caseworker), camera(caseworker)
    make.record_plan(
        referral_id, caseworker, make.safe_to_phone(safe=SafeAnswer.UNKNOWN, channels={}), at=MONDAY + HOUR
    )
    with pytest.raises(TransitionNotAllowed, match="contact is safe"):
        safety_devices.lend_safety_device(command(caseworker), referral_id, loan_of(device_id))
    with transaction(caseworker) as session:
        assert session.get_one(SafetyDevice, device_id).state is DeviceState.IN_STOCK


def test_an_overdue_device_is_chased_once_after_closing_too_and_keeps_nobody_from_closing(
    caseworker: Actor,
) -> None:
    referral_id, device_id = make.assessed(caseworker), camera(caseworker)
    loan_id = safety_devices.lend_safety_device(command(caseworker), referral_id, loan_of(device_id))
    worker = Actor.worker("tests")
    assert safety_devices.ask_for_overdue_devices(Command(worker, TUESDAY + MONTH)) == 0
    assert safety_devices.ask_for_overdue_devices(Command(worker, TUESDAY + MONTH + DAY)) == 1
    assert safety_devices.ask_for_overdue_devices(Command(worker, TUESDAY + MONTH + DAY)) == 0
    status.close_referral(
        Command(caseworker, TUESDAY + MONTH + DAY), referral_id, outcome=CloseOutcome.NEEDS_MET, text=None
    )
    assert make.open_tasks(referral_id, caseworker) == [TaskKind.DEVICE_OVERDUE]
    assert make.referral(referral_id, caseworker).next_action is NextAction.DO_TASK
    back_at = TUESDAY + MONTH + 2 * DAY
    safety_devices.end_device_loan(
        Command(caseworker, back_at),
        referral_id,
        loan_id,
        ending=LoanEnding.RETURNED,
        ended_on=back_at.date(),
    )
    assert make.open_tasks(referral_id, caseworker) == []
    assert make.referral(referral_id, caseworker).next_action is NextAction.NOTHING


def test_who_has_a_device_is_seen_only_through_the_referral(
    caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    referral_id, device_id = make.assessed(caseworker), camera(caseworker)
    safety_devices.lend_safety_device(command(caseworker), referral_id, loan_of(device_id))
    with transaction(make_actor(Role.MANAGER)) as session:
        assert session.scalar(text("SELECT count(*) FROM safety_device")) == 1
    with pytest.raises(ProgrammingError), transaction(make_actor(Role.MANAGER)) as session:
        session.execute(text("SELECT referral_id FROM device_loan"))
    with owner() as session:
        session.get_one(Referral, referral_id).restricted = True
    with transaction(caseworker) as session:
        assert lent_devices(session, referral_id) == ()
        assert stock_counts(session) == {"door_camera": {DeviceState.ISSUED: 1}}
    for statement in ("UPDATE safety_device SET serial_number = 'X'", "DELETE FROM safety_device"):
        with pytest.raises(ProgrammingError), transaction(caseworker) as session:
            session.execute(text(statement))
