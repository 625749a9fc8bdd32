"""Which referrals a meeting of specialists goes through, and in which order: those at high risk, and those stuck.

Stuck is what is past its day by as many working days again as the area gives the step, and an assessment that no
senior has reviewed by its day. No day is kept here: the area's own are counted once more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from victim_gateway.compliance.calendar import england_and_wales, next_working_day
from victim_gateway.rules.hold import is_high_harm, waiting_rank
from victim_gateway.rules.step_dates import RiskBand, find_step_limit, risk_band, working_days_after
from victim_gateway.rules.urgency import RISK_RANK
from victim_gateway.vocabulary import HeldReason, NextAction, Risk

if TYPE_CHECKING:
    from config.step_limits import StepLimits

MOST_ON_AGENDA = 50
LONGEST_REVIEW_TEXT = 5000


class AgendaCause(StrEnum):
    """Why a referral stands on the agenda of a meeting."""

    CARRIED_OVER = "carried_over"
    HIGH_RISK = "high_risk"
    STEP_OVERDUE = "step_overdue"
    LONG_ON_HOLD = "long_on_hold"
    OFFER_UNANSWERED = "offer_unanswered"
    REVIEW_WAITING = "review_waiting"


class ReviewDecision(StrEnum):
    """What a meeting decides about a referral."""

    CONTINUE = "continue"
    CHANGE_PLAN = "change_plan"
    REFER_ON = "refer_on"
    MARAC = "marac"
    SENIOR_REVIEW = "senior_review"
    CLOSE = "close"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewFacts:
    """What the rule reads of one open referral.

    `has_running_step`: an earlier meeting gave it a next step whose day has not passed.
    """

    referral_id: UUID
    risk: Risk
    domestic_abuse: bool
    officer_grade: str | None
    held_reasons: tuple[HeldReason, ...]
    next_action: NextAction
    next_due_on: date | None
    next_since: datetime
    is_assigned: bool
    awaits_answer: bool = False
    review_due_on: date | None = None
    is_carried_over: bool = False
    has_running_step: bool = False


@dataclass(frozen=True, slots=True)
class ProposedReview:
    """A referral for the agenda, and every reason why."""

    referral_id: UUID
    causes: tuple[AgendaCause, ...]


def choose_for_review(
    known: Iterable[ReviewFacts], today: date, limits: StepLimits
) -> tuple[ProposedReview, ...]:
    """The agenda, who comes to harm by waiting first; MOST_ON_AGENDA at most."""
    found = [(facts, causes) for facts in known if (causes := find_causes(facts, today, limits))]
    found.sort(key=lambda each: _place(each[0], each[1], today))
    return tuple(ProposedReview(facts.referral_id, causes) for facts, causes in found[:MOST_ON_AGENDA])


def find_causes(facts: ReviewFacts, today: date, limits: StepLimits) -> tuple[AgendaCause, ...]:
    """Why a referral should be gone through; none for one that moves, or that does what a meeting decided."""
    if facts.is_carried_over:
        return (AgendaCause.CARRIED_OVER, *_causes(facts, today, limits))
    return () if facts.has_running_step else _causes(facts, today, limits)


def find_review_mistakes(*, reason: str, next_step: str, due_on: date | None, today: date) -> dict[str, str]:
    """What is wrong with a decision: a message for each field."""
    wrong = {
        name: message
        for name, said, message in (
            ("reason", reason, "Say why the meeting decided so"),
            ("next_step", next_step, "Say what is done next, and by whom"),
        )
        if not said.strip()
    }
    for name, said in (("reason", reason), ("next_step", next_step)):
        if len(said) > LONGEST_REVIEW_TEXT:
            wrong[name] = f"Shorten this to {LONGEST_REVIEW_TEXT:,} characters"
    if due_on is None:
        wrong["due_on"] = "Enter the day by which it is done"
    elif due_on < today:
        wrong["due_on"] = "The day must be today or later"
    elif (due_on - today).days > 366:
        wrong["due_on"] = "The day must be within a year"
    elif next_working_day(due_on, england_and_wales()) != due_on:
        wrong["due_on"] = "Enter a working day: no weekend, no bank holiday"
    return wrong


def _causes(facts: ReviewFacts, today: date, limits: StepLimits) -> tuple[AgendaCause, ...]:
    found = []
    if _is_high(facts) and facts.is_assigned:
        found.append(AgendaCause.HIGH_RISK)
    if _is_stuck(facts, today, limits):
        found.append(_kind_of_wait(facts))
    if facts.review_due_on is not None and facts.review_due_on < today:
        found.append(AgendaCause.REVIEW_WAITING)
    return tuple(found)


def _kind_of_wait(facts: ReviewFacts) -> AgendaCause:
    if facts.held_reasons:
        return AgendaCause.LONG_ON_HOLD
    return AgendaCause.OFFER_UNANSWERED if facts.awaits_answer else AgendaCause.STEP_OVERDUE


def _is_stuck(facts: ReviewFacts, today: date, limits: StepLimits) -> bool:
    if facts.next_action is NextAction.NOTHING or facts.next_due_on is None:
        return False
    limit = find_step_limit(limits, facts.next_action.value)
    days = int(getattr(limit, _band(facts).value))
    return working_days_after(facts.next_due_on, days) < today


def _band(facts: ReviewFacts) -> RiskBand:
    return risk_band(facts.risk, domestic_abuse=facts.domestic_abuse, officer_grade=facts.officer_grade)


def _is_high(facts: ReviewFacts) -> bool:
    return facts.risk is Risk.HIGH or _band(facts) is RiskBand.HIGH


def _place(facts: ReviewFacts, causes: tuple[AgendaCause, ...], today: date) -> tuple[object, ...]:
    """As the lists of Work: overdue at high risk, or held where waiting does harm; then day, risk, hold, since when."""
    is_overdue = facts.next_due_on is not None and facts.next_due_on < today
    is_harmful = (_is_high(facts) and is_overdue) or (
        AgendaCause.LONG_ON_HOLD in causes and is_high_harm(facts.held_reasons)
    )
    rank = RISK_RANK[Risk.HIGH] if _is_high(facts) else RISK_RANK[facts.risk]
    return (
        not is_harmful,
        facts.next_due_on or date.max,
        rank,
        waiting_rank(facts.held_reasons),
        facts.next_since,
        facts.referral_id,
    )
