"""Read a CSV feed file: check it as a whole, then yield its rows.

`examine_file` goes through the whole file once and refuses it before a single row is used; `read_rows` goes
through it again. Both hold one row at a time, so memory doesn't grow with the file.

Row numbers are record numbers: the header is row 1 and the first data row is row 2, as a spreadsheet shows
them, however many lines a cell with line breaks takes. Blank lines are numbered but aren't rows. Line
breaks inside cells come out as a line feed, whatever the file uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from victim_gateway.errors import UnusableFile
from victim_gateway.feeds.date_order import DateOrder
from victim_gateway.feeds.encoding import detect_encoding
from victim_gateway.feeds.folding import fold_header
from victim_gateway.feeds.headers import likely_column, read_header
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
    """The columns a kind of feed knows; `required` ones must be in the header and filled in each row.

    `date_columns` hold dates, by which the order of day and month is known.
    """

    name: str
    columns: tuple[str, ...]
    required: tuple[str, ...]
    date_columns: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class FeedFile:
    """The result of `examine_file`. `columns` are the header's, known ones by their own name.

    `row` and `reason` are not among them, nor `dropped_columns`, which are never kept. `warnings` are about
    the file as a whole.
    """

    encoding: str
    size: int
    columns: tuple[str, ...]
    unknown_columns: tuple[str, ...]
    rows: int
    dropped_columns: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()


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
    date_order = DateOrder(layout.width, layout.date_places)
    rows = _count_rows(records, date_order)
    date_order.check()
    return FeedFile(
        encoding=found.encoding,
        size=found.size,
        columns=layout.columns,
        unknown_columns=tuple(column for column in layout.columns if column not in feed.columns),
        rows=rows,
        dropped_columns=layout.never_kept,
        warnings=layout.warnings,
    )


def _count_rows(records: Iterator[Record], date_order: DateOrder) -> int:
    """Count the rows. Stops with UnusableFile as soon as too many are empty, however many more there are."""
    rows = empty = 0
    for record in records:
        if record.cells:
            rows += 1
            date_order.see_row(record.cells)
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
    """Where each column is; `places` leaves out what is never kept and what the set-aside file adds.

    `is_guarded`: it is that file, so its apostrophes before formulas are not part of the values.
    """

    width: int
    columns: tuple[str, ...]
    places: tuple[int, ...]
    date_places: tuple[int, ...]
    never_kept: tuple[str, ...]
    warnings: tuple[Problem, ...]
    is_guarded: bool = False

    def build_row(self, record: Record) -> RawRow | RejectedRow:
        given = record.cells
        if len(given) == self.width and not record.is_broken:
            cells = self._as_meant(
                given if len(self.places) == self.width else [given[place] for place in self.places]
            )
            if "".join(cells).strip():
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
            return self._rejected(record, tuple(record.cells), {}, Problem("", QUOTES, message))
        ignored = set(range(self.width)) - set(self.places)
        cells = self._as_meant(cell for place, cell in enumerate(record.cells) if place not in ignored)
        advice = (
            "put cells that hold a comma in quotation marks."
            if len(record.cells) > self.width
            else "the row was cut off, or cells at its end are missing."
        )
        message = f"The row has {len(record.cells)} cells, the header has {self.width}; {advice}"
        raw = dict(zip(self.columns, cells, strict=False))
        return self._rejected(record, cells, raw, Problem("", CELL_COUNT, message))

    def _rejected(
        self, record: Record, cells: tuple[str, ...], raw: Mapping[str, str], problem: Problem
    ) -> RejectedRow:
        """A row whose cells can't be told apart, as given, unless it may hold what is never kept."""
        if not self.never_kept:
            return RejectedRow(record.number, raw, cells, (problem,))
        message = (
            f"{problem.message} Its text was not kept, as the file has columns that never are; "
            "correct it in the file it came in."
        )
        return RejectedRow(record.number, {}, (), (Problem("", problem.code, message),))


def _layout(header: Record | None, feed: FeedFormat) -> _Layout:
    """Check the header and say where its columns are."""
    cells = [] if header is None else header.cells
    is_guarded = set(SET_ASIDE_COLUMNS) <= {cell.strip().lower() for cell in cells}
    if is_guarded:
        cells = [unguard_cell(cell) for cell in cells]
    _check_separator(cells, feed)
    if len(cells) > MAX_COLUMNS or not all(cell.strip().isprintable() for cell in cells):
        raise UnusableFile("The file is not a CSV text file; export it as CSV in UTF-8.")
    header_read = read_header(cells, feed.columns)
    names = header_read.names
    _check_required(names, feed)
    left_out = header_read.never_kept | set(SET_ASIDE_COLUMNS)
    places = tuple(place for place, name in enumerate(names) if name not in left_out)
    return _Layout(
        width=len(names),
        columns=tuple(names[place] for place in places),
        places=places,
        date_places=tuple(place for place, name in enumerate(names) if name in feed.date_columns),
        never_kept=tuple(name for name in names if name in header_read.never_kept),
        warnings=header_read.warnings,
        is_guarded=is_guarded,
    )


def _check_required(names: Sequence[str], feed: FeedFormat) -> None:
    """Raise if the first row is no header of this feed, or lacks a required column."""
    missing = [column for column in feed.required if column not in names]
    near_misses = _near_misses(names, missing)
    if not set(names) & set(feed.columns) and not near_misses:
        raise UnusableFile(f"The file has no header row; the first row of a {feed.name} names its columns.")
    is_mostly_unknown = len(set(names) & set(feed.columns)) * 2 < len(names)
    if missing == list(feed.required) and is_mostly_unknown and not near_misses:
        # The header may hold a person's data by mistake, so the message repeats none of it.
        raise UnusableFile(
            f"The file has no header row; the first row of a {feed.name} names its columns, "
            f"among them {', '.join(feed.required)}."
        )
    if missing:
        columns = "column" if len(missing) == 1 else "columns"
        raise UnusableFile(
            f"The header of a {feed.name} lacks the {columns} {', '.join(missing)}.{near_misses}"
        )


def _near_misses(names: Sequence[str], missing: Sequence[str]) -> str:
    """For each name that was probably meant for a missing column: where it stands, and the question."""
    return "".join(
        f" In column {place}, did you mean `{column}`?"
        for place, name in enumerate(names, start=1)
        if (column := likely_column(name, missing)) is not None
    )


def _check_separator(cells: Sequence[str], feed: FeedFormat) -> None:
    """Raise if the header makes sense with another separator only."""
    columns = {fold_header(column) for column in feed.columns}
    names = {fold_header(cell) for cell in cells}
    if {fold_header(column) for column in feed.required} <= names:
        return
    line = ",".join(cells)
    for separator, plural in OTHER_SEPARATORS:
        parts = {fold_header(part) for part in line.split(separator)}
        if len(parts & columns) > len(names & columns):
            raise UnusableFile(f"The columns are separated by {plural}; export the file with commas.")
