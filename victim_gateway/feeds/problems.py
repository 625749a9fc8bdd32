"""Problems of cells and rows, with messages a person can act on and that never repeat the value."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

# Stable codes: programs and statistics count them, so they are never renamed.
BLANK_ROW = "blank_row"
BROKEN_LETTERS = "broken_letters"
CELL_COUNT = "cell_count"
CONTROL_CHARACTER = "control_character"
CUT_OFF = "cut_off"
EXTENSION = "extension"
IMPOSSIBLE = "impossible"
IN_FUTURE = "in_future"
LINE_BREAK = "line_break"
MISSING = "missing"
NAME_OF_BUSINESS = "name_of_business"
NEAR_MISS = "near_miss"
NEVER_KEPT = "never_kept"
NEWBORN = "newborn"
NO_CRIME_OR_INCIDENT = "no_crime_or_incident"
NOT_A_NAME = "not_a_name"
NOT_AN_ADDRESS = "not_an_address"
NOT_IN_AREA = "not_in_area"
NOT_IN_LIST = "not_in_list"
NOT_TEXT = "not_text"
NUL = "nul"
OFFICER_OBSERVATION = "officer_observation"
PLACEHOLDER = "placeholder"
QUOTES = "quotes"
REPAIRED = "repaired"
SAME_PERSON = "same_person"
SEVERAL_VALUES = "several_values"
SEVERAL_PEOPLE = "several_people"
SPREADSHEET_DAMAGE = "spreadsheet_damage"
STRAND_NOT_NAMED = "strand_not_named"
TITLE_MOVED = "title_moved"
TOO_LONG = "too_long"
UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault. `column` is empty when the whole row is meant; `message` names no value from the row."""

    column: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Accepted(Generic[T]):
    """A usable row; a warning's column is empty in `row` unless its message says that it was kept."""

    row: T
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that can't be used as it is; `cells` are as given, in the order of the file's columns."""

    number: int
    raw: Mapping[str, str]
    cells: tuple[str, ...]
    reasons: tuple[Problem, ...]

    @property
    def reason(self) -> str:
        """All reasons in one line, for the `reason` column and for lists."""
        return " ".join(problem.message for problem in self.reasons)


class CellError(Exception):
    """A cell can't be used; raised by the readers of cells and turned into a `Problem` by their caller."""

    def __init__(self, code: str, expected: str) -> None:
        """`expected` completes a sentence that starts with the column's name."""
        super().__init__(code)
        self.code = code
        self.expected = expected


class PlaceholderFound(CellError):
    """The cell holds an invented value that stands for nothing: as good as blank, but it is said."""


class MendedValue(Exception):
    """The value can be kept, changed in a way that loses nothing a reader would miss; `error` says what to check."""

    def __init__(self, value: object, error: CellError) -> None:
        super().__init__(error.code)
        self.value = value
        self.error = error


def problem_with(column: str, error: CellError) -> Problem:
    """The problem of one column, e.g. "date_of_birth is not a date; give it as 2018-10-28"."""
    return Problem(column, error.code, f"{column} {error.expected}.")


def problem_documents(problems: Collection[Problem]) -> list[dict[str, str]]:
    """Problems as they are stored: a column, a code, and a message without the value."""
    return [
        {"column": problem.column, "code": problem.code, "words": problem.message} for problem in problems
    ]
