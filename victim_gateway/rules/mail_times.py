"""When a reader is written to: the hour of the digest, quiet hours, working days. London wall time, as moments.

A wall time that a clock change leaves out is taken an hour later, one that occurs twice the first time: so each local
day has one digest, and no more.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from victim_gateway import times

_ONE_DAY = timedelta(days=1)
# A week of chosen days may fall on bank holidays, as at Christmas.
_FURTHEST_DAYS = 60


@dataclass(frozen=True, slots=True)
class MailTimes:
    """The times of one reader. `digest_days`: weekdays from 0, Monday. Without quiet hours both ends are None."""

    digest_time: time
    digest_days: tuple[int, ...]
    quiet_from: time | None
    quiet_until: time | None
    at_once: bool = True


def is_digest_day(day: date, chosen: MailTimes, holidays: Collection[date]) -> bool:
    """Whether the reader has a digest on a day: a weekday of theirs that is no bank holiday."""
    return day.weekday() in chosen.digest_days and day not in holidays


def digest_moment(day: date, chosen: MailTimes) -> datetime:
    """The moment of a day's digest."""
    return times.from_london_wall(datetime.combine(day, chosen.digest_time))


def next_digest(after: date, chosen: MailTimes, holidays: Collection[date]) -> datetime:
    """The moment of the first digest on a later day than `after`."""
    for ahead in range(1, _FURTHEST_DAYS):
        day = after + ahead * _ONE_DAY
        if is_digest_day(day, chosen, holidays):
            return digest_moment(day, chosen)
    return digest_moment(after + _FURTHEST_DAYS * _ONE_DAY, chosen)


def end_of_quiet_hours(at: datetime, chosen: MailTimes) -> datetime | None:
    """When the quiet hours end in which a moment lies; None where it lies in none."""
    if chosen.quiet_from is None or chosen.quiet_until is None:
        return None
    wall = at.astimezone(times.LONDON)
    if not _is_within(wall.time(), chosen.quiet_from, chosen.quiet_until):
        return None
    wall_end = datetime.combine(wall.date(), chosen.quiet_until, tzinfo=times.LONDON)
    # In the night the clocks go back the hour of the end may come twice.
    ends = (wall_end, wall_end.replace(fold=1), wall_end + _ONE_DAY)
    return next(moment for end in ends if (moment := times.from_london_wall(end)) > at)


def _is_within(moment: time, begins: time, ends: time) -> bool:
    if begins < ends:
        return begins <= moment < ends
    return moment >= begins or moment < ends
