"""The invented feeds: readable by the real readers without a warning, at moments that can be true."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, time

import pytest

from config.area_profile import load_area
from victim_gateway import times
from victim_gateway.compliance.editions import event_names
from victim_gateway.demo import police
from victim_gateway.demo.plan import PlannedReferral, plan_referrals
from victim_gateway.demo.working_time import FEED_TIME, WorkingTime
from victim_gateway.errors import CalendarExhausted
from victim_gateway.feeds import case_events, referrals
from victim_gateway.feeds.problems import Accepted, RejectedRow
from victim_gateway.feeds.reading import examine_file, read_rows

AREA = load_area("staffordshire")
# a winter and a summer day, and the days after both clock changes
MOMENTS = [
    datetime(2026, 1, 14, 12, tzinfo=UTC),
    datetime(2026, 7, 8, 12, tzinfo=UTC),
    datetime(2026, 3, 30, 9, tzinfo=UTC),
    datetime(2026, 10, 26, 9, tzinfo=UTC),
]


def planned(at: datetime) -> tuple[PlannedReferral, ...]:
    return plan_referrals(150, seed=4, force=AREA.force, districts=AREA.districts, on=times.london_date(at))


@pytest.mark.parametrize("at", MOMENTS)
def test_every_referral_is_accepted_without_a_warning(at: datetime) -> None:
    working = WorkingTime(at)
    for case in planned(at):
        stream = io.BytesIO(police.referral_file([police.referral_row(case, working, force=AREA.force)]))
        file = examine_file(stream, referrals.REFERRAL_FEED, max_bytes=1 << 20)
        (row,) = read_rows(stream, file, referrals.REFERRAL_FEED)
        assert not isinstance(row, RejectedRow)
        read = referrals.parse_referral_row(
            row.values, number=2, imported_at=working.moment(case.age, FEED_TIME)
        )
        assert isinstance(read, Accepted)
        assert read.warnings == ()
        assert file.unknown_columns == ()


@pytest.mark.parametrize("at", MOMENTS)
def test_every_event_is_known_when_its_file_comes(at: datetime) -> None:
    working = WorkingTime(at)
    events = [(days_ago, row) for case in planned(at) for days_ago, row in police.case_events(case, working)]
    assert events
    for days_ago, row in events:
        read = case_events.parse_case_event_row(
            row,
            number=2,
            imported_at=working.moment(days_ago, police.EVENTS_TIME),
            event_names=event_names(),
            with_history=False,
        )
        assert isinstance(read, Accepted), row


def test_incidents_that_are_no_crime_have_no_case_events() -> None:
    at = MOMENTS[0]
    working = WorkingTime(at)
    incidents = [case for case in planned(at) if case.crime.crime_type == "Anti-social behaviour"]
    assert incidents
    assert not [event for case in incidents for event in police.case_events(case, working)]


def test_day_0_is_the_last_working_day_whose_feed_has_come() -> None:
    # Easter Monday of 2026 is 6 April
    assert WorkingTime(datetime(2026, 4, 6, 12, tzinfo=UTC)).day(0) == date(2026, 4, 2)
    assert WorkingTime(datetime(2026, 4, 7, 5, 0, tzinfo=UTC)).day(0) == date(2026, 4, 2)
    assert WorkingTime(datetime(2026, 4, 7, 5, 30, tzinfo=UTC)).day(0) == date(2026, 4, 7)
    assert WorkingTime(datetime(2026, 4, 7, 12, tzinfo=UTC)).day(1) == date(2026, 4, 2)


def test_working_moments_are_london_wall_time_in_winter_and_summer() -> None:
    assert WorkingTime(MOMENTS[0]).moment(0, time(9)) == datetime(2026, 1, 14, 9, tzinfo=UTC)
    assert WorkingTime(MOMENTS[1]).moment(0, time(9)) == datetime(2026, 7, 8, 8, tzinfo=UTC)


def test_once_a_day_is_over_everything_is_told_a_day_later() -> None:
    assert WorkingTime(datetime(2026, 3, 10, 12, tzinfo=UTC)).shift == 0
    assert WorkingTime(datetime(2026, 3, 10, 18, tzinfo=UTC)).shift == 1
    assert WorkingTime(datetime(2026, 3, 14, 12, tzinfo=UTC)).shift == 1


def test_a_moment_finds_the_next_file() -> None:
    working = WorkingTime(datetime(2026, 3, 10, 12, tzinfo=UTC))
    saturday = datetime(2026, 3, 7, 12, tzinfo=UTC)
    assert working.first_at_or_after(saturday, FEED_TIME) == 1
    assert working.first_at_or_after(datetime(2026, 3, 9, 6, 15, tzinfo=UTC), FEED_TIME) == 1
    assert working.first_at_or_after(datetime(2026, 3, 9, 6, 16, tzinfo=UTC), FEED_TIME) == 0
    assert working.first_at_or_after(datetime(2026, 3, 10, 6, 16, tzinfo=UTC), FEED_TIME) is None


def test_outside_the_calendar_nothing_is_dated() -> None:
    with pytest.raises(CalendarExhausted):
        WorkingTime(datetime(2031, 3, 10, tzinfo=UTC))
