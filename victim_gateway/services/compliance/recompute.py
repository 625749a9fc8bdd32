"""Rebuilding every stored clock from the events, and saying what was found to differ."""

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
from victim_gateway.services.compliance.stored_clocks import store_clocks

STATEMENT_TIMEOUT = "15min"
LOCK_TIMEOUT = "60s"


@dataclass(frozen=True, slots=True)
class RecomputeResult:
    """What a rebuild found; counts of clocks."""

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


def recompute_clocks(*, actor: Actor, as_at: datetime, exactly: bool = False) -> RecomputeResult:
    """Make every stored clock what the events and facts known at `as_at` say, and count what differed.

    Writers of clocks wait meanwhile. Something may have been recorded since `as_at` was read from the
    clock on the wall; then the moment of the newest stored clock is taken, unless `exactly` is asked for:
    clocks of what was learned after it are then removed until the next rebuild.
    """
    with transaction(actor) as session:
        set_timeouts(session, statement=STATEMENT_TIMEOUT, lock=LOCK_TIMEOUT)
        session.execute(text("LOCK TABLE entitlement_clock IN SHARE ROW EXCLUSIVE MODE"))
        moment = as_at if exactly else max(as_at, _newest(session) or as_at)
        plan_for_many_rows(session)
        applied = store_clocks(session, EVERYTHING, moment)
        found = RecomputeResult(
            as_at=moment,
            clocks=applied.clocks,
            added=applied.added,
            changed=applied.changed,
            removed=applied.removed,
            aged=applied.aged,
            uncountable=applied.uncountable,
            uncountable_start=applied.uncountable_start,
        )
        record_audit(
            session, "compliance.recomputed", as_at=moment.isoformat(), clocks=found.clocks, drift=found.drift
        )
    return found


def _newest(session: Session) -> datetime | None:
    return session.scalar(select(func.max(EntitlementClock.computed_as_at)))
