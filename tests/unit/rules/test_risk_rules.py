"""How much at risk a person is at least: expected values by hand, for the bands of both shipped profiles."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.area_profile import load_area, shipped_areas
from victim_gateway.rules.risk_rules import (
    GROUNDS,
    ReviewCause,
    ReviewedRisk,
    RiskBefore,
    RiskFacts,
    find_risk_mistakes,
    grounds_of_numbers,
    higher_risk,
    least_risk,
    list_review_causes,
    list_risk_rules,
    list_rules_that_hold,
    list_standing_agreements,
    risk_that_counts,
)
from victim_gateway.vocabulary import Risk

BANDS = load_area("staffordshire").triage.dash
STANDARD, MEDIUM, HIGH = Risk.STANDARD, Risk.MEDIUM, Risk.HIGH
LEVEL = {STANDARD: 1, MEDIUM: 2, HIGH: 3}
FACTS = st.builds(
    RiskFacts,
    risk=st.sampled_from([STANDARD, MEDIUM, HIGH]),
    grounds=st.sets(st.sampled_from(GROUNDS)),
    dash_score=st.none() | st.integers(0, 24),
    incidents=st.none() | st.integers(0, 20),
    officer_grade=st.sampled_from([None, "standard", "medium", "high"]),
    reason=st.sampled_from([None, " ", "They said so."]),
    below_officer_reason=st.sampled_from([None, "They moved."]),
)


@pytest.mark.parametrize(
    ("score", "incidents", "grounds", "least"),
    [
        (None, None, (), STANDARD),
        (0, 0, (), STANDARD),
        (9, 2, (), STANDARD),
        (10, 2, (), MEDIUM),
        (13, None, (), MEDIUM),
        (14, None, (), HIGH),
        (24, None, (), HIGH),
        (None, 3, (), HIGH),
        (9, 3, (), HIGH),
        (None, None, ("repeat",), HIGH),
        (0, 0, ("potential_escalation",), HIGH),
        (9, 0, ("visible_high_risk",), HIGH),
        (13, 0, ("professional_judgement",), MEDIUM),
        (None, None, ("professional_judgement",), STANDARD),
    ],
)
def test_what_the_answers_ask_for_at_least(
    score: int | None, incidents: int | None, grounds: tuple[str, ...], least: Risk
) -> None:
    facts = RiskFacts(risk=HIGH, dash_score=score, incidents=incidents, grounds=grounds)
    assert least_risk(facts, BANDS) is least


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ({"risk": Risk.UNKNOWN}, {"risk"}),
        ({"risk": MEDIUM, "dash_score": 14}, {"risk"}),
        ({"risk": STANDARD, "dash_score": 10}, {"risk"}),
        ({"risk": HIGH, "dash_score": 14}, set()),
        ({"risk": HIGH, "incidents": 3}, set()),
        ({"risk": HIGH}, {"risk_grounds"}),
        ({"risk": HIGH, "dash_score": 9}, {"risk_grounds"}),
        ({"risk": MEDIUM, "dash_score": 9}, {"risk_grounds"}),
        ({"risk": MEDIUM}, set()),
        ({"risk": HIGH, "dash_score": 9, "grounds": ("professional_judgement",)}, {"risk_reason"}),
        ({"risk": HIGH, "dash_score": 9, "grounds": ("professional_judgement",), "reason": "Why"}, set()),
        ({"risk": STANDARD, "grounds": ("professional_judgement",), "reason": "Why"}, {"risk"}),
        ({"risk": MEDIUM, "officer_grade": "high"}, {"below_officer_reason"}),
        ({"risk": MEDIUM, "officer_grade": "high", "below_officer_reason": " "}, {"below_officer_reason"}),
        ({"risk": MEDIUM, "officer_grade": "high", "below_officer_reason": "Moved"}, set()),
        ({"risk": MEDIUM, "officer_grade": "medium"}, set()),
        ({"risk": MEDIUM, "officer_grade": "standard"}, set()),
    ],
)
def test_what_contradicts_itself_is_refused_at_its_field(said: dict[str, object], fields: set[str]) -> None:
    assert set(find_risk_mistakes(RiskFacts(**said), BANDS)) == fields  # type: ignore[arg-type]


def test_a_refusal_names_the_rule_that_asks_for_more() -> None:
    mistake = find_risk_mistakes(RiskFacts(risk=MEDIUM, grounds=("repeat",)), BANDS)["risk"]
    assert mistake.startswith("Choose at least high risk, because it has happened again")


@given(FACTS)
def test_nothing_below_the_rules_is_ever_accepted(facts: RiskFacts) -> None:
    if not find_risk_mistakes(facts, BANDS):
        assert LEVEL[facts.risk] >= LEVEL[least_risk(facts, BANDS)]


@given(FACTS, st.sampled_from(GROUNDS))
def test_one_ground_more_never_lowers_what_is_asked_for(facts: RiskFacts, ground: str) -> None:
    more = replace(facts, grounds={*facts.grounds, ground})
    assert LEVEL[least_risk(more, BANDS)] >= LEVEL[least_risk(facts, BANDS)]


def test_the_numbers_become_grounds_by_themselves() -> None:
    assert grounds_of_numbers(RiskFacts(risk=HIGH, dash_score=14, incidents=3), BANDS) == (
        "dash_score",
        "incidents",
    )
    assert grounds_of_numbers(RiskFacts(risk=HIGH, dash_score=9, incidents=2), BANDS) == ()


@pytest.mark.parametrize("area", shipped_areas())
def test_the_page_is_told_every_rule_that_the_service_applies(area: str) -> None:
    bands = load_area(area).triage.dash
    everything = RiskFacts(risk=HIGH, grounds=GROUNDS, dash_score=24, incidents=99)
    assert set(list_rules_that_hold(everything, bands)) == set(list_risk_rules(bands))
    assert all(rule.as_data()["because"] for rule in list_risk_rules(bands))


@pytest.mark.parametrize(
    ("risk", "grade", "agreed", "causes"),
    [
        (HIGH, None, (), (ReviewCause.HIGH_RISK,)),
        (HIGH, "high", (), (ReviewCause.HIGH_RISK,)),
        (MEDIUM, None, (), ()),
        (MEDIUM, "high", (), (ReviewCause.BELOW_OFFICER,)),
        (MEDIUM, "high", (MEDIUM,), ()),
        (MEDIUM, "high", (HIGH,), (ReviewCause.BELOW_OFFICER,)),
        (STANDARD, "high", (MEDIUM,), (ReviewCause.BELOW_OFFICER,)),
        (STANDARD, "medium", (STANDARD,), ()),
    ],
)
def test_who_has_to_be_seen_by_a_senior(
    risk: Risk, grade: str | None, agreed: tuple[Risk, ...], causes: tuple[ReviewCause, ...]
) -> None:
    assert list_review_causes(RiskFacts(risk=risk, officer_grade=grade), agreed=agreed) == causes


def test_an_agreement_stands_for_its_grade_until_the_risk_was_high_again() -> None:
    agreed, low, high = (
        ReviewedRisk(MEDIUM, True, "medium"),
        ReviewedRisk(STANDARD, False, None),
        ReviewedRisk(HIGH, False, None),
    )
    assert list_standing_agreements((low, agreed), "medium") == (MEDIUM,)
    assert list_standing_agreements((low, agreed), "standard") == (MEDIUM,)
    assert list_standing_agreements((low, agreed), "high") == ()
    assert list_standing_agreements((low, high, agreed), "medium") == ()


@pytest.mark.parametrize(
    ("before", "risk", "is_lowered"),
    [
        (RiskBefore(HIGH), MEDIUM, True),
        (RiskBefore(HIGH), HIGH, False),
        (RiskBefore(MEDIUM), STANDARD, False),
        (RiskBefore(MEDIUM, is_questioned=True), STANDARD, True),
        (RiskBefore(MEDIUM, is_questioned=True), MEDIUM, False),
        (RiskBefore(), STANDARD, False),
    ],
)
def test_a_high_or_questioned_risk_is_lowered_only_with_a_senior(
    before: RiskBefore, risk: Risk, is_lowered: bool
) -> None:
    facts = RiskFacts(risk=risk)
    causes = list_review_causes(facts, before=before)
    assert (ReviewCause.LOWERED in causes) is is_lowered
    assert risk_that_counts(facts, before, causes) is (before.risk if is_lowered else risk)


def test_until_a_senior_agrees_the_higher_of_the_two_counts() -> None:
    assert higher_risk(STANDARD, "high") is HIGH
    assert higher_risk(HIGH, "standard") is HIGH
    assert higher_risk(MEDIUM, None) is MEDIUM
