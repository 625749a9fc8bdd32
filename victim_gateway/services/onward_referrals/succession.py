"""A provider's contract goes to another: its live onward referrals go to the successor, agreed to once.

Workers look at each of them first, so that a senior caseworker sees what would happen; their yes is one act, and
workers carry it out in batches (`succession_batches`). Each onward referral ends at the old provider and is offered
anew to the successor in one transaction, with exactly what was handed over, under a key of its own: nothing that the
old provider wrote goes along, and old records keep saying whose they were. What the person, or anybody for them, meant
for the old provider alone stays, closed to it, with a task for a person (`rules.succession`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import exists, func, insert, literal, select, update
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.outbox import enqueue_task
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.errors import InvalidInput, NotFound, StaleVersion, TransitionNotAllowed
from victim_gateway.models import (
    OnwardReferral,
    Organisation,
    Provider,
    ProviderService,
    Referral,
    Succession,
    SuccessionItem,
)
from victim_gateway.provider_vocabulary import DirectoryStep, SuccessionState
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.services.onward_referrals.succession_steps import leave_late_offer
from victim_gateway.services.shared import submissions
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import require_permission
from victim_gateway.services.shared.service_capacity import record_directory_change
from victim_gateway.vocabulary import Risk, TaskName

SEEN_FOR = timedelta(hours=24)
"""For how long the yes may rest on what was seen; after that it is looked at anew."""
HELPERS = 2


@dataclass(frozen=True, slots=True)
class SuccessionPlan:
    """Who takes over from whom, and which of the successor's services each service goes to."""

    provider_id: UUID
    successor_id: UUID
    services: Mapping[UUID, UUID]


def open_succession(command: Command, plan: SuccessionPlan) -> UUID:
    """Have workers look at what would move and what would stay; gives the succession's id. Moves nothing.

    One that was looked at before and not agreed to is laid aside. Raises NotFound, InvalidInput for a successor that is
    not offered, and TransitionNotAllowed where one was named before.
    """
    require_permission(command.actor, Permission.NAME_SUCCESSOR)
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        with as_service(session):
            _check_plan(session, plan, lock=True)
            unagreed = Succession.state.in_((SuccessionState.CHECKING, SuccessionState.READY))
            session.execute(
                update(Succession)
                .where(Succession.provider_id == plan.provider_id, unagreed)
                .values(state=SuccessionState.CANCELLED)
            )
            succession_id = new_row_id()
            session.add(
                Succession(
                    id=succession_id,
                    provider_id=plan.provider_id,
                    successor_id=plan.successor_id,
                    services={str(service): str(target) for service, target in plan.services.items()},
                    state=SuccessionState.CHECKING,
                    opened_at=command.at,
                    opened_by_id=command.actor.user_id,
                )
            )
            session.flush()
            found = _add_items(session, succession_id, plan.provider_id)
            enqueue_task(session, TaskName.CONTINUE_SUCCESSION, command.at, succession_id=str(succession_id))
        record_audit(
            session,
            "provider.succession_opened",
            subject_type="provider",
            subject_id=plan.provider_id,
            successor=str(plan.successor_id),
            found=found,
        )
    return succession_id


def agree_succession(command: Command, succession_id: UUID) -> None:
    """The senior caseworker's yes to what was seen: the provider ends today, and workers move its work.

    What was foreseen to stay stays, whatever has changed since; what was to move is looked at once more at its turn. An
    onward referral that was offered since is decided about in the same way.

    Raises NotFound, TransitionNotAllowed unless it was looked at whole and nobody has agreed or laid it aside, and
    StaleVersion where that is too long ago.
    """
    require_permission(command.actor, Permission.NAME_SUCCESSOR)
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        with as_service(session):
            row = _lock_succession(session, succession_id)
            if row.state is not SuccessionState.READY or row.ready_at is None:
                raise TransitionNotAllowed(_describe_state(session, row))
            if row.ready_at < command.at - SEEN_FOR:
                raise StaleVersion("This was looked at more than a day ago. Look at what would happen now.")
            plan = plan_of(row)
            _check_plan(session, plan, lock=True)
            row.state, row.agreed_at, row.agreed_by_id = (
                SuccessionState.RUNNING,
                command.at,
                command.actor.user_id,
            )
            session.flush()
            _add_items(session, succession_id, plan.provider_id)
            _end_provider(session, command, plan)
            foreseen = _count_foreseen(session, succession_id)
            for _ in range(HELPERS):
                enqueue_task(
                    session, TaskName.CONTINUE_SUCCESSION, command.at, succession_id=str(succession_id)
                )
        record_audit(
            session,
            "provider.succeeded",
            subject_type="provider",
            subject_id=plan.provider_id,
            successor=str(plan.successor_id),
            foreseen=foreseen,
        )


def discard_succession(command: Command, succession_id: UUID) -> UUID:
    """Lay aside what was looked at, before anybody agreed; gives the provider's id. Raises TransitionNotAllowed."""
    require_permission(command.actor, Permission.NAME_SUCCESSOR)
    with transaction(command.actor) as session, as_service(session):
        submissions.claim_submission(session, command)
        row = _lock_succession(session, succession_id)
        if row.state not in (SuccessionState.CHECKING, SuccessionState.READY):
            raise TransitionNotAllowed(_describe_state(session, row))
        row.state = SuccessionState.CANCELLED
        return row.provider_id


