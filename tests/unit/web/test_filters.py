"""How dates, times and deadlines are written."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from victim_gateway import vocabulary
from victim_gateway.web import filters, labels

TUESDAY = date(2026, 11, 24)


def test_a_date_is_written_with_its_weekday_and_without_a_leading_nought() -> None:
    assert filters.long_date(date(2026, 3, 6)) == "Friday 6 March 2026"


def test_a_moment_near_midnight_in_summer_is_written_in_london_time() -> None:
    late = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    assert filters.date_and_time(late) == "Thursday 2 July 2026 at 12:30am"


@pytest.mark.parametrize(
    ("hour", "minute", "text"),
    [
        (14, 30, "2:30pm"),
        (14, 0, "2pm"),
        (9, 5, "9:05am"),
        (0, 0, "midnight"),
        (12, 0, "midday"),
        (0, 1, "12:01am"),
    ],
)
def test_a_time_is_written_as_people_say_it(hour: int, minute: int, text: str) -> None:
    assert filters.clock_time(datetime(2026, 1, 5, hour, minute, tzinfo=UTC)) == text


@pytest.mark.parametrize(
    ("due_on", "text"),
    [
        (date(2026, 11, 24), "due today (Tuesday 24 November)"),
        (date(2026, 11, 25), "due tomorrow (Wednesday 25 November)"),
        (date(2026, 11, 27), "due in 3 days (Friday 27 November)"),
        (date(2026, 11, 23), "1 day overdue (was due Monday 23 November)"),
        (date(2026, 11, 21), "3 days overdue (was due Saturday 21 November)"),
        (date(2027, 1, 4), "due in 41 days (Monday 4 January 2027)"),
        (None, "no due date"),
    ],
)
def test_a_deadline_is_written_in_words_with_its_date(due_on: date | None, text: str) -> None:
    assert filters.due_label(due_on, TUESDAY) == text


def test_how_long_ago_counts_london_days() -> None:
    assert filters.days_ago(datetime(2026, 11, 23, 23, 59, tzinfo=UTC), TUESDAY) == "yesterday"
    assert filters.days_ago(TUESDAY, TUESDAY) == "today"
    assert filters.days_ago(date(2026, 11, 20), TUESDAY) == "4 days ago"
    assert filters.days_ago(None, TUESDAY) == "never"


def test_counts_and_rates_are_written_for_reading() -> None:
    assert filters.count_noun(1, "referral") == "1 referral"
    assert filters.count_noun(1204, "referral") == "1,204 referrals"
    assert filters.count_noun(2, "person", "people") == "2 people"
    assert filters.format_percent(0.9541, 1) == "95.4%"
    assert filters.format_percent(None) == "–"


def test_states_of_different_records_with_the_same_value_keep_their_own_words() -> None:
    assert labels.label_of(vocabulary.CloseOutcome.DECLINED) == "The person did not want support"
    assert labels.label_of(vocabulary.OnwardState.DECLINED) == "Declined"
    assert labels.colour_of(vocabulary.OnwardState.DECLINED) == "red"


def test_every_word_of_the_vocabulary_can_be_shown() -> None:
    enums = [
        value
        for value in vars(vocabulary).values()
        if isinstance(value, type)
        and issubclass(value, vocabulary.StrEnum)
        and value is not vocabulary.StrEnum
    ]
    assert enums
    for members in enums:
        for member in members:
            assert labels.label_of(member).strip()
            assert "_" not in labels.label_of(member)
