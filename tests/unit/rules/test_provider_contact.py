"""A provider is held to the safe days, times and ways that were shared with it, as we are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from victim_gateway.blueprints.onward_referrals.presenters import safe_panel
from victim_gateway.rules.provider_contact import explain_closed_now, explain_unsafe_contact

# A Tuesday in summer time: 11:00 in London.
TUESDAY_11 = datetime(2026, 7, 14, 10, 0, tzinfo=UTC)
TUESDAY_15 = TUESDAY_11.replace(hour=14)
FRIDAY_11 = TUESDAY_11.replace(day=17)


def shared(**differently: Any) -> dict[str, Any]:
    document = {
        "safe": "yes",
        "channels": {"phone": "yes"},
        "number": "07700 900123",
        "checked_on": "2026-07-13",
        "days": ["Monday", "Tuesday"],
        "from_time": "10:00",
        "until_time": "14:00",
    }
    return document | differently


@pytest.mark.parametrize(
    ("document", "at", "reason"),
    [
        (shared(), TUESDAY_11, None),
        (shared(), TUESDAY_15, "Tuesday at 15:00 is not a safe time"),
        (shared(), FRIDAY_11, "Safe is Monday and Tuesday between 10:00 and 14:00"),
        (shared(days=[], from_time=None, until_time=None), FRIDAY_11, None),
        (shared(safe="no"), TUESDAY_11, "not safe"),
        (shared(safe="unknown"), TUESDAY_11, "No way to contact the person is known to be safe"),
        (shared(safe="unknown", is_stale=True), TUESDAY_11, "checked too long ago"),
        (shared(channels={"phone": "no"}), TUESDAY_11, "No way to contact the person"),
        (shared(number=None), TUESDAY_11, "No way to contact the person"),
    ],
)
def test_a_first_contact_outside_what_is_safe_has_a_reason(
    document: dict[str, Any], at: datetime, reason: str | None
) -> None:
    found = explain_unsafe_contact(document, at)
    assert found is None if reason is None else reason in str(found)


def test_the_panel_says_first_that_this_is_not_a_safe_time() -> None:
    said = "Not a safe time now: safe is Monday and Tuesday between 10:00 and 14:00"
    assert explain_closed_now(shared(), TUESDAY_11) is None
    assert safe_panel(shared(), FRIDAY_11.date(), shown=False, now=FRIDAY_11).rules[0] == said
    assert said not in safe_panel(shared(), TUESDAY_11.date(), shown=False, now=TUESDAY_11).rules
