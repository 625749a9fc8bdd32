"""What a caseworker answers to a provider: to a question, and to a decline."""

from __future__ import annotations

from uuid import UUID

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.errors import InvalidInput, TransitionNotAllowed
from victim_gateway.offer_vocabulary import DeclineConsequence
from victim_gateway.queries.onward_referrals.decline_rules import decline_rule_of
from victim_gateway.queries.onward_referrals.handover import is_sharing_agreed
from victim_gateway.rules.decline_consequences import DeclineRule
from victim_gateway.services.messages.provider_notices import close_decline_notices, tell_provider
from victim_gateway.services.onward_referrals._messages import add_shared_note
from victim_gateway.services.onward_referrals._offer_checks import (
    gather_shareable_source,
    require_fitting_service,
    require_own_yes,
)
from victim_gateway.services.onward_referrals._offer_group_steps import (
    note_offer_ended,
    open_decision,
    refuse_while_next_is_asked,
)
from victim_gateway.services.onward_referrals._text import check_text, require_text
from victim_gateway.services.onward_referrals.handover_safe_contact import reseal_handover_safe_contact
from victim_gateway.services.onward_referrals.next_offers import ask_next_service
from victim_gateway.services.onward_referrals.offer import start_offer_clock
from victim_gateway.services.onward_referrals.service_pauses import stop_pairing
from victim_gateway.services.onward_referrals.share_again import renew_handover
from victim_gateway.services.shared import case_locks
from victim_gateway.services.shared.case_action import EventDetails
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import (
    INFORMATION_GIVEN,
    OnwardReferralAction,
    onward_referral_action,
)
from victim_gateway.vocabulary import DeclineReason, NoticeKind, OnwardState, TaskKind

ANSWER = "Answer from the Gateway"


def answer_request(command: Command, onward_referral_id: UUID, *, text: str) -> None:
    """Answer what the provider asked; the provider has to answer the offer next.

    Raises InvalidInput without an answer, TransitionNotAllowed when no question is open.
    """
    answer = require_text(text, "answer", "Enter your answer")
    with onward_referral_action(
        command, onward_referral_id, Permission.EDIT_CASEWORK, INFORMATION_GIVEN
    ) as action:
        _check_question_open(action)
        action.change_state(OnwardState.ACKNOWLEDGED, INFORMATION_GIVEN)
        add_shared_note(action, ANSWER, answer)
        action.finish_task(TaskKind.PROVIDER_ASKED)
        tell_provider(action.session, action.onward, NoticeKind.ANSWERED, at=action.at)


def confirm_decline(
    command: Command,
    onward_referral_id: UUID,
    *,
    text: str | None = None,
    consequence: DeclineConsequence | None = None,
) -> None:
    """Agree that the provider may decline, and carry out what follows: as the reason's rule says, or as chosen.

    In a ranked group the next service is asked then, unless the person has to be asked first. Raises InvalidInput for
    another consequence than the rule's without a reason.
    """
    reason_text = check_text(text, "reason_text")
    event = "onward_referral.decline_confirmed"
    with onward_referral_action(command, onward_referral_id, Permission.EDIT_CASEWORK, event) as action:
        _check_undecided(action)
        rule = decline_rule_of(action.session, action.onward.decline_reason or DeclineReason.OTHER)
        chosen = DeclineRule(consequence or rule.consequence)
        if chosen.consequence is not rule.consequence:
            require_text(text, "reason_text", "Say why something else follows than usual")
        action.onward.decline_confirmed_at = action.at
        action.onward.decline_consequence = chosen.consequence
        codes = {"consequence": chosen.consequence.value}
        action.add_timeline_entry(event, EventDetails(text=reason_text, codes=codes))
        action.finish_task(TaskKind.PROVIDER_DECLINED)
        close_decline_notices(action.session, action.onward.id, at=action.at)
        stop_pairing(action, chosen.consequence)
        group_id = note_offer_ended(action, goes_on=chosen.goes_on)
        if not chosen.goes_on:
            open_decision(action, "ask_person")
    if group_id is not None:
        ask_next_service(command, group_id)


def overturn_decline(command: Command, onward_referral_id: UUID, *, text: str) -> None:
    """Offer the same thing again: the provider sees it once more, with the reason, and a new clock runs.

    The parts that were shared go as they are recorded now, and the handover before is kept. Raises InvalidInput
    without a reason, when the person's yes has been withdrawn since, or the service does not fit any more;
    TransitionNotAllowed and UnsafeContact as a new offer does.
    """
    reason_text = require_text(
        text, "reason_text", "Say why you are offering it again: the provider will read this"
    )
    event = "onward_referral.decline_overturned"
    with onward_referral_action(command, onward_referral_id, Permission.EDIT_CASEWORK, event) as action:
        _check_undecided(action)
        _check_still_agreed(action)
        refuse_while_next_is_asked(action)
        session, onward = action.session, action.onward
        # No deadlock: whoever changes the person has locked them, but waits only for onward referrals that are live.
        case_locks.lock_person_row(session, onward.person_id)
        on = times.london_date(action.at)
        gather_shareable_source(session, onward.referral_id, on)
        require_own_yes(session, onward)
        require_fitting_service(session, onward.referral_id, onward.service_id, on, full_reason=reason_text)
        before = onward.state
        onward.move_to(OnwardState.OFFERED)
        onward.decline_reason = onward.ended_at = onward.provider_access_ended_at = None
        onward.acknowledged_at = onward.answered_at = None
        onward.decline_mistake_at = onward.proposed_service_id = None
        onward.offered_at = action.at
        # All of this may have changed while the provider could not see it.
        renew_handover(action)
        reseal_handover_safe_contact(session, [onward], onward.person_id, at=action.at)
        session.flush()
        start_offer_clock(action, from_state=before)
        action.add_timeline_entry(event, EventDetails(text=reason_text))
        action.finish_task(TaskKind.PROVIDER_DECLINED)
        close_decline_notices(session, onward.id, at=action.at)
        tell_provider(session, onward, NoticeKind.OFFERED_AGAIN, at=action.at)


def _check_question_open(action: OnwardReferralAction) -> None:
    if action.onward.state is not OnwardState.INFORMATION_REQUESTED:
        raise TransitionNotAllowed("There is no question to answer: it was answered or taken back already.")


def _check_undecided(action: OnwardReferralAction) -> None:
    onward = action.onward
    if onward.state is not OnwardState.DECLINED or onward.decline_confirmed_at is not None:
        raise TransitionNotAllowed("There is no decline to decide about: it was decided already.")


def _check_still_agreed(action: OnwardReferralAction) -> None:
    if not is_sharing_agreed(action.session, action.onward, times.london_date(action.at)):
        message = "The person has taken back their yes to sharing. Confirm the decline instead."
        if action.onward.sharing_override_id is not None:
            message = "Sharing without consent is over. Confirm the decline instead."
        raise InvalidInput(message, fields={"reason_text": message})
