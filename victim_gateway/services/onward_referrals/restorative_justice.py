"""Restorative justice after domestic or sexual abuse: a caseworker asks, a senior caseworker says yes or no.

Whoever harmed the person may use a meeting to go on harming. Nothing is offered before the yes (`offer`), and a
yes from before the risk was found high counts no more (`queries.onward_referrals.eligibility`).
"""

from __future__ import annotations

from uuid import UUID

from victim_gateway.access.permissions import Permission
from victim_gateway.errors import InvalidInput, TransitionNotAllowed
from victim_gateway.rules.harms import NEEDS_SENIOR_YES
from victim_gateway.services.onward_referrals._text import check_text
from victim_gateway.services.shared.case_action import EventDetails, ReferralAction, referral_action
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import require_permission
from victim_gateway.services.shared.tasks import restorative_decision_key
from victim_gateway.vocabulary import ReferralState, TaskKind

_OPEN = (
    ReferralState.IN_CONTACT,
    ReferralState.TRIAGED,
    ReferralState.SUPPORTED,
    ReferralState.REOPENED,
)


def request_restorative_justice(command: Command, referral_id: UUID, *, text: str) -> None:
    """Ask a senior caseworker whether restorative justice may be offered; opens their task.

    Raises InvalidInput without text, and TransitionNotAllowed where no yes is needed or the referral is not open.
    """
    require_permission(command.actor, Permission.EDIT_CASEWORK)
    text = _required(text, "Say why, and how the person stays safe")
    with referral_action(command, referral_id) as action:
        _check_open(action)
        action.open_task(
            TaskKind.RESTORATIVE_JUSTICE_DECISION, dedupe_key=restorative_decision_key(referral_id)
        )
        action.add_timeline_entry("restorative_justice.requested", EventDetails(text=text))
        action.record_audit("restorative_justice.requested")


def decide_restorative_justice(command: Command, referral_id: UUID, *, agreed: bool, text: str) -> None:
    """Record a senior caseworker's yes or no, with the reason; ends the task. A no takes an earlier yes back.

    Raises NotAllowed for anybody else, InvalidInput without a reason, and TransitionNotAllowed where no yes is
    needed or the referral is not open.
    """
    require_permission(command.actor, Permission.APPROVE_RESTORATIVE_JUSTICE)
    text = _required(text, "Enter why you decide so")
    with referral_action(command, referral_id) as action:
        _check_open(action)
        referral = action.referral
        referral.restorative_yes_at = action.at if agreed else None
        referral.restorative_yes_by_id = action.actor.user_id if agreed else None
        action.finish_task(restorative_decision_key(referral_id))
        answer = "agreed" if agreed else "refused"
        action.add_timeline_entry(f"restorative_justice.{answer}", EventDetails(text=text))
        action.record_audit(f"restorative_justice.{answer}")


def _required(text: str, message: str) -> str:
    checked = check_text(text, "reason")
    if not checked.strip():
        raise InvalidInput(message, fields={"reason": message})
    return checked


def _check_open(action: ReferralAction) -> None:
    if action.referral.state not in _OPEN:
        raise TransitionNotAllowed("This referral is not open for restorative justice.")
    if not NEEDS_SENIOR_YES.intersection(action.referral.harms):
        raise TransitionNotAllowed(
            "No yes of a senior caseworker is needed: neither domestic nor sexual abuse is recorded."
        )
