"""Empty the moments of a referral that contradict each other or lie in the future. Nothing is guessed.

Of two columns that contradict each other the later one is emptied, but for the end of an offence, which
decides nothing: it is kept and said.
"""

from __future__ import annotations

from datetime import date, datetime

from victim_gateway import times
from victim_gateway.feeds.moments import FIRST_YEAR, Moment
from victim_gateway.feeds.problems import IMPOSSIBLE, IN_FUTURE, NEWBORN, PLACEHOLDER
from victim_gateway.feeds.rows import CellsRead

OLDEST_AGE = 120
_MOMENTS = (
    *("reported_at", "occurred_to", "transferred_at", "risk_assessed_at", "acknowledged_at", "outcome_at"),
)
_NO_BIRTH_DATE = date(1900, 1, 1)
_NOT_BEFORE_REPORT = ("transferred_at", "acknowledged_at", "outcome_at")


def check_chronology(read: CellsRead, imported_at: datetime) -> None:
    """Empty each moment that lies after the import or doesn't go with the report, and say why."""
    values = read.values
    for column in _MOMENTS:
        moment: Moment | None = values[column]
        if moment is not None and moment.is_after(imported_at):
            read.reject_cell(column, IN_FUTURE, "lies in the future; give when it happened")
    reported: Moment | None = values["reported_at"]
    if reported is None:
        return
    for column in _NOT_BEFORE_REPORT:
        moment = values[column]
        # An earlier hour of the same London date is kept: a report is often typed minutes after the victim was
        # passed on, and what counts is the date.
        if moment is not None and times.london_date(moment.at) < times.london_date(reported.at):
            read.reject_cell(column, IMPOSSIBLE, "is before reported_at")
    _check_offence(read, reported)
    _check_birth(read, reported)


def _check_offence(read: CellsRead, reported: Moment) -> None:
    start: Moment | None = read.values["occurred_from"]
    if start is None:
        return
    if reported.is_before(start):
        read.reject_cell("occurred_from", IMPOSSIBLE, "is after reported_at")
        return
    end: Moment | None = read.values["occurred_to"]
    if end is not None and end.is_before(start):
        read.warn("occurred_to", IMPOSSIBLE, "is before occurred_from (both kept as given)")


def _check_birth(read: CellsRead, reported: Moment) -> None:
    born: date | None = read.values["date_of_birth"]
    if born is None:
        return
    reported_on = times.london_date(reported.at)
    if born == _NO_BIRTH_DATE:
        read.blank_cell(
            "date_of_birth", PLACEHOLDER, "is a placeholder; leave the cell blank if it is not known"
        )
    elif born > reported_on:
        read.reject_cell("date_of_birth", IMPOSSIBLE, "is after reported_at")
    elif born.year < FIRST_YEAR or times.age_on(born, reported_on) > OLDEST_AGE:
        read.reject_cell("date_of_birth", IMPOSSIBLE, f"would make the person older than {OLDEST_AGE}")
    elif born == reported_on:
        # Kept: a newborn is protected as a child, and a report's date taken for a birth date is seen.
        read.warn(
            "date_of_birth", NEWBORN, "is the day of the report; check that the person is a newborn child"
        )
