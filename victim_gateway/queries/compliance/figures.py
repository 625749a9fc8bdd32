"""Counts of clocks for pages: today's from the counts by day, another moment's from the clocks as at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Text, bindparam, func, select, text
from sqlalchemy.orm import Session

from victim_gateway.models import EntitlementClock, FactName
from victim_gateway.queries.compliance.clocks_as_at import build_clocks_as_at, part_by_calendar
from victim_gateway.queries.compliance.clocks_sql import (
    ClockScope,
    build_clocks_statement,
    plan_for_many_rows,
)
from victim_gateway.queries.compliance.day_counts import (
    CountSplit,
    DayCountFilter,
    count_by_day,
)

# Truncated, not written out: a text per row would cost more than all the rest.
_MONTH = "date_trunc('month', c.started_on::timestamp) AS month"
_GROUPED = f"""
SELECT c.edition, c.entitlement_id, c.enhanced, {_MONTH}, c.status, count(*) AS clocks
FROM {{clocks}} c{{facts}}
GROUP BY 1, 2, 3, 4, 5
"""  # noqa: S608
_PARTS = f"""
SELECT f.district, f.crime_type, c.enhanced, {_MONTH}, c.status, count(*) AS clocks
FROM {{clocks}} c JOIN {{facts}} f ON f.referral_id = c.referral_id
WHERE {{counted}}c.edition = :edition AND c.entitlement_id = :entitlement_id
GROUP BY 1, 2, 3, 4, 5
"""  # noqa: S608
_IN_BOTH = text(
    f"""
WITH placed AS (
    SELECT k.referral_id FROM (
        SELECT DISTINCT ON (referral_id) referral_id, district, crime_type FROM case_facts
        ORDER BY referral_id DESC, recorded_at DESC, sequence DESC
    ) k WHERE k.district = :district AND k.crime_type = :crime_type
)
SELECT c.edition, c.entitlement_id, c.enhanced, {_MONTH},
    CASE WHEN c.status = 'running' AND c.due_on < :today THEN c.late_status ELSE c.status END AS status,
    count(*) AS clocks
