"""Working days counted back from a moment, for dating what happened on them."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, datetime, time

from victim_gateway import times
from victim_gateway.compliance.calendar import england_and_wales
from victim_gateway.errors import CalendarExhausted

# The force's file arrives before anybody is at work.
FEED_TIME = time(6, 15)
EVENTS_TIME = time(6, 25)
CLOSING_TIME = time(18)


class WorkingTime:
    """London working days counted back from a moment: day 0 is the last whose morning feed has come.

    `shift` is how many days later than planned everything is told; see below.
    """

    def __init__(self, at: datetime) -> None:
        """Raises CalendarExhausted when the bank-holiday table does not cover the days before `at`."""
        calendar = england_and_wales()
        self._days = calendar.working_days
        today = times.london_date(at)
        if not calendar.first_day.replace(year=calendar.first_day.year + 1) <= today <= calendar.last_day:
            raise CalendarExhausted(f"demo data can't be dated around {today}: {calendar.coverage}")
        self._last = bisect_right(self._days, today) - 1
        if at < self.moment(0, EVENTS_TIME):
            self._last -= 1
        # With day 0 over, as on a Sunday, what was to be told of the day before it is told of day 0 itself:
        # so that what is due next is due on the next working day, and not overdue already.
        self.shift = 1 if at >= self.moment(0, CLOSING_TIME) else 0

    def day(self, days_ago: int) -> date:
        """The date of the working day `days_ago` working days before day 0."""
        return self._days[self._last - days_ago]

    def moment(self, days_ago: int, at: time) -> datetime:
        """A time of day, by London clocks, on a working day; aware, in UTC."""
        return times.from_london_wall(datetime.combine(self.day(days_ago), at))

    def first_at_or_after(self, moment: datetime, at: time) -> int | None:
        """How many working days ago a time of day first came after `moment`; None when it has not come yet."""
        day = times.london_date(moment)
        position = bisect_right(self._days, day)
        if position and self._days[position - 1] == day:
            position -= 1
        days_ago = self._last - position
        if days_ago >= 0 and self.moment(days_ago, at) < moment:
            days_ago -= 1
        return days_ago if days_ago >= 0 else None
