"""What the Code promises a person, in plain sentences that can be said to them, and the question to ask about each.

What the Code asks of one service towards another (a court that tells a Witness Care Unit) is no promise to a
person and has no sentence here.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class PlainRight:
    """One promise: the sentence to say, and the question whether it was done."""

    promise: str
    question: str


@dataclass(frozen=True, slots=True)
class SheetRight:
    """One of the Code's Rights as the printed sheet names it; it says nothing of any case."""

    right: str
    heading: str
    sentence: str


@cache
def sheet_rights() -> tuple[SheetRight, ...]:
    """The Rights in their order, for a sheet that anyone may read."""
    with (_DATA / "plain-sheet.csv").open(encoding="utf-8", newline="") as lines:
        return tuple(SheetRight(**row) for row in csv.DictReader(lines))


@cache
def plain_rights() -> Mapping[str, PlainRight]:
    """The sentences by entitlement id, the same in every edition."""
    with (_DATA / "plain-rights.csv").open(encoding="utf-8", newline="") as lines:
        return {
            row["entitlement_id"]: PlainRight(row["promise"], row["question"])
            for row in csv.DictReader(lines)
        }
