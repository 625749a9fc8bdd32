"""By when a step is due of itself: by action and risk, from its beginning or the last thing done in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from marshmallow import ValidationError

from config.area_profile import load_area, shipped_areas
from config.step_limits import DEFAULT_STEP_LIMITS, StepLimit, StepLimitsSchema
from victim_gateway.rules.next_action import (
    NEXT_ACTION_RULES,
    CurrentAction,
    NextActionFacts,
    ReferralFlag,
    next_action_of,
)
from victim_gateway.rules.step_dates import PROVIDER_ANSWER, RiskBand, StepProgress, risk_band, step_due_on
from victim_gateway.vocabulary import NextAction, OnwardState, ReferralState, Risk, WaitingOn

LIMITS = StepLimitsSchema().load({})
SAFE = frozenset({ReferralFlag.ASSIGNED, ReferralFlag.SAFE_TO_CONTACT})
THREE = StepLimit(1, 2, 3)


@pytest.mark.parametrize(
    ("start", "band", "due"),
    [
        ("2026-01-12", RiskBand.HIGH, "2026-01-13"),
        ("2026-07-17", RiskBand.HIGH, "2026-07-20"),
        ("2026-04-02", RiskBand.HIGH, "2026-04-07"),
        ("2026-04-02", RiskBand.STANDARD, "2026-04-09"),
        ("2026-12-24", RiskBand.MEDIUM, "2026-12-30"),
        ("2026-03-28", RiskBand.STANDARD, "2026-04-01"),
        # Outside the table of bank holidays: no guess, so the earliest day that it can be.
        ("1990-05-04", RiskBand.STANDARD, "1990-05-07"),
        ("2099-12-30", RiskBand.STANDARD, "2100-01-02"),
    ],
)
def test_a_step_is_due_after_so_many_working_days(start: str, band: RiskBand, due: str) -> None:
    assert step_due_on(date.fromisoformat(start), THREE, band) == date.fromisoformat(due)


@pytest.mark.parametrize("risk", Risk)
def test_domestic_abuse_waits_no_longer_than_high_risk_and_more_risk_never_longer(risk: Risk) -> None:
    assert risk_band(risk, domestic_abuse=True) is RiskBand.HIGH
    expected = {Risk.HIGH: RiskBand.HIGH, Risk.STANDARD: RiskBand.STANDARD}.get(risk, RiskBand.MEDIUM)
    assert risk_band(risk, domestic_abuse=False) is expected


@pytest.mark.parametrize(
    ("risk", "grade", "band"),
    [
        (Risk.UNKNOWN, "high", RiskBand.HIGH),
        # A lower grade loosens nothing, and our own assessment takes the place of any.
        (Risk.UNKNOWN, "medium", RiskBand.MEDIUM),
        (Risk.UNKNOWN, "standard", RiskBand.MEDIUM),
        (Risk.STANDARD, "high", RiskBand.STANDARD),
        (Risk.HIGH, "standard", RiskBand.HIGH),
    ],
)
def test_an_officers_high_grade_shortens_what_is_due_until_we_have_assessed(
    risk: Risk, grade: str, band: RiskBand
) -> None:
    assert risk_band(risk, domestic_abuse=False, officer_grade=grade) is band


@pytest.mark.parametrize("area", shipped_areas())
def test_every_action_that_waits_has_days_in_every_area(area: str) -> None:
    limits = dict(load_area(area).thresholds.next_action_working_days)
    waiting = {rule.action.value for rule in NEXT_ACTION_RULES if rule.due}
    assert waiting == {action.value for action in NextAction} - {"nothing"}
    assert set(limits) == set(DEFAULT_STEP_LIMITS) == waiting | {PROVIDER_ANSWER}
    for name in ("make_contact", "find_safe_way", "refer_or_close", "review_support", PROVIDER_ANSWER):
        assert limits[name].high == 1


def test_a_profile_in_which_more_risk_waits_longer_is_refused_and_an_absent_action_has_the_default() -> None:
    with pytest.raises(ValidationError, match="must not wait longer"):
        StepLimitsSchema().load({"assess": {"high": 3, "medium": 2, "standard": 5}})
    given = dict(StepLimitsSchema().load({"assess": {"high": 2, "medium": 2, "standard": 2}}))
    assert given["assess"] == StepLimit(2, 2, 2)
    assert given["assign"] == DEFAULT_STEP_LIMITS["assign"]


@pytest.mark.parametrize(
    ("state", "onward", "progress", "due"),
    [
        (ReferralState.ASSIGNED, (), StepProgress.ATTEMPT, "2026-03-12"),
        (ReferralState.TRIAGED, (), StepProgress.ASSESSMENT, "2026-03-16"),
        (ReferralState.SUPPORTED, (OnwardState.IN_SERVICE,), StepProgress.PROVIDER, "2026-04-08"),
        (ReferralState.SUPPORTED, (OnwardState.IN_SERVICE,), StepProgress.ASSESSMENT, "2026-04-08"),
        # An assessment is nothing done about reaching them.
        (ReferralState.ASSIGNED, (), StepProgress.ASSESSMENT, "2026-03-05"),
    ],
)
def test_what_was_done_last_in_a_step_moves_its_day(
    state: ReferralState, onward: tuple[OnwardState, ...], progress: StepProgress, due: str
) -> None:
    """The step began on Monday 2 March 2026, and something was done on Monday the 9th."""
    began, done = date(2026, 3, 2), date(2026, 3, 9)
    known = NextActionFacts(state, done, SAFE, frozenset(onward), progress={progress: done})
    action = next_action_of(known, LIMITS).action
    current = CurrentAction(action, WaitingOn.PROVIDER if onward else WaitingOn.GATEWAY, began)
    assert next_action_of(replace(known, current=current), LIMITS).due_on == date.fromisoformat(due)


def test_a_step_begins_anew_only_where_the_action_or_who_must_take_it_changes() -> None:
    began, today = date(2026, 3, 2), date(2026, 3, 9)
    for action, due in ((NextAction.MAKE_CONTACT, date(2026, 3, 5)), (NextAction.ASSIGN, date(2026, 3, 12))):
        current = CurrentAction(action, WaitingOn.GATEWAY, began)
        known = NextActionFacts(ReferralState.ASSIGNED, today, SAFE, current=current)
        assert next_action_of(known, LIMITS).due_on == due
