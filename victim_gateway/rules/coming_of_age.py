"""When a person turns 18, and whether that happened since they became known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time

from victim_gateway import times
from victim_gateway.compliance.victim_categories import ADULT_AGE


def adult_from(born: date) -> datetime:
    """When a person turns 18; those of 29 February on 1 March: 18 years on, there is none."""
    month, day = (3, 1) if (born.month, born.day) == (2, 29) else (born.month, born.day)
    return datetime.combine(date(born.year + ADULT_AGE, month, day), time.min, times.LONDON)


def is_new_adult(born: date | None, known_since: datetime, at: datetime) -> bool:
    """Whether a person who was a child when they became known is none any more."""
    return born is not None and known_since < adult_from(born) <= at


def born_18_years_before(day: date) -> Iterator[date]:
    """The birth dates of those who turn 18 on a day: also of 29 February, where that year has none."""
    year = day.year - ADULT_AGE
    if (day.month, day.day) != (2, 29) or _is_leap(year):
        yield day.replace(year=year)
    if (day.month, day.day) == (3, 1) and _is_leap(year) and not _is_leap(day.year):
        yield date(year, 2, 29)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
