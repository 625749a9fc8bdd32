"""Write the rows set aside as a CSV file to correct and import again.

It is the same feed with two columns in front, `row` and `reason`, which the reader leaves out. Values stand
exactly as they were given: a mark against spreadsheet formulas would change the data on its way back, so a
page that offers this file says to open it as text. A row that had too many or too few cells keeps them, and
one whose quotation marks don't pair keeps its line as one cell: neither is accepted until it is corrected.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from victim_gateway.feeds.problems import RejectedRow
from victim_gateway.feeds.reading import SET_ASIDE_COLUMNS

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
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue()
