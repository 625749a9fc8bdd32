"""The answer about a case that stands still: is it still active, what holds it up, and when is it looked at again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from victim_gateway.reminder_vocabulary import StallAnswerCode

LONGEST_LOOK_DAYS = 60
LONGEST_LOOK_DAYS_AT_HIGH_RISK = 14


def is_active_after(answer: StallAnswerCode) -> bool:
    """Whether a case goes on after this answer."""
    return answer is not StallAnswerCode.NO_LONGER_NEEDED


def find_answer_mistakes(
    answer: StallAnswerCode, look_again_on: date | None, *, today: date, is_high_risk: bool
) -> Mapping[str, str]:
    """What is wrong with an answer, by field. A case that goes on has a day on which it is looked at again."""
    if not is_active_after(answer):
        return {}
    if look_again_on is None:
        return {"look_again_on": "Enter the day on which you will look at it again"}
    most = LONGEST_LOOK_DAYS_AT_HIGH_RISK if is_high_risk else LONGEST_LOOK_DAYS
    if look_again_on <= today:
        return {"look_again_on": "The day must be after today"}
    if look_again_on > today + timedelta(days=most):
        risk = " at high risk" if is_high_risk else ""
        return {"look_again_on": f"The day must be within {most} days{risk}"}
    return {}
