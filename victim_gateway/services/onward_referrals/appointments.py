"""Appointments of a provider with a person: made, changed, cancelled, and whether the person came."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.database import encrypted_rows
from victim_gateway.errors import InvalidInput, NotFound, StaleVersion, TransitionNotAllowed, UnsafeContact
from victim_gateway.models import ServiceAppointment
from victim_gateway.queries.onward_referrals.provider_workers import workers_with_access
from victim_gateway.queries.onward_referrals.service_records import (
    ONWARD_APPOINTMENT,
    planned_times_of_worker,
)
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.service_records import (
    CANCELLED_STATES,
    WORKING_STATES,
    AppointmentTimes,
    describe_times,
    explain_unsafe_appointment,
    find_clash,
    refused_appointment_times,
    refused_attendance,
)
from victim_gateway.service_record_vocabulary import AppointmentManner, AppointmentState
from victim_gateway.services.onward_referrals._provider_safe_contact import (
    NOT_SAFE,
    open_safe_contact_check,
    shared_safe_contact,
)
from victim_gateway.services.onward_referrals._text import check_text
from victim_gateway.services.shared.case_action import ActionEffect, EventDetails
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import (
    APPOINTMENT_CANCELLED,
    OnwardReferralAction,
    onward_referral_action,
)

_PERMISSION = Permission.RESPOND_TO_ONWARD_REFERRAL
_EVENTS = {
    AppointmentState.ATTENDED: "onward_referral.appointment_attended",
    AppointmentState.MISSED: "onward_referral.appointment_missed",
    AppointmentState.CANCELLED_BY_PERSON: APPOINTMENT_CANCELLED,
    AppointmentState.CANCELLED_BY_PROVIDER: APPOINTMENT_CANCELLED,
}
_MADE, _CHANGED = "onward_referral.appointment_made", "onward_referral.appointment_changed"
_STALE = "A colleague changed this appointment after you opened the page. Look at how it stands now."


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentAnswers:
    """When, how and with whom. `place` and `remarks` are sealed: the Gateway never reads them.

    `although_clash` and `although_unsafe` own up to what was warned of; `unsafe_reason` says how it came about, and
    that the Gateway reads.
    """

    times: AppointmentTimes
    manner: AppointmentManner
    worker_id: UUID
    place: str | None = None
    remarks: str | None = None
    although_clash: bool = False
    although_unsafe: bool = False
    unsafe_reason: str | None = None


def make_appointment(command: Command, onward_referral_id: UUID, answers: AppointmentAnswers) -> UUID:
    """Make an appointment with the person of an accepted onward referral; gives its id.

    Raises NotFound for another provider's, InvalidInput for times, an account or words that can't be, and for a time
    at which the worker has another appointment unless that is meant; UnsafeContact where the time or the way is not
    safe by what was shared, unless it is said how it came about. Then a caseworker checks safe contact.
    """
    own = replace(command, version=None)
    with onward_referral_action(
        own, onward_referral_id, _PERMISSION, _MADE, effect=ActionEffect.NOTHING
    ) as action:
        _require_working_state(action)
        row_id = new_row_id()
        unsafe = _check_answers(action, answers)
        action.session.add(
            ServiceAppointment(
                id=row_id,
                onward_referral_id=action.onward.id,
                provider_id=action.onward.provider_id,
                worker_id=answers.worker_id,
                starts_at=answers.times.starts_at,
                ends_at=answers.times.ends_at,
                manner=answers.manner,
                sealed=_seal(action, row_id, answers),
                state=AppointmentState.PLANNED,
                made_at=action.at,
                by_id=action.actor.user_id,
                version=1,
            )
        )
        follow_up_missed(action)
        _add_entry(action, _MADE, row_id, answers, unsafe)
    return row_id


def change_appointment(
    command: Command, onward_referral_id: UUID, appointment_id: UUID, answers: AppointmentAnswers
) -> None:
    """Change an appointment that is planned; the command's version is its own.

    Raises as `make_appointment` does, StaleVersion where it was changed since, TransitionNotAllowed once it is settled.
    """
    own = replace(command, version=None)
    with onward_referral_action(
        own, onward_referral_id, _PERMISSION, _CHANGED, effect=ActionEffect.NOTHING
    ) as action:
        _require_working_state(action)
        found = _find(action, appointment_id, command.version)
        if found.state is not AppointmentState.PLANNED:
            raise TransitionNotAllowed("This appointment has taken place or was cancelled: make another one.")
        unsafe = _check_answers(action, answers, but=appointment_id)
        found.starts_at, found.ends_at = answers.times.starts_at, answers.times.ends_at
        found.manner, found.worker_id = answers.manner, answers.worker_id
        found.sealed = _seal(action, found.id, answers)
        found.version += 1
        _add_entry(action, _CHANGED, found.id, answers, unsafe)


def cancel_appointment(
    command: Command, onward_referral_id: UUID, appointment_id: UUID, *, state: AppointmentState
) -> None:
    """Cancel an appointment that is planned; `state` says who did. The command's version is its own.

    Raises NotFound, StaleVersion and TransitionNotAllowed as `change_appointment` does.
    """
    if state not in (AppointmentState.CANCELLED_BY_PERSON, AppointmentState.CANCELLED_BY_PROVIDER):
        message = "Choose who cancelled it"
        raise InvalidInput(message, fields={"cancelled_by": message})
    own = replace(command, version=None)
    with onward_referral_action(
        own, onward_referral_id, _PERMISSION, _EVENTS[state], effect=ActionEffect.NOTHING
    ) as action:
        found = _find(action, appointment_id, command.version)
        if found.state is not AppointmentState.PLANNED:
            raise TransitionNotAllowed("This appointment has taken place or was cancelled already.")
        _settle(action, found, state)


def record_attendance(
    command: Command, onward_referral_id: UUID, appointment_id: UUID, *, attended: bool
) -> None:
    """Record whether the person came, once the time has come; what was recorded wrongly is recorded anew.

    Until a person who did not come is reached, or another appointment is made, they stand among the most urgent.
    The command's version is the appointment's. Raises NotFound, StaleVersion and TransitionNotAllowed.
    """
    state = AppointmentState.ATTENDED if attended else AppointmentState.MISSED
    own = replace(command, version=None)
    with onward_referral_action(
        own, onward_referral_id, _PERMISSION, _EVENTS[state], effect=ActionEffect.NOTHING
    ) as action:
        found = _find(action, appointment_id, command.version)
        if refused := refused_attendance(found.state, found.starts_at, action.at):
            raise TransitionNotAllowed(refused)
        if found.state is state:
            raise TransitionNotAllowed("That is recorded already.")
        _settle(action, found, state)
        if attended:
            follow_up_missed(action)


def follow_up_missed(action: OnwardReferralAction) -> None:
    """The person was reached, or will be seen: what they missed before needs nothing more."""
    action.session.execute(
        update(ServiceAppointment)
        .where(
            ServiceAppointment.onward_referral_id == action.onward.id,
            ServiceAppointment.state == AppointmentState.MISSED,
            ServiceAppointment.followed_up_at.is_(None),
        )
        .values(followed_up_at=action.at)
    )


def refuse_open_attendance(action: OnwardReferralAction) -> None:
    """Raises InvalidInput while it is not recorded whether the person came to an appointment that is past."""
    past = action.session.scalar(
        select(ServiceAppointment.starts_at)
        .where(
            ServiceAppointment.onward_referral_id == action.onward.id,
            ServiceAppointment.state == AppointmentState.PLANNED,
            ServiceAppointment.starts_at <= action.at,
        )
        .order_by(ServiceAppointment.starts_at)
        .limit(1)
    )
    if past is not None:
        day = times.london_date(past)
        message = f"Record first whether they came to the appointment on {day.day} {day:%B}"
        raise InvalidInput(message, fields={"outcome": message})


def _require_working_state(action: OnwardReferralAction) -> None:
    if action.onward.state not in WORKING_STATES:
        raise TransitionNotAllowed(
            "Accept this referral first: appointments are made with people you support."
        )


def _find(action: OnwardReferralAction, appointment_id: UUID, version: int | None) -> ServiceAppointment:
    found = action.session.get(ServiceAppointment, appointment_id)
    if found is None or found.onward_referral_id != action.onward.id:
        raise NotFound
    if version is not None and version != found.version:
        raise StaleVersion(_STALE)
    return found


def _settle(action: OnwardReferralAction, found: ServiceAppointment, state: AppointmentState) -> None:
    found.state, found.settled_at, found.settled_by_id = state, action.at, action.actor.user_id
    found.followed_up_at = None
    found.version += 1
    codes: dict[str, Any] = {"manner": found.manner.value, "starts_at": found.starts_at.isoformat()}
    reason = state.value if state in CANCELLED_STATES else None
    action.add_timeline_entry(_EVENTS[state], EventDetails(reason_code=reason, codes=codes))


def _check_answers(
    action: OnwardReferralAction, answers: AppointmentAnswers, *, but: UUID | None = None
) -> str | None:
    """Refuse what can't be; gives why it is not safe where that was owned up to."""
    check_text(answers.place, "place")
    check_text(answers.remarks, "remarks")
    if refused := refused_appointment_times(answers.times, action.at):
        raise InvalidInput(next(iter(refused.values())), fields=refused)
    session, onward = action.session, action.onward
    workers = workers_with_access(session, onward.provider_id, onward.service_id)
    if answers.worker_id not in {worker.user_id for worker in workers}:
        message = "Choose a colleague who can see this referral"
        raise InvalidInput(message, fields={"worker": message})
    _refuse_clash(session, answers, but)
    shared = shared_safe_contact(action, action.at)
    unsafe = explain_unsafe_appointment(shared, answers.manner, answers.times)
    if unsafe:
        _refuse_unsafe(unsafe, answers)
        open_safe_contact_check(action)
    return unsafe


