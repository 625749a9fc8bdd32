"""Reading the cells of a row, for both feeds, before checks across columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from victim_gateway.feeds.cells import CellReader, MendedValue
from victim_gateway.feeds.problems import MISSING, NUL, CellError, Problem, problem_with


@dataclass(slots=True)
class CellsRead:
    """`values` has every column of the feed, None where blank or lost; `mended` values were kept."""

    values: dict[str, Any]
    lost: list[Problem] = field(default_factory=list)
    mended: list[Problem] = field(default_factory=list)

    def reject_cell(self, column: str, code: str, expected: str) -> None:
        """Empty a column and record the problem; `expected` completes a sentence that starts with its name."""
        self.values[column] = None
        self.lost.append(problem_with(column, CellError(code, expected)))


@dataclass(frozen=True, slots=True)
class CellPlan:
    """How the cells below one header are read; made once for a file, not for each of its rows."""

    readers: tuple[tuple[str, CellReader], ...]
    columns: frozenset[str]
    empty: Mapping[str, None]


def plan_cells(header: Collection[str], readers: Mapping[str, CellReader]) -> CellPlan:
    """The plan for a header: the readers of those of its columns that are known, in the feed's order."""
    known = {column: reader for column, reader in readers.items() if column in header}
    return CellPlan(tuple(known.items()), frozenset(known), dict.fromkeys(readers))


def read_cells(raw: Mapping[str, str], plan: CellPlan) -> CellsRead:
    """Read every known column by its own rule."""
    read = CellsRead(dict(plan.empty))
    for column, reader in plan.readers:
        text = raw.get(column)
        if not text or not (text := text.strip()):
            continue
        try:
            read.values[column] = reader(text)
        except CellError as error:
            read.reject_cell(column, error.code, error.expected)
        except MendedValue as mended:
            read.values[column] = mended.value
            read.mended.append(problem_with(column, mended.error))
    return read


def reasons_to_set_aside(
    read: CellsRead, raw: Mapping[str, str], *, required: Mapping[str, str], must_be_whole: Collection[str]
) -> tuple[Problem, ...]:
    """The problems that make a row unusable; empty if there are none.

    `required` says for each such column what to give; `must_be_whole` are the columns that may be blank or
    right, but not lost.
    """
    reasons = _missing_values(raw, required) + _nul_characters(raw)
    known = {(reason.column, reason.code) for reason in reasons}
    reasons += [
        problem
        for problem in read.lost
        if problem.column in must_be_whole and (problem.column, problem.code) not in known
    ]
    return tuple(reasons)


def _missing_values(raw: Mapping[str, str], required: Mapping[str, str]) -> list[Problem]:
    blank = [column for column in required if not raw.get(column, "").strip()]
    return [Problem(column, MISSING, f"{column} is blank; {required[column]}.") for column in blank]


def _nul_characters(raw: Mapping[str, str]) -> list[Problem]:
    # In unknown columns too: they are kept, and a database can't store this character.
    if "\0" not in "".join(raw.values()):
        return []
    message = "holds a NUL character, which no text has; export the row again"
    return [problem_with(column, CellError(NUL, message)) for column, cell in raw.items() if "\0" in cell]
