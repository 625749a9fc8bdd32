"""What is open on a referral, and which attempts to reach the person count."""

from __future__ import annotations

import pytest

from victim_gateway.rules.closing import (
    ClosingFacts,
    RiskView,
    counts_as_attempt,
    is_onward_referral_open,
    refused_answers,
)
from victim_gateway.vocabulary import AttemptOutcome, CloseOutcome, OnwardState, Risk

# Whether an onward referral keeps its referral open: before a decline was decided, after it.
OPEN = {
    OnwardState.DRAFT: (True, True),
    OnwardState.OFFERED: (True, True),
    OnwardState.ACKNOWLEDGED: (True, True),
    OnwardState.INFORMATION_REQUESTED: (True, True),
    OnwardState.ACCEPTED: (True, True),
    OnwardState.IN_SERVICE: (True, True),
    OnwardState.DECLINED: (True, False),
    OnwardState.CLOSED: (False, False),
    OnwardState.EXPIRED: (False, False),
    OnwardState.WITHDRAWN: (False, False),
    OnwardState.RETURNED: (False, False),
    OnwardState.ENDED_EARLY: (False, False),
    OnwardState.ENTERED_IN_ERROR: (False, False),
}


@pytest.mark.parametrize("is_decline_decided", [False, True])
@pytest.mark.parametrize("state", OnwardState)
def test_a_referral_stays_open_while_an_onward_referral_is_live_or_its_decline_undecided(
    state: OnwardState, is_decline_decided: bool
) -> None:
    expected = OPEN[state][is_decline_decided]

    assert is_onward_referral_open(state, is_decline_decided=is_decline_decided) is expected


@pytest.mark.parametrize("outcome", AttemptOutcome)
def test_every_attempt_counts_but_one_that_was_stopped_because_it_was_not_safe(
    outcome: AttemptOutcome,
) -> None:
    assert counts_as_attempt(outcome) is (outcome is not AttemptOutcome.UNSAFE_STOPPED)


@pytest.mark.parametrize(
    ("outcome", "was_reached", "attempts", "risk", "view", "refused"),
    [
        (CloseOutcome.NEEDS_MET, True, 1, Risk.STANDARD, None, set()),
        (CloseOutcome.NEEDS_MET, False, 5, Risk.STANDARD, None, {"outcome"}),
        (CloseOutcome.NEEDS_MET, False, 5, Risk.UNKNOWN, None, {"outcome"}),
        (CloseOutcome.NO_CONTACT, False, 2, Risk.UNKNOWN, None, {"outcome"}),
        (CloseOutcome.NO_CONTACT, False, 3, Risk.UNKNOWN, None, set()),
        (CloseOutcome.DECLINED, True, 1, Risk.HIGH, None, {"risk_now"}),
        (CloseOutcome.DECLINED, True, 1, Risk.HIGH, RiskView(Risk.UNKNOWN, "x"), {"risk_now"}),
        (CloseOutcome.DECLINED, True, 1, Risk.HIGH, RiskView(Risk.HIGH, "x"), set()),
        (CloseOutcome.DECLINED, True, 1, Risk.HIGH, RiskView(Risk.MEDIUM, " "), {"risk_now", "risk_text"}),
        (CloseOutcome.NO_CONTACT, False, 3, Risk.HIGH, RiskView(Risk.STANDARD, "x"), {"risk_now"}),
        (CloseOutcome.NEEDS_MET, True, 1, Risk.HIGH, RiskView(Risk.HIGH, "x"), {"outcome"}),
        (CloseOutcome.NEEDS_MET, True, 1, Risk.HIGH, RiskView(Risk.MEDIUM, "x"), {"risk_now"}),
        (CloseOutcome.NEEDS_MET, False, 1, Risk.HIGH, None, {"outcome", "risk_now"}),
        (CloseOutcome.DUPLICATE, False, 0, Risk.MEDIUM, None, set()),
    ],
)
def test_an_outcome_that_the_record_contradicts_is_refused_at_its_field(
    outcome: CloseOutcome,
    was_reached: bool,
    attempts: int,
    risk: Risk,
    view: RiskView | None,
    refused: set[str],
) -> None:
    facts = ClosingFacts(was_reached=was_reached, attempts=attempts, least_attempts=3, risk=risk)
    assert set(refused_answers(outcome, facts, view)) == refused