def close_late_offers(command: Command) -> int:
    """Close what was offered to a provider while its work was agreed to go to a successor, and ask a caseworker.

    An offer that is being made does not wait for the yes, and is committed beside it. What waits for its turn is not
    late. Gives how many were closed.
    """
    waits = exists().where(
        SuccessionItem.onward_referral_id == OnwardReferral.id, SuccessionItem.done_at.is_(None)
    )
    late = (
        select(OnwardReferral.id)
        .join(Provider, Provider.id == OnwardReferral.provider_id)
        .where(
            Provider.successor_id.is_not(None),
            OnwardReferral.state.in_(LIVE_ONWARD_STATES),
            OnwardReferral.provider_access_ended_at.is_(None),
            ~waits,
        )
        .order_by(OnwardReferral.referral_id, OnwardReferral.id)
    )
    with transaction(command.actor) as session:
        found = session.scalars(late).all()
    return sum(leave_late_offer(command, onward_id) for onward_id in found)


def plan_of(row: Succession) -> SuccessionPlan:
    """The plan that a succession was opened with."""
    services = {UUID(service): UUID(target) for service, target in row.services.items()}
    return SuccessionPlan(row.provider_id, row.successor_id, services)


def _add_items(session: Session, succession_id: UUID, provider_id: UUID) -> int:
    """Every live onward referral that is not among them yet: those of people at high risk come first."""
    is_high = Referral.risk == Risk.HIGH
    there = exists().where(
        SuccessionItem.succession_id == succession_id,
        SuccessionItem.onward_referral_id == OnwardReferral.id,
    )
    position = func.row_number().over(
        order_by=(is_high.desc(), OnwardReferral.referral_id, OnwardReferral.id)
    )
    live = (
        select(literal(succession_id), OnwardReferral.id, position, is_high)
        .join(Referral, Referral.id == OnwardReferral.referral_id)
        .where(
            OnwardReferral.provider_id == provider_id,
            OnwardReferral.state.in_(LIVE_ONWARD_STATES),
            OnwardReferral.provider_access_ended_at.is_(None),
            ~there,
        )
    )
    names = ["succession_id", "onward_referral_id", "position", "is_high_risk"]
    added = session.execute(
        insert(SuccessionItem).from_select(names, live).returning(SuccessionItem.position)
    )
    return len(added.all())


def _count_foreseen(session: Session, succession_id: UUID) -> dict[str, int]:
    rows = session.execute(
        select(SuccessionItem.foreseen_stay, func.count())
        .where(SuccessionItem.succession_id == succession_id, SuccessionItem.foreseen_at.is_not(None))
        .group_by(SuccessionItem.foreseen_stay)
    )
    return {stay or "moves": number for stay, number in rows}


def _lock_succession(session: Session, succession_id: UUID) -> Succession:
    chosen = select(Succession).where(Succession.id == succession_id).with_for_update()
    row = session.scalars(chosen.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        raise NotFound
    return row


def _describe_state(session: Session, row: Succession) -> str:
    name = session.get_one(Organisation, row.successor_id).name
    return {
        SuccessionState.CHECKING: "It is still being looked at. Wait until everything was looked at.",
        SuccessionState.READY: "It was looked at and waits for a yes.",
        SuccessionState.RUNNING: f"{name} took over its work already. Nothing was done again.",
        SuccessionState.DONE: f"{name} took over its work already. Nothing was done again.",
        SuccessionState.CANCELLED: "It was laid aside. Look at what would happen now.",
    }[row.state]


def _check_plan(session: Session, plan: SuccessionPlan, *, lock: bool = False) -> tuple[str, str]:
    """The names of both. The old provider is locked, so that two successions wait for each other."""
    chosen = select(Provider).where(Provider.id == plan.provider_id)
    if lock:
        # Without the key: an offer that is being made meanwhile holds its referral, and must not wait for this.
        chosen = chosen.with_for_update(key_share=True)
    provider = session.scalar(chosen.execution_options(populate_existing=True))
    successor = session.get(Provider, plan.successor_id)
    if provider is None or successor is None:
        raise NotFound
    if provider.successor_id is not None:
        name = session.get_one(Organisation, provider.successor_id).name
        raise TransitionNotAllowed(f"{name} took over its work already. Nothing was done again.")
    if successor.id == provider.id or successor.retired_on is not None or successor.successor_id is not None:
        message = "Choose a provider that is offered"
        raise InvalidInput(message, fields={"successor": message})
    targets = set(
        session.scalars(
            select(ProviderService.id).where(
                ProviderService.provider_id == successor.id, ProviderService.retired_on.is_(None)
            )
        )
    )
    own = set(session.scalars(select(ProviderService.id).where(ProviderService.provider_id == provider.id)))
    if not set(plan.services) <= own or not set(plan.services.values()) <= targets:
        raise NotFound
    return (
        session.get_one(Organisation, provider.id).name,
        session.get_one(Organisation, successor.id).name,
    )


def _end_provider(session: Session, command: Command, plan: SuccessionPlan) -> None:
    today = times.london_date(command.at)
    session.execute(
        update(Provider)
        .where(Provider.id == plan.provider_id)
        .values(
            successor_id=plan.successor_id,
            retired_on=today,
            active_until=func.greatest(Provider.active_from, func.least(Provider.active_until, today)),
            version=Provider.version + 1,
        )
        .execution_options(synchronize_session=False)
    )
    successor_name = session.get_one(Organisation, plan.successor_id).name
    record_directory_change(
        session,
        command,
        DirectoryStep.SUCCEEDED,
        provider_id=plan.provider_id,
        values=({"successor": None}, {"successor": successor_name, "provider_retired_on": today}),
    )
