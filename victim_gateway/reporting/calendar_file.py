"""An iCalendar file (RFC 5545) of whole days. Only ASCII of our own goes in: no text that a person typed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

# Seen by whoever looks at the telephone that shows it: nothing in it says what the service is for.
CALENDAR_NAME = "Work due"
_PRODUCT = "-//Gateway//Work due//EN"
_OCTETS_OF_A_LINE = 75


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """One day in a calendar. `key` stays the same when the day or the title changes."""

    key: str
    day: date
    title: str


def build_calendar_file(entries: Iterable[CalendarEntry], *, at: datetime) -> bytes:
    """The file, with `at` (UTC) as the moment at which it is true."""
    return "".join(f"{part}\r\n" for line in _lines(entries, at) for part in _fold(line)).encode("ascii")


def _lines(entries: Iterable[CalendarEntry], at: datetime) -> Iterator[str]:
    yield from ("BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{_PRODUCT}", f"X-WR-CALNAME:{CALENDAR_NAME}")
    yield from ("REFRESH-INTERVAL;VALUE=DURATION:PT1H", "X-PUBLISHED-TTL:PT1H")
    for entry in entries:
        yield "BEGIN:VEVENT"
        yield f"UID:{entry.key}@gateway"
        yield f"DTSTAMP:{at:%Y%m%dT%H%M%SZ}"
        yield f"DTSTART;VALUE=DATE:{entry.day:%Y%m%d}"
        # The end of a whole day is the day after.
        yield f"DTEND;VALUE=DATE:{entry.day + timedelta(days=1):%Y%m%d}"
        yield f"SUMMARY:{_escape(entry.title)}"
        yield "CLASS:PRIVATE"
        yield "TRANSP:TRANSPARENT"
        yield "END:VEVENT"
    yield "END:VCALENDAR"


def _escape(text: str) -> str:
    """As the format asks, in ASCII: a typographic apostrophe of a label is a plain one here."""
    for plain, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n"), ("’", "'")):
        text = text.replace(plain, escaped)
    return text.encode("ascii", "replace").decode("ascii")


def _fold(line: str) -> Iterator[str]:
    yield line[:_OCTETS_OF_A_LINE]
    for start in range(_OCTETS_OF_A_LINE, len(line), _OCTETS_OF_A_LINE - 1):
        yield f" {line[start : start + _OCTETS_OF_A_LINE - 1]}"
