"""Write down an answer about a case that stands still; on the timeline it is a step like any other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from victim_gateway import times
from victim_gateway.errors import InvalidInput
from victim_gateway.models import StallAnswer
from victim_gateway.reminder_vocabulary import StallAnswerCode
from victim_gateway.rules.stalled_cases import find_answer_mistakes, is_active_after
from victim_gateway.services.shared.case_action import CaseAction, EventDetails


@dataclass(frozen=True, slots=True)
class StalledCaseAnswer:
    """What holds a case up, as the list worded it, and when it is looked at again; None where it is not needed."""

    answer: StallAnswerCode
    wording: str
    look_again_on: date | None = None


def add_stall_answer(
    action: CaseAction,
    given: StalledCaseAnswer,
    event: str,
    *,
    is_high_risk: bool,
    onward_referral_id: UUID | None = None,
    provider_id: UUID | None = None,
) -> None:
    """Add the answer and its timeline entry. Raises InvalidInput for a day that is past or too far ahead."""
    today = times.london_date(action.at)
    wrong = find_answer_mistakes(given.answer, given.look_again_on, today=today, is_high_risk=is_high_risk)
    if wrong:
        raise InvalidInput(next(iter(wrong.values())), fields=dict(wrong))
    is_active = is_active_after(given.answer)
    look_again_on = given.look_again_on if is_active else None
    action.session.add(
        StallAnswer(
            referral_id=action.referral_id,
            onward_referral_id=onward_referral_id,
            provider_id=provider_id,
            answered_at=action.at,
            by_id=action.actor.user_id,
            is_active=is_active,
            answer=given.answer,
            wording=given.wording,
            look_again_on=look_again_on,
        )
    )
    codes = {"answer": given.answer.value}
    if look_again_on is not None:
        codes["look_again_on"] = look_again_on.isoformat()
    action.add_timeline_entry(event, EventDetails(codes=codes))
