"""What counts as a step on a case: whatever a person did on it, but for the entries of `data/case-steps.csv`.

Every step restarts the time after which a case counts as stalled. What a feed or the service itself appends is none.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

_TABLE = Path(__file__).parent.parent / "data" / "case-steps.csv"


@cache
def events_without_step() -> tuple[str, ...]:
    """The timeline entries that are no step although a person caused them, in the order of the table."""
    with _TABLE.open(encoding="utf-8", newline="") as lines:
        return tuple(row["event"] for row in csv.DictReader(lines))
