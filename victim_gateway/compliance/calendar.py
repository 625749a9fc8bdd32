"""Working days in England and Wales: Monday to Friday, less the bank holidays of a table with known ends."""

from __future__ import annotations

import csv
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from victim_gateway.errors import CalendarExhausted

_TABLE = Path(__file__).parent / "data" / "bank-holidays-england-wales.csv"
_ONE_DAY = timedelta(days=1)
_SATURDAY = 5


class WorkingCalendar:
    """The working days of whole years, from the first year with a holiday in the table to the last.

    Outside those years no day is known, because the table may lack its holidays.
    """

    def __init__(self, holidays: Iterable[date]) -> None:
        """`holidays` are the weekdays that are not worked. Raises ValueError when there are none."""
        self.holidays = frozenset(holidays)
        if not self.holidays:
            raise ValueError("a calendar without a single bank holiday covers no year")
        self.first_day = date(min(self.holidays).year, 1, 1)
        self.last_day = date(max(self.holidays).year, 12, 31)
        span = (self.last_day - self.first_day).days + 1
        every_day = (self.first_day + timedelta(days=n) for n in range(span))
        self.working_days = tuple(
            day for day in every_day if day.weekday() < _SATURDAY and day not in self.holidays
        )

    @property
    def coverage(self) -> str:
        """The first and last day of the table as text, for messages."""
        return f"the bank-holiday table covers {self.first_day} to {self.last_day}"


def add_working_days(start: date, days: int, calendar: WorkingCalendar) -> date:
    """The day on which a limit of `days` working days that starts on `start` runs out.

    Day 1 is the first working day after `start`, which need not be a working day itself; a limit of 0
    runs out on `start`. Raises CalendarExhausted rather than guess past the last bank holiday known:
    a deadline a day out is worse than none.
    """
    if days < 0:
        raise ValueError("a limit can't be negative")
    if days == 0:
        return start
    position = bisect_right(calendar.working_days, start) + days - 1
    # The start itself is never counted, so only the day after it has to lie in the table.
    if start < calendar.first_day - _ONE_DAY or position >= len(calendar.working_days):
        unit = "working day" if days == 1 else "working days"
        raise CalendarExhausted(f"{days} {unit} from {start} can't be counted: {calendar.coverage}")
    return calendar.working_days[position]


def latest_start(today: date, days: int, calendar: WorkingCalendar) -> date:
    """The latest day from which `days` working days have run out by `today`: the reverse of `add_working_days`.

    Raises CalendarExhausted where the table does not reach.
    """
    if days == 0:
        return today
    position = bisect_right(calendar.working_days, today) - days
    if position < 0 or today > calendar.last_day:
        raise CalendarExhausted(f"{days} working days before {today} can't be counted: {calendar.coverage}")
    return calendar.working_days[position] - _ONE_DAY


def next_working_day(day: date, calendar: WorkingCalendar) -> date:
    """The day itself if it is a working day, else the next working day. For tasks, never for the Code.

    Outside the table every weekday counts as a working day: a task may then fall due on a bank holiday,
    which is better than refusing to save it.
    """
    while day.weekday() >= _SATURDAY or day in calendar.holidays:
        day += _ONE_DAY
    return day


def last_working_day_before(day: date, calendar: WorkingCalendar) -> date:
    """The last working day before a day. Raises CalendarExhausted outside the table."""
    position = bisect_left(calendar.working_days, day) - 1
    if position < 0 or day > calendar.last_day:
        raise CalendarExhausted(f"the working day before {day} is not known: {calendar.coverage}")
    return calendar.working_days[position]


def earlier_deadline(due_on: date, start: date, days: int, calendar: WorkingCalendar) -> date:
    """The earlier of `due_on`, which lies in the table, and the end of `days` working days from `start`.

    Nothing past `due_on` is counted, so a count that would run out of the table can't be the earlier.
    """
    days_left = bisect_right(calendar.working_days, due_on) - bisect_right(calendar.working_days, start)
    return min(due_on, add_working_days(start, days, calendar)) if days <= days_left else due_on


def read_holidays(table: Path = _TABLE) -> dict[date, str]:
    """The bank holidays of a table with the columns `date` and `title`, in its order."""
    with table.open(encoding="utf-8", newline="") as lines:
        return {date.fromisoformat(row["date"]): row["title"] for row in csv.DictReader(lines)}


@cache
def england_and_wales() -> WorkingCalendar:
    """The calendar of the table that comes with the program."""
    return WorkingCalendar(read_holidays())
