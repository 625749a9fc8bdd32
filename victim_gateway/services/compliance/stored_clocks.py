"""Stored clocks: rewritten from events and facts whenever one of them changes, never typed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import TextClause, select
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
_EARLIER = ("learned_at", "stop_learned_at", "open_status", "stop_hides")
"""By what a stored clock tells how it stood at an earlier moment; empty where an older release wrote the row."""

# `wanted` is what the SQL statement says, `c` what is stored. Only time may age a status, with nothing new learned,
# and only an older release leaves out what a clock tells of earlier moments: neither is drift.
_COMPARED = """,
stored AS MATERIALIZED (SELECT * FROM entitlement_clock{stored_scope}),
looked_at AS (
    SELECT w.*, c.id AS stored_id, coalesce(w.referral_id, c.referral_id) AS of_referral_id,
        w.start_event_id IS NOT NULL AS wanted,
        c.status = w.status AS is_status_same,
        c.status IN ('running', 'withheld_for_safety') AND w.status IN ('running', 'overdue', 'unknown') AS may_age,
        ({derived_c}) IS NOT DISTINCT FROM ({derived_w}) AS is_clock_same,
        ({earlier_c}) IS NOT DISTINCT FROM ({earlier_w}) AS is_earlier_same,
        c.learned_at IS NULL AS has_no_earlier
    FROM clock w FULL JOIN stored c ON c.start_event_id = w.start_event_id AND c.edition = w.edition
        AND c.entitlement_id = w.entitlement_id
    OFFSET 0
),
compared AS MATERIALIZED (
    SELECT *,
        stored_id IS NOT NULL AND wanted AND NOT uncountable
            AND NOT (is_status_same AND is_clock_same AND is_earlier_same) AS differs,
        stored_id IS NOT NULL AND wanted AND NOT uncountable AND is_clock_same
            AND (is_earlier_same OR has_no_earlier) AND NOT (is_status_same AND is_earlier_same)
            AND (is_status_same OR may_age) AS aged
    FROM looked_at
)"""
_WRITTEN = """,
added AS (
    INSERT INTO entitlement_clock (id, {key}, {derived}, status, computed_as_at)
    SELECT new_row_id(), {key}, {derived}, status, :as_at FROM compared
    WHERE wanted AND stored_id IS NULL AND NOT uncountable
    RETURNING 1
),
changed AS (
    UPDATE entitlement_clock c SET ({derived}, status, computed_as_at) = ROW ({written_w}, w.status, :as_at)
    FROM compared w WHERE c.id = w.stored_id AND w.differs{changed_scope}
    RETURNING 1
),
removed AS (
    DELETE FROM entitlement_clock c USING compared w WHERE c.id = w.stored_id AND NOT w.wanted{changed_scope}
    RETURNING 1
)"""
# The same counts whether the differences are written or only looked at.
_COUNTED = """
SELECT count(*) FILTER (WHERE wanted) AS clocks, count(*) FILTER (WHERE aged) AS aged,
    count(*) FILTER (WHERE uncountable) AS uncountable,
    count(*) FILTER (WHERE wanted AND stored_id IS NULL AND NOT uncountable) AS added,
    count(*) FILTER (WHERE differs) AS changed, count(*) FILTER (WHERE NOT wanted) AS removed,
    min(start_event || ' on ' || started_on) FILTER (WHERE uncountable) AS uncountable_start,
    coalesce(array_agg(DISTINCT of_referral_id) FILTER (
        WHERE NOT wanted OR differs OR stored_id IS NULL AND NOT uncountable), '{{}}') AS differing
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
    """Among the changed: those that only time or an upgrade changed, such as running to overdue."""
    uncountable: int
    """Left as they were: their working days lie outside the bank-holiday table."""
    uncountable_start: str | None
    """The start event and London date of one of them."""
    differing: Sequence[UUID]
    """The referrals of which a clock was added, changed or removed."""


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
    return ClockChanges(**session.execute(build_store_statement(scope, as_at)).one()._mapping)


def compare_clocks(session: Session, scope: ClockScope, as_at: datetime) -> ClockChanges:
    """Count what `store_clocks` would change, and change nothing."""
    return _run(session, scope, as_at, _COMPARED + _COUNTED)


def _run(session: Session, scope: ClockScope, as_at: datetime, template: str) -> ClockChanges:
    row = session.execute(_build_statement(scope, as_at, template)).one()
    return ClockChanges(**row._mapping)


def build_store_statement(scope: ClockScope, as_at: datetime) -> TextClause:
    """The statement of `store_clocks`."""
    return _build_statement(scope, as_at, _COMPARED + _WRITTEN + _COUNTED)


def _build_statement(scope: ClockScope, as_at: datetime, template: str) -> TextClause:
    stored = scope.condition("referral_id")
    changed = scope.condition("c.referral_id") if scope.referral_ids is not None else ""
    statement = template.format(
        stored_scope=f" WHERE {stored}" if stored else "",
        # Said once more of the rows to write: without it an import, which plans for many rows, reads every clock that
        # there is to change those of one chunk.
        changed_scope=f" AND {changed}" if changed else "",
        key=", ".join(_KEY),
        derived=", ".join(_DERIVED + _EARLIER),
        derived_c=", ".join(f"c.{name}" for name in _DERIVED),
        derived_w=", ".join(f"w.{name}" for name in _DERIVED),
        earlier_c=", ".join(f"c.{name}" for name in _EARLIER),
        earlier_w=", ".join(f"w.{name}" for name in _EARLIER),
        written_w=", ".join(f"w.{name}" for name in _DERIVED + _EARLIER),
    )
    return build_clocks_statement(scope, as_at, statement)
