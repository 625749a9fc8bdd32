"""A conversation about rights: what a person says about each promise of the Code, recorded in one go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from victim_gateway.errors import InvalidInput
from victim_gateway.models import EntitlementClock
from victim_gateway.queries.referrals.rights_conversation import ANSWER_EVENT
from victim_gateway.services.referrals.victim_reports import add_victim_report, find_open_clock
from victim_gateway.services.shared.case_action import (
    ActionEffect,
    EventDetails,
    ReferralAction,
    referral_action,
)
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import EventKind, RightsAnswer


@dataclass(frozen=True, slots=True)
class AnsweredRight:
    """What the person says about one clock; `told_on` is the London date they name, for a yes with a day."""

    clock_id: UUID
    answer: RightsAnswer
    told_on: date | None = None


def record_rights_conversation(
    command: Command, referral_id: UUID, answers: Sequence[AnsweredRight], *, text: str | None = None
) -> None:
    """Record what the person says about each promise they were asked about.

    A yes with its day stops the clock as the person's word. Every other answer is kept beside the clock and
    moves nothing: that nobody told them is no proof of when they were not told. Raises InvalidInput without an
    answer, for a yes without its day, or for a day before the clock started or in the future; its field is
    `told_on_` with the clock's id in hexadecimal. Raises TransitionNotAllowed when a clock has stopped since.
    """
    if not answers:
        raise InvalidInput("Answer at least one question, or go back")
    with referral_action(command, referral_id, effect=ActionEffect.EVENTS_ONLY) as action:
        action.require_person()
        for answered in answers:
            _record_answer(action, answered)
        codes = {"answers": len(answers)}
        action.add_timeline_entry("rights.discussed", EventDetails(text=text, codes=codes))
        action.record_audit("rights.discussed", answers=[answered.answer.value for answered in answers])


def _record_answer(action: ReferralAction, answered: AnsweredRight) -> None:
    clock, event = find_open_clock(action.session, action.referral, answered.clock_id)
    if answered.answer is RightsAnswer.YES:
        field = f"told_on_{answered.clock_id.hex}"
        if answered.told_on is None:
            raise InvalidInput(
                "Enter the day it happened",
                fields={field: "Enter the day it happened, or choose that they do not know the day"},
            )
        add_victim_report(action, clock, event, told_on=answered.told_on, field=field)
    entry = action.new_event(ANSWER_EVENT, EventKind.STORY, EventDetails(codes=_codes(clock, answered)))
    action.append_event(replace(entry, subject=clock.subject, source="victim"))


def _codes(clock: EntitlementClock, answered: AnsweredRight) -> dict[str, str]:
    return {
        "entitlement_id": clock.entitlement_id,
        "started_at": clock.started_at.isoformat(),
        "answer": answered.answer.value,
    }
