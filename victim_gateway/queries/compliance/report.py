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
from victim_gateway.queries.compliance.clocks_as_at import build_clocks_as_at, part_by_calendar
from victim_gateway.queries.compliance.clocks_sql import (
    ClockScope,
    build_clocks_statement,
    plan_for_many_rows,
)
from victim_gateway.reporting.tables import ReportRow, StatusCounts, build_report_row

# What each by-column is of a clock c, its duty d, the facts f known then, and its provider's organisation o.
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
# The same of a group g of alike clocks: counted by the bare columns, and worded once for each group.
_RAW = {
    "district": "f.district",
    "crime_type": "f.crime_type",
    "enhanced": "c.enhanced",
    "force": "f.force",
    "provider": "c.provider_id",
    "month": "date_trunc('month', c.started_on::timestamp) AS month",
    "under_18": "f.under_18",
}
_WORDED = {
    **{name: worded.replace("f.", "g.").replace("c.", "g.") for name, worded in _BY.items()},
    "month": "to_char(g.month, 'YYYY-MM')",
}
_OF_FACTS = frozenset({"district", "crime_type", "force", "under_18"})
_COUNTS_THEN = """
SELECT g.edition, d.right, g.entitlement_id, d.entitlement, d.owner, ARRAY[{by}]::text[] AS by, g.status,
    d.standard_limit IS NOT NULL AS has_limit, sum(g.clocks)::bigint AS clocks
FROM (
    SELECT c.edition, c.entitlement_id, c.status{raw}, count(*) AS clocks
    FROM clock_then c{facts}
    GROUP BY {places}
) g
JOIN code_entitlement d ON d.edition = g.edition AND d.entitlement_id = g.entitlement_id
{organisation}GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
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
    parts = part_by_calendar(session, period)
    counted: list[Row[Any]] = []
    if parts.inside is not None:
        counted += session.execute(build_clocks_as_at(parts.inside, as_at, _statement_then(by))).all()
    # Rarely any: clocks that can't be counted are not stored.
    found: list[Row[Any]] = []
    for outside in parts.outside:
        found += session.execute(
            build_clocks_statement(
                ClockScope(None, *outside), as_at, _COUNTS.format(by=", ".join(_BY[column] for column in by))
            )
        ).all()
    counted += [row for row in found if not row.uncountable]
    left_out = [row for row in found if row.uncountable]
    return CountedReport(
        rows=tuple(_rows(counted, period, as_at, area)),
        left_out=sum(row.clocks for row in left_out),
        left_out_start=min((row.a_start for row in left_out), default=None),
    )


def _statement_then(by: tuple[str, ...]) -> str:
    """The counts of clocks that are told from what is stored, with only the tables that the columns need."""
    raw = [_RAW[column] for column in by if column in _RAW]
    return _COUNTS_THEN.format(
        by=", ".join(_WORDED[column] for column in by),
        raw="".join(f", {column}" for column in raw),
        facts=" JOIN facts_then f ON f.referral_id = c.referral_id" if _OF_FACTS & set(by) else "",
        places=", ".join(str(place) for place in (1, 2, 3, *range(4, 4 + len(raw)))),
        organisation="LEFT JOIN organisation o ON o.id = g.provider_id\n" if "provider" in by else "",
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
        statuses[key][row.status] = statuses[key].get(row.status, 0) + row.clocks
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
