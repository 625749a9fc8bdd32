"""The workers' part of a succession: look at each onward referral, and once agreed to, give each its turn.

Each batch is a transaction of its own that locks few referrals for a moment. An onward referral is claimed by the lock
of its row, and its result is written in the transaction that moves it: a worker that is killed leaves it undone,
another takes it up, and none moves twice. Until its turn it stays with the provider before, which sees it as ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import exists, func, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.outbox import enqueue_task
from victim_gateway.database.session_limits import set_timeouts
from victim_gateway.database.transaction import transaction
from victim_gateway.models import OnwardReferral, Referral, Succession, SuccessionItem, User
from victim_gateway.provider_vocabulary import StayReason, SuccessionState
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.services.onward_referrals.succession import SuccessionPlan, plan_of
from victim_gateway.services.onward_referrals.succession_decisions import SuccessionDecider
from victim_gateway.services.onward_referrals.succession_steps import SuccessionBatch
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import TaskName

log = structlog.get_logger()

FORESEEN_AT_ONCE = 50
MOVED_AT_ONCE = 5
"""A page that saves one of these referrals waits for the whole batch, and not longer than pages wait for a lock."""
MOST_FAILURES = 3
LEFT_ALONE = timedelta(minutes=2)
"""A succession of which no worker has done anything for so long is given to another."""
_WORKING = (SuccessionState.CHECKING, SuccessionState.RUNNING)


@dataclass(frozen=True, slots=True)
class _Running:
    """A succession at work, and in whose name."""

    id: UUID
    state: SuccessionState
    plan: SuccessionPlan
    command: Command


def work_on_next_batch(succession_id: UUID, *, at: datetime) -> bool:
    """Do the next batch of a succession, and say whether there was none left for this worker.

    Safe to call at any time and by any number of workers at once. What breaks off is tried again by itself, and the
    third time it stays for a person; its batch is done again without it. Raises OperationalError, with nothing done of
    the batch, where the database is away or a referral was locked for too long: the sweep has it gone on with.
    """
    running = _find(succession_id, at)
    if running is None:
        return True
    if running.state is SuccessionState.CHECKING:
        return _foresee_batch(running)
    claimed: list[UUID] = []
    try:
        return _carry_out_batch(running, claimed)
    except OperationalError:
        # The database is away, or a page had a referral for too long: that is no fault of any of these.
        raise
    except Exception as error:
        # Of many in a batch nobody knows which it was: each is tried alone from now on.
        log.warning("succession.batch_failed", succession=str(succession_id), problem=type(error).__name__)
        if not claimed:
            raise
        _note_failure(running, claimed)
        return False


def wake_successions(*, actor: Actor, at: datetime) -> int:
    """Give those that no worker is at to a worker; how many."""
    moments = func.greatest(SuccessionItem.foreseen_at, SuccessionItem.done_at)
    is_worked_on = exists().where(SuccessionItem.succession_id == Succession.id, moments > at - LEFT_ALONE)
    with transaction(actor) as session:
        left = session.scalars(
            select(Succession.id).where(
                Succession.state.in_(_WORKING),
                func.coalesce(Succession.agreed_at, Succession.opened_at) < at - LEFT_ALONE,
                ~is_worked_on,
            )
        ).all()
        for succession_id in left:
            enqueue_task(session, TaskName.CONTINUE_SUCCESSION, at, succession_id=str(succession_id))
    return len(left)


def _find(succession_id: UUID, at: datetime) -> _Running | None:
    """The succession while there is work on it; the actor is the worker, named as the senior who opened or agreed."""
    worker = Actor.worker("succession")
    with transaction(worker) as session:
        row = session.get(Succession, succession_id)
        if row is None or row.state not in _WORKING:
            return None
        user = session.get_one(User, row.agreed_by_id or row.opened_by_id)
        actor = replace(worker, name=user.name, user_id=user.id, organisation_id=user.organisation_id)
        return _Running(row.id, row.state, plan_of(row), Command(actor, at))


def _decider(session: Session, running: _Running) -> SuccessionDecider:
    return SuccessionDecider(
        session,
        provider_id=running.plan.provider_id,
        successor_id=running.plan.successor_id,
        services=dict(running.plan.services),
        on=times.london_date(running.command.at),
    )


def _foresee_batch(running: _Running) -> bool:
    """Note what would become of the next ones. They are only read, so that nobody waits."""
    at = running.command.at
    unforeseen = (
        select(SuccessionItem)
        .where(SuccessionItem.succession_id == running.id, SuccessionItem.foreseen_at.is_(None))
        .order_by(SuccessionItem.position)
        .limit(FORESEEN_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    with transaction(running.command.actor) as session:
        items = session.scalars(unforeseen).all()
        if items:
            decider = _decider(session, running)
            targets: set[tuple[UUID, UUID]] = set()
            for item in items:
                onward = session.get_one(OnwardReferral, item.onward_referral_id)
                decision = decider.decide(onward)
                stay = decision.stay
                place = (onward.referral_id, decision.target_id) if decision.target_id else None
                # The other service of the same referral stands beside it in the order.
                if stay is None and place in targets:
                    stay = StayReason.THERE_ALREADY
                if place is not None:
                    targets.add(place)
                item.foreseen_at, item.foreseen_stay = at, stay.value if stay else None
            return False
    _become_ready(running)
    return True


def _become_ready(running: _Running) -> None:
    with transaction(running.command.actor) as session:
        row = _lock(session, running, SuccessionState.CHECKING)
        unforeseen = exists().where(
            SuccessionItem.succession_id == running.id, SuccessionItem.foreseen_at.is_(None)
        )
        if row is not None and not session.scalar(select(unforeseen)):
            row.state, row.ready_at = SuccessionState.READY, running.command.at


def _carry_out_batch(running: _Running, claimed: list[UUID]) -> bool:
    command = running.command
    with transaction(command.actor) as session:
        set_timeouts(session, statement="2min", lock="30s")
        items = _claim(session, running)
        claimed += [item.onward_referral_id for item in items]
        if items:
            _lock_referrals(session, claimed)
            batch = SuccessionBatch(session, command, running.plan.successor_id)
            decider = _decider(session, running)
            for item in items:
                _carry_out_item(item, batch, decider)
            batch.finish()
            return False
    _finish(running)
    return True


def _claim(session: Session, running: _Running) -> Sequence[SuccessionItem]:
    """The next ones that no other worker has; of those that broke off once, one alone."""
    undone = (
        select(SuccessionItem)
        .where(SuccessionItem.succession_id == running.id, SuccessionItem.done_at.is_(None))
        .order_by(SuccessionItem.failures, SuccessionItem.position)
        .with_for_update(skip_locked=True)
    )
    fresh = session.scalars(undone.where(SuccessionItem.failures == 0).limit(MOVED_AT_ONCE)).all()
    return fresh or session.scalars(undone.where(SuccessionItem.failures <= MOST_FAILURES).limit(1)).all()


def _lock_referrals(session: Session, onward_ids: Sequence[UUID]) -> None:
    """All referrals of a batch, in the one order of the referrals, before any onward referral."""
    mine = select(OnwardReferral.referral_id).where(OnwardReferral.id.in_(onward_ids))
    statement = select(Referral.id).where(Referral.id.in_(mine)).order_by(Referral.id)
    session.execute(statement.with_for_update(key_share=True))


def _carry_out_item(item: SuccessionItem, batch: SuccessionBatch, decider: SuccessionDecider) -> None:
    """Move it, or leave it; one that has ended by now needs nothing."""
    item.done_at = batch.command.at
    onward = batch.lock_onward_referral(item.onward_referral_id)
    if onward.state not in LIVE_ONWARD_STATES or onward.provider_access_ended_at is not None:
        return
    if item.failures >= MOST_FAILURES:
        item.stay = StayReason.COULD_NOT_BE_MOVED
        batch.leave(onward, item.stay)
        return
    decision = decider.decide(onward)
    # What was seen to stay stays: the yes was to that.
    foreseen = StayReason(item.foreseen_stay) if item.foreseen_stay else None
    stay = decision.stay or foreseen
    if stay is None and decision.target_id is not None:
        item.moved_to_id = batch.move(onward, decision)
    else:
        item.stay = stay or StayReason.NO_SERVICE
        batch.leave(onward, item.stay)


def _note_failure(running: _Running, onward_ids: Sequence[UUID]) -> None:
    with transaction(running.command.actor) as session:
        mine = (
            SuccessionItem.succession_id == running.id,
            SuccessionItem.onward_referral_id.in_(onward_ids),
            SuccessionItem.done_at.is_(None),
        )
        session.execute(update(SuccessionItem).where(*mine).values(failures=SuccessionItem.failures + 1))
        given_up = session.scalars(
            select(SuccessionItem.onward_referral_id).where(*mine, SuccessionItem.failures > MOST_FAILURES)
        ).all()
    if given_up:
        # Not even closed to the provider before: it stands on the page of the succession until it is.
        log.error("succession.given_up", onward_referrals=[str(each) for each in given_up])


def _finish(running: _Running) -> None:
    """Once nothing is left: say so, with what became of them. What was given up keeps it open, for an operator."""
    with transaction(running.command.actor) as session:
        row = _lock(session, running, SuccessionState.RUNNING)
        undone = exists().where(SuccessionItem.succession_id == running.id, SuccessionItem.done_at.is_(None))
        if row is None or session.scalar(select(undone)):
            return
        row.state, row.finished_at = SuccessionState.DONE, running.command.at
        counted = session.execute(
            select(
                func.count(SuccessionItem.moved_to_id).label("moved"),
                func.count(SuccessionItem.stay).label("stayed"),
            ).where(SuccessionItem.succession_id == running.id)
        ).one()
        record_audit(
            session,
            "provider.succession_done",
            subject_type="provider",
            subject_id=running.plan.provider_id,
            successor=str(running.plan.successor_id),
            moved=counted.moved,
            stayed=counted.stayed,
        )


def _lock(session: Session, running: _Running, state: SuccessionState) -> Succession | None:
    chosen = select(Succession).where(Succession.id == running.id, Succession.state == state)
    return session.scalars(chosen.with_for_update()).one_or_none()
