"""Counts of clocks for pages: today's from the stored clocks, another moment's from the SQL clocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Select,
    Subquery,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from victim_gateway.models import CaseFacts, EntitlementClock
from victim_gateway.queries.compliance.clocks_sql import (
    ClockScope,
    build_clocks_statement,
    plan_for_many_rows,
)

_GROUPED = """
SELECT c.edition, c.entitlement_id, c.enhanced, date_trunc('month', c.started_on::timestamp) AS month,
    c.status, count(*) AS clocks
FROM clock c JOIN facts f ON f.referral_id = c.referral_id
WHERE NOT c.uncountable AND (:district IS NULL OR f.district = :district)
    AND (:crime_type IS NULL OR f.crime_type = :crime_type)
GROUP BY 1, 2, 3, 4, 5
"""
_PARTS = """
SELECT coalesce(f.district, 'Not recorded') AS district, f.crime_type, c.enhanced,
    date_trunc('month', c.started_on::timestamp) AS month, c.status, count(*) AS clocks
FROM clock c JOIN facts f ON f.referral_id = c.referral_id
WHERE NOT c.uncountable AND c.edition = :edition AND c.entitlement_id = :entitlement_id
GROUP BY 1, 2, 3, 4, 5
"""


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
    """How many clocks of the duty in question have one status, in one place, for one crime type."""

    district: str
    crime_type: str
    enhanced: bool
    month: str
    status: str
    clocks: int


def live_status(today: date) -> ColumnElement[str]:
    """The status of a stored clock on a London date: one stored as running may be late since."""
    late = and_(EntitlementClock.status == "running", EntitlementClock.due_on < today)
    return case((late, EntitlementClock.late_status), else_=EntitlementClock.status)


def count_clocks(
    session: Session, chosen: ClockFilter, *, today: date, as_at: datetime | None
) -> list[DutyCount]:
    """The counts as they are today, or as at a moment, from what was known then."""
    rows: Sequence[Any]
    if as_at is None:
        rows = session.execute(_stored(chosen, today)).all()
    else:
        plan_for_many_rows(session)
        statement = build_clocks_statement(
            ClockScope(None, chosen.started_from, chosen.started_to), as_at, _GROUPED
        )
        bound = statement.bindparams(
            bindparam("district", chosen.district, Text), bindparam("crime_type", chosen.crime_type, Text)
        )
        rows = session.execute(bound).all()
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
    """One duty's clocks that started in the period, by place, crime type, enhanced rights and month."""
    rows: Sequence[Any]
    if as_at is None:
        rows = session.execute(_stored_parts(edition, entitlement_id, period, today)).all()
    else:
        plan_for_many_rows(session)
        statement = build_clocks_statement(ClockScope(None, *period), as_at, _PARTS)
        bound = statement.bindparams(edition=edition, entitlement_id=entitlement_id)
        rows = session.execute(bound).all()
    return [
        DutyPartCount(
            row.district, row.crime_type, row.enhanced, f"{row.month:%Y-%m}", row.status, row.clocks
        )
        for row in rows
    ]


def list_districts_and_crime_types(session: Session) -> tuple[list[str], list[str]]:
    """Every district and every crime type there is, in order."""
    pairs = session.execute(select(CaseFacts.district, CaseFacts.crime_type).distinct()).all()
    return sorted({row.district for row in pairs if row.district}), sorted({row.crime_type for row in pairs})


def months_with_clocks(session: Session) -> tuple[date, date] | None:
    """The first and last London date on which a clock started; None when there is none."""
    first, last = session.execute(
        select(func.min(EntitlementClock.started_on), func.max(EntitlementClock.started_on))
    ).one()
    return None if first is None else (first, last)


def _stored(chosen: ClockFilter, today: date) -> Select[*tuple[Any, ...]]:
    clock = EntitlementClock
    statement: Select[*tuple[Any, ...]] = (
        select(
            clock.edition,
            clock.entitlement_id,
            clock.enhanced,
            _month().label("month"),
            live_status(today).label("status"),
            func.count().label("clocks"),
        )
        .where(clock.started_on.between(chosen.started_from, chosen.started_to))
        .group_by(*(literal_column(str(place)) for place in range(1, 6)))
    )
    if chosen.district is None and chosen.crime_type is None:
        return statement
    latest = _latest_facts()
    statement = statement.join(latest, latest.c.referral_id == clock.referral_id)
    if chosen.district is not None:
        statement = statement.where(latest.c.district == chosen.district)
    if chosen.crime_type is not None:
        statement = statement.where(latest.c.crime_type == chosen.crime_type)
    return statement


def _stored_parts(
    edition: str, entitlement_id: str, period: tuple[date, date], today: date
) -> Select[*tuple[Any, ...]]:
    clock, latest = EntitlementClock, _latest_facts()
    return (
        select(
            func.coalesce(latest.c.district, "Not recorded").label("district"),
            latest.c.crime_type,
            clock.enhanced,
            _month().label("month"),
            live_status(today).label("status"),
            func.count().label("clocks"),
        )
        .join(latest, latest.c.referral_id == clock.referral_id)
        .where(
            clock.edition == edition,
            clock.entitlement_id == entitlement_id,
            clock.started_on.between(*period),
        )
        .group_by(*(literal_column(str(place)) for place in range(1, 6)))
    )


def _month() -> ColumnElement[datetime]:
    # Truncated, not written out: a text per row would cost more than all the rest.
    return func.date_trunc("month", cast(EntitlementClock.started_on, DateTime(timezone=False)))


def _latest_facts() -> Subquery:
    known = CaseFacts
    return (
        select(known.referral_id, known.district, known.crime_type)
        .ext(distinct_on(known.referral_id))
        .order_by(known.referral_id.desc(), known.recorded_at.desc(), known.sequence.desc())
        .subquery()
    )
