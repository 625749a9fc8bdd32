"""Crimes of the demonstration, drawn in the proportions that the forces published."""

from __future__ import annotations

import csv
from bisect import bisect_left
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path
from random import Random

from victim_gateway.errors import InvalidInput

DATA = Path(__file__).parent / "data"
ANTI_SOCIAL = "Anti-social behaviour"
VIOLENCE = "Violence and sexual offences"
SHOPLIFTING = "Shoplifting"


@dataclass(frozen=True, slots=True)
class Crime:
    """What happened and where; `outcome` is what the police will make of it, by the names of data/README.md."""

    district: str
    crime_type: str
    outcome: str


@cache
def published_crimes(force: str) -> tuple[tuple[Crime, int], ...]:
    """Each kind of crime of a force with its published count, in the order of the file."""
    with (DATA / "crime-mix.csv").open(encoding="utf-8", newline="") as lines:
        return tuple(
            (Crime(row["district"], row["crime_type"], row["outcome"]), int(row["count"]))
            for row in csv.DictReader(lines)
            if row["force"] == force
        )


def draw_crimes(count: int, *, force: str, districts: Collection[str], chance: Random) -> list[Crime]:
    """Draw `count` crimes in the published proportions, rounded to whole numbers, in random order.

    Raises InvalidInput for an area of which no figures are here.
    """
    kinds = [(crime, times) for crime, times in published_crimes(force) if crime.district in districts]
    if not kinds:
        raise InvalidInput(f"there are no published figures of {force} here to make demo data from")
    # Neighbours in this order are alike, and evenly spaced points miss none of them by more than one.
    kinds.sort(key=lambda kind: (kind[0].crime_type, kind[0].district, kind[0].outcome))
    ends = list(accumulate(times for _, times in kinds))
    start = chance.random()
    points = ((number + start) * ends[-1] / count for number in range(count))
    drawn = [kinds[min(bisect_left(ends, point), len(kinds) - 1)][0] for point in points]
    chance.shuffle(drawn)
    return drawn
