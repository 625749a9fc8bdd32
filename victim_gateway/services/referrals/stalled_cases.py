"""The caseworker's answer about a referral that stands still."""

from __future__ import annotations

from uuid import UUID

from victim_gateway.errors import TransitionNotAllowed
from victim_gateway.rules.step_dates import RiskBand, risk_band
from victim_gateway.rules.transitions import OVER_STATES
from victim_gateway.services.shared.case_action import ActionEffect, referral_action
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.stall_answers import StalledCaseAnswer, add_stall_answer

ANSWERED = "case.stall_answered"


def answer_stalled_case(command: Command, referral_id: UUID, given: StalledCaseAnswer) -> None:
    """Say whether a referral is still active and what holds it up; until the day that is given it is not asked again.

    Raises InvalidInput for a day that is past or too far ahead, nearer at high risk; TransitionNotAllowed for one that
    ended.
    """
    with referral_action(
        command, referral_id, effect=ActionEffect.EVENTS_ONLY, version_is_of_referral=False
    ) as action:
        referral = action.referral
        if referral.state in OVER_STATES:
            raise TransitionNotAllowed("This referral has ended, so nothing holds it up.")
        band = risk_band(
            referral.risk, domestic_abuse=referral.domestic_abuse, officer_grade=referral.officer_grade
        )
        add_stall_answer(action, given, ANSWERED, is_high_risk=band is RiskBand.HIGH)
        action.record_audit("referral.stall_answered", answer=given.answer.value)
