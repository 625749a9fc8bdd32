"""What a provider is told of how sure the Gateway is that contact is safe."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from victim_gateway.blueprints.onward_referrals.presenters import CHECKED_TOO_LONG_AGO, safe_panel
from victim_gateway.rules.handover import read_safe_contact

TODAY = date(2026, 3, 10)


def panel(**safe: Any) -> str | None:
    document = {"safe": "yes", "channels": {"phone": "yes"}, "checked_on": "2026-03-07", **safe}
    return safe_panel(document, TODAY, shown=False).checked


def test_the_persons_own_word_is_told_apart_from_everybody_elses() -> None:
    assert panel(stated_by="person") == "Last checked 3 days ago; the person said so"
    assert panel(stated_by="police_feed") == "Last checked 3 days ago; the police said so, not the person"


@pytest.mark.parametrize("stated_by", ["agency", "caseworker", None])
def test_nobody_elses_word_is_called_the_persons(stated_by: str | None) -> None:
    assert "the person said so" not in str(panel(stated_by=stated_by))


def test_what_was_never_checked_claims_nothing() -> None:
    assert panel(checked_on=None, stated_by="person") is None


def test_an_answer_of_2020_is_read_as_too_old_and_shows_no_number() -> None:
    old = {
        "safe": "yes",
        "channels": {"phone": "yes"},
        "number": "07700 900123",
        "checked_on": "2020-03-07",
        "stated_by": "person",
    }
    found = safe_panel(read_safe_contact(old, TODAY, 28), TODAY, shown=True)
    assert (found.known, found.rules[0]) == (False, CHECKED_TOO_LONG_AGO)
    assert "07700" not in str(found)
