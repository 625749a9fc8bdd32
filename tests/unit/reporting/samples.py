"""Invented figures for the tests of reporting."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from victim_gateway.reporting.blocks import CountLine
from victim_gateway.reporting.tables import (
    COUNTS,
    DUE_STATUSES,
    STATUSES,
    ReportRow,
    StatusCounts,
    build_report_row,
)

PERIOD = (date(2026, 1, 1), date(2026, 3, 31))
AS_AT = datetime(2026, 4, 10, 9, 0, tzinfo=UTC)


def row(
    by: tuple[str, ...] = (),
    *,
    entitlement_id: str = "told_suspect_arrested",
    entitlement: str = "Tell the victim of an arrest",
    target: Decimal | None = None,
    has_limit: bool = True,
    **statuses: int,
) -> ReportRow:
    return build_report_row(
        StatusCounts(
            period=PERIOD,
            as_at=AS_AT,
            edition="2020",
            right="right_6",
            entitlement_id=entitlement_id,
            entitlement=entitlement,
            owner="police",
            by=by,
            statuses=statuses,
            target=target,
            has_limit=has_limit,
        )
    )


def line(key: tuple[str, ...], statuses: tuple[int, ...], *, has_limit: bool = True) -> CountLine:
    counts = dict(zip(STATUSES, statuses, strict=True))
    due = sum(counts[status] for status in DUE_STATUSES) if has_limit else 0
    return CountLine(key, {"clocks_started": sum(statuses), "due": due, **counts}, has_limit=has_limit)


def sum_of(key: tuple[str, ...], lines: list[CountLine]) -> CountLine:
    counts = {column: sum(each.counts[column] for each in lines) for column in COUNTS}
    return CountLine(key, counts, has_limit=lines[0].has_limit)
