"""Giving an onward referral to a worker of the provider, one by one or all that one worker has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid5

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from victim_gateway.access.permissions import Permission
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import AlreadyDone, GatewayError, InvalidInput, TransitionNotAllowed
from victim_gateway.models import ServiceAppointment, User, WorkerAssignment
from victim_gateway.queries.onward_referrals.provider_workers import (
    ONWARD_WORKER,
    find_worker_load,
    referrals_of_worker,
    workers_with_access,
)
from victim_gateway.queries.onward_referrals.service_records import clashing_references
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.service_records import MOST_GIVEN_AT_ONCE, share_among_workers
from victim_gateway.service_record_vocabulary import AppointmentState, WorkerChangeReason
from victim_gateway.services.onward_referrals._text import check_text, require_text
from victim_gateway.services.shared.case_action import ActionEffect, EventDetails
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import (
    OnwardReferralAction,
    onward_referral_action,
    require_permission,
)

WORKER_GIVEN = "onward_referral.worker_given"
WORKER_TAKEN = "onward_referral.worker_taken"
_PERMISSION = Permission.RESPOND_TO_ONWARD_REFERRAL


@dataclass(frozen=True, slots=True)
class WorkerChange:
    """To whom an onward referral goes and why; `worker_id` None: to nobody for now."""

    worker_id: UUID | None
    reason: WorkerChangeReason
    text: str | None = None


@dataclass(frozen=True, slots=True)
class WorkerHandover:
    """What became of a worker's onward referrals: how many changed hands, the references of those that did not.

    `left` is how many the worker has still, `clashing` the references whose appointments now take the same time.
    """

    given: int
    refused: tuple[str, ...]
    left: int
    clashing: tuple[str, ...] = ()


def give_to_worker(command: Command, onward_referral_id: UUID, change: WorkerChange) -> tuple[str, ...]:
    """Give an onward referral to a worker, or take it from the one who has it; the history keeps who, when and why.

    Raises NotFound for another provider's, StaleVersion where it was saved since, InvalidInput for an account that
    may not have it or without a reason, TransitionNotAllowed where nothing would change. Gives the references of the
    new worker's appointments that now take the same time.
    """
    remarks = check_text(change.text, "reason_text")
    if change.reason is WorkerChangeReason.OTHER:
        remarks = require_text(change.text, "reason_text", "Say in a few words why")
    event = WORKER_GIVEN if change.worker_id else WORKER_TAKEN
    with onward_referral_action(
        command, onward_referral_id, _PERMISSION, event, effect=ActionEffect.NOTHING
    ) as action:
        change_worker(action, replace(change, text=remarks))
        # Of a page that showed the worker before, no form may be sent.
        action.onward.version += 1
        action.session.flush()
        gets_it = [change.worker_id] if change.worker_id else []
        return clashing_references(action.session, gets_it, at=action.at)


def change_worker(action: OnwardReferralAction, change: WorkerChange) -> None:
    """Change the worker as a step of another action, such as the acceptance. Raises as `give_to_worker` does.

    What the worker before had planned with the person goes to the new one, also where it was taken from them first:
    otherwise no worker would come.
    """
    session, onward = action.session, action.onward
    live = session.execute(
        select(WorkerAssignment.id, WorkerAssignment.worker_id, User.name)
        .join(User, User.id == WorkerAssignment.worker_id)
        .where(WorkerAssignment.onward_referral_id == onward.id, WorkerAssignment.ended_at.is_(None))
    ).first()
    if change.worker_id == (live.worker_id if live else None):
        raise TransitionNotAllowed("Nothing would change: that is who has this referral now.")
    name = _worker_name(session, action, change.worker_id) if change.worker_id else None
    if live:
        session.execute(
            update(WorkerAssignment)
            .where(WorkerAssignment.id == live.id)
            .values(ended_at=action.at, ended_by_id=action.actor.user_id)
        )
    if change.worker_id:
        _add_assignment(action, change)
        before = live.worker_id if live else _last_worker(session, onward.id)
        if before:
            _pass_on_appointments(action, before, change.worker_id)
    names = {"from_name": live.name if live else None, "to_name": name}
    codes = {key: value for key, value in names.items() if value}
    # The code of the reason goes to both sides; the words about it are the provider's own.
    details = EventDetails(reason_code=change.reason.value, codes=codes)
    action.add_timeline_entry(WORKER_GIVEN if name else WORKER_TAKEN, details)


def hand_over_worker(
    command: Command, worker_id: UUID, to_worker_ids: Sequence[UUID], reason: WorkerChangeReason
) -> WorkerHandover:
    """Give all that one worker has to one or several others, in turn; at most MOST_GIVEN_AT_ONCE at a time.

    Each in a transaction of its own: one that was changed meanwhile stays where it is and is named. The same form sent
    again does nothing twice. Raises NotFound for another provider's worker, InvalidInput where one of the others may
    not be given a referral.
    """
    require_permission(command.actor, _PERMISSION)
    with transaction(command.actor) as session:
        find_worker_load(session, worker_id)
        others = {worker.user_id for worker in workers_with_access(session, command.actor.organisation_id)}
        if not to_worker_ids or not set(to_worker_ids) <= others - {worker_id}:
            message = "Choose at least one colleague who can be given a referral"
            raise InvalidInput(message, fields={"to_workers": message})
        found = referrals_of_worker(session, worker_id, limit=MOST_GIVEN_AT_ONCE)
        record_audit(session, "onward_referral.worker_handed_over", asked=len(found))
    references, refused = dict(found), []
    for onward_id, target in share_among_workers([each for each, _ in found], to_worker_ids):
        try:
            give_to_worker(_own_command(command, onward_id), onward_id, WorkerChange(target, reason))
        except AlreadyDone:
            continue
        except GatewayError:
            refused.append(references[onward_id])
    with transaction(command.actor) as session:
        left = find_worker_load(session, worker_id).total
        clashing = clashing_references(session, to_worker_ids, at=command.at)
    return WorkerHandover(len(found) - len(refused), tuple(refused), left, clashing)


def find_live_worker(session: Session, onward_referral_id: UUID) -> UUID | None:
    """Who has an onward referral now; None where nobody has."""
    live = WorkerAssignment.ended_at.is_(None) & (WorkerAssignment.onward_referral_id == onward_referral_id)
    return session.scalar(select(WorkerAssignment.worker_id).where(live))


def _own_command(command: Command, onward_referral_id: UUID) -> Command:
    own = uuid5(command.submission_id, str(onward_referral_id)) if command.submission_id else None
    return replace(command, submission_id=own, version=None)


def _worker_name(session: Session, action: OnwardReferralAction, worker_id: UUID) -> str:
    workers = workers_with_access(session, action.onward.provider_id, action.onward.service_id)
    name = next((worker.name for worker in workers if worker.user_id == worker_id), None)
    if name is None:
        message = "Choose a colleague who can be given this referral"
        raise InvalidInput(message, fields={"worker": message})
    return name


def _last_worker(session: Session, onward_referral_id: UUID) -> UUID | None:
    """Who had it last; the spell of the new worker is written, and not ended."""
    return session.scalar(
        select(WorkerAssignment.worker_id)
        .where(
            WorkerAssignment.onward_referral_id == onward_referral_id, WorkerAssignment.ended_at.is_not(None)
        )
        .order_by(WorkerAssignment.ended_at.desc(), WorkerAssignment.given_at.desc())
        .limit(1)
    )


def _pass_on_appointments(action: OnwardReferralAction, before: UUID, after: UUID) -> None:
    action.session.execute(
        update(ServiceAppointment)
        .where(
            ServiceAppointment.onward_referral_id == action.onward.id,
            ServiceAppointment.worker_id == before,
            ServiceAppointment.state == AppointmentState.PLANNED,
            ServiceAppointment.starts_at > action.at,
        )
        .values(worker_id=after, version=ServiceAppointment.version + 1)
    )


def _add_assignment(action: OnwardReferralAction, change: WorkerChange) -> None:
    row_id, onward = new_row_id(), action.onward
    sealed = (
        encrypted_rows.seal_row(action.handover_key, ONWARD_WORKER, row_id, {"words": change.text})
        if change.text
        else None
    )
    action.session.execute(
        insert(WorkerAssignment).values(
            id=row_id,
            onward_referral_id=onward.id,
            provider_id=onward.provider_id,
            worker_id=change.worker_id,
            reason=change.reason,
            given_at=action.at,
            given_by_id=action.actor.user_id,
            sealed=sealed,
        )
    )
