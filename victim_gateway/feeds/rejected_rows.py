"""Write the rows set aside as a CSV file to correct and import again.

It is the same feed with two columns in front, `row` and `reason`, which the reader leaves out. Cells that a
spreadsheet would take for formulas carry an apostrophe in front (see `spreadsheet_cells`): the file can be
opened in any program. By those two columns the reader knows that the apostrophes are this file's, and takes
them off again. A row that had too many or too few cells keeps them, and one whose quotation marks don't pair
keeps its line as one cell: neither is accepted until it is corrected.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from victim_gateway.feeds.problems import RejectedRow
from victim_gateway.feeds.reading import SET_ASIDE_COLUMNS
from victim_gateway.spreadsheet_cells import guard_cell

_BOM = "\ufeff"


def write_rejected_rows(columns: Sequence[str], rows: Iterable[RejectedRow]) -> Iterator[bytes]:
    """Yield the file in chunks, one for each row; UTF-8 with a byte-order mark, which spreadsheets need.

    `columns` are the file's (`FeedFile.columns`); each row's `cells` are in their order.
    """
    yield (_BOM + _line((*SET_ASIDE_COLUMNS, *columns))).encode()
    for row in rows:
        yield _line((str(row.number), row.reason, *row.cells)).encode()


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([guard_cell(cell) for cell in cells])
    return text.getvalue()
