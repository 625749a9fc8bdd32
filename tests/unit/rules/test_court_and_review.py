"""When a room can be booked, when staff are reminded, and by when an authority owes its next step."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from config.area_support import CaseReviewProfile
from victim_gateway.rules.court_and_review import (
    BookingTimes,
    case_review_due,
    refused_booking_times,
    remind_from,
)
from victim_gateway.vocabulary import CaseReviewState

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("begins", "lasts", "wrong"),
    [
        (NOW + HOUR, HOUR, set()),
        (NOW, HOUR, {"on"}),
        (NOW + timedelta(days=800), HOUR, {"on"}),
        (NOW + HOUR, timedelta(0), {"until_time"}),
        (NOW + HOUR, -HOUR, {"until_time"}),
        (NOW + HOUR, 13 * HOUR, {"until_time"}),
    ],
)
def test_a_room_is_booked_ahead_and_for_part_of_a_day(
    begins: datetime, lasts: timedelta, wrong: set[str]
) -> None:
    assert refused_booking_times(BookingTimes(begins, begins + lasts), NOW).keys() == wrong


@pytest.mark.parametrize(
    ("on", "days", "first"),
    [
        ("2026-03-05", 2, "2026-03-03"),
        ("2026-03-09", 2, "2026-03-05"),
        ("2026-04-08", 2, "2026-04-02"),
        ("2026-03-05", 0, "2026-03-05"),
    ],
)
def test_staff_are_reminded_so_many_working_days_before(on: str, days: int, first: str) -> None:
    assert remind_from(date.fromisoformat(on), working_days=days) == date.fromisoformat(first)


def test_an_authority_owes_the_threshold_and_then_its_answer_where_the_area_sets_days() -> None:
    profile = CaseReviewProfile(threshold_working_days=10, answer_working_days=30)
    asked, decided = date(2026, 3, 2), date(2026, 3, 10)
    assert case_review_due(CaseReviewState.ASKED, asked, None, profile) == date(2026, 3, 16)
    assert case_review_due(CaseReviewState.THRESHOLD_MET, asked, decided, profile) == date(2026, 4, 23)
    assert case_review_due(CaseReviewState.ANSWERED, asked, decided, profile) is None
    assert case_review_due(CaseReviewState.ASKED, asked, None, CaseReviewProfile()) is None
