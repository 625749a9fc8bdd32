"""Safety devices: taken into stock, lent to a person, returned or lost. Nobody is given one that another has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, NotFound, TransitionNotAllowed
from victim_gateway.models import DeviceLoan, SafetyDevice
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.support import explain_refused_state
from victim_gateway.services.referrals.support_activities import (
    explain_stopped_meeting,
    explain_unsafe_meeting,
)
from victim_gateway.services.shared import next_action, submissions, tasks
from victim_gateway.services.shared.case_action import (
    ActionEffect,
    EventDetails,
    ReferralAction,
    referral_action,
)
from victim_gateway.services.shared.case_locks import LockScope
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import DeviceState, LoanEnding, TaskKind

LONGEST_LOAN_DAYS = 366


@dataclass(frozen=True, slots=True)
class NewLoan:
    """Which device, from when until when."""

    device_id: UUID
    issued_on: date
    due_back_on: date


def device_task_key(loan_id: UUID) -> str:
    """The dedupe key of the task that asks to get a device back."""
    return f"device-overdue:{loan_id}"


def add_safety_device(command: Command, *, kind: str, serial_number: str) -> UUID:
    """Take a device into stock. Raises InvalidInput for an unknown kind, and for a number that is there already."""
    serial_number = " ".join(serial_number.split()).upper()
    refused = {}
    if kind not in {each.key for each in current_settings().area.support.devices}:
        refused["kind"] = "Choose what it is"
    if not serial_number:
        refused["serial_number"] = "Enter the number on the device"
    if refused:
        raise InvalidInput(next(iter(refused.values())), fields=refused)
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        device_id = new_row_id()
        added = session.execute(
            insert(SafetyDevice)
            .values(
                id=device_id,
                kind=kind,
                serial_number=serial_number,
                state=DeviceState.IN_STOCK,
                added_at=command.at,
                added_by_id=command.actor.user_id,
            )
            .on_conflict_do_nothing()
            .returning(SafetyDevice.id)
        )
        if added.first() is None:
            message = "A device of this kind with this number is in the stock already"
            raise InvalidInput(message, fields={"serial_number": message})
        record_audit(session, "device.added", subject_type="device", subject_id=device_id, kind=kind)
    return device_id


def lend_safety_device(command: Command, referral_id: UUID, loan: NewLoan) -> UUID:
    """Lend a device to the person. It is handed over in person, so that what stops a meeting stops this too.

    Raises InvalidInput for dates that can't be, TransitionNotAllowed where another person has the device.
    """
    with referral_action(
        command,
        referral_id,
        lock=LockScope.PERSON,
        effect=ActionEffect.NOTHING,
        version_is_of_referral=False,
    ) as action:
        _check_loan(action, loan)
        device = _lock_device(action.session, loan.device_id)
        if device is None:
            raise InvalidInput("Choose a device", fields={"device": "Choose a device"})
        if device.state is not DeviceState.IN_STOCK:
            message = "This device is not in the stock any more. Choose another one."
            raise InvalidInput(message, fields={"device": message})
        device.state = DeviceState.ISSUED
        loan_id = new_row_id()
        action.session.add(
            DeviceLoan(
                id=loan_id,
                device_id=device.id,
                referral_id=referral_id,
                issued_on=loan.issued_on,
                due_back_on=loan.due_back_on,
                recorded_at=action.at,
                by_id=action.actor.user_id,
            )
        )
        _note(action, "device.lent", device)
    return loan_id


def end_device_loan(
    command: Command, referral_id: UUID, loan_id: UUID, *, ending: LoanEnding, ended_on: date
) -> None:
    """The device came back, or was lost; ends a task that asked for it. On a closed referral too.

    Raises NotFound for a loan of another referral, TransitionNotAllowed for one that has ended. That a loan was
    recorded by mistake is said by `take_back_device_loan`, with a reason.
    """
    if ending is LoanEnding.RECORDED_BY_MISTAKE:
        message = "Choose what became of it"
        raise InvalidInput(message, fields={"ending": message})
    with referral_action(
        command, referral_id, effect=ActionEffect.EVENTS_ONLY, version_is_of_referral=False
    ) as action:
        loan = _open_loan(action, loan_id)
        if not loan.issued_on <= ended_on <= times.london_date(action.at):
            message = "The day must be on or after the day it was lent, and not in the future"
            raise InvalidInput(message, fields={"ended_on": message})
        device = _lock_device(action.session, loan.device_id)
        if device is None:
            raise NotFound
        loan.ended_on, loan.ending, loan.ended_by_id = ended_on, ending, action.actor.user_id
        device.state = DeviceState.IN_STOCK if ending is LoanEnding.RETURNED else DeviceState.LOST
        action.finish_task(device_task_key(loan_id))
        _note(action, f"device.{ending.value}", device)


def take_back_device_loan(command: Command, referral_id: UUID, loan_id: UUID, *, reason: str) -> None:
    """The loan was recorded by mistake: the device is in the stock, and the loan stays to be read as what it was.

    Raises as `end_device_loan` does, and InvalidInput without a reason.
    """
    if not reason.strip():
        message = "Enter what was wrong"
        raise InvalidInput(message, fields={"reason_text": message})
    with referral_action(
        command, referral_id, effect=ActionEffect.EVENTS_ONLY, version_is_of_referral=False
    ) as action:
        loan = _open_loan(action, loan_id)
        device = _lock_device(action.session, loan.device_id)
        if device is None:
            raise NotFound
        # The person never had it, so that it ends on the day on which it is said to begin.
        loan.ended_on, loan.ended_by_id = loan.issued_on, action.actor.user_id
        loan.ending, device.state = LoanEnding.RECORDED_BY_MISTAKE, DeviceState.IN_STOCK
        action.finish_task(device_task_key(loan_id))
        _note(action, "device.taken_back", device, text=reason.strip())


def ask_for_overdue_devices(command: Command) -> int:
    """Open a task for each device that was due back by yesterday; each loan asks once. Safe to run twice at once.

    Returns how many were asked for. As the service.
    """
    with transaction(command.actor) as session:
        overdue = session.execute(
            select(DeviceLoan.id, DeviceLoan.referral_id)
            .where(
                DeviceLoan.ended_on.is_(None),
                DeviceLoan.asked_at.is_(None),
                DeviceLoan.due_back_on < times.london_date(command.at),
            )
            .order_by(DeviceLoan.id)
            .with_for_update(skip_locked=True)
        ).all()
        for row in overdue:
            task = NewTask(
                kind=TaskKind.DEVICE_OVERDUE, referral_id=row.referral_id, dedupe_key=device_task_key(row.id)
            )
            tasks.open_task(session, task, at=command.at)
        if overdue:
            loans = DeviceLoan.id.in_([row.id for row in overdue])
            session.execute(update(DeviceLoan).where(loans).values(asked_at=command.at))
        touched = sorted({row.referral_id for row in overdue})
        next_action.refresh_next_actions(session, touched, at=command.at)
    return len(overdue)


def _check_loan(action: ReferralAction, loan: NewLoan) -> None:
    today = times.london_date(action.at)
    refused = explain_refused_state(action.referral.state, closed_on=None, on=today)
    refused = refused or explain_stopped_meeting(action)
    if refused:
        raise TransitionNotAllowed(refused)
    wrong = {}
    if loan.issued_on > today:
        wrong["issued_on"] = "The day must be today or in the past"
    elif loan.issued_on < times.london_date(action.referral.received_at):
        wrong["issued_on"] = "The day must be on or after the day the referral was received"
    if not loan.issued_on < loan.due_back_on <= loan.issued_on + timedelta(days=LONGEST_LOAN_DAYS):
        wrong["due_back_on"] = "The day must be after the day it is lent, and within a year of it"
    if wrong:
        raise InvalidInput(next(iter(wrong.values())), fields=wrong)
    unsafe = explain_unsafe_meeting(action, loan.issued_on)
    if unsafe:
        raise TransitionNotAllowed(unsafe)


def _open_loan(action: ReferralAction, loan_id: UUID) -> DeviceLoan:
    loan = action.session.get(DeviceLoan, loan_id)
    if loan is None or loan.referral_id != action.referral.id:
        raise NotFound
    if loan.ended_on is not None:
        raise TransitionNotAllowed("This loan has ended already.")
    return loan


def _lock_device(session: Session, device_id: UUID) -> SafetyDevice | None:
    return session.get(SafetyDevice, device_id, with_for_update=True)


def _note(action: ReferralAction, event: str, device: SafetyDevice, *, text: str | None = None) -> None:
    action.session.flush()
    action.add_timeline_entry(event, EventDetails(text=text, codes={"device": device.kind}))
    action.record_audit(event, device_id=str(device.id), device=device.kind)
