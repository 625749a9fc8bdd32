"""Restorative justice after domestic or sexual abuse: a caseworker asks, a senior caseworker says yes or no.

Whoever harmed the person may use a meeting to go on harming. Nothing is offered, offered again or shared again
before the yes. It counts for the harms that were recorded then, and not once the risk is found high
(`rules.restorative_justice`); a senior is then asked about what runs (`share_again`). A no takes back what runs.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from victim_gateway.access.permissions import Permission
from victim_gateway.errors import InvalidInput, TransitionNotAllowed
from victim_gateway.models import CaseEvent, OnwardReferral, ProviderService
from victim_gateway.provider_vocabulary import ServiceKind
from victim_gateway.queries.onward_referrals.eligibility import harms_needing_yes_of
from victim_gateway.rules.restorative_justice import refusal_of_decider
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.services.onward_referrals._text import check_text
from victim_gateway.services.onward_referrals.withdraw_and_expire import withdraw_in_transaction
from victim_gateway.services.shared.case_action import EventDetails, ReferralAction, referral_action
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import require_permission
from victim_gateway.services.shared.tasks import restorative_decision_key
from victim_gateway.vocabulary import ReferralState, TaskKind, WithdrawReason

_REQUESTED = "restorative_justice.requested"
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
        if not harms_needing_yes_of(action.referral):
            raise TransitionNotAllowed(
                "No yes of a senior caseworker is needed: neither domestic nor sexual abuse is recorded."
            )
        action.open_task(
            TaskKind.RESTORATIVE_JUSTICE_DECISION, dedupe_key=restorative_decision_key(referral_id)
        )
        action.add_timeline_entry(_REQUESTED, EventDetails(text=text))
        action.record_audit(_REQUESTED)


def decide_restorative_justice(command: Command, referral_id: UUID, *, agreed: bool, text: str) -> None:
    """Record a senior caseworker's yes or no, with the reason; ends the task.

    A no takes an earlier yes back, and withdraws what runs: the provider loses sight at once.

    Raises NotAllowed for anybody else, InvalidInput without a reason, and TransitionNotAllowed for the one who asked
    and where the referral is not open.
    """
    require_permission(command.actor, Permission.APPROVE_RESTORATIVE_JUSTICE)
    text = _required(text, "Enter why you decide so")
    with referral_action(command, referral_id) as action:
        _check_open(action)
        referral = action.referral
        if refusal := refusal_of_decider(_asked_by(action), action.actor.user_id):
            raise TransitionNotAllowed(refusal)
        referral.restorative_yes_risk = referral.risk.value if agreed else None
        referral.restorative_yes_at = action.at if agreed else None
        referral.restorative_yes_by_id = action.actor.user_id if agreed else None
        referral.restorative_yes_harms = list(harms_needing_yes_of(referral)) if agreed else []
        action.finish_task(restorative_decision_key(referral_id))
        answer = "agreed" if agreed else "refused"
        action.add_timeline_entry(f"restorative_justice.{answer}", EventDetails(text=text))
        action.record_audit(f"restorative_justice.{answer}")
        if not agreed:
            _withdraw_live_offers(action)


def _asked_by(action: ReferralAction) -> UUID | None:
    """Who asked last, since the last answer."""
    row = action.session.execute(
        select(CaseEvent.event, CaseEvent.actor_id)
        .where(
            CaseEvent.referral_id == action.referral.id,
            CaseEvent.event.in_((_REQUESTED, "restorative_justice.agreed", "restorative_justice.refused")),
        )
        .order_by(CaseEvent.sequence.desc())
        .limit(1)
    ).first()
    return row.actor_id if row is not None and row.event == _REQUESTED else None


def _withdraw_live_offers(action: ReferralAction) -> None:
    session, referral = action.session, action.referral
    live = (
        select(OnwardReferral.id)
        .join(ProviderService, ProviderService.id == OnwardReferral.service_id)
        .where(
            OnwardReferral.referral_id == referral.id,
            OnwardReferral.state.in_(LIVE_ONWARD_STATES),
            ProviderService.kind == ServiceKind.RESTORATIVE_JUSTICE,
        )
        .order_by(OnwardReferral.id)
    )
    session.flush()
    for onward_id in session.scalars(live).all():
        reason = WithdrawReason.NO_LONGER_SAFE
        withdraw_in_transaction(session, action.command, onward_id, reason=reason)
    # The referral's own state may have followed.
    session.flush()
    session.refresh(referral)


def _required(text: str, message: str) -> str:
    checked = check_text(text, "reason")
    if not checked.strip():
        raise InvalidInput(message, fields={"reason": message})
    return checked


def _check_open(action: ReferralAction) -> None:
    if action.referral.state not in _OPEN:
        raise TransitionNotAllowed("This referral is not open for restorative justice.")
