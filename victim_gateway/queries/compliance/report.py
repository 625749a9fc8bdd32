"""The compliance report for a period, as at any moment (contract, section 7). Counts only, from the SQL clocks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from config import AreaProfile
from victim_gateway.models import ImportBatch
from victim_gateway.queries.compliance.clocks_sql import (
    ClockScope,
    build_clocks_statement,
    plan_for_many_rows,
)
from victim_gateway.reporting.tables import ReportRow, StatusCounts, build_report_row

# What each by-column is, of a clock c, its duty d, the facts f known then, and its provider's organisation o.
_BY = {
    "district": "coalesce(f.district, '')",
    "crime_type": "coalesce(f.crime_type, '')",
    "owner": "d.owner",
    "enhanced": "CASE WHEN c.enhanced THEN 'yes' ELSE 'no' END",
    "force": "coalesce(f.force, '')",
    "provider": "CASE WHEN c.edition = :local THEN coalesce(o.key, '') ELSE '' END",
    "month": "to_char(c.started_on, 'YYYY-MM')",
    "under_18": "CASE f.under_18 WHEN true THEN 'yes' WHEN false THEN 'no' ELSE 'unknown' END",
}
_COUNTS = """
SELECT c.edition, d.right, c.entitlement_id, d.entitlement, d.owner, ARRAY[{by}]::text[] AS by, c.uncountable,
    c.status, d.standard_limit IS NOT NULL AS has_limit, count(*) AS clocks,
    min(c.start_event || ' on ' || c.started_on) AS a_start
FROM clock c
JOIN code_entitlement d ON d.edition = c.edition AND d.entitlement_id = c.entitlement_id
JOIN facts f ON f.referral_id = c.referral_id
LEFT JOIN organisation o ON o.id = c.provider_id
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
"""


@dataclass(frozen=True, slots=True)
class CountedReport:
    """Plain rows in order: entitlements with a limit first, then by edition, Right, entitlement and by-columns."""

    rows: tuple[ReportRow, ...]
    left_out: int
    """Clocks that can't be counted, because their working days lie outside the bank-holiday table."""
    left_out_start: str | None
    """The start event and London date of one of them."""


def count_report_rows(
    session: Session, *, period: tuple[date, date], as_at: datetime, by: tuple[str, ...], area: AreaProfile
) -> CountedReport:
    """Count the clocks that started in the period (London dates, both included) as they stood at `as_at`.

    `by` are names of BY_COLUMNS. The same arguments give the same figures, whatever is recorded later
    than `as_at`.
    """
    plan_for_many_rows(session)
    scope = ClockScope(started_from=period[0], started_to=period[1])
    statement = _COUNTS.format(by=", ".join(_BY[column] for column in by))
    found = session.execute(build_clocks_statement(scope, as_at, statement)).all()
    counted = [row for row in found if not row.uncountable]
    left_out = [row for row in found if row.uncountable]
    return CountedReport(
        rows=tuple(_rows(counted, period, as_at, area)),
        left_out=sum(row.clocks for row in left_out),
        left_out_start=min((row.a_start for row in left_out), default=None),
    )


def last_history_load(session: Session) -> datetime | None:
    """When an import of past years last changed something; None when none did.

    Such an import tells what was known in the past: figures as at an earlier moment may have changed with it.
    """
    ended = func.coalesce(ImportBatch.finished_at, ImportBatch.started_at)
    return session.scalar(
        select(func.max(ended)).where(ImportBatch.history, ImportBatch.imported + ImportBatch.updated > 0)
    )


def _rows(
    counted: Iterable[Row[Any]], period: tuple[date, date], as_at: datetime, area: AreaProfile
) -> list[ReportRow]:
    statuses: dict[tuple[Any, ...], dict[str, int]] = defaultdict(dict)
    for row in counted:
        key = (
            not row.has_limit,
            row.edition,
            row.right,
            row.entitlement_id,
            row.entitlement,
            row.owner,
            tuple(row.by),
        )
        statuses[key][row.status] = row.clocks
    return [_row(key, statuses[key], period, as_at, area) for key in sorted(statuses)]


def _row(
    key: tuple[Any, ...],
    statuses: Mapping[str, int],
    period: tuple[date, date],
    as_at: datetime,
    area: AreaProfile,
) -> ReportRow:
    is_unlimited, edition, right, entitlement_id, entitlement, owner, by = key
    target = area.target_rate(edition)
    return build_report_row(
        StatusCounts(
            period=period,
            as_at=as_at,
            edition=edition,
            right=right,
            entitlement_id=entitlement_id,
            entitlement=entitlement,
            owner=owner,
            by=by,
            statuses=statuses,
            # By its shortest text: 0.9 and not the binary number next to it.
            target=None if target is None or is_unlimited else Decimal(str(target)),
            has_limit=not is_unlimited,
        )
    )
