"""Reports as CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import BinaryIO

from victim_gateway.reporting.documents import ReportDocument, as_text
from victim_gateway.reporting.tables import Cell
from victim_gateway.spreadsheet_cells import guard_cell


def write_csv(report: ReportDocument, target: BinaryIO) -> None:
    """RFC 4180, UTF-8 with a byte-order mark, CRLF; text is guarded, numbers are written as they are."""
    wrapper = io.TextIOWrapper(target, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(wrapper, lineterminator="\r\n")
    writer.writerow([guard_cell(column) for column in report.columns])
    for row in report.rows:
        writer.writerow([guard_cell(cell) if isinstance(cell, str) else as_text(cell) for cell in row])
    wrapper.detach()


def write_json(report: ReportDocument, target: BinaryIO) -> None:
    """`{"parameters": {...}, "rows": [{column: value}]}`; a suppressed count is null, a rate is a number."""
    parameters = {name: _plain(value) for name, value in report.parameters.items()}
    rows = [dict(zip(report.columns, map(_plain, row), strict=True)) for row in report.rows]
    document = {"parameters": parameters, "rows": rows}
    target.write(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False).encode() + b"\n")


def _plain(value: Cell | Sequence[str]) -> object:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bool):
        return as_text(value)  # the contract's words: suppressed is yes or no
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, date | datetime):
        return value.isoformat()
    return list(value)