FROM entitlement_clock c
WHERE c.started_on BETWEEN :first AND :last AND c.referral_id = ANY (ARRAY(SELECT referral_id FROM placed))
GROUP BY 1, 2, 3, 4, 5
"""  # noqa: S608
)
NOT_RECORDED = "Not recorded"


@dataclass(frozen=True, slots=True)
class ClockFilter:
    """Selects clocks: started between two London dates, both included; of one district, of one crime type."""

    started_from: date
    started_to: date
    district: str | None = None
    crime_type: str | None = None


@dataclass(frozen=True, slots=True)
class DutyCount:
    """How many clocks of one duty have one status."""

    edition: str
    entitlement_id: str
    enhanced: bool
    month: str
    """In which they started, as YYYY-MM in London."""
    status: str
    clocks: int


@dataclass(frozen=True, slots=True)
class DutyPartCount:
    """How many clocks of the duty in question have one status, in one district or for one crime type."""

    split: CountSplit
    value: str
    enhanced: bool
    month: str
    status: str
    clocks: int


def count_clocks(
    session: Session, chosen: ClockFilter, *, today: date, as_at: datetime | None
) -> list[DutyCount]:
    """The counts as they are today, or as at a moment, from what was known then."""
    period = chosen.started_from, chosen.started_to
    if as_at is not None:
        rows = _as_at(session, period, as_at, _GROUPED, chosen)
    elif chosen.district is not None and chosen.crime_type is not None:
        plan_for_many_rows(session)
        bound = {
            "first": period[0],
            "last": period[1],
            "today": today,
            "district": chosen.district,
            "crime_type": chosen.crime_type,
        }
        rows = session.execute(_IN_BOTH, bound).all()
    else:
        rows = count_by_day(session, _day_filter(chosen, period), today=today)
    return [
        DutyCount(row.edition, row.entitlement_id, row.enhanced, f"{row.month:%Y-%m}", row.status, row.clocks)
        for row in rows
    ]


def count_duty_parts(
    session: Session,
    edition: str,
    entitlement_id: str,
    *,
    period: tuple[date, date],
    today: date,
    as_at: datetime | None,
) -> list[DutyPartCount]:
    """One duty's clocks that started in the period, by enhanced rights and month, for each place and crime type.

    Every clock is counted twice: once in the split by district and once in that by crime type.
    """
    if as_at is None:
        splits = (CountSplit.DISTRICT, CountSplit.CRIME_TYPE)
        chosen = DayCountFilter(period, splits, duty=(edition, entitlement_id))
        rows = count_by_day(session, chosen, today=today)
        return [_part(CountSplit(row.split), row.value, row) for row in rows]
    found = _as_at(session, period, as_at, _PARTS, None, edition=edition, entitlement_id=entitlement_id)
    return [
        _part(split, value, row)
        for row in found
        for split, value in ((CountSplit.DISTRICT, row.district), (CountSplit.CRIME_TYPE, row.crime_type))
    ]


def _part(split: CountSplit, value: str | None, row: Any) -> DutyPartCount:
    return DutyPartCount(
        split, value or NOT_RECORDED, row.enhanced, f"{row.month:%Y-%m}", row.status, row.clocks
    )


def list_districts_and_crime_types(session: Session) -> tuple[list[str], list[str]]:
    """Every district and every crime type there is, in order."""
    pairs = session.execute(select(FactName.kind, FactName.name)).all()
    return (
        sorted(pair.name for pair in pairs if pair.kind == "district" and pair.name),
        sorted(pair.name for pair in pairs if pair.kind == "crime_type"),
    )


def months_with_clocks(session: Session) -> tuple[date, date] | None:
    """The first and last London date on which a clock started; None when there is none."""
    first, last = session.execute(
        select(func.min(EntitlementClock.started_on), func.max(EntitlementClock.started_on))
    ).one()
    return None if first is None else (first, last)


def _day_filter(chosen: ClockFilter, period: tuple[date, date]) -> DayCountFilter:
    if chosen.district is not None:
        return DayCountFilter(period, (CountSplit.DISTRICT,), chosen.district)
    if chosen.crime_type is not None:
        return DayCountFilter(period, (CountSplit.CRIME_TYPE,), chosen.crime_type)
    return DayCountFilter(period)


def _as_at(
    session: Session,
    period: tuple[date, date],
    as_at: datetime,
    template: str,
    chosen: ClockFilter | None,
    **duty: str,
) -> Sequence[Any]:
    """Ask of the clocks as at a moment, and of those that are not stored, with one statement's text."""
    plan_for_many_rows(session)
    parts = part_by_calendar(session, period)
    rows: list[Any] = []
    if parts.inside is not None:
        statement = _statement(template, chosen, clocks="clock_then", facts="facts_then")
        rows += session.execute(
            build_clocks_as_at(parts.inside, as_at, statement).bindparams(*_bound(chosen, duty))
        ).all()
    for outside in parts.outside:
        statement = _statement(template, chosen, clocks="clock", facts="facts")
        asked = build_clocks_statement(ClockScope(None, *outside), as_at, statement)
        rows += session.execute(asked.bindparams(*_bound(chosen, duty))).all()
    return rows


def _statement(template: str, chosen: ClockFilter | None, *, clocks: str, facts: str) -> str:
    counted = "NOT c.uncountable" if clocks == "clock" else ""
    if chosen is None:
        return template.format(clocks=clocks, facts=facts, counted=f"{counted} AND " if counted else "")
    wanted = [
        f"f.{name} = :{name}" for name in ("district", "crime_type") if getattr(chosen, name) is not None
    ]
    joined = f" JOIN {facts} f ON f.referral_id = c.referral_id" if wanted else ""
    conditions = " AND ".join([*wanted, *([counted] if counted else [])])
    return template.format(clocks=clocks, facts=joined + (f" WHERE {conditions}" if conditions else ""))


def _bound(chosen: ClockFilter | None, duty: dict[str, str]) -> list[Any]:
    values = dict(duty)
    if chosen is not None:
        values |= {
            name: value
            for name, value in (("district", chosen.district), ("crime_type", chosen.crime_type))
            if value is not None
        }
    return [bindparam(name, value, Text) for name, value in values.items()]
