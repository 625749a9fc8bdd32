"""MARAC: when it must be decided, what a repeat is, and what the alert says."""

from __future__ import annotations

from datetime import date

import pytest

from victim_gateway.rules.marac import (
    MaracStanding,
    describe_standing,
    find_marac_mistakes,
    is_marac_question,
    last_heard_before,
    months_before,
)
from victim_gateway.vocabulary import Harm, Risk


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("heard", "incident", "last"),
    [
        ([], "2026-03-02", None),
        (["2026-03-01"], "2026-03-02", "2026-03-01"),
        (["2026-03-02"], "2026-03-02", None),
        (["2026-03-03"], "2026-03-02", None),
        (["2025-03-02"], "2026-03-02", "2025-03-02"),
        (["2025-03-01"], "2026-03-02", None),
        (["2025-06-01", "2026-01-05"], "2026-03-02", "2026-01-05"),
        (["2023-02-28"], "2024-02-29", "2023-02-28"),
    ],
)
def test_a_repeat_is_what_happened_within_twelve_months_after_a_meeting(
    heard: list[str], incident: str, last: str | None
) -> None:
    found = last_heard_before([day(each) for each in heard], day(incident), 12)
    assert found == (day(last) if last else None)


@pytest.mark.parametrize(
    ("on", "months", "earlier"),
    [
        ("2026-03-31", 1, "2026-02-28"),
        ("2024-03-31", 1, "2024-02-29"),
        ("2026-01-15", 1, "2025-12-15"),
        ("2026-12-31", 12, "2025-12-31"),
        ("2026-07-31", 13, "2025-06-30"),
    ],
)
def test_months_are_counted_by_the_calendar(on: str, months: int, earlier: str) -> None:
    assert months_before(day(on), months) == day(earlier)


@pytest.mark.parametrize(
    ("risk", "harms", "asked"),
    [
        (Risk.HIGH, (Harm.DOMESTIC_ABUSE,), True),
        (Risk.HIGH, (Harm.VIOLENCE,), False),
        (Risk.MEDIUM, (Harm.DOMESTIC_ABUSE,), False),
        (Risk.UNKNOWN, (Harm.DOMESTIC_ABUSE,), False),
    ],
)
def test_it_is_asked_about_domestic_abuse_at_high_risk(
    risk: Risk, harms: tuple[Harm, ...], asked: bool
) -> None:
    assert is_marac_question(risk, harms) is asked
    # Stalking and honour-based abuse are scored too, and recorded as other harms.
    assert is_marac_question(risk, (Harm.VIOLENCE,), is_dash_high=True) is (risk is Risk.HIGH)


@pytest.mark.parametrize(
    ("standing", "incident", "alert"),
    [
        (None, "2026-03-01", None),
        (MaracStanding(None, None, False), "2026-03-01", "referred"),
        (MaracStanding(day("2026-04-02"), None, True), "2026-03-01", "repeat, referred, meeting 2 Apr 2026"),
        (MaracStanding(day("2026-02-02"), "heard", False), "2026-01-01", "heard 2 Feb 2026"),
        (MaracStanding(day("2026-02-02"), "heard", False), "2026-03-01", "heard 2 Feb 2026, may be a repeat"),
        (MaracStanding(day("2025-03-09"), "heard", False), "2025-03-01", None),
        (MaracStanding(day("2026-02-02"), "not_accepted", False), "2026-03-01", None),
        (MaracStanding(None, "withdrawn", False), "2026-03-01", None),
    ],
)
def test_the_alert_says_where_it_stands(
    standing: MaracStanding | None, incident: str, alert: str | None
) -> None:
    said = describe_standing(standing, incident_on=day(incident), today=day("2026-03-10"), months=12)
    assert said == alert


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ({"is_referred": True, "reasons": ()}, {"reasons"}),
        ({"is_referred": True, "reasons": (), "proposed": True, "is_repeat": True}, set()),
        ({"is_referred": True, "reasons": (), "is_repeat": True}, {"reasons"}),
        ({"is_referred": True, "reasons": ("score",)}, set()),
        ({"is_referred": False}, {"text"}),
        ({"is_referred": False, "text": "  "}, {"text"}),
        ({"is_referred": False, "text": "They said no."}, set()),
        ({"is_referred": True, "reasons": ("score",), "proposed": True}, {"is_repeat"}),
        ({"is_referred": True, "reasons": ("score",), "proposed": True, "is_repeat": True}, set()),
        ({"is_referred": True, "reasons": ("score",), "proposed": True, "is_repeat": False}, {"text"}),
    ],
)
def test_what_a_decision_lacks_is_told_at_its_field(said: dict[str, object], fields: set[str]) -> None:
    blank = {"reasons": (), "text": None, "is_repeat": None, "proposed": False}
    assert set(find_marac_mistakes(**{**blank, **said})) == fields  # type: ignore[arg-type]
