"""What the force has said of a referral so far, and what another row changes of it.

A file says something only in the columns it has. What a later file said is never overwritten by an earlier one, and
a blank or unreadable cell never takes a protective answer away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from victim_gateway.feeds.referrals import ReferralRow
from victim_gateway.vocabulary import PROTECTIVE_COLUMNS

# Beside the protective answers: what enhances the rights of a person, or makes a child of them. A cell that can't be
# read, or that lost its value on the way, must not take that away unsaid.
_KEPT_WHEN_NOTHING_IS_SAID = PROTECTIVE_COLUMNS | {
    "date_of_birth",
    "victim_type",
    "serious_crime",
    "persistently_targeted",
    "interpreter_needed",
    "children_present",
    "repeat_victim",
}


@dataclass(frozen=True, slots=True)
class FeedStatements:
    """The last text of each column, whichever file had it.

    `in_force` has the text that counts where the last one took nothing away; `said_by` the number of the batch of
    each column that is not `batch_number`'s. Sealed with the import row that was applied last.
    """

    batch_number: int = 0
    cells: Mapping[str, str] = field(default_factory=dict)
    in_force: Mapping[str, str] = field(default_factory=dict)
    said_by: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def from_document(cls, document: Mapping[str, Any], batch_number: int = 0) -> FeedStatements:
        """Read the sealed document of an import row of this batch; a new referral's is the row's cells alone."""
        cells = document.get("cells")
        if not isinstance(cells, dict):
            return cls(batch_number, document)
        return cls(batch_number, cells, document.get("in_force", {}), document.get("said_by", {}))

    def document(self) -> dict[str, Any]:
        """What is sealed."""
        return {
            "cells": dict(self.cells),
            "in_force": dict(self.in_force),
            "said_by": dict(self.said_by),
        }

    def effective_cells(self) -> dict[str, str]:
        """The text of each column that counts."""
        return {**self.cells, **self.in_force}

    def is_later_than(self, column: str, batch_number: int) -> bool:
        """Whether a file that was handed in after this batch's said what the column says now."""
        return column in self.cells and self.said_by.get(column, self.batch_number) > batch_number


@dataclass(frozen=True, slots=True)
class RowChanges:
    """What a row changes. `kept` are those of `changed` whose known value stands, as the new cell says nothing.

    `statements` is what the force has said with this row.
    """

    changed: frozenset[str]
    kept: frozenset[str]
    statements: FeedStatements

    @property
    def applied(self) -> frozenset[str]:
        return self.changed - self.kept


def compare_with_statements(
    before: FeedStatements, known: ReferralRow | None, row: ReferralRow, batch_number: int
) -> RowChanges:
    """Compare a row with what the force has said so far; `known` is that, as a typed row.

    Two texts that stand for one value (`Y` and `yes`) are no change.
    """
    said = [column for column in row.columns if not before.is_later_than(column, batch_number)]
    changed = frozenset(column for column in said if _differs(column, before, known, row))
    kept = frozenset(column for column in changed if _takes_nothing_away(column, before, row))
    return RowChanges(changed, kept, _with_row(before, row, said, changed, kept, batch_number))


def _differs(column: str, before: FeedStatements, known: ReferralRow | None, row: ReferralRow) -> bool:
    old_text, new_text = before.cells.get(column, "").strip(), row.raw.get(column, "").strip()
    if old_text == new_text:
        return False
    if known is None or column in before.in_force or column in known.unread or column in row.unread:
        return True
    return bool(getattr(known, column) != getattr(row, column))


def _takes_nothing_away(column: str, before: FeedStatements, row: ReferralRow) -> bool:
    """Whether the new cell is blank or can't be read, in a column whose value must not be lost by that."""
    if column not in _KEPT_WHEN_NOTHING_IS_SAID or getattr(row, column) is not None:
        return False
    return bool(before.effective_cells().get(column, "").strip()) or column in row.unread


def _with_row(
    before: FeedStatements,
    row: ReferralRow,
    said: list[str],
    changed: frozenset[str],
    kept: frozenset[str],
    batch_number: int,
) -> FeedStatements:
    effective = before.effective_cells()
    in_force = {column: text for column, text in before.in_force.items() if column not in changed}
    in_force |= {column: effective.get(column, "") for column in kept}
    said_by = {
        column: before.said_by.get(column, before.batch_number)
        for column in before.cells
        if column not in said
    }
    unknown = {column: text for column, text in row.raw.items() if column not in row.columns}
    cells = {**before.cells, **unknown, **{column: row.raw.get(column, "") for column in said}}
    return FeedStatements(
        batch_number,
        cells,
        in_force,
        {column: number for column, number in said_by.items() if number != batch_number},
    )
