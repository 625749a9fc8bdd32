"""Dates and moments in the forms a feed may use: ISO 8601, or day first. Anything else is unreadable."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

from victim_gateway import times
from victim_gateway.feeds.problems import IMPOSSIBLE, UNREADABLE, CellError

FIRST_YEAR = 1900
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_ISO_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:T| +)(\d{1,2}:\d\d(?::\d\d(?:\.\d{1,9})?)?) ?(Z|[+-]\d\d:?\d\d)?",
    re.ASCII | re.IGNORECASE,
)
_DAY_FIRST = re.compile(r"(\d{1,2})([/-])(\d{1,2})\2(\d{4})(?:(?:T| +)(\d{1,2}:\d\d(?::\d\d)?))?", re.ASCII)
_DATE_IN_NUMBERS = re.compile(r"\s*(\d{1,2})[/-](\d{1,2})[/-]\d{4}(?!\d)", re.ASCII)
# What databases print for a date kept in a column for moments.
_MIDNIGHT = re.compile(r"[T ]0?0:00(:00(\.0+)?)?$", re.ASCII)

DATE_EXPECTED = "is not a date; give it as 2018-10-28 or 28/10/2018"
MOMENT_EXPECTED = "is not a date and time; give it as 2018-10-28T18:39 or 28/10/2018 18:39"


@dataclass(frozen=True, slots=True)
class Moment:
    """An aware UTC moment. `is_whole_day`: only the date was given, and `at` is its London midnight."""

    at: datetime
    is_whole_day: bool

    def is_before(self, other: Moment) -> bool:
        """Certainly earlier: by date where one of them is only a date.

        In the hour that the clocks go back a wall time may mean either of two moments, so up to an hour
        then proves nothing.
        """
        if self.is_whole_day or other.is_whole_day:
            return times.london_date(self.at) < times.london_date(other.at)
        return self.at < other.at and _latest(self.at) < other.at

    def is_after(self, at: datetime) -> bool:
        """Later than an aware moment."""
        return self.at > at


def _latest(at: datetime) -> datetime:
    """The later of the two moments that have the same London wall time, or the moment itself."""
    wall = at.astimezone(times.LONDON)
    return wall.replace(fold=1).astimezone(UTC)


def read_date(text: str) -> date:
    """A date; raises CellError."""
    text = _MIDNIGHT.sub("", text)
    try:
        if _ISO_DATE.fullmatch(text):
            return date.fromisoformat(text)
        if (found := _DAY_FIRST.fullmatch(text)) and found[5] is None:
            return date(int(found[4]), int(found[3]), int(found[1]))
    except ValueError:
        pass
    raise CellError(UNREADABLE, DATE_EXPECTED)


def read_date_or_yes(text: str) -> bool:
    """True for a date of death: the date itself says that the person has died. Raises CellError."""
    try:
        read_moment(text)
    except CellError as error:
        if error.code == UNREADABLE:
            raise CellError(UNREADABLE, "is not yes or a date of death") from None
    return True


def read_moment(text: str) -> Moment:
    """A date with or without a time of day; without an offset it is London wall time. Raises CellError."""
    try:
        moment = _moment(text)
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        raise CellError(UNREADABLE, MOMENT_EXPECTED)
    if moment.at.year < FIRST_YEAR:
        raise CellError(IMPOSSIBLE, f"is before {FIRST_YEAR}")
    return moment


def _moment(text: str) -> Moment | None:
    # The forms in which nearly every system writes, looked at without a pattern: an import reads millions of them.
    # Of 25 characters it has an offset at the end, as +01:00.
    if (
        (len(text) == 19 or (len(text) == 25 and text[19] in "+-" and text[22] == ":"))
        and text[4] == text[7] == "-"
        and text[10] == "T"
        and text[13] == text[16] == ":"
    ):
        return Moment(times.from_london_wall(datetime.fromisoformat(text)), is_whole_day=False)
    if found := _ISO_MOMENT.fullmatch(text):
        day, clock, offset = found.groups()
        iso = f"{day}T{_two_digit_hour(clock)}{(offset or '').upper()}"
        return Moment(times.from_london_wall(datetime.fromisoformat(iso)), is_whole_day=False)
    if found := _DAY_FIRST.fullmatch(text):
        day_of_month, _, month, year, clock = found.groups()
        iso = f"{year}-{month:0>2}-{day_of_month:0>2}T{_two_digit_hour(clock or '00:00')}"
        return Moment(times.from_london_wall(datetime.fromisoformat(iso)), is_whole_day=clock is None)
    if _ISO_DATE.fullmatch(text):
        return Moment(times.from_london_wall(datetime.fromisoformat(text)), is_whole_day=True)
    return None


def _two_digit_hour(clock: str) -> str:
    return clock if clock[1] != ":" else f"0{clock}"


def order_of_date(text: str) -> str:
    """Whether a date in numbers proves that the file writes the day first ("day") or the month ("month").

    Empty where it proves nothing: both numbers may be a month, or it is another form.
    """
    found = _DATE_IN_NUMBERS.match(text)
    if found is None:
        return ""
    first, second = int(found[1]), int(found[2])
    if first > 12 >= second > 0:
        return "day" if first <= 31 else ""
    return "month" if 0 < first <= 12 < second <= 31 else ""
