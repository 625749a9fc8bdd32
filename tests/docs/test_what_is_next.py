"""The table of what is next, that people can judge, is what the rules give and what the page shows."""

from __future__ import annotations

import pytest

from config.area_profile import load_area, shipped_areas
from tests.plumbing.what_is_next import PAGE, NextActionCase, read_cases, render_page
from victim_gateway.rules.next_action import ReferralFlag, next_action_of
from victim_gateway.rules.step_dates import RiskBand
from victim_gateway.vocabulary import NextAction, ReferralState, SafeAnswer, WaitingOn

CASES = read_cases()
OWNERS = {WaitingOn.PROVIDER: "provider", WaitingOn.NO_ONE: "nobody"}


@pytest.mark.parametrize("area", shipped_areas())
@pytest.mark.parametrize("case", CASES, ids=[case.text for case in CASES])
def test_a_case_of_the_table_has_its_action_owner_and_day(case: NextActionCase, area: str) -> None:
    answer = next_action_of(case.facts, load_area(area).thresholds.next_action_working_days)
    ours = "caseworker" if ReferralFlag.ASSIGNED in case.facts.flags else "team"
    owner = OWNERS.get(answer.waiting_on, ours)
    assert (answer.action, owner, answer.due_on) == (case.action, case.owner, case.due_on)


def test_the_table_has_every_state_action_risk_and_answer_about_safety() -> None:
    assert len(CASES) >= 40
    assert len({case.text for case in CASES}) == len(CASES)
    assert {case.facts.state for case in CASES} == set(ReferralState)
    assert {case.action for case in CASES} == set(NextAction)
    assert {case.facts.band for case in CASES} == set(RiskBand)
    assert {case.safe for case in CASES} == set(SafeAnswer)


def test_the_page_is_made_of_the_table_as_it_is_now() -> None:
    """If this fails: `.venv/bin/python -m tests.plumbing.what_is_next`."""
    assert PAGE.read_text(encoding="utf-8") == render_page()
