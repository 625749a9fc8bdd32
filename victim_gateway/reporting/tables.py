"""The compliance report as plain rows (contract, section 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from victim_gateway.errors import InvalidInput

Cell = str | int | Decimal | date | datetime | bool | None

BY_COLUMNS = ("district", "crime_type", "owner", "enhanced", "force", "provider", "month", "under_18")
DUE_STATUSES = ("met", "met_late", "overdue")
OTHER_STATUSES = ("running", "unknown", "declined", "withheld_for_safety", "not_applicable")
STATUSES = DUE_STATUSES + OTHER_STATUSES
COUNTS = ("clocks_started", "due", *STATUSES)
ONLY_WITH_A_LIMIT = ("due", "met_late", "overdue", "unknown")
"""Counts that are never above 0 without a limit, as every reader knows: what has no due date is never late."""
_BEFORE_BY = (
    "period_start",
    "period_end",
    "as_at",
    "edition",
    "right",
    "entitlement_id",
    "entitlement",
    "owner",
)
_AFTER_BY = (*COUNTS, "rate", "target", "suppressed")
_FOUR_DECIMALS = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One entitlement, or one entitlement and one value of each by-column.

    `by` has a value for each column of the report's `--by` in its order, blank where it isn't known. A
    count is None only where it is suppressed, and `due` where the entitlement has no limit: it can't be late,
    so its clocks are never added to those that can. `rate` is met / due to four decimals, None where due is 0
    or None.
    """

    period_start: date
    period_end: date
    as_at: datetime
    edition: str
    right: str
    entitlement_id: str
    entitlement: str
    owner: str
    by: tuple[str, ...]
    clocks_started: int | None
    due: int | None
    met: int | None
    met_late: int | None
    overdue: int | None
    running: int | None
    unknown: int | None
    declined: int | None
    withheld_for_safety: int | None
    not_applicable: int | None
    rate: Decimal | None
    target: Decimal | None
    suppressed: bool = False
    has_limit: bool = True


@dataclass(frozen=True, slots=True)
class StatusCounts:
    """The clocks of one report row by status, before sums and rate; a status that is absent counts as 0."""

    period: tuple[date, date]
    as_at: datetime
    edition: str
    right: str
    entitlement_id: str
    entitlement: str
    owner: str
    by: tuple[str, ...]
    statuses: Mapping[str, int]
    target: Decimal | None
    has_limit: bool = True


def build_report_row(counted: StatusCounts) -> ReportRow:
    """Build a row from the number of clocks in each status: add the sums and the rate."""
    counts: dict[str, Any] = {status: counted.statuses.get(status, 0) for status in STATUSES}
    due = sum(counts[status] for status in DUE_STATUSES) if counted.has_limit else None
    return ReportRow(
        period_start=counted.period[0],
        period_end=counted.period[1],
        as_at=counted.as_at,
        edition=counted.edition,
        right=counted.right,
        entitlement_id=counted.entitlement_id,
        entitlement=counted.entitlement,
        owner=counted.owner,
        by=counted.by,
        clocks_started=sum(counts.values()),
        due=due,
        **counts,
        rate=rate_of(counts["met"], due),
        target=counted.target,
        has_limit=counted.has_limit,
    )


def rate_of(met: int, due: int | None) -> Decimal | None:
    """met / due to four decimals, or None where nothing was due or nothing can be."""
    return (Decimal(met) / due).quantize(_FOUR_DECIMALS, ROUND_HALF_EVEN) if due else None


def parse_by(text: str) -> tuple[str, ...]:
    """The by-columns of a comma-separated list. Raises InvalidInput if one is unknown or named twice."""
    columns = tuple(part.strip() for part in text.split(",") if part.strip())
    for column in columns:
        if column not in BY_COLUMNS:
            raise InvalidInput(f"A report can't be split by {column!r}; choose from {', '.join(BY_COLUMNS)}.")
    if len(set(columns)) < len(columns):
        raise InvalidInput("A report can be split by each column only once.")
    return columns


def columns_of(by: tuple[str, ...]) -> tuple[str, ...]:
    """The report's columns in order. `owner` is always there, so splitting by it adds no second one."""
    return (*_BEFORE_BY, *(column for column in by if column != "owner"), *_AFTER_BY)


def cells_of(row: ReportRow, by: tuple[str, ...]) -> tuple[Cell, ...]:
    """A row's cells in the order of `columns_of`."""
    before = [getattr(row, column) for column in _BEFORE_BY]
    middle = [value for column, value in zip(by, row.by, strict=True) if column != "owner"]
    return (*before, *middle, *(getattr(row, column) for column in _AFTER_BY))
