"""Rebuild every stored clock from the events, or check them, and say what was found to differ.

The referrals are gone through in ranges of their ids, each in a transaction of its own that locks only the referrals
whose clocks differ. Any number of workers may claim ranges of one recompute at the same time; one that is killed
leaves its range undone, and whoever goes on takes it up. Stored clocks are always those of now: no caller can ask
for another moment's. Figures as at another moment come from the report, which stores nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database import bulk_insert
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.outbox import enqueue_task
from victim_gateway.database.session_limits import set_local, set_timeouts
from victim_gateway.database.transaction import transaction
from victim_gateway.models import CaseEvent, CaseFacts, ClockRecompute, ClockRecomputeRange, EntitlementClock
from victim_gateway.queries.compliance.clocks_sql import ClockScope, plan_for_many_rows
from victim_gateway.services.compliance.stored_clocks import (
    compare_clocks,
    lock_referral_rows,
    store_clocks,
)
from victim_gateway.vocabulary import TaskName

REFERRALS_IN_A_RANGE = 1000
STATEMENT_TIMEOUT = "2min"
LOCK_TIMEOUT = "30s"
GOES_STALE = timedelta(hours=12)
"""A recompute that was left unfinished for longer is begun anew instead of gone on with."""
_FIRST_ID, _LAST_ID = UUID(int=0), UUID(int=2**128 - 1)
_COUNTS = ("clocks", "added", "changed", "removed", "aged", "uncountable")
_BOUNDS = text(
    "SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) AS number FROM referral) r"
    " WHERE number % :size = 0 ORDER BY id"
)
# Schema, duties and calendar: an upgrade or a change of the area's standards changes one of them.
_RULES_HASH = text(
    "SELECT md5(concat_ws('|',"
    " (SELECT string_agg(version_num, ',' ORDER BY version_num) FROM alembic_version),"
    " (SELECT string_agg(d::text, '|' ORDER BY d.edition, d.entitlement_id) FROM code_entitlement d),"
    " (SELECT string_agg(c::text, '|' ORDER BY c.day) FROM calendar_day c)))"
)

AfterEach = Callable[[int, int], None]
"""Called after each range with how many are done, and of how many."""


class RangeFailed(Exception):
    """The clocks of one range could not be brought up to date; nothing of it was kept."""

    def __init__(self, number: int, error: SQLAlchemyError) -> None:
        super().__init__(f"range {number} of a recompute failed ({type(error).__name__})")
        self.number = number
        self.error = error


@dataclass(frozen=True, slots=True)
class RecomputeResult:
    """What a rebuild or a check found; counts of clocks."""

    as_at: datetime
    clocks: int
    added: int
    changed: int
    removed: int
    aged: int
    """Changed by the course of time alone, such as running to overdue: to be expected, and no drift."""
    uncountable: int
    """Left as they were: their working days lie outside the bank-holiday table."""
    uncountable_start: str | None

    @property
    def drift(self) -> int:
        """Clocks that were stored wrongly: whoever changed their events or facts did not refresh them."""
        return self.added + self.changed + self.removed - self.aged


def recompute_clocks(
    *, actor: Actor, as_at: datetime, after_each: AfterEach = lambda done, of: None
) -> RecomputeResult:
    """Make every stored clock what the events and facts say now, and count what differed.

    Goes on with a recompute that was left unfinished, and counts what was done of it before, too. `as_at` is the
    moment of the call. What another worker still has claimed is waited for.
    """
    recompute_id = open_recompute(actor=actor, at=as_at)
    try:
        while not recompute_next_range(
            recompute_id, actor=actor, as_at=as_at, is_waiting=True, after_each=after_each
        ):
            pass
    except RangeFailed as failed:
        raise failed.error from failed
    finish_recompute(recompute_id, actor=actor, at=as_at)
    with transaction(actor) as session:
        return _summed(session, recompute_id, as_at)


def _hash_rules(session: Session) -> str:
    """What the clocks are computed by. Ranges done by other rules are no part of this recompute."""
    return str(session.scalar(_RULES_HASH))


def _unfinished(session: Session, at: datetime, rules_hash: str) -> UUID | None:
    return session.scalars(
        select(ClockRecompute.id)
        .where(
            ClockRecompute.finished_at.is_(None),
            ClockRecompute.started_at > at - GOES_STALE,
            ClockRecompute.rules_hash == rules_hash,
        )
        .order_by(ClockRecompute.started_at.desc())
        .limit(1)
    ).first()


def open_recompute(*, actor: Actor, at: datetime, range_size: int = REFERRALS_IN_A_RANGE) -> UUID:
    """The recompute to work on: the unfinished one, or a new one with its ranges; those before are removed.

    One that was begun by other rules, as of the release before or of other standards of the area, is begun anew.
    """
    with transaction(actor) as session:
        # Two that begin at the same time would make two.
        session.execute(text("SELECT pg_advisory_xact_lock(hashtext('clock_recompute'))"))
        rules_hash = _hash_rules(session)
        unfinished = _unfinished(session, at, rules_hash)
        if unfinished is not None:
            return unfinished
        session.execute(delete(ClockRecompute))
        recompute_id = uuid4()
        session.execute(insert(ClockRecompute).values(id=recompute_id, started_at=at, rules_hash=rules_hash))
        session.execute(
            insert(ClockRecomputeRange),
            [
                {"recompute_id": recompute_id, "number": number, "first_id": first, "end_id": end}
                for number, (first, end) in enumerate(_ranges(session, range_size))
            ],
        )
    return recompute_id


def _ranges(session: Session, size: int) -> list[tuple[UUID, UUID]]:
    """Ranges that hold every id, those of referrals that are still to come as well."""
    bounds = [_FIRST_ID, *session.scalars(_BOUNDS, {"size": size}), _LAST_ID]
    return list(zip(bounds, bounds[1:], strict=False))


def recompute_next_range(
    recompute_id: UUID,
    *,
    actor: Actor,
    as_at: datetime,
    is_waiting: bool = False,
    after_each: AfterEach = lambda done, of: None,
    but: Collection[int] = (),
    is_from_end: bool = False,
) -> bool:
    """Claim one range, bring its clocks up to date, and say whether there was none left to claim.

    `is_waiting`: what another worker has claimed is waited for, and taken up should that worker have failed.
    `but` are numbers of ranges to pass over. Raises RangeFailed.
    """
    own = ClockRecomputeRange.recompute_id == recompute_id
    number = ClockRecomputeRange.number
    undone = (
        select(ClockRecomputeRange)
        .where(own, ClockRecomputeRange.done_at.is_(None), number.not_in(but))
        .order_by(number.desc() if is_from_end else number)
        .limit(1)
    )
    with transaction(actor) as session:
        set_timeouts(session, statement=STATEMENT_TIMEOUT, lock=LOCK_TIMEOUT)
        claimed = session.scalars(undone.with_for_update(skip_locked=True)).first()
        if claimed is None and is_waiting:
            claimed = session.scalars(undone.with_for_update()).first()
        if claimed is None:
            # Somebody else may have done the last one while it was waited for.
            return not is_waiting or session.scalars(undone).first() is None
        _recompute_claimed(session, claimed, as_at)
        done = func.count().filter(ClockRecomputeRange.done_at.is_not(None))
        progress = session.execute(select(done, func.count()).where(own)).one()
    after_each(*progress)
    return False


def _recompute_claimed(session: Session, claimed: ClockRecomputeRange, as_at: datetime) -> None:
    number = claimed.number
    try:
        scope = ClockScope(id_range=(claimed.first_id, claimed.end_id))
        found = _recompute_range(session, scope, as_at, is_check=False)
        for name in (*_COUNTS, "uncountable_start", "as_at"):
            setattr(claimed, name, getattr(found, name))
        claimed.done_at = as_at
        session.flush()
    except SQLAlchemyError as error:
        raise RangeFailed(number, error) from error


def finish_recompute(recompute_id: UUID, *, actor: Actor, at: datetime) -> RecomputeResult | None:
    """Note that a recompute is complete and what it found; None where ranges are undone or it was noted before.

    The next actions are refreshed by a task of its own, which is queued in the same transaction: a worker that is
    killed after the last range can't lose it.
    """
    with transaction(actor) as session:
        run = session.scalars(
            select(ClockRecompute).where(ClockRecompute.id == recompute_id).with_for_update()
        ).first()
        if run is None or run.finished_at is not None:
            return None
        undone = select(ClockRecomputeRange.number).where(
            ClockRecomputeRange.recompute_id == recompute_id, ClockRecomputeRange.done_at.is_(None)
        )
        if session.scalars(undone.limit(1)).first() is not None:
            return None
        run.finished_at = at
        enqueue_task(session, TaskName.REFRESH_NEXT_ACTIONS, at)
        found = _summed(session, recompute_id, at)
        record_audit(
            session,
            "compliance.recomputed",
            as_at=found.as_at.isoformat(),
            clocks=found.clocks,
            drift=found.drift,
        )
    return found


def _summed(session: Session, recompute_id: UUID, at: datetime) -> RecomputeResult:
    ranges = session.scalars(
        select(ClockRecomputeRange).where(ClockRecomputeRange.recompute_id == recompute_id)
    ).all()
    return _sum_of([_range_result(each, at) for each in ranges])


def _range_result(done: ClockRecomputeRange, at: datetime) -> RecomputeResult:
    counts = {name: getattr(done, name) for name in _COUNTS}
    return RecomputeResult(as_at=done.as_at or at, uncountable_start=done.uncountable_start, **counts)


def _sum_of(parts: Sequence[RecomputeResult]) -> RecomputeResult:
    return RecomputeResult(
        as_at=max(part.as_at for part in parts),
        **{name: sum(getattr(part, name) for part in parts) for name in _COUNTS},
        uncountable_start=min(
            (part.uncountable_start for part in parts if part.uncountable_start is not None), default=None
        ),
    )


def check_clocks(
    *, actor: Actor, as_at: datetime, after_each: AfterEach = lambda done, of: None
) -> RecomputeResult:
    """Count what `recompute_clocks` would change, and change nothing."""
    with transaction(actor) as session:
        ranges = _ranges(session, REFERRALS_IN_A_RANGE)
    found = []
    for number, id_range in enumerate(ranges, start=1):
        with transaction(actor) as session:
            set_timeouts(session, statement=STATEMENT_TIMEOUT, lock=LOCK_TIMEOUT)
            found.append(_recompute_range(session, ClockScope(id_range=id_range), as_at, is_check=True))
        after_each(number, len(ranges))
    return _sum_of(found)


def _recompute_range(
    session: Session, scope: ClockScope, as_at: datetime, *, is_check: bool
) -> RecomputeResult:
    """Look without locks first; what differs is locked and looked at again, as at a moment that knows all of it.

    One statement reads one snapshot, in which events and clocks belong together: what agrees in it needs no lock.
    """
    plan_for_many_rows(session)
    # A range is a small part of each table: by index, not by several processes that read all of the table each time.
    set_local(session, "random_page_cost", "1.1")
    seen = compare_clocks(session, scope, as_at)
    moment, changes = as_at, seen
    if seen.differing:
        lock_referral_rows(session, seen.differing)
        moment = max(as_at, *_newest(session, seen.differing))
        bring = compare_clocks if is_check else store_clocks
        changes = bring(session, ClockScope.for_referrals(seen.differing), moment)
    return RecomputeResult(
        as_at=moment,
        clocks=seen.clocks,
        added=changes.added,
        changed=changes.changed,
        removed=changes.removed,
        aged=changes.aged,
        uncountable=seen.uncountable,
        uncountable_start=seen.uncountable_start,
    )


def _newest(session: Session, referral_ids: Sequence[UUID]) -> list[datetime]:
    """When something was last learned or computed of these referrals: no clock is ever set back."""
    columns = (
        (EntitlementClock.computed_as_at, EntitlementClock.referral_id),
        (CaseEvent.recorded_at, CaseEvent.referral_id),
        (CaseFacts.recorded_at, CaseFacts.referral_id),
    )
    found = (
        session.scalar(select(func.max(moment)).where(bulk_insert.column_in(referral, referral_ids)))
        for moment, referral in columns
    )
    return [moment for moment in found if moment is not None]