def _refuse_clash(session: Session, answers: AppointmentAnswers, but: UUID | None) -> None:
    others = planned_times_of_worker(session, answers.worker_id, around=answers.times, but=but)
    clash = find_clash(answers.times, others)
    if clash is not None and not answers.although_clash:
        message = f"They have another appointment on {describe_times(clash)}. Tick below if you mean it."
        raise InvalidInput(message, fields={"although_clash": message})


def _refuse_unsafe(unsafe: str, answers: AppointmentAnswers) -> None:
    if not answers.although_unsafe:
        message = f"{unsafe} If the person asked for this time and way themselves, say so below."
        raise UnsafeContact(message, fields={"although_unsafe": message})
    if not check_text(answers.unsafe_reason, "unsafe_reason"):
        message = "Say how it came about, so that we can check that the person is safe"
        raise InvalidInput(message, fields={"unsafe_reason": message})


def _seal(action: OnwardReferralAction, row_id: UUID, answers: AppointmentAnswers) -> bytes:
    document = {"place": check_text(answers.place, "place"), "words": check_text(answers.remarks, "remarks")}
    return encrypted_rows.seal_row(action.handover_key, ONWARD_APPOINTMENT, row_id, document)


def _add_entry(
    action: OnwardReferralAction, event: str, row_id: UUID, answers: AppointmentAnswers, unsafe: str | None
) -> None:
    starts_at: datetime = answers.times.starts_at
    codes = {
        "appointment_id": str(row_id),
        "manner": answers.manner.value,
        "starts_at": starts_at.isoformat(),
        "unsafe": bool(unsafe),
    }
    said = f"{NOT_SAFE}: {check_text(answers.unsafe_reason, 'unsafe_reason')}" if unsafe else None
    action.add_timeline_entry(event, EventDetails(text=said, codes=codes))
