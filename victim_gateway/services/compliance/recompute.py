"""Rebuild every stored clock from the events, or check them, and say what was found to differ.

Stored clocks are always those of now: no caller can ask for another moment's. Figures as at another moment
come from the report, which stores nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.session_limits import set_timeouts
from victim_gateway.database.transaction import transaction
from victim_gateway.models import EntitlementClock
from victim_gateway.queries.compliance.clocks_sql import EVERYTHING, plan_for_many_rows
from victim_gateway.services.compliance.stored_clocks import ClockChanges, compare_clocks, store_clocks

STATEMENT_TIMEOUT = "15min"
LOCK_TIMEOUT = "60s"


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


def recompute_clocks(*, actor: Actor, as_at: datetime) -> RecomputeResult:
    """Make every stored clock what the events and facts say now, and count what differed.

    `as_at` is the moment of the call. Writers of clocks wait meanwhile. Something may have been recorded
    since it was read from the clock on the wall; then the moment of the newest stored clock is taken, so
    that no clock is ever set back.
    """
    with transaction(actor) as session:
        moment = _begin(session, as_at)
        found = _result(store_clocks(session, EVERYTHING, moment), moment)
        record_audit(
            session, "compliance.recomputed", as_at=moment.isoformat(), clocks=found.clocks, drift=found.drift
        )
    return found


def check_clocks(*, actor: Actor, as_at: datetime) -> RecomputeResult:
    """Count what `recompute_clocks` would change, and change nothing. Writers of clocks wait meanwhile."""
    with transaction(actor) as session:
        moment = _begin(session, as_at)
        return _result(compare_clocks(session, EVERYTHING, moment), moment)


def _begin(session: Session, as_at: datetime) -> datetime:
    """Keep writers out, so that what is compared belongs together, and give the moment to compare at."""
    set_timeouts(session, statement=STATEMENT_TIMEOUT, lock=LOCK_TIMEOUT)
    session.execute(text("LOCK TABLE entitlement_clock IN SHARE ROW EXCLUSIVE MODE"))
    plan_for_many_rows(session)
    return max(as_at, _newest(session) or as_at)


def _result(changes: ClockChanges, as_at: datetime) -> RecomputeResult:
    return RecomputeResult(
        as_at=as_at,
        clocks=changes.clocks,
        added=changes.added,
        changed=changes.changed,
        removed=changes.removed,
        aged=changes.aged,
        uncountable=changes.uncountable,
        uncountable_start=changes.uncountable_start,
    )


def _newest(session: Session) -> datetime | None:
    return session.scalar(select(func.max(EntitlementClock.computed_as_at)))
