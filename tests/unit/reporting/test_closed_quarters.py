"""Answers of people are counted in whole quarters that are over, whatever period a reader chooses."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from victim_gateway.reporting.closed_quarters import newest_closed_quarter


@pytest.mark.parametrize(
    ("last", "today", "first_day", "last_day"),
    [
        ("2026-11-28", "2026-11-28", "2026-07-01", "2026-09-30"),
        ("2026-09-30", "2026-11-28", "2026-07-01", "2026-09-30"),
        ("2026-09-29", "2026-11-28", "2026-04-01", "2026-06-30"),
        ("2026-09-30", "2026-09-30", "2026-04-01", "2026-06-30"),
        ("2026-12-31", "2027-01-01", "2026-10-01", "2026-12-31"),
        ("2030-01-01", "2026-02-03", "2025-10-01", "2025-12-31"),
    ],
)
def test_the_newest_quarter_that_is_over_by_a_day(
    last: str, today: str, first_day: str, last_day: str
) -> None:
    read = date.fromisoformat
    assert newest_closed_quarter(read(last), read(today)) == (read(first_day), read(last_day))


def test_no_two_periods_differ_by_less_than_a_quarter() -> None:
    today = date(2026, 11, 28)
    found = {newest_closed_quarter(today - timedelta(days=back), today) for back in range(800)}
    ordered = sorted(found)
    assert all(one[1] < other[0] for one, other in zip(ordered, ordered[1:], strict=False))
