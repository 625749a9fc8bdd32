"""Stored clocks: rewritten from events and facts whenever one of them changes, never typed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.compliance.calendar import england_and_wales
from victim_gateway.database import bulk_insert
from victim_gateway.database.transaction import as_service
from victim_gateway.errors import CalendarExhausted
from victim_gateway.models import Referral
from victim_gateway.queries.compliance.clocks_sql import ClockScope, build_clocks_statement

_KEY = ("start_event_id", "edition", "entitlement_id")
_DERIVED = (
    "referral_id", "started_at", "started_on", "subject", "provider_id", "unit", "limit_days", "enhanced",
    "due_on", "stop_event_id", "stopped_at", "late_status",
)  # fmt: skip
"""What makes a clock, apart from its status."""

# `wanted` is what the SQL statement says, `c` what is stored. Only time may age a status, with nothing new learned.
_COMPARED = """,
stored AS MATERIALIZED (SELECT * FROM entitlement_clock{stored_scope}),
compared AS MATERIALIZED (
    SELECT w.*, c.id AS stored_id, w.start_event_id IS NOT NULL AS wanted,
        c.id IS NOT NULL AND w.start_event_id IS NOT NULL AND NOT w.uncountable
            AND (c.status <> w.status OR ({derived_c}) IS DISTINCT FROM ({derived_w})) AS differs,
        c.status <> w.status AND NOT w.uncountable
            AND c.status IN ('running', 'withheld_for_safety')
            AND w.status IN ('running', 'overdue', 'unknown')
            AND ({derived_c}) IS NOT DISTINCT FROM ({derived_w}) AS aged
    FROM clock w FULL JOIN stored c ON c.start_event_id = w.start_event_id AND c.edition = w.edition
        AND c.entitlement_id = w.entitlement_id
)"""
_WRITTEN = """,
added AS (
    INSERT INTO entitlement_clock (id, {key}, {derived}, status, computed_as_at)
    SELECT gen_random_uuid(), {key}, {derived}, status, :as_at FROM compared
    WHERE wanted AND stored_id IS NULL AND NOT uncountable
    RETURNING 1
),
changed AS (
    UPDATE entitlement_clock c SET ({derived}, status, computed_as_at) = ROW ({derived_w}, w.status, :as_at)
    FROM compared w WHERE c.id = w.stored_id AND w.differs
    RETURNING 1
),
removed AS (
    DELETE FROM entitlement_clock c USING compared w WHERE c.id = w.stored_id AND NOT w.wanted
    RETURNING 1
)"""
# The same counts whether the differences are written or only looked at.
_COUNTED = """
SELECT count(*) FILTER (WHERE wanted) AS clocks, count(*) FILTER (WHERE aged) AS aged,
    count(*) FILTER (WHERE uncountable) AS uncountable,
    count(*) FILTER (WHERE wanted AND stored_id IS NULL AND NOT uncountable) AS added,
    count(*) FILTER (WHERE differs) AS changed, count(*) FILTER (WHERE NOT wanted) AS removed,
    min(start_event || ' on ' || started_on) FILTER (WHERE uncountable) AS uncountable_start
FROM compared
"""


@dataclass(frozen=True, slots=True)
class ClockChanges:
    """What bringing stored clocks up to date did, or would do; counts of clocks."""

    clocks: int
    added: int
    changed: int
    removed: int
    aged: int
    """Among the changed: those that only time changed, such as running to overdue."""
    uncountable: int
    """Left as they were: their working days lie outside the bank-holiday table."""
    uncountable_start: str | None
    """The start event and London date of one of them."""


def refresh_clocks(session: Session, referral_ids: Sequence[UUID], *, at: datetime) -> None:
    """Write the clocks, the Code's and the area's, of these referrals as they stand at `at`.

    Call it after recording events or facts, in the same transaction; `at` is not before their
    `recorded_at`. Raises CalendarExhausted, naming the date, when a due date can't be counted.
    """
    chosen = tuple(sorted(set(referral_ids)))
    if not chosen:
        return
    with as_service(session):
        lock_referral_rows(session, chosen)
        applied = store_clocks(session, ClockScope.for_referrals(chosen), at)
    if applied.uncountable:
        coverage = england_and_wales().coverage
        raise CalendarExhausted(f"working days from {applied.uncountable_start} can't be counted: {coverage}")


def lock_referral_rows(session: Session, referral_ids: Sequence[UUID]) -> None:
    """Let one transaction at a time derive anything from a referral's events.

    Two that each add an event would otherwise not see the other's, and a clock would stay running beside
    the act that stops it.
    """
    session.execute(
        select(Referral.id)
        .where(bulk_insert.column_in(Referral.id, referral_ids))
        .order_by(Referral.id)
        .with_for_update(key_share=True)
    )


def store_clocks(session: Session, scope: ClockScope, as_at: datetime) -> ClockChanges:
    """Make the stored clocks of the scope what the SQL statement says, touching only those that differ."""
    return _run(session, scope, as_at, _COMPARED + _WRITTEN + _COUNTED)


def compare_clocks(session: Session, scope: ClockScope, as_at: datetime) -> ClockChanges:
    """Count what `store_clocks` would change, and change nothing."""
    return _run(session, scope, as_at, _COMPARED + _COUNTED)


def _run(session: Session, scope: ClockScope, as_at: datetime, template: str) -> ClockChanges:
    statement = template.format(
        stored_scope=" WHERE referral_id = ANY (:referral_ids)" if scope.referral_ids is not None else "",
        key=", ".join(_KEY),
        derived=", ".join(_DERIVED),
        derived_c=", ".join(f"c.{name}" for name in _DERIVED),
        derived_w=", ".join(f"w.{name}" for name in _DERIVED),
    )
    row = session.execute(build_clocks_statement(scope, as_at, statement)).one()
    return ClockChanges(**row._mapping)
