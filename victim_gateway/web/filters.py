"""How dates, times, counts and deadlines are written on a page: plain words, London time."""

from __future__ import annotations

from datetime import date, datetime, time

from flask import Flask

from victim_gateway import times
from victim_gateway.database.bounded_counts import MOST_COUNTED
from victim_gateway.rules.kind_answers import describe_kind
from victim_gateway.rules.service_capacity import describe_capacity, describe_confirmation
from victim_gateway.rules.service_kinds import label_of_step

NO_DATE = "no date"


def long_date(value: date | datetime | None) -> str:
    """`Tuesday 24 November 2026`. A moment is put in London first; None is "no date"."""
    if value is None:
        return NO_DATE
    day = _day(value)
    return f"{day:%A} {day.day} {day:%B} {day.year}"


def short_date(value: date | datetime | None) -> str:
    """`24 Nov 2026`, for tables."""
    if value is None:
        return NO_DATE
    day = _day(value)
    return f"{day.day} {day:%b} {day.year}"


def clock_time(value: datetime | None) -> str:
    """`2:30pm`, `2pm`, `midday`, `midnight`, in London."""
    if value is None:
        return "no time"
    return format_time(value.astimezone(times.LONDON).time())


def format_time(wall: time) -> str:
    """A time by the clock on the wall: `2:30pm`, `2pm`, `midday`, `midnight`."""
    if wall.minute == 0 and wall.hour in (0, 12):
        return "midday" if wall.hour else "midnight"
    minutes = f":{wall.minute:02d}" if wall.minute else ""
    return f"{wall.hour % 12 or 12}{minutes}{'pm' if wall.hour >= 12 else 'am'}"


def date_and_time(value: datetime | None) -> str:
    """`Tuesday 24 November 2026 at 2:30pm`, in London."""
    return NO_DATE if value is None else f"{long_date(value)} at {clock_time(value)}"


def due_label(due_on: date | None, today: date) -> str:
    """A deadline as a phrase with the date: `due tomorrow (Wednesday 25 November)`.

    Counted in calendar days, because that is how a reader counts; the deadline itself was counted
    in working days before it came here. The year is added when it isn't this one.
    """
    if due_on is None:
        return "no due date"
    days = (due_on - today).days
    written = f"{due_on:%A} {due_on.day} {due_on:%B}" + (
        f" {due_on.year}" if due_on.year != today.year else ""
    )
    if days < 0:
        return f"{count_noun(-days, 'day')} overdue (was due {written})"
    when = {0: "today", 1: "tomorrow"}.get(days, f"in {days} days")
    return f"due {when} ({written})"


def days_ago(value: date | datetime | None, today: date) -> str:
    """`today`, `yesterday`, `3 days ago`; a date to come is written out."""
    if value is None:
        return "never"
    days = (today - _day(value)).days
    if days < 0:
        return long_date(value)
    return {0: "today", 1: "yesterday"}.get(days, f"{days:,} days ago")


def count_noun(count: int, one: str, many: str | None = None) -> str:
    """`1 referral`, `2 referrals`, `1,204 referrals`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def capitalize_first(text: str) -> str:
    """The first letter large, the rest as it is (Jinja's `capitalize` makes "Tuesday" small)."""
    return text[:1].upper() + text[1:]


def format_number(value: int | float | None) -> str:
    """Thousands with commas; None is an en dash, which a table reads as "nothing to count"."""
    return "–" if value is None else f"{value:,}"


def format_bounded(value: int, more: str = "") -> str:
    """A count that stops at a bound: `1,000+` above it, or after the text `more` the bound itself."""
    if value <= MOST_COUNTED:
        return format_number(value)
    return f"{more}{MOST_COUNTED:,}" if more else f"{MOST_COUNTED:,}+"


def format_percent(value: float | None, places: int = 0) -> str:
    """0.954 is `95%`; None, where there was nothing to divide by, is an en dash."""
    return "–" if value is None else f"{value * 100:.{places}f}%"


def _day(value: date | datetime) -> date:
    return times.london_date(value) if isinstance(value, datetime) else value


def _today() -> date:
    return times.london_date(times.now())


def register_filters(app: Flask) -> None:
    """Every function above as a filter of its own name; `today` is London's unless the page gives one."""
    for plain in (
        long_date,
        short_date,
        clock_time,
        date_and_time,
        count_noun,
        capitalize_first,
        format_bounded,
        format_number,
        format_percent,
    ):
        app.add_template_filter(plain)
    app.add_template_filter(describe_capacity, "capacity_text")
    app.add_template_filter(describe_confirmation, "confirmation_text")
    app.add_template_filter(describe_kind, "describe_kind")
    app.add_template_filter(label_of_step, "step_label")
    app.add_template_filter(lambda due_on, today=None: due_label(due_on, today or _today()), "due_label")
    app.add_template_filter(lambda value, today=None: days_ago(value, today or _today()), "days_ago")
