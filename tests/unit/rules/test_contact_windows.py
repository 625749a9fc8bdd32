"""The safe days and times against the clock in London, in summer, in winter and across both changes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from victim_gateway.rules.contact_windows import describe_window, read_contact_window

WEEK = {"days": ["Monday", "tue"], "from_time": "10:00", "until_time": "14:00"}


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("plan", "moment", "is_safe"),
    [
        (WEEK, at(2026, 1, 5, 10, 0), True),
        (WEEK, at(2026, 1, 5, 9, 59), False),
        (WEEK, at(2026, 1, 5, 13, 59), True),
        (WEEK, at(2026, 1, 5, 14, 0), False),
        (WEEK, at(2026, 1, 6, 12, 0), True),
        (WEEK, at(2026, 1, 7, 12, 0), False),
        # In summer the wall is an hour ahead.
        (WEEK, at(2026, 7, 6, 9, 0), True),
        (WEEK, at(2026, 7, 6, 8, 59), False),
        (WEEK, at(2026, 7, 6, 13, 0), False),
        # Half past eleven at night on Sunday is Monday in London in summer, not in winter.
        ({"days": ["monday"]}, at(2026, 7, 5, 23, 30), True),
        ({"days": ["monday"]}, at(2026, 1, 4, 23, 30), False),
        ({"days": ["monday"]}, at(2026, 7, 6, 23, 30), False),
        # 29 March: 01:00 to 02:00 never occurs; 02:00 on the wall is 01:00 UTC.
        ({"from_time": "02:00"}, at(2026, 3, 29, 0, 59), False),
        ({"from_time": "02:00"}, at(2026, 3, 29, 1, 0), True),
        # 25 October: 01:30 occurs twice, and counts both times.
        ({"from_time": "01:00", "until_time": "02:00"}, at(2026, 10, 25, 0, 30), True),
        ({"from_time": "01:00", "until_time": "02:00"}, at(2026, 10, 25, 1, 30), True),
        ({"from_time": "01:00", "until_time": "02:00"}, at(2026, 10, 25, 2, 0), False),
        ({"until_time": "12:00"}, at(2026, 1, 5, 0, 0), True),
        ({"until_time": "12:00"}, at(2026, 1, 5, 12, 0), False),
        # No limit at all, and limits that leave nothing.
        ({}, at(2026, 1, 5, 3, 0), True),
        ({"days": []}, at(2026, 1, 5, 3, 0), True),
        ({"days": ["whenever"]}, at(2026, 1, 5, 12, 0), False),
        ({"from_time": "14:00", "until_time": "10:00"}, at(2026, 1, 5, 12, 0), False),
        ({"from_time": "14:00", "until_time": "10:00"}, at(2026, 1, 5, 23, 0), False),
    ],
)
def test_the_wall_clock_in_london_decides(plan: dict[str, Any], moment: datetime, is_safe: bool) -> None:
    assert read_contact_window(plan).contains(moment) is is_safe


@pytest.mark.parametrize(
    ("plan", "moment", "opens_at"),
    [
        (WEEK, at(2026, 1, 5, 9, 0), at(2026, 1, 5, 10, 0)),
        (WEEK, at(2026, 1, 5, 12, 0), at(2026, 1, 5, 12, 0)),
        (WEEK, at(2026, 1, 6, 15, 0), at(2026, 1, 12, 10, 0)),
        (
            {"days": ["monday"], "from_time": "10:00", "until_time": "11:00"},
            at(2026, 1, 5, 11, 0),
            at(2026, 1, 12, 10),
        ),
        # Over the change to summer time, 10:00 on the wall comes an hour sooner.
        (WEEK, at(2026, 3, 28, 12, 0), at(2026, 3, 30, 9, 0)),
        (WEEK, at(2026, 10, 24, 12, 0), at(2026, 10, 26, 10, 0)),
        ({"days": ["whenever"]}, at(2026, 1, 5, 12, 0), None),
        ({"from_time": "14:00", "until_time": "10:00"}, at(2026, 1, 5, 12, 0), None),
    ],
)
def test_the_next_safe_moment(plan: dict[str, Any], moment: datetime, opens_at: datetime | None) -> None:
    assert read_contact_window(plan).next_opening(moment) == opens_at


@pytest.mark.parametrize(
    ("plan", "described"),
    [
        (WEEK, "Monday and Tuesday between 10:00 and 14:00"),
        ({"days": ["fri", "mon", "wed"]}, "Monday, Wednesday and Friday"),
        ({"from_time": "17:30"}, "every day from 17:30"),
        ({"until_time": "09:00"}, "every day before 09:00"),
        ({}, ""),
        ({"days": ["whenever"]}, "no day that we can read"),
    ],
)
def test_a_window_in_words(plan: dict[str, Any], described: str) -> None:
    assert describe_window(read_contact_window(plan)) == described
    assert read_contact_window(plan).is_limited is bool(described)
