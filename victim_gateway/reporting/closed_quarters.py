"""Calendar quarters that are over: the periods in which answers of a few people are counted."""

from __future__ import annotations

from datetime import date, timedelta


def newest_closed_quarter(last: date, today: date) -> tuple[date, date]:
    """First and last day of the newest quarter that ends by a day and is over.

    A period that a reader chooses freely would tell one answer by its difference to the same period less a day.
    """
    day = min(last, today - timedelta(days=1)) + timedelta(days=1)
    ends = date(day.year, (day.month - 1) // 3 * 3 + 1, 1) - timedelta(days=1)
    return date(ends.year, ends.month - 2, 1), ends
