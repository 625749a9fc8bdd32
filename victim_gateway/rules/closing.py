"""What keeps a referral from being closed, and which contact attempts count."""

from __future__ import annotations

from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.vocabulary import AttemptOutcome, OnwardState, TaskKind

OPEN_ONWARD_STATES = (OnwardState.DRAFT, *LIVE_ONWARD_STATES)
# A decline that waits for a decision, or a question from a provider, is listed with its onward referral.
TASKS_OF_ONWARD_REFERRALS = (TaskKind.PROVIDER_DECLINED, TaskKind.PROVIDER_ASKED)
# Closing is one of the decisions that these ask for.
TASKS_ENDED_BY_CLOSING = (TaskKind.HOLD_DECISION, TaskKind.RESTORATIVE_JUSTICE_DECISION)
# Stopping because it was not safe is no attempt to reach the person.
UNCOUNTED_OUTCOMES = (AttemptOutcome.UNSAFE_STOPPED,)


def is_onward_referral_open(state: OnwardState, *, is_decline_decided: bool) -> bool:
    """Whether an onward referral must be finished, or its decline decided, before the referral is closed."""
    if state is OnwardState.DECLINED:
        return not is_decline_decided
    return state in OPEN_ONWARD_STATES


def counts_as_attempt(outcome: AttemptOutcome) -> bool:
    """Whether a contact attempt counts towards those that are needed before closing without contact."""
    return outcome not in UNCOUNTED_OUTCOMES
