"""The only source of the present time, and of London dates from moments."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
MIDDAY = time(12)


def now() -> datetime:
    """The present moment, aware, in UTC. Only routes, tasks and commands call this; others get it as an argument."""
    return datetime.now(UTC)


def london_date(moment: datetime) -> date:
    """The calendar date in London at an aware moment. Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a moment without an offset has no date")
    return moment.astimezone(LONDON).date()


def age_on(born_on: date, day: date) -> int:
    """The age in whole years on a day. A person born on 29 February is a year older on 1 March of a common year."""
    had_birthday = (day.month, day.day) >= (born_on.month, born_on.day)
    return day.year - born_on.year - (0 if had_birthday else 1)


def from_london_wall(moment: datetime) -> datetime:
    """An aware UTC moment from one that may lack an offset (then: London wall time).

    A wall time that occurs twice, in the hour the clocks go back, is taken as the first; one that
    never occurs, in the hour they go forward, is taken an hour later, as the clock would show it.
    """
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=LONDON)
    return moment.astimezone(UTC)


def parse_moment(text: str) -> datetime:
    """An ISO 8601 moment or date (its midnight), aware, in UTC; without an offset it is London wall time.

    Raises ValueError when the text is neither.
    """
    return from_london_wall(datetime.fromisoformat(text.strip()))


def moment_on(day: date | None, at: time | None, now: datetime) -> datetime | None:
    """The moment of a London day and time that a person typed; without a time midday, but not after now.

    Midday falls on the same date everywhere it is read. A time that was typed is kept, future or not.
    """
    if day is None:
        return None
    moment = from_london_wall(datetime.combine(day, at or MIDDAY))
    return moment if at else min(moment, now)
