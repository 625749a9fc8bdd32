"""A service's own response standard: by which day it answers an offer."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from victim_gateway import times
from victim_gateway.compliance.calendar import WorkingCalendar, add_working_days
from victim_gateway.provider_vocabulary import AnswerUnit

MOST_WORKING_DAYS = 60
MOST_HOURS = 24 * 60


def answer_due_by_standard(
    offered_at: datetime, amount: int | None, unit: AnswerUnit | None, calendar: WorkingCalendar
) -> date | None:
    """The London date by which a service means to answer an offer; None where it states no standard.

    Hours run through nights and holidays, as a service that states hours works through them. Raises
    CalendarExhausted for a working day beyond the table of bank holidays.
    """
    if amount is None or unit is None:
        return None
    if unit is AnswerUnit.HOURS:
        return times.london_date(offered_at + timedelta(hours=amount))
    return add_working_days(times.london_date(offered_at), amount, calendar)


def describe_standard(amount: int | None, unit: AnswerUnit | None) -> str | None:
    """The standard as a page writes it: `2 working days`; None where there is none."""
    if amount is None or unit is None:
        return None
    one = "working day" if unit is AnswerUnit.WORKING_DAYS else "hour"
    return f"{amount} {one if amount == 1 else one + 's'}"


def find_standard_mistake(amount: int | None, unit: AnswerUnit | None) -> str | None:
    """What is wrong with a standard; None where it may stand."""
    if amount is None and unit is None:
        return None
    if amount is None or unit is None:
        return "Say both the number and whether it is working days or hours"
    most = MOST_WORKING_DAYS if unit is AnswerUnit.WORKING_DAYS else MOST_HOURS
    return None if 1 <= amount <= most else f"Enter a number from 1 to {most:,}"
