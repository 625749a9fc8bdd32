"""Working days in England and Wales."""

from __future__ import annotations

from datetime import date, timedelta

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from victim_gateway.compliance.calendar import (
    WorkingCalendar,
    add_working_days,
    earlier_deadline,
    england_and_wales,
    read_holidays,
)
from victim_gateway.errors import CalendarExhausted

CALENDAR = england_and_wales()
ONE_DAY = timedelta(days=1)
days_in_the_table = st.dates(CALENDAR.first_day - ONE_DAY, CALENDAR.last_day - timedelta(days=60))


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        ("2015-09-08", 2, "2015-09-10"),
        ("2020-05-01", 5, "2020-05-11"),
        ("2021-04-02", 2, "2021-04-07"),
        ("2021-12-24", 2, "2021-12-30"),
        ("2022-06-01", 1, "2022-06-06"),
        ("2022-06-01", 5, "2022-06-10"),
        ("2022-09-17", 1, "2022-09-20"),
        ("2022-09-17", 5, "2022-09-26"),
        ("2023-05-05", 1, "2023-05-09"),
        ("2023-05-05", 5, "2023-05-15"),
        ("2024-03-28", 1, "2024-04-02"),
        ("2024-03-28", 5, "2024-04-08"),
        ("2025-12-22", 10, "2026-01-08"),
        ("2026-12-24", 2, "2026-12-30"),
    ],
)
def test_the_worked_examples_come_out_as_printed(start: str, days: int, due: str) -> None:
    assert add_working_days(date.fromisoformat(start), days, CALENDAR) == date.fromisoformat(due)


def test_the_table_agrees_with_an_independent_calendar_on_every_day_of_its_years() -> None:
    years = range(CALENDAR.first_day.year, CALENDAR.last_day.year + 1)
    # The independent calendar also lists holidays on weekends, which change nothing.
    theirs = {day for day in holidays.country_holidays("GB", subdiv="ENG", years=years) if day.weekday() < 5}

    assert set(years) == set(range(2013, 2028))
    assert set(read_holidays()) == theirs


@given(start=days_in_the_table, days=st.integers(1, 25))
def test_a_limit_ends_on_a_working_day_with_that_many_working_days_since_the_start(
    start: date, days: int
) -> None:
    due = add_working_days(start, days, CALENDAR)

    worked = 0
    day = start
    while day < due:
        day += ONE_DAY
        worked += day.weekday() < 5 and day not in CALENDAR.holidays
    assert worked == days
    assert due.weekday() < 5 and due not in CALENDAR.holidays


@given(start=days_in_the_table, days=st.integers(0, 20), more=st.integers(0, 5), later=st.integers(0, 9))
def test_a_later_start_or_a_longer_limit_never_ends_earlier(
    start: date, days: int, more: int, later: int
) -> None:
    due = add_working_days(start, days, CALENDAR)

    assert due <= add_working_days(start, days + more, CALENDAR)
    assert due <= add_working_days(start + timedelta(days=later), days, CALENDAR)


def test_a_limit_of_no_days_ends_on_the_day_it_starts() -> None:
    assert add_working_days(date(2026, 3, 7), 0, CALENDAR) == date(2026, 3, 7)


def test_a_negative_limit_is_a_defect() -> None:
    with pytest.raises(ValueError, match="negative"):
        add_working_days(date(2026, 3, 2), -1, CALENDAR)


def test_the_last_working_day_of_the_table_can_still_be_reached() -> None:
    assert add_working_days(date(2027, 12, 30), 1, CALENDAR) == date(2027, 12, 31)


@pytest.mark.parametrize(("start", "days"), [
    (date(2027, 12, 31), 1), (date(2027, 12, 30), 2), (date(2030, 5, 5), 1), (date(9999, 12, 31), 20),
    (date(2012, 12, 30), 1), (date(2006, 4, 3), 5),
])  # fmt: skip
def test_a_limit_that_leaves_the_table_is_refused_and_not_guessed(start: date, days: int) -> None:
    with pytest.raises(CalendarExhausted, match=rf"{start} can't be counted.*2013-01-01 to 2027-12-31"):
        add_working_days(start, days, CALENDAR)


def test_the_day_before_the_table_begins_can_start_a_limit_because_it_is_not_counted() -> None:
    assert add_working_days(date(2012, 12, 31), 1, CALENDAR) == date(2013, 1, 2)


def test_a_calendar_without_holidays_is_refused() -> None:
    with pytest.raises(ValueError, match="covers no year"):
        WorkingCalendar([])


def test_a_holiday_added_by_proclamation_moves_the_deadline() -> None:
    proclaimed = WorkingCalendar(CALENDAR.holidays | {date(2026, 3, 3)})

    assert add_working_days(date(2026, 3, 2), 1, proclaimed) == date(2026, 3, 4)


@given(due=days_in_the_table, start=days_in_the_table, days=st.integers(0, 25))
def test_the_earlier_deadline_is_the_smaller_of_the_two(due: date, start: date, days: int) -> None:
    expected = min(due, add_working_days(start, days, CALENDAR))

    assert earlier_deadline(due, start, days, CALENDAR) == expected


@pytest.mark.parametrize("start", [date(2027, 12, 30), date(2028, 6, 1)])
def test_a_second_deadline_past_the_table_leaves_the_first_as_it_is(start: date) -> None:
    due = date(2027, 12, 31)

    assert earlier_deadline(due, start, 5, CALENDAR) == due
