"""What a goal and an activity of support must say, and which activities are refused because of safe contact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from victim_gateway.vocabulary import AttemptOutcome, Channel, GoalState, ReferralState, SupportManner

LEAST_MINUTES = 1
MOST_MINUTES = 720
# A call, text, email or letter reaches for the person: it is recorded, and checked, as a contact attempt first.
CHANNEL_OF_MANNER: Mapping[SupportManner, Channel] = {
    SupportManner.PHONE: Channel.PHONE,
    SupportManner.SMS: Channel.SMS,
    SupportManner.EMAIL: Channel.EMAIL,
    SupportManner.POST: Channel.POST,
}
# Support was given where the person was spoken to, or what was written went out.
GIVING_OUTCOMES = (AttemptOutcome.REACHED, AttemptOutcome.SENT)
STATES_OF_SUPPORT = (
    ReferralState.IN_CONTACT,
    ReferralState.TRIAGED,
    ReferralState.SUPPORTED,
    ReferralState.REOPENED,
)
_REFUSED_STATES: Mapping[ReferralState, str] = {
    ReferralState.HELD: "This referral is held. Decide about the hold first.",
    ReferralState.ENTERED_IN_ERROR: "This referral was entered in error. Nothing can be recorded on it.",
}
_NOT_REACHED = "Reach the person first: log the contact, then record what you did."
_CHANNEL_WORDING: Mapping[Channel, str] = {
    Channel.PHONE: "No call on that day in which you spoke to the person is logged. Log the call first",
    Channel.SMS: "No text message of that day is logged. Log it as a contact first",
    Channel.EMAIL: "No email of that day is logged. Log it as a contact first",
    Channel.POST: "No letter of that day is logged. Log it as a contact first",
}


def explain_refused_state(state: ReferralState, *, closed_on: date | None, on: date) -> str | None:
    """Why nothing that happened on this day may be recorded as support; None where it may.

    What was done before a referral closed may be written down after it.
    """
    if state in _REFUSED_STATES:
        return _REFUSED_STATES[state]
    if state is ReferralState.CLOSED:
        if closed_on is not None and on <= closed_on:
            return None
        return "This referral was closed before that day. Reopen it first."
    return None if state in STATES_OF_SUPPORT else _NOT_REACHED


def explain_missing_attempt(manner: SupportManner) -> str:
    """What to do first where support by a way of contact has no attempt of that day."""
    wording = _CHANNEL_WORDING[CHANNEL_OF_MANNER[manner]]
    return f"{wording}: that is where it is checked whether it is safe."


@dataclass(frozen=True, slots=True)
class GoalFacts:
    """What is said of a goal, and what was said before (None: it is new)."""

    text: str
    state: GoalState
    agreed_on: date
    target_on: date | None
    remarks: str
    before: GoalState | None


def refused_goal(goal: GoalFacts, today: date) -> Mapping[str, str]:
    """Why a goal can't be saved so, by field; empty where it can."""
    refused: dict[str, str] = {}
    if not goal.text.strip():
        refused["goal_text"] = "Enter what the person wants to reach"
    if goal.agreed_on > today:
        refused["agreed_on"] = "When it was agreed must be today or in the past"
    if goal.target_on is not None and goal.target_on < goal.agreed_on:
        refused["target_on"] = "The day to reach it by must be on or after the day it was agreed"
    if goal.before is None and goal.state is not GoalState.OPEN:
        refused["state"] = "A new goal is open. Save it first, then say what became of it."
    if goal.state is not GoalState.OPEN and not goal.remarks.strip():
        refused["remarks"] = "Say in a few words how it came about"
    return refused


def format_minutes(minutes: int) -> str:
    """A length of time in hours and minutes: `1 hour 20 minutes`."""
    hours, rest = divmod(minutes, 60)
    parts = [
        f"{number} {name}{'' if number == 1 else 's'}" for number, name in ((hours, "hour"), (rest, "minute"))
    ]
    shown = [part for part, number in zip(parts, (hours, rest), strict=True) if number]
    return " ".join(shown) or "0 minutes"
