"""The SQL equal of `compliance.evaluate`: one set-based statement gives every clock as at a moment.

The numbered rules are those of section 6 of the external contract. Every number of the law comes from the
same data as the pure core's: `code_entitlement` and `calendar_day` are loaded from it at each upgrade, and
what the editions say of enhanced rights is bound from it here. A test holds the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BindParameter, Date, DateTime, Integer, Text, TextClause, Uuid, bindparam, text
from sqlalchemy.orm import Session

from victim_gateway.compliance.editions import LOCAL, code_editions, local_edition
from victim_gateway.compliance.facts import SETTLED_BY_BASIS, VictimBasis
from victim_gateway.database.session_limits import set_local
from victim_gateway.times import london_date

# The common table expressions up to `clock`: one row per clock, with the columns of entitlement_clock and
# `uncountable`, which is true where the working days lie outside the bank-holiday table.
# `OFFSET 0` keeps the planner from writing an expression out in every place that names it.
_CLOCKS = """
duty AS MATERIALIZED (
    SELECT row_number() OVER () AS number, d.*, r.under_age, string_to_array(r.categories, ' ') AS categories
    FROM code_entitlement d
    JOIN unnest(:edition_keys, :edition_ages, :edition_categories) AS r (edition, under_age, categories)
        ON r.edition = d.edition
),
-- By place in the table, so that a due day costs two look-ups and no join. The n-th working day stands at n.
calendar AS MATERIALIZED (
    SELECT min(c.day) AS first_day, array_agg(c.ordinal) AS ordinals,
        array_agg(c.day) FILTER (WHERE c.is_working) AS working_days
    FROM (SELECT * FROM calendar_day ORDER BY day) c
),
basis AS MATERIALIZED (
    SELECT b.basis, string_to_array(b.not_so, ' ') AS not_so
    FROM unnest(:bases, :not_so_by_basis) AS b (basis, not_so)
),
facts AS MATERIALIZED (
    SELECT DISTINCT ON (f.referral_id) f.*,
        f.victim_basis = 'business_contact' AS is_business,
        -- Rule 3: what is said to be false, and what the basis settles unless something is said of it.
        CASE WHEN f.conditions = '{{}}'::jsonb THEN b.not_so ELSE ARRAY(
            SELECT c.key FROM jsonb_each(f.conditions) AS c WHERE c.value = 'false'::jsonb
            UNION ALL
            SELECT s.condition FROM unnest(b.not_so) AS s (condition) WHERE NOT f.conditions ? s.condition
        ) END AS not_so
    FROM case_facts f
    JOIN basis b ON b.basis = f.victim_basis
    WHERE f.recorded_at <= :as_at{facts_scope}
    ORDER BY f.referral_id DESC, f.recorded_at DESC, f.sequence DESC
),
-- Rule 1: what was recorded later was not known, and neither was the correction that voids an event.
voided AS MATERIALIZED (
    -- Said although it follows: only so is the small index of voids used.
    SELECT e.voids_id FROM case_event e
    WHERE e.voids_id IS NOT NULL AND e.recorded_at <= :as_at{events_scope}
),
known AS MATERIALIZED (
    SELECT e.id, e.sequence, e.referral_id, e.event, nullif(e.subject, '') AS subject, e.provider_id,
        e.recorded_at, e.occurred_at, (e.occurred_at AT TIME ZONE 'Europe/London')::date AS occurred_on
    FROM case_event e
    WHERE e.recorded_at <= :as_at AND e.kind IN ('code', 'local') AND e.voids_id IS NULL{events_scope}
        AND NOT EXISTS (SELECT FROM voided v WHERE v.voids_id = e.id)
),
-- Rule 2: every start event opens one clock per entitlement of the edition in force on its London date.
started AS MATERIALIZED (
    SELECT d.number, k.id, k.referral_id, k.subject, k.provider_id, k.recorded_at, k.occurred_at,
        k.occurred_on, d.stop_event
    FROM known k
    JOIN duty d ON d.start_event = k.event
    WHERE (d.in_force_from IS NULL OR d.in_force_from <= k.occurred_on)
        AND (d.in_force_to IS NULL OR k.occurred_on <= d.in_force_to){period}
),
-- Rule 6: the earliest act on the start's London date or later; the same subject, if both name one.
-- In the order of `facts`, which are joined next.
stopped AS (
    SELECT DISTINCT ON (s.referral_id, s.id, s.number) s.*, k.id AS stop_event_id,
        k.recorded_at AS stop_learned_at, k.occurred_at AS stopped_at, k.occurred_on AS stopped_on,
        coalesce(lead(s.id) OVER found = s.id AND lead(s.number) OVER found = s.number, false) AS has_other_stop
    FROM started s
    LEFT JOIN known k ON k.referral_id = s.referral_id AND k.event = s.stop_event
        AND k.occurred_on >= s.occurred_on
        AND (k.subject IS NULL OR s.subject IS NULL OR k.subject = s.subject)
    WINDOW found AS (ORDER BY s.referral_id DESC, s.id, s.number, k.occurred_at, k.sequence)
    ORDER BY s.referral_id DESC, s.id, s.number, k.occurred_at, k.sequence
),
-- Rule 5, first half: enhanced from the start, by age or by a category that held on the day.
begun_enhanced AS (
    SELECT p.id AS start_event_id, p.referral_id, p.subject, p.provider_id,
        p.recorded_at AS learned_at, p.occurred_at AS started_at, p.occurred_on AS started_on,
        p.stop_event_id, p.stop_learned_at, p.stopped_at, p.stopped_on, p.has_other_stop,
        d.edition, d.entitlement_id, d.start_event, d.unit, d.standard_limit, d.enhanced_limit, d.applies_when,
        d.observed_by, d.owner, d.categories, f.is_business, f.enhanced AS periods, f.not_so, f.observers,
        f.cancelled_at, f.declined, f.withheld, f.closed_at,
        NOT f.is_business AND (
            coalesce(CASE d.under_age WHEN 17 THEN f.under_17 WHEN 18 THEN f.under_18 END, false)
            OR CASE WHEN f.enhanced = '[]'::jsonb THEN false ELSE EXISTS (
                SELECT FROM jsonb_to_recordset(f.enhanced) AS e (category text, "from" date, "to" date)
                WHERE e.category = ANY (d.categories)
                    AND e."from" <= p.occurred_on AND (e."to" IS NULL OR p.occurred_on < e."to")
            ) END
        ) AS from_the_start
    FROM stopped p
    JOIN duty d ON d.number = p.number
    JOIN facts f ON f.referral_id = p.referral_id
    WHERE d.edition = :local OR f.opens_code_clocks
    OFFSET 0
),
-- Rule 5, second half: the first day on which a category began while the clock ran.
shortened AS (
    SELECT b.*,
        CASE WHEN b.from_the_start THEN b.enhanced_limit ELSE b.standard_limit END AS first_limit,
        CASE WHEN b.from_the_start OR b.is_business OR b.periods = '[]'::jsonb THEN NULL ELSE (
            SELECT min(e."from")
            FROM jsonb_to_recordset(b.periods) AS e (category text, "from" date, "to" date)
            WHERE e.category = ANY (b.categories)
                AND (e."to" IS NULL OR e."from" < e."to")
                AND b.started_on < e."from" AND e."from" <= :today
                AND (b.stopped_on IS NULL OR e."from" <= b.stopped_on)
        ) END AS begun_on
    FROM begun_enhanced b
    OFFSET 0
),
-- Rule 4: the limit counts from the day after the start, which itself need not be in the table.
first_due AS (
    SELECT s.*,
        CASE WHEN s.first_limit IS NULL THEN NULL WHEN s.first_limit = 0 THEN s.started_on
            ELSE a.working_days[s.first_limit + CASE WHEN s.started_on = a.first_day - 1 THEN 0
                ELSE a.ordinals[s.started_on - a.first_day + 1] END]
        END AS first_due_on,
        CASE WHEN s.begun_on IS NULL THEN NULL WHEN s.enhanced_limit = 0 THEN s.begun_on
            ELSE a.working_days[a.ordinals[s.begun_on - a.first_day + 1] + s.enhanced_limit]
        END AS second_due_on
    FROM shortened s
    CROSS JOIN calendar a
    OFFSET 0
),
both_due AS (
    SELECT d.*,
        -- Nothing past the first due date is counted: the later of the two is of no interest.
        CASE WHEN d.first_due_on IS NULL THEN NULL ELSE least(d.first_due_on, d.second_due_on) END AS due_on,
        d.observed_by IN ('gateway', 'mixed') OR d.observers ? d.observed_by AS is_observed
    FROM first_due d
    OFFSET 0
),
-- Rule 7: the first that fits, in this order. `open_status` is what facts say of it while nothing stops it.
opened AS (
    SELECT d.*,
        d.is_business AND 'named_contact' = ANY (d.not_so) OR d.applies_when && d.not_so AS is_excluded,
        CASE
            WHEN d.cancelled_at <= :as_at
                AND (d.due_on IS NULL OR (d.cancelled_at AT TIME ZONE 'Europe/London')::date <= d.due_on)
                THEN 'not_applicable'
            WHEN d.declined <> '[]'::jsonb AND EXISTS (
                SELECT FROM jsonb_to_recordset(d.declined) AS x (entitlement_id text, at timestamptz)
                WHERE x.entitlement_id = d.entitlement_id AND x.at <= :as_at
                    AND (d.due_on IS NULL OR (x.at AT TIME ZONE 'Europe/London')::date <= d.due_on)
            ) THEN 'declined'
            WHEN d.withheld <> '[]'::jsonb AND EXISTS (
                SELECT FROM jsonb_to_recordset(d.withheld)
                    AS x (entitlement_id text, "from" timestamptz, until timestamptz)
                WHERE x.entitlement_id = d.entitlement_id AND x."from" <= :as_at
                    AND (x.until IS NULL OR :as_at < x.until)
            ) THEN 'withheld_for_safety'
            WHEN d.edition = :local AND d.owner = 'gateway' AND d.closed_at <= :as_at THEN 'overdue'
        END AS open_status
    FROM both_due d
    OFFSET 0
),
clock AS (
    SELECT d.start_event_id, d.edition, d.entitlement_id, d.referral_id, d.start_event, d.started_at,
        d.started_on, d.subject, d.provider_id, d.unit,
        CASE WHEN d.begun_on IS NULL THEN d.first_limit ELSE d.enhanced_limit END AS limit_days,
        d.from_the_start OR d.begun_on IS NOT NULL AS enhanced,
        d.due_on, d.stop_event_id, d.stopped_at,
        d.first_limit IS NOT NULL AND d.first_due_on IS NULL AS uncountable,
        CASE WHEN d.is_observed THEN 'overdue' ELSE 'unknown' END AS late_status,
        d.learned_at, d.stop_learned_at,
        CASE WHEN d.is_excluded THEN 'not_applicable' ELSE d.open_status END AS open_status,
        d.stop_event_id IS NOT NULL AND (
            d.has_other_stop OR CASE WHEN d.from_the_start OR d.is_business OR d.periods = '[]'::jsonb THEN false
                ELSE EXISTS (
                    SELECT FROM jsonb_to_recordset(d.periods) AS e ("from" date) WHERE d.stopped_on < e."from"
                ) END
        ) AS stop_hides,
        CASE
            WHEN d.is_excluded THEN 'not_applicable'
            WHEN d.stop_event_id IS NOT NULL
                THEN CASE WHEN d.due_on IS NULL OR d.stopped_on <= d.due_on THEN 'met' ELSE 'met_late' END
            WHEN d.open_status IS NOT NULL THEN d.open_status
            WHEN d.due_on IS NULL OR :today <= d.due_on THEN 'running'
            WHEN d.is_observed THEN 'overdue'
            ELSE 'unknown'
        END AS status
    FROM opened d
)
"""


@dataclass(frozen=True, slots=True)
class ClockScope:
    """Selects clocks: of some referrals, started within London dates (both included), or all.

    `id_range` are the referrals from one id up to, not including, another; `chosen_by` is a SELECT of ours that
    gives the ids of referrals, and may read other expressions of the statement.
    """

    referral_ids: tuple[UUID, ...] | None = None
    started_from: date | None = None
    started_to: date | None = None
    id_range: tuple[UUID, UUID] | None = None
    chosen_by: str | None = None

    @classmethod
    def for_referrals(cls, referral_ids: Sequence[UUID]) -> ClockScope:
        """The clocks of some referrals."""
        return cls(referral_ids=tuple(referral_ids))

    def condition(self, column: str) -> str:
        """SQL that is true of the referrals of the scope; empty for all."""
        if self.referral_ids is not None:
            return f"{column} = ANY (:referral_ids)"
        if self.id_range is not None:
            return f"{column} >= :first_id AND {column} < :end_id"
        # An array, so that the rows of a few referrals are found by index even where nested loops are off.
        return f"{column} = ANY (ARRAY({self.chosen_by}))" if self.chosen_by is not None else ""

    def bound(self) -> list[BindParameter[Any]]:
        """The values that `condition` names."""
        if self.referral_ids is not None:
            return [bindparam("referral_ids", list(self.referral_ids), ARRAY(Uuid))]
        if self.id_range is not None:
            first, end = self.id_range
            return [bindparam("first_id", first, Uuid), bindparam("end_id", end, Uuid)]
        return []


EVERYTHING = ClockScope()


def build_clocks_statement(
    scope: ClockScope, as_at: datetime, statement: str, *, before: str = ""
) -> TextClause:
    """`statement`, which may read `clock` (and the other expressions), with everything bound.

    `before` are common table expressions that the scope or the statement reads, each ending in a comma. Text that
    the caller brings must be written in code; what comes from outside is bound by the caller.
    """
    period = scope.started_from is not None or scope.started_to is not None
    facts, events = scope.condition("f.referral_id"), scope.condition("e.referral_id")
    expressions = _CLOCKS.format(
        facts_scope=f" AND {facts}" if facts else "",
        events_scope=f" AND {events}" if events else "",
        period=" AND k.occurred_on BETWEEN :started_from AND :started_to" if period else "",
    )
    bound = [*_moments(as_at), *_editions(), *_settled_conditions(), *scope.bound()]
    if period:
        bound.append(bindparam("started_from", scope.started_from or date.min, Date))
        bound.append(bindparam("started_to", scope.started_to or date.max, Date))
    return text(f"WITH {before}{expressions}{statement}").bindparams(*bound)


def plan_for_many_rows(session: Session) -> None:
    """Make PostgreSQL plan for many rows in this transaction, even before new rows were analysed."""
    set_local(session, "enable_nestloop", "off")
    # A hash table takes twice that. Compiling a statement costs more than any of ours gains from it.
    set_local(session, "work_mem", "64MB")
    set_local(session, "jit", "off")


def _moments(as_at: datetime) -> list[BindParameter[Any]]:
    return [
        bindparam("as_at", as_at, DateTime(timezone=True)),
        bindparam("today", london_date(as_at), Date),
        bindparam("local", LOCAL, Text),
    ]


def _settled_conditions() -> list[BindParameter[Any]]:
    """Bind, for each basis, the conditions that it settles to be false."""
    not_so = [
        " ".join(condition for condition, settles in SETTLED_BY_BASIS.items() if settles is not basis)
        for basis in VictimBasis
    ]
    return [
        bindparam("bases", [basis.value for basis in VictimBasis], ARRAY(Text)),
        bindparam("not_so_by_basis", not_so, ARRAY(Text)),
    ]


def _editions() -> list[BindParameter[Any]]:
    """Bind each edition's enhanced ages and categories; the local edition's do not depend on its standards."""
    editions = (*code_editions(), local_edition((), title=LOCAL))
    categories = [" ".join(sorted(edition.enhanced_categories)) for edition in editions]
    return [
        bindparam("edition_keys", [edition.key for edition in editions], ARRAY(Text)),
        bindparam("edition_ages", [edition.enhanced_under_age for edition in editions], ARRAY(Integer)),
        bindparam("edition_categories", categories, ARRAY(Text)),
    ]
