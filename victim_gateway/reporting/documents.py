"""A report as every writer takes it: a table of plain cells, the parameters, and the cover sheet's text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from victim_gateway.reporting.definitions import DEFINITIONS
from victim_gateway.reporting.tables import Cell, ReportRow, cells_of, columns_of

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ReportDocument:
    """What is written. `made_by` is who ran it and `made_at` when; both stand on the cover sheet only."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]
    parameters: Mapping[str, Cell | Sequence[str]]
    made_by: str
    made_at: datetime
    definitions: Pairs = DEFINITIONS
    data_quality: Pairs = ()


def build_compliance_document(
    rows: Iterable[ReportRow],
    *,
    by: tuple[str, ...],
    parameters: Mapping[str, Cell | Sequence[str]],
    made_by: str,
    made_at: datetime,
    data_quality: Pairs = (),
) -> ReportDocument:
    """The compliance report of contract section 7 from its rows, plain or suppressed."""
    return ReportDocument(
        title="Victims' Code compliance report",
        columns=columns_of(by),
        rows=[cells_of(row, by) for row in rows],
        parameters=parameters,
        made_by=made_by,
        made_at=made_at,
        data_quality=data_quality,
    )


def as_text(cell: Cell | Sequence[str]) -> str:
    """A cell as text: ISO dates and moments, yes or no, nothing for None, a list with commas."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    if isinstance(cell, str | int | Decimal):
        return str(cell)
    return ", ".join(cell)


def cover_lines(report: ReportDocument) -> list[tuple[str, str]]:
    """The cover sheet: headings have no second cell, and a blank line goes before each."""
    sections: list[tuple[str, Pairs]] = [
        ("Parameters", [(name, as_text(value)) for name, value in report.parameters.items()]),
        ("Made", [("By", report.made_by), ("At", as_text(report.made_at))]),
        ("Data quality", report.data_quality or [("Nothing to report", "")]),
        ("Definitions", report.definitions),
    ]
    lines = [(report.title, "")]
    for heading, pairs in sections:
        lines += [("", ""), (heading, ""), *pairs]
    return lines
