"""What a provider is told of how sure the Gateway is that contact is safe."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from victim_gateway.blueprints.onward_referrals.presenters import safe_panel

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
