"""Clocks as at any moment, told from the stored ones wherever those tell; the rest is computed from the events.

Nothing of a case is ever changed, only added to, so a stored clock tells how it stood at an earlier moment as long as
nothing was learned since that it does not show. Four things can hide it: facts learned since, a correction that took
back an event since, facts that name a later day than that on which they were recorded, and a stop learned since that
stands in the place of another (`stop_hides`). The referrals to which one of these applies are few at most moments,
and for them the statement of `clocks_sql` is asked. `tests/integration/compliance/test_figures_agree.py` holds the
two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from victim_gateway.queries.compliance.clocks_sql import ClockScope, build_clocks_statement

# A clock of these starts is stored however it stands: its working days are all in the table of bank holidays.
_COUNTABLE = text(
    """
SELECT min(day) - 1 AS first_on, (
    SELECT max(day) FROM calendar_day WHERE ordinal <= (SELECT max(ordinal) FROM calendar_day)
        - (SELECT coalesce(max(greatest(standard_limit, enhanced_limit)), 0) FROM code_entitlement)
) AS last_on
FROM calendar_day
"""
)
_BEFORE = """
recomputed AS MATERIALIZED (
    SELECT h.referral_id FROM (
        SELECT referral_id FROM case_facts WHERE recorded_at > :as_at
        UNION
        SELECT referral_id FROM case_event WHERE voids_id IS NOT NULL AND recorded_at > :as_at
        UNION
        SELECT referral_id FROM case_facts
        WHERE facts_look_ahead(recorded_at, enhanced, declined, withheld, cancelled_at, closed_at)
        UNION
        SELECT referral_id FROM entitlement_clock
        WHERE (learned_at IS NULL OR stop_hides) AND computed_as_at > :as_at
            AND (learned_at IS NULL OR stop_learned_at > :as_at)
    ) h
),
-- Those of which nothing was known yet have no clocks: they are only left out of what is stored.
known_then AS MATERIALIZED (
    SELECT DISTINCT f.referral_id FROM case_facts f
    WHERE f.referral_id = ANY (ARRAY(SELECT r.referral_id FROM recomputed r)) AND f.recorded_at <= :as_at
),
"""
_THEN = """,
clock_then AS (
    SELECT c.referral_id, c.edition, c.entitlement_id, c.enhanced, c.started_on, c.provider_id,
        CASE
            WHEN c.computed_as_at <= :as_at THEN
                CASE WHEN c.status = 'running' AND c.due_on < :today THEN c.late_status ELSE c.status END
            WHEN c.stop_learned_at <= :as_at THEN c.status
            WHEN c.open_status IS NOT NULL THEN c.open_status
            WHEN c.due_on IS NULL OR :today <= c.due_on THEN 'running'
            ELSE c.late_status
        END AS status
    FROM entitlement_clock c
    WHERE c.started_on BETWEEN :started_from AND :started_to
        AND (c.computed_as_at <= :as_at OR c.learned_at <= :as_at)
        -- Not as a join: the planner takes far more than the few for granted, and would hash all clocks.
        AND c.referral_id NOT IN (SELECT r.referral_id FROM recomputed r)
    UNION ALL
    SELECT c.referral_id, c.edition, c.entitlement_id, c.enhanced, c.started_on, c.provider_id, c.status
    FROM clock c WHERE NOT c.uncountable
),
facts_then AS (
    SELECT DISTINCT ON (f.referral_id) f.referral_id, f.district, f.crime_type, f.force, f.under_18
    FROM case_facts f WHERE f.recorded_at <= :as_at
    ORDER BY f.referral_id DESC, f.recorded_at DESC, f.sequence DESC
)
"""


@dataclass(frozen=True, slots=True)
class CountablePeriod:
    """A period parted by whether all working days after its starts are in the table of bank holidays."""

    inside: tuple[date, date] | None
    outside: tuple[tuple[date, date], ...]


def part_by_calendar(session: Session, period: tuple[date, date]) -> CountablePeriod:
    """Part London dates, both included: stored clocks hold all that started `inside`, and not all `outside`."""
    first, last = period
    bounds = session.execute(_COUNTABLE).one()
    if bounds.last_on is None:
        return CountablePeriod(None, (period,))
    inside = max(first, bounds.first_on), min(last, bounds.last_on)
    if inside[0] > inside[1]:
        return CountablePeriod(None, (period,))
    before = (first, date.fromordinal(inside[0].toordinal() - 1))
    after = (date.fromordinal(inside[1].toordinal() + 1), last)
    return CountablePeriod(inside, tuple(part for part in (before, after) if part[0] <= part[1]))


def build_clocks_as_at(period: tuple[date, date], as_at: datetime, statement: str) -> TextClause:
    """`statement`, which may read `clock_then` and `facts_then`, for clocks that started `inside` a period.

    `clock_then` has every clock that started in the period as it stood at `as_at`, `facts_then` what was known then
    of each referral. Text that the caller brings must be written in code.
    """
    scope = ClockScope(None, *period, chosen_by="SELECT referral_id FROM known_then")
    return build_clocks_statement(scope, as_at, _THEN + statement, before=_BEFORE)
