"""What is open on a referral, and which attempts to reach the person count."""

from __future__ import annotations

import pytest

from victim_gateway.rules.closing import counts_as_attempt, is_onward_referral_open
from victim_gateway.vocabulary import AttemptOutcome, OnwardState

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
