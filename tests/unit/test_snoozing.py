"""Until when a reminder may be put aside."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from victim_gateway.rules.snoozing import IN_THE_PAST, TOO_FAR, TOO_LATE, SnoozedMatter, refuse_snooze
from victim_gateway.rules.step_dates import RiskBand

NOW = datetime(2026, 10, 22, 9, 0, tzinfo=UTC)
# the day on which the clocks go back: it ends at midnight in London, which is midnight in UTC again
DUE = date(2026, 10, 25)
ITS_END = datetime(2026, 10, 26, 0, 0, tzinfo=UTC)


def matter(**changes: object) -> SnoozedMatter:
    usual = {
        "rule_code": None,
        "about": "make_contact",
        "is_urgent": False,
        "due_on": DUE,
        "risk_band": RiskBand.STANDARD,
    }
    return SnoozedMatter(**(usual | changes))  # type: ignore[arg-type]


HARMFUL = (
    {"risk_band": RiskBand.HIGH},
    {"risk_band": None},
    {"is_urgent": True},
    {"rule_code": "safe_contact_recheck"},
    {"about": "find_safe_way"},
)


@pytest.mark.parametrize("changes", HARMFUL)
def test_where_somebody_could_come_to_harm_it_waits_to_the_end_of_its_day_and_no_longer(
    changes: dict[str, object],
) -> None:
    assert refuse_snooze(matter(**changes), ITS_END, NOW) is None
    refused = refuse_snooze(matter(**changes), ITS_END + timedelta(seconds=1), NOW)
    assert refused is not None and "25 October" in refused


@pytest.mark.parametrize("changes", HARMFUL)
def test_what_is_due_is_not_put_aside_where_somebody_could_come_to_harm(changes: dict[str, object]) -> None:
    for due_on in (NOW.date(), NOW.date() - timedelta(days=3)):
        assert refuse_snooze(matter(**changes, due_on=due_on), NOW + timedelta(hours=1), NOW) == TOO_LATE


def test_anything_else_waits_two_weeks_at_most() -> None:
    assert refuse_snooze(matter(due_on=NOW.date()), NOW + timedelta(days=14), NOW) is None
    assert refuse_snooze(matter(), NOW + timedelta(days=14, seconds=1), NOW) == TOO_FAR
    assert refuse_snooze(matter(due_on=None, risk_band=RiskBand.HIGH), NOW + timedelta(days=9), NOW) is None
    assert refuse_snooze(matter(), NOW, NOW) == IN_THE_PAST
