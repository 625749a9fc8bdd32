"""Reading the cells of a row, for both feeds, before checks across columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from victim_gateway.feeds.column_reader import CellReader, ColumnReader
from victim_gateway.feeds.folding import LONGEST_BLANK, is_blank_text
from victim_gateway.feeds.problems import (
    MISSING,
    NUL,
    CellError,
    MendedValue,
    PlaceholderFound,
    Problem,
    problem_with,
)

REPEATED_COLUMNS = frozenset(
    {
        *("force", "offence", "offence_code", "district", "lsoa_code", "town", "language", "outcome"),
        *("event", "source"),
    }
)
"""Columns with the same few texts again and again, none of which is about one person."""
MOST_REMEMBERED = 2000


@dataclass(slots=True)
class CellsRead:
    """`values` has every column of the feed, None where blank or lost.

    `lost` are cells that could not be used, `warnings` what else is to be said: the value was kept, or it was
    a placeholder and is as good as blank.
    """

    values: dict[str, Any]
    lost: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def reject_cell(self, column: str, code: str, expected: str) -> None:
        """Empty a column and record the problem; `expected` completes a sentence that starts with its name."""
        self.values[column] = None
        self.lost.append(problem_with(column, CellError(code, expected)))

    def blank_cell(self, column: str, code: str, expected: str) -> None:
        """Empty a column whose cell holds a placeholder, and say so."""
        self.values[column] = None
        self.warn(column, code, expected)

    def warn(self, column: str, code: str, expected: str) -> None:
        """Say something of a column whose value stays as it is."""
        self.warnings.append(problem_with(column, CellError(code, expected)))


@dataclass(frozen=True, slots=True)
class CellPlan:
    """How the cells below one header are read; made once for a file, not for each of its rows.

    Of each column: its name, the whole cells whose value is known, its placeholders, its reader, and whether what
    the reader makes of a cell is remembered.
    """

    cells: tuple[tuple[str, dict[str, object], frozenset[str], CellReader, bool], ...]
    columns: frozenset[str]
    empty: Mapping[str, None]


def plan_cells(header: Collection[str], readers: Mapping[str, ColumnReader]) -> CellPlan:
    """The plan for a header: the readers of those of its columns that are known, in the feed's order."""
    known = {column: reader for column, reader in readers.items() if column in header}
    cells = tuple(
        (column, dict(reader.known), reader.placeholders, reader.read, column in REPEATED_COLUMNS)
        for column, reader in known.items()
    )
    return CellPlan(cells, frozenset(known), dict.fromkeys(readers))


def read_cells(raw: Mapping[str, str], plan: CellPlan) -> CellsRead:
    """Read every known column by its own rule: `ColumnReader.__call__`, written out for speed."""
    read = CellsRead(dict(plan.empty))
    values = read.values
    for column, known, placeholders, reader, is_remembered in plan.cells:
        text = raw[column]
        if not text or not (text := text.strip()):
            continue
        if text in known:
            values[column] = known[text]
            continue
        if len(text) < LONGEST_BLANK and placeholders and is_blank_text(text, placeholders):
            continue
        try:
            values[column] = reader(text)
            if is_remembered and len(known) < MOST_REMEMBERED:
                known[text] = values[column]
        except PlaceholderFound as error:
            read.blank_cell(column, error.code, error.expected)
        except CellError as error:
            read.reject_cell(column, error.code, error.expected)
        except MendedValue as mended:
            values[column] = mended.value
            read.warn(column, mended.error.code, mended.error.expected)
    return read


def reasons_to_set_aside(
    read: CellsRead, raw: Mapping[str, str], *, required: Mapping[str, str], must_be_whole: Collection[str]
) -> tuple[Problem, ...]:
    """The problems that make a row unusable; empty if there are none.

    `required` says for each such column what to give; `must_be_whole` are the columns that may be blank or
    right, but not lost.
    """
    reasons = _missing_values(read, required) + _nul_characters(raw)
    if not reasons and not read.lost:
        return ()
    known = {(reason.column, reason.code) for reason in reasons}
    reasons += [
        problem
        for problem in read.lost
        if problem.column in must_be_whole and (problem.column, problem.code) not in known
    ]
    return tuple(reasons)


def _missing_values(read: CellsRead, required: Mapping[str, str]) -> list[Problem]:
    values = read.values
    blank = [column for column in required if values[column] is None]
    if not blank:
        return []
    lost = {problem.column for problem in read.lost}
    blank = [column for column in blank if column not in lost]
    return [Problem(column, MISSING, f"{column} is blank; {required[column]}.") for column in blank]


def _nul_characters(raw: Mapping[str, str]) -> list[Problem]:
    # In unknown columns too: they are kept, and a database can't store this character.
    if "\0" not in "".join(raw.values()):
        return []
    message = "holds a NUL character, which no text has; export the row again"
    return [problem_with(column, CellError(NUL, message)) for column, cell in raw.items() if "\0" in cell]
