"""From a day that somebody typed to the moment that is kept."""

from __future__ import annotations

from datetime import date, datetime, time

from victim_gateway import times

MIDDAY = time(12)


def moment_on(day: date | None, at: time | None, now: datetime) -> datetime | None:
    """The London day and time as a moment; midday where only the day is known, but never after now.

    Midday falls on the same date everywhere it is read. A time that was typed is kept, future or not.
    """
    if day is None:
        return None
    moment = times.from_london_wall(datetime.combine(day, at or MIDDAY))
    return moment if at else min(moment, now)
