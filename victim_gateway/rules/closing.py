"""What keeps a referral from being closed, which outcomes fit it, and which contact attempts count.

An outcome is refused that the record contradicts: needs are met only where somebody reached the person (we, or a
provider), and not while the person is at high risk. Where the risk is high, closing asks what the caseworker thinks of
it now, whatever the outcome: the last page anybody reads must not be an old alarm, nor silence about it. Closing lowers
no risk: that is an assessment, and a high one falls only once a senior agrees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.vocabulary import AttemptOutcome, CloseOutcome, OnwardState, Risk, TaskKind

OPEN_ONWARD_STATES = (OnwardState.DRAFT, *LIVE_ONWARD_STATES)
# A decline that waits for a decision, or a question from a provider, is listed with its onward referral.
TASKS_OF_ONWARD_REFERRALS = (TaskKind.PROVIDER_DECLINED, TaskKind.PROVIDER_ASKED)
# Closing is one of the decisions that these ask for.
TASKS_ENDED_BY_CLOSING = (
    TaskKind.HOLD_DECISION,
    TaskKind.RESTORATIVE_JUSTICE_DECISION,
    TaskKind.SERVICE_ENDED,
    TaskKind.PLAN_REVIEW,
    TaskKind.MESSAGE_TO_PERSON,
)
# A complaint and a case review go on after the referral is closed, a device that is still out is chased, what a person
# said of us or whether they are targeted is looked at, and a room stays booked: none keeps anybody from closing.
TASKS_OUTLASTING_CLOSING = (
    TaskKind.COMPLAINT_DUE,
    TaskKind.DEVICE_OVERDUE,
    TaskKind.SURVEY_FOLLOW_UP,
    TaskKind.CASE_REVIEW_DUE,
    TaskKind.TARGETING_REVIEW,
    TaskKind.VIDEO_LINK_SOON,
)
# Stopping because it was not safe is no attempt to reach the person.
UNCOUNTED_OUTCOMES = (AttemptOutcome.UNSAFE_STOPPED,)
LOWERED_BY_CLOSING = (
    "Assess again first: a high risk falls only once a senior caseworker agrees. Then close the referral."
)


@dataclass(frozen=True, slots=True)
class RiskView:
    """How much at risk the person is at the end, as the caseworker who closes judges it, and what keeps them safe."""

    risk: Risk
    text: str


@dataclass(frozen=True, slots=True)
class ClosingFacts:
    """What the record says when a referral is to be closed. `risk` is what counts, the officer's grade unassessed."""

    was_reached: bool
    attempts: int
    least_attempts: int
    risk: Risk


def refused_answers(outcome: CloseOutcome, facts: ClosingFacts, view: RiskView | None) -> Mapping[str, str]:
    """Why a referral can't be closed with these answers, as a sentence for each field; empty where it can."""
    refused: dict[str, str] = {}
    if outcome is CloseOutcome.NO_CONTACT and facts.attempts < facts.least_attempts:
        recorded = "1 try is recorded" if facts.attempts == 1 else f"{facts.attempts} tries are recorded"
        refused["outcome"] = f"Try {facts.least_attempts} times before you close for this reason. {recorded}."
    if outcome is CloseOutcome.NEEDS_MET and not facts.was_reached:
        refused["outcome"] = (
            "Nobody has reached the person, so their needs can't be met. Choose how it did end."
        )
    if facts.risk is not Risk.HIGH:
        return refused
    if view is None or view.risk is Risk.UNKNOWN:
        refused["risk_now"] = "Choose how much at risk the person is now: the last time it was high"
    elif view.risk is not Risk.HIGH:
        refused["risk_now"] = LOWERED_BY_CLOSING
    elif outcome is CloseOutcome.NEEDS_MET:
        refused["outcome"] = (
            "The person is at high risk, so their needs are not met. Choose how it did end, or assess again."
        )
    if view is not None and not view.text.strip():
        refused["risk_text"] = "Say in a few words what keeps the person safe from now on"
    return refused


def is_onward_referral_open(state: OnwardState, *, is_decline_decided: bool) -> bool:
    """Whether an onward referral must be finished, or its decline decided, before the referral is closed."""
    if state is OnwardState.DECLINED:
        return not is_decline_decided
    return state in OPEN_ONWARD_STATES


def counts_as_attempt(outcome: AttemptOutcome) -> bool:
    """Whether a contact attempt counts towards those that are needed before closing without contact."""
    return outcome not in UNCOUNTED_OUTCOMES
