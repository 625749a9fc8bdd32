"""The hour of a digest, quiet hours and chosen days, over whole years and both clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from victim_gateway.compliance.calendar import england_and_wales
from victim_gateway.rules.mail_times import (
    MailTimes,
    digest_moment,
    end_of_quiet_hours,
    is_digest_day,
    next_digest,
)
from victim_gateway.times import LONDON, london_date

EVERY_DAY = tuple(range(7))
HOLIDAYS = england_and_wales().holidays
FORWARD, BACK = date(2026, 3, 29), date(2026, 10, 25)
TIMES = st.times().map(lambda moment: moment.replace(microsecond=0))


def chosen(
    at: time = time(8), days: tuple[int, ...] = EVERY_DAY, quiet: tuple[time, time] | None = None
) -> MailTimes:
    return MailTimes(at, days, *(quiet or (None, None)))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("change", [FORWARD, BACK])
@pytest.mark.parametrize("hour", [time(0), time(1), time(1, 30), time(2), time(8), time(23, 30)])
def test_each_local_day_has_one_digest_across_both_clock_changes(change: date, hour: time) -> None:
    reader = chosen(hour)
    day = change - timedelta(days=3)
    moments = []
    for _ in range(7):
        moment = next_digest(day, reader, frozenset())
        day = london_date(moment)
        moments.append(moment)
    assert [london_date(moment) for moment in moments] == [change + timedelta(days=n) for n in range(-2, 5)]
    assert moments == sorted(set(moments))


def test_eight_in_the_morning_is_eight_by_the_clock_on_the_wall() -> None:
    assert digest_moment(date(2026, 3, 28), chosen()) == utc("2026-03-28T08:00")
    assert digest_moment(FORWARD, chosen()) == utc("2026-03-29T07:00")
    assert digest_moment(BACK, chosen()) == utc("2026-10-25T08:00")
    # left out by the clock: an hour later. Twice on the clock: the first.
    assert digest_moment(FORWARD, chosen(time(1, 30))) == utc("2026-03-29T01:30")
    assert digest_moment(BACK, chosen(time(1, 30))) == utc("2026-10-25T00:30")


def test_bank_holidays_and_other_days_have_none() -> None:
    weekdays = chosen(days=(0, 1, 2, 3, 4))
    assert next_digest(date(2026, 4, 2), weekdays, HOLIDAYS) == digest_moment(date(2026, 4, 7), weekdays)
    assert next_digest(date(2026, 12, 24), weekdays, HOLIDAYS) == digest_moment(date(2026, 12, 29), weekdays)
    assert not is_digest_day(date(2026, 4, 4), weekdays, HOLIDAYS)
    assert is_digest_day(date(2026, 4, 4), chosen(days=(5,)), HOLIDAYS)


@given(
    day=st.dates(date(2020, 1, 1), date(2030, 1, 1)), hour=TIMES, days=st.sets(st.integers(0, 6), min_size=1)
)
def test_the_next_digest_lies_on_a_later_chosen_day(day: date, hour: time, days: set[int]) -> None:
    reader = chosen(hour, tuple(days))
    found = next_digest(day, reader, HOLIDAYS)
    assert day < london_date(found) <= day + timedelta(days=60)
    assert is_digest_day(london_date(found), reader, HOLIDAYS)


@given(
    at=st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1)).map(
        lambda moment: moment.replace(tzinfo=UTC)
    ),
    begins=TIMES,
    ends=TIMES,
)
def test_quiet_hours_end_after_the_moment_and_within_a_day_and_an_hour(
    at: datetime, begins: time, ends: time
) -> None:
    if begins == ends:
        return
    end = end_of_quiet_hours(at, chosen(quiet=(begins, ends)))
    wall = at.astimezone(LONDON).time()
    is_quiet = begins <= wall < ends if begins < ends else wall >= begins or wall < ends
    assert (end is not None) is is_quiet
    if end is not None:
        assert at < end <= at + timedelta(hours=25)


@pytest.mark.parametrize(
    ("at", "end"),
    [
        ("2026-03-02T17:59", None),
        ("2026-03-02T18:00", "2026-03-03T08:00"),
        ("2026-03-03T07:59", "2026-03-03T08:00"),
        ("2026-03-03T08:00", None),
        # the night in which an hour is left out, and the one in which an hour comes twice
        ("2026-03-28T19:00", "2026-03-29T07:00"),
        ("2026-10-24T18:00", "2026-10-25T08:00"),
    ],
)
def test_quiet_hours_from_six_to_eight(at: str, end: str | None) -> None:
    found = end_of_quiet_hours(utc(at), chosen(quiet=(time(18), time(8))))
    assert found == (utc(end) if end else None)


def test_quiet_hours_that_end_in_the_hour_that_comes_twice_end_the_same_night() -> None:
    reader = chosen(quiet=(time(18), time(1, 30)))
    assert end_of_quiet_hours(utc("2026-10-25T00:10"), reader) == utc("2026-10-25T00:30")
    assert end_of_quiet_hours(utc("2026-10-25T01:10"), reader) == utc("2026-10-25T01:30")


def test_who_has_no_quiet_hours_is_never_put_off() -> None:
    assert end_of_quiet_hours(utc("2026-03-02T02:00"), chosen()) is None
