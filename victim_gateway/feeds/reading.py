"""Read a CSV feed file: check it as a whole, then yield its rows.

`examine_file` goes through the whole file once and refuses it before a single row is used; `read_rows` goes
through it again. Both hold one row at a time, so memory doesn't grow with the file.

Row numbers are record numbers: the header is row 1 and the first data row is row 2, as a spreadsheet shows
them, however many lines a cell with line breaks takes. Blank lines are numbered but aren't rows. Line
breaks inside cells come out as a line feed, whatever the file uses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from victim_gateway.errors import UnusableFile
from victim_gateway.feeds.encoding import detect_encoding
from victim_gateway.feeds.problems import BLANK_ROW, CELL_COUNT, QUOTES, Problem, RejectedRow
from victim_gateway.feeds.records import Record, read_records
from victim_gateway.spreadsheet_cells import unguard_cell

# Added by the file of rows set aside; a mended copy of that file is read without them. A file with both is
# taken for such a copy, so the apostrophes that its writer put before formulas are taken off.
SET_ASIDE_COLUMNS = ("row", "reason")
OTHER_SEPARATORS = ((";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars"))
MAX_COLUMNS = 500
# A spreadsheet saved with formatted but empty rows has some; beyond this they would only bury the others.
MAX_EMPTY_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class FeedFormat:
    """The columns a kind of feed knows; `required` ones must be in the header and filled in each row."""

    name: str
    columns: tuple[str, ...]
    required: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FeedFile:
    """The result of `examine_file`. `columns` are the header's, in lower case, without `row` and `reason`."""

    encoding: str
    size: int
    columns: tuple[str, ...]
    unknown_columns: tuple[str, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as given: cells by column name, untrimmed."""

    number: int
    values: Mapping[str, str]
    cells: tuple[str, ...]


def examine_file(stream: BinaryIO, feed: FeedFormat, *, max_bytes: int, size: int | None = None) -> FeedFile:
    """Check a seekable stream as a whole, from its start.

    Raises UnusableFile with one line that says what to do: over `max_bytes`, not text, unclear encoding,
    wrong separator, no usable header, quotation marks that can't be relied on, or too many empty rows.
    """
    found = detect_encoding(stream, max_bytes=max_bytes, size=size)
    records = read_records(stream, found.encoding)
    layout = _layout(next(records, None), feed)
    rows = _count_rows(records)
    unknown = tuple(column for column in layout.columns if column not in feed.columns)
    return FeedFile(found.encoding, found.size, layout.columns, unknown, rows)


def _count_rows(records: Iterator[Record]) -> int:
    """Count the rows. Stops with UnusableFile as soon as too many are empty, however many more there are."""
    rows = empty = 0
    for record in records:
        rows += bool(record.cells)
        for cell in record.cells:
            if cell and not cell.isspace():
                break
        else:
            empty += 1
            if empty > MAX_EMPTY_ROWS:
                raise UnusableFile(
                    f"The file has more than {MAX_EMPTY_ROWS:,} empty rows; delete the empty rows and export it again."
                )
    return rows


def read_rows(stream: BinaryIO, file: FeedFile, feed: FeedFormat) -> Iterator[RawRow | RejectedRow]:
    """The rows of a file that `examine_file` accepted; those whose cells can't be told apart are set aside."""
    records = read_records(stream, file.encoding)
    layout = _layout(next(records, None), feed)
    for record in records:
        if record.cells:
            yield layout.build_row(record)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where each column is; `places` leaves out the columns that the set-aside file adds.

    `is_guarded`: it is that file, so its apostrophes before formulas are not part of the values.
    """

    width: int
    columns: tuple[str, ...]
    places: tuple[int, ...]
    is_guarded: bool = False

    def build_row(self, record: Record) -> RawRow | RejectedRow:
        given = record.cells
        if len(given) == self.width and not record.is_broken:
            cells = self._as_meant([given[place] for place in self.places])
            if any(cells) and any(cell.strip() for cell in cells):
                return RawRow(record.number, dict(zip(self.columns, cells, strict=True)), cells)
            return RejectedRow(record.number, {}, cells, (Problem("", BLANK_ROW, "The row is blank."),))
        return self._misshapen(record)

    def _as_meant(self, cells: Iterable[str]) -> tuple[str, ...]:
        return tuple(map(unguard_cell, cells) if self.is_guarded else cells)

    def _misshapen(self, record: Record) -> RejectedRow:
        if record.is_broken:
            message = (
                "The quotation marks of the row do not pair, or a cell is far too long; "
                "double every quotation mark inside a cell."
            )
            return RejectedRow(record.number, {}, tuple(record.cells), (Problem("", QUOTES, message),))
        ignored = set(range(self.width)) - set(self.places)
        cells = self._as_meant(cell for place, cell in enumerate(record.cells) if place not in ignored)
        advice = (
            "put cells that hold a comma in quotation marks."
            if len(record.cells) > self.width
            else "the row was cut off, or cells at its end are missing."
        )
        message = f"The row has {len(record.cells)} cells, the header has {self.width}; {advice}"
        raw = dict(zip(self.columns, cells, strict=False))
        return RejectedRow(record.number, raw, cells, (Problem("", CELL_COUNT, message),))


def _layout(header: Record | None, feed: FeedFormat) -> _Layout:
    """Check the header and say where its columns are. A column without a name is called after its place."""
    names = [] if header is None else [cell.strip().lower() for cell in header.cells]
    is_guarded = set(SET_ASIDE_COLUMNS) <= set(names)
    if is_guarded:
        names = [unguard_cell(name) for name in names]
    _check_separator(names, feed)
    if len(names) > MAX_COLUMNS or not all(name.isprintable() for name in names):
        raise UnusableFile("The file is not a CSV text file; export it as CSV in UTF-8.")
    if not set(names) & set(feed.columns):
        raise UnusableFile(f"The file has no header row; the first row of a {feed.name} names its columns.")
    names = [name or f"column_{place}" for place, name in enumerate(names, start=1)]
    missing = [column for column in feed.required if column not in names]
    if missing == list(feed.required) and len(set(names) & set(feed.columns)) * 2 < len(names):
        # The header may hold a person's data by mistake, so the message repeats none of it.
        raise UnusableFile(
            f"The file has no header row; the first row of a {feed.name} names its columns, "
            f"among them {', '.join(feed.required)}."
        )
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise UnusableFile(f"The header names a column twice: {', '.join(twice)}.")
    if missing:
        columns = "column" if len(missing) == 1 else "columns"
        raise UnusableFile(f"The header of a {feed.name} lacks the {columns} {', '.join(missing)}.")
    places = tuple(place for place, name in enumerate(names) if name not in SET_ASIDE_COLUMNS)
    return _Layout(len(names), tuple(names[place] for place in places), places, is_guarded)


def _check_separator(names: list[str], feed: FeedFormat) -> None:
    """Raise if the header makes sense with another separator only."""
    if set(feed.required) <= set(names):
        return
    line = ",".join(names)
    for separator, plural in OTHER_SEPARATORS:
        parts = {part.strip().strip('"') for part in line.split(separator)}
        if len(parts & set(feed.columns)) > len(set(names) & set(feed.columns)):
            raise UnusableFile(f"The columns are separated by {plural}; export the file with commas.")
