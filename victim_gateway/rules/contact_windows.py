"""The days and times at which a person may be reached, held against the clock on the wall in London.

Where the plan is silent, the rule is what protects the person:
- the window closes at its latest time: a call that begins then goes on after it;
- a plan whose latest time is not after its earliest leaves no time at all, and a day that cannot be read is no day;
- the wall clock decides, in summer and in winter: an hour that occurs twice is the same hour both times;
- a letter is not held to it: it comes when the post comes, and whether letters are safe has its own answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from victim_gateway import times
from victim_gateway.vocabulary import Channel

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
CHANNELS_WITHOUT_WINDOW = frozenset({Channel.POST.value})
_WEEK = 8


@dataclass(frozen=True, slots=True)
class ContactWindow:
    """Safe days as 0 (Monday) to 6, and the safe times of such a day. None of a kind: no limit of that kind."""

    days: frozenset[int] | None = None
    from_time: time | None = None
    until_time: time | None = None

    @property
    def is_limited(self) -> bool:
        """Whether there is any moment at which the person must not be reached."""
        return self.days is not None or self.from_time is not None or self.until_time is not None

    def contains(self, moment: datetime) -> bool:
        """Whether an aware moment lies on a safe day and within its safe times, in London."""
        wall = moment.astimezone(times.LONDON)
        return self._is_safe_day(wall.date()) and self._is_safe_time(wall.time())

    def next_opening(self, moment: datetime) -> datetime | None:
        """The next moment at which it opens, from a moment outside it; None where it never does."""
        if self.contains(moment):
            return moment
        today = times.london_date(moment)
        for day in (today + timedelta(days=ahead) for ahead in range(_WEEK)):
            opens_at = times.from_london_wall(datetime.combine(day, self.from_time or time()))
            if opens_at > moment and self.contains(opens_at):
                return opens_at
        return None

    def _is_safe_day(self, day: date) -> bool:
        return self.days is None or day.weekday() in self.days

    def _is_safe_time(self, wall: time) -> bool:
        is_begun = self.from_time is None or wall >= self.from_time
        return is_begun and (self.until_time is None or wall < self.until_time)


def read_contact_window(document: Mapping[str, Any]) -> ContactWindow:
    """The window of an opened safe-contact plan; days may be written out or cut to three letters."""
    days = document.get("days")
    return ContactWindow(
        days=frozenset(_weekdays(days)) if days else None,
        from_time=_wall_time(document.get("from_time")),
        until_time=_wall_time(document.get("until_time")),
    )


def describe_window(window: ContactWindow) -> str:
    """The window in words: `Monday and Tuesday between 10:00 and 14:00`; empty where there is none."""
    begins, ends = window.from_time, window.until_time
    hours = ""
    if begins and ends:
        hours = f"between {begins:%H:%M} and {ends:%H:%M}"
    elif begins:
        hours = f"from {begins:%H:%M}"
    elif ends:
        hours = f"before {ends:%H:%M}"
    if window.days is None:
        return f"every day {hours}" if hours else ""
    names = [WEEKDAYS[day] for day in sorted(window.days)] or ["no day that we can read"]
    listed = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    return f"{listed} {hours}".strip()


def _weekdays(names: Any) -> list[int]:
    short = [name[:3].lower() for name in WEEKDAYS]
    return [short.index(str(name)[:3].lower()) for name in names if str(name)[:3].lower() in short]


def _wall_time(text: Any) -> time | None:
    return time.fromisoformat(text) if text else None
