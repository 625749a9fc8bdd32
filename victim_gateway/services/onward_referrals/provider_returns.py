"""A provider gives a person back, or proposes another service instead; and says that it declined by mistake."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.errors import InvalidInput, TransitionNotAllowed
from victim_gateway.offer_vocabulary import ReturnReason
from victim_gateway.queries.onward_referrals.eligibility import proposable_services
from victim_gateway.queries.onward_referrals.provider_notices import find_notice, note_notices_read
from victim_gateway.services.onward_referrals._offer_group_steps import open_decision
from victim_gateway.services.onward_referrals._text import require_text
from victim_gateway.services.onward_referrals.withdraw_and_expire import release_first_contact
from victim_gateway.services.shared import case_locks, submissions
from victim_gateway.services.shared.case_action import EventDetails
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import (
    OnwardReferralAction,
    onward_referral_action,
    require_permission,
)
from victim_gateway.vocabulary import NoticeKind, OnwardState, TaskKind

RETURNED = "onward_referral.returned"
MISTAKEN = "onward_referral.decline_by_mistake"
_PERMISSION = Permission.RESPOND_TO_ONWARD_REFERRAL
_DECIDED = "The Gateway has decided about this already. Ask your contact there."


@dataclass(frozen=True, slots=True)
class ReturnAnswers:
    """Why a provider gives a person back, and which other service of the directory it proposes, if any."""

    reason: ReturnReason
    text: str
    proposed_service_id: UUID | None = None


def return_onward_referral(command: Command, onward_referral_id: UUID, answers: ReturnAnswers) -> None:
    """Give a person back to the Gateway; the provider loses sight at once, and a caseworker decides what comes next.

    Raises NotFound, InvalidInput without text or for a service that can't be proposed, and TransitionNotAllowed
    unless it was accepted and has not ended.
    """
    text = require_text(answers.text, "reason_text", "Say in a few words why you give them back")
    with onward_referral_action(command, onward_referral_id, _PERMISSION, RETURNED) as action:
        onward = action.onward
        uncontacted = onward.state is OnwardState.ACCEPTED
        onward.return_reason = answers.reason
        propose_service(action, answers.proposed_service_id)
        details = EventDetails(reason_code=answers.reason.value, text=text)
        action.change_state(OnwardState.RETURNED, RETURNED, details)
        if uncontacted:
            release_first_contact(action)
        action.finish_task(TaskKind.PROVIDER_ASKED)
        open_decision(action, "returned")


def propose_service(action: OnwardReferralAction, service_id: UUID | None) -> None:
    """Note which other provider's service is proposed instead; it learns nothing of it, a caseworker decides.

    Raises InvalidInput unless it is a running service of another provider in the directory.
    """
    if service_id is None:
        return
    session, onward = action.session, action.onward
    known = proposable_services(session, onward.provider_id, times.london_date(action.at))
    if service_id not in {service.id for service in known}:
        message = "Choose a service from the directory"
        raise InvalidInput(message, fields={"proposed": message})
    onward.proposed_service_id = service_id


def report_mistaken_decline(command: Command, notice_id: UUID) -> None:
    """The provider says that it declined by mistake; it sees nothing of the person until the Gateway reinstates it.

    Raises NotFound for a notice that is not theirs, and TransitionNotAllowed once the Gateway has decided, or after the
    area's days.
    """
    require_permission(command.actor, _PERMISSION)
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        notice = find_notice(session, notice_id)
        if notice.kind is not NoticeKind.DECLINED:
            raise TransitionNotAllowed(_DECIDED)
        # The provider has no sight of it any more: what it may say of it is this one thing.
        with as_service(session):
            onward = case_locks.lock_onward_referral(session, notice.onward_referral_id)
            is_open = onward.state is OnwardState.DECLINED and onward.decline_confirmed_at is None
            action = OnwardReferralAction(session, command, onward, MISTAKEN)
            is_over = notice.due_on is None or notice.due_on < times.london_date(command.at)
            if is_open and not is_over and onward.decline_mistake_at is None:
                onward.decline_mistake_at = command.at
                action.add_timeline_entry(MISTAKEN)
                action.open_task(TaskKind.PROVIDER_DECLINED)
                action.finish()
        if not is_open or is_over:
            raise TransitionNotAllowed(_DECIDED)
        note_notices_read(session, [notice_id], actor=command.actor, at=command.at)
