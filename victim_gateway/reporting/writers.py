"""The formats a report can be written in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import BinaryIO

from victim_gateway.errors import InvalidInput
from victim_gateway.reporting.documents import ReportDocument
from victim_gateway.reporting.text_files import write_csv, write_json

Writer = Callable[[ReportDocument, BinaryIO], None]


# The libraries for spreadsheets are a tenth of what each program would read at its start: read when first needed.
def _write_xlsx(report: ReportDocument, target: BinaryIO) -> None:
    from victim_gateway.reporting.spreadsheets import write_xlsx

    write_xlsx(report, target)


def _write_ods(report: ReportDocument, target: BinaryIO) -> None:
    from victim_gateway.reporting.spreadsheets import write_ods

    write_ods(report, target)


WRITERS: Mapping[str, Writer] = {"csv": write_csv, "xlsx": _write_xlsx, "ods": _write_ods, "json": write_json}
MEDIA_TYPES: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "json": "application/json",
}


def write_report(report: ReportDocument, format_name: str, target: BinaryIO) -> None:
    """Write a report in one of `WRITERS`. Raises InvalidInput for any other format."""
    if format_name not in WRITERS:
        raise InvalidInput(f"A report can't be written as {format_name!r}; choose from {', '.join(WRITERS)}.")
    WRITERS[format_name](report, target)
