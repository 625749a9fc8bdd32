"""Which referrals a group review goes through, in which order, and what a decision needs."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from config.step_limits import DEFAULT_STEP_LIMITS
from victim_gateway.rules.group_review import (
    MOST_ON_AGENDA,
    AgendaCause,
    ReviewFacts,
    choose_for_review,
    find_causes,
    find_review_mistakes,
)
from victim_gateway.vocabulary import HeldReason, NextAction, Risk

LIMITS = tuple(DEFAULT_STEP_LIMITS.items())
# A Monday.
TODAY = date(2026, 3, 16)


def facts(number: int = 1, **known: Any) -> ReviewFacts:
    values: dict[str, Any] = {
        "referral_id": UUID(int=number),
        "risk": Risk.STANDARD,
        "domestic_abuse": False,
        "officer_grade": None,
        "held_reasons": (),
        "next_action": NextAction.ASSESS,
        "next_due_on": TODAY,
        "next_since": datetime(2026, 3, 2, tzinfo=UTC),
        "is_assigned": True,
    }
    return ReviewFacts(**(values | known))


@pytest.mark.parametrize(
    ("known", "causes"),
    [
        ({}, ()),
        # Five working days for an assessment at standard risk: stuck from the sixth on.
        ({"next_due_on": date(2026, 3, 9)}, ()),
        ({"next_due_on": date(2026, 3, 6)}, (AgendaCause.STEP_OVERDUE,)),
        ({"next_due_on": date(2026, 3, 6), "awaits_answer": True}, (AgendaCause.OFFER_UNANSWERED,)),
        (
            {
                "next_due_on": date(2026, 3, 11),
                "next_action": NextAction.RESOLVE_HOLD,
                "held_reasons": (HeldReason.NO_CONTACT_DETAILS,),
            },
            (AgendaCause.LONG_ON_HOLD,),
        ),
        ({"review_due_on": date(2026, 3, 13)}, (AgendaCause.REVIEW_WAITING,)),
        ({"review_due_on": TODAY}, ()),
        ({"risk": Risk.HIGH}, (AgendaCause.HIGH_RISK,)),
        ({"domestic_abuse": True}, (AgendaCause.HIGH_RISK,)),
        ({"risk": Risk.UNKNOWN, "officer_grade": "high"}, (AgendaCause.HIGH_RISK,)),
        ({"risk": Risk.HIGH, "is_assigned": False}, ()),
        ({"risk": Risk.HIGH, "has_running_step": True}, ()),
        ({"is_carried_over": True, "has_running_step": True}, (AgendaCause.CARRIED_OVER,)),
        ({"next_due_on": None}, ()),
    ],
)
def test_a_referral_is_gone_through_for_these_reasons(
    known: dict[str, Any], causes: tuple[AgendaCause, ...]
) -> None:
    assert find_causes(facts(**known), TODAY, LIMITS) == causes


def test_who_comes_to_harm_by_waiting_stands_first_and_fifty_are_the_most() -> None:
    known = [
        facts(1, next_due_on=date(2026, 2, 2)),
        facts(2, risk=Risk.HIGH, next_due_on=date(2026, 3, 20)),
        facts(3, risk=Risk.HIGH, next_due_on=date(2026, 3, 13)),
        facts(
            4,
            held_reasons=(HeldReason.CHILD_WITHOUT_SAFE_ADULT,),
            next_action=NextAction.RESOLVE_HOLD,
            next_due_on=date(2026, 3, 4),
        ),
        facts(5),
    ]
    assert [each.referral_id.int for each in choose_for_review(known, TODAY, LIMITS)] == [4, 3, 1, 2]
    many = [facts(number, risk=Risk.HIGH) for number in range(1, MOST_ON_AGENDA + 10)]
    assert len(choose_for_review(many, TODAY, LIMITS)) == MOST_ON_AGENDA


@pytest.mark.parametrize(
    ("due_on", "message"),
    [
        (None, "Enter the day by which it is done"),
        (date(2026, 3, 13), "The day must be today or later"),
        (date(2026, 3, 21), "Enter a working day: no weekend, no bank holiday"),
        # Good Friday.
        (date(2026, 4, 3), "Enter a working day: no weekend, no bank holiday"),
        (date(2027, 6, 1), "The day must be within a year"),
    ],
)
def test_the_next_step_has_a_working_day(due_on: date | None, message: str) -> None:
    wrong = find_review_mistakes(reason="It goes on.", next_step="Ring her.", due_on=due_on, today=TODAY)
    assert wrong == {"due_on": message}


def test_a_decision_says_why_and_what_is_next() -> None:
    assert set(find_review_mistakes(reason=" ", next_step="", due_on=TODAY, today=TODAY)) == {
        "reason",
        "next_step",
    }
    long = find_review_mistakes(reason="x" * 5001, next_step="Ring her.", due_on=TODAY, today=TODAY)
    assert long == {"reason": "Shorten this to 5,000 characters"}
