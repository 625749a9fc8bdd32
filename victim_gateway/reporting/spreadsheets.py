"""Reports as XLSX and ODS: a cover sheet and the table, nothing hidden, no author, text never a formula."""

from __future__ import annotations

import re
from datetime import UTC
from decimal import Decimal
from typing import Any, BinaryIO, TypeGuard

import xlsxwriter
from odf.opendocument import OpenDocumentSpreadsheet
from odf.style import Style, TableColumnProperties, TextProperties
from odf.table import Table, TableCell, TableColumn, TableRow
from odf.text import P

from victim_gateway.errors import InvalidInput
from victim_gateway.reporting.documents import ReportDocument, as_text, cover_lines
from victim_gateway.reporting.tables import Cell

COVER = "About this report"
TABLE = "Report"
_LONGEST_TEXT = 32_767  # of a cell, in Excel
# What XML 1.0 can't hold; a file with one of these doesn't open.
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_xlsx(report: ReportDocument, target: BinaryIO) -> None:
    """A workbook with two sheets. Raises InvalidInput for text that Excel would cut."""
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    book = xlsxwriter.Workbook(target, options)
    # Without this the file carries the moment of writing, and two runs would differ.
    book.set_properties({"created": report.made_at.astimezone(UTC).replace(tzinfo=None)})
    bold = book.add_format({"bold": True})
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    cover = book.add_worksheet(COVER)
    cover.set_column(0, 0, 28, wrapped)
    cover.set_column(1, 1, 100, wrapped)
    for number, (name, value) in enumerate(cover_lines(report)):
        cover.write_string(number, 0, _text(name), None if value else bold)
        cover.write_string(number, 1, _text(value))
    table = book.add_worksheet(TABLE)
    table.freeze_panes(1, 0)
    for place, column in enumerate(report.columns):
        table.write_string(0, place, _text(column), bold)
    for number, row in enumerate(report.rows, start=1):
        for place, cell in enumerate(row):
            if _is_number(cell):
                table.write_number(number, place, cell)
            elif cell is not None:
                table.write_string(number, place, _text(as_text(cell)))
    book.close()


def write_ods(report: ReportDocument, target: BinaryIO) -> None:
    """A spreadsheet with the same two sheets; meant for small tables, as it is built in memory."""
    book = OpenDocumentSpreadsheet()
    bold = Style(name="Bold", family="table-cell")
    bold.addElement(TextProperties(fontweight="bold"))
    wide = Style(name="Wide", family="table-column")
    wide.addElement(TableColumnProperties(columnwidth="6cm"))
    book.automaticstyles.addElement(bold)
    book.automaticstyles.addElement(wide)
    cover = Table(name=COVER)
    cover.addElement(TableColumn(stylename=wide, numbercolumnsrepeated=2))
    for name, value in cover_lines(report):
        cover.addElement(_ods_row([name, value], None if value else bold))
    table = Table(name=TABLE)
    table.addElement(_ods_row(report.columns, bold))
    for row in report.rows:
        table.addElement(_ods_row(row, None))
    book.spreadsheet.addElement(cover)
    book.spreadsheet.addElement(table)
    book.write(target)


def _ods_row(cells: Any, style: Any) -> Any:
    row = TableRow()
    for cell in cells:
        row.addElement(_ods_cell(cell, {"stylename": style} if style else {}))
    return row


def _ods_cell(cell: Cell, style: dict[str, Any]) -> Any:
    if cell is None or cell == "":
        return TableCell(**style)
    text = _text(as_text(cell))
    kind = {"valuetype": "float", "value": text} if _is_number(cell) else {"valuetype": "string"}
    element = TableCell(**kind, **style)
    for paragraph in text.split("\n"):
        element.addElement(P(text=paragraph))
    return element


def _is_number(cell: Cell) -> TypeGuard[int | Decimal]:
    return isinstance(cell, int | Decimal) and not isinstance(cell, bool)


def _text(text: str) -> str:
    if len(text) > _LONGEST_TEXT:
        raise InvalidInput(f"A spreadsheet's cell can't hold more than {_LONGEST_TEXT} characters.")
    return _NOT_IN_XML.sub("\ufffd", text)
