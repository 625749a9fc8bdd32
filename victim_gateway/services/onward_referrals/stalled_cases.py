"""A provider's answer about an onward referral that stands still."""

from __future__ import annotations

from uuid import UUID

from victim_gateway.access.permissions import Permission
from victim_gateway.errors import TransitionNotAllowed
from victim_gateway.rules.service_records import WORKING_STATES
from victim_gateway.services.shared.case_action import ActionEffect
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import onward_referral_action
from victim_gateway.services.shared.stall_answers import StalledCaseAnswer, add_stall_answer
from victim_gateway.vocabulary import Risk

ANSWERED = "onward_referral.stall_answered"


def answer_stalled_onward_referral(
    command: Command, onward_referral_id: UUID, given: StalledCaseAnswer
) -> None:
    """Say whether the provider's work still goes on and what holds it up; the caseworker reads it on the timeline.

    Raises InvalidInput for a day past or too far ahead, nearer at a shared high risk, and TransitionNotAllowed before
    the acceptance and after the end.
    """
    with onward_referral_action(
        command,
        onward_referral_id,
        Permission.RESPOND_TO_ONWARD_REFERRAL,
        ANSWERED,
        effect=ActionEffect.EVENTS_ONLY,
    ) as action:
        onward = action.onward
        if onward.state not in WORKING_STATES:
            raise TransitionNotAllowed("Your work on this referral has not begun, or has ended.")
        add_stall_answer(
            action,
            given,
            ANSWERED,
            is_high_risk=onward.shared_risk is Risk.HIGH,
            onward_referral_id=onward.id,
            provider_id=onward.provider_id,
        )
