"""Reports as XLSX and ODS: a cover sheet and the table, nothing hidden, no author, text never a formula."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC
from decimal import Decimal
from io import BytesIO
from typing import BinaryIO, TypeGuard

import xlsxwriter
from odfdo import Cell as OdsCell
from odfdo import Column, Document, Paragraph, Row, Style, Table

from victim_gateway.errors import InvalidInput
from victim_gateway.reporting.documents import ReportDocument, as_text, cover_lines
from victim_gateway.reporting.tables import Cell

COVER = "About this report"
TABLE = "Report"
_BOLD = "Bold"
_WIDE = "Wide"
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
    book = _empty_ods(report)
    cover = _add_ods_sheet(book, COVER)
    cover.append(Column(style=_WIDE, repeated=2))
    for name, value in cover_lines(report):
        _add_ods_row(cover, [name, value], None if value else _BOLD)
    table = _add_ods_sheet(book, TABLE)
    _add_ods_row(table, report.columns, _BOLD)
    for row in report.rows:
        _add_ods_row(table, row, None)
    whole = BytesIO()
    book.save(whole)
    target.write(whole.getvalue())


def _empty_ods(report: ReportDocument) -> Document:
    """Create an empty document without odfdo's template picture, language and time of writing."""
    book = Document("spreadsheet")
    book.body.clear()
    book.del_part("Thumbnails/thumbnail.png")
    book.language = "en-GB"
    book.meta.creation_date = report.made_at.astimezone(UTC).replace(tzinfo=None)
    book.insert_style(Style("table-cell", name=_BOLD, area="text", bold=True), automatic=True)
    book.insert_style(Style("table-column", name=_WIDE, width="6cm"), automatic=True)
    return book


def _add_ods_sheet(book: Document, name: str) -> Table:
    table = Table(name)
    book.body.append(table)
    return table


def _add_ods_row(table: Table, cells: Sequence[Cell], style: str | None) -> None:
    row = Row()
    # Not append_row, which visits every earlier row. The row is added empty, because a full one would be copied.
    table.extend([row])
    row.extend([_ods_cell(cell, style) for cell in cells])


def _ods_cell(cell: Cell, style: str | None) -> OdsCell:
    if cell is None or cell == "":
        return OdsCell(style=style)
    text = _text(as_text(cell))
    if _is_number(cell):
        return OdsCell(cell, text=text, style=style)
    element = OdsCell(style=style)
    # only the paragraphs: odfdo's own value would hold the text once more, where no reader sees it
    element.type = "string"
    element.extend([Paragraph(line) for line in text.split("\n")])
    return element


def _is_number(cell: Cell) -> TypeGuard[int | Decimal]:
    return isinstance(cell, int | Decimal) and not isinstance(cell, bool)


def _text(text: str) -> str:
    if len(text) > _LONGEST_TEXT:
        raise InvalidInput(f"A spreadsheet's cell can't hold more than {_LONGEST_TEXT} characters.")
    return _NOT_IN_XML.sub("\ufffd", text)
