"""What a provider answers to an offer: seen, a question, yes or no."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.errors import InvalidInput
from victim_gateway.queries.onward_referrals.decline_rules import decline_rule_of
from victim_gateway.service_record_vocabulary import WorkerChangeReason
from victim_gateway.services.messages.provider_notices import tell_provider
from victim_gateway.services.onward_referrals._contact_from_report import release_contact_from_report
from victim_gateway.services.onward_referrals._messages import add_shared_note
from victim_gateway.services.onward_referrals._offer_group_steps import note_offer_ended
from victim_gateway.services.onward_referrals._text import require_text
from victim_gateway.services.onward_referrals.next_offers import ask_next_service
from victim_gateway.services.onward_referrals.offer_groups import settle_accepted_group
from victim_gateway.services.onward_referrals.provider_returns import propose_service
from victim_gateway.services.onward_referrals.provider_workers import (
    WorkerChange,
    change_worker,
    find_live_worker,
)
from victim_gateway.services.shared.case_action import EventDetails
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import (
    LocalEvent,
    OnwardReferralAction,
    onward_referral_action,
)
from victim_gateway.services.shared.service_capacity import note_place_taken
from victim_gateway.vocabulary import DeclineReason, EventKind, NoticeKind, OnwardState, TaskKind

LONGEST_WAIT = timedelta(days=366)
QUESTION = "Question about the referral"
_PERMISSION = Permission.RESPOND_TO_ONWARD_REFERRAL


def acknowledge_offer(command: Command, onward_referral_id: UUID) -> None:
    """Say that the offer has been seen. The provider-response clock runs on: seen is not answered."""
    event = "onward_referral.acknowledged"
    with onward_referral_action(command, onward_referral_id, _PERMISSION, event) as action:
        action.change_state(OnwardState.ACKNOWLEDGED, event)
        _mark_seen(action)


def accept_onward_referral(
    command: Command,
    onward_referral_id: UUID,
    *,
    first_contact_planned_on: date | None = None,
    worker_id: UUID | None = None,
) -> None:
    """Take the person on; stops the provider-response clock and starts the first-contact one.

    `worker_id`: the colleague who gets it in the same step. Raises NotFound when it is not addressed to the actor's
    organisation, TransitionNotAllowed unless it waits for an answer, InvalidInput for a planned day in the past or more
    than a year away, and for an account that may not be given it.
    """
    _check_planned_day(first_contact_planned_on, command.at)
    audit_action = "onward_referral.accepted"
    with onward_referral_action(command, onward_referral_id, _PERMISSION, audit_action) as action:
        action.change_state(OnwardState.ACCEPTED, LocalEvent.ACCEPTED, kind=EventKind.LOCAL)
        _record_answer(action)
        action.onward.first_contact_planned_on = first_contact_planned_on
        if worker_id is not None and worker_id != find_live_worker(action.session, onward_referral_id):
            change_worker(action, WorkerChange(worker_id, WorkerChangeReason.GIVEN_WHEN_ACCEPTED))
        settle_accepted_group(action)
        note_place_taken(action.session, command, action.onward.service_id)


def decline_onward_referral(
    command: Command,
    onward_referral_id: UUID,
    *,
    reason: DeclineReason,
    text: str | None = None,
    proposed_service_id: UUID | None = None,
) -> None:
    """Say no, with a reason; the provider loses sight at once and a caseworker decides what follows.

    `proposed_service_id`: another provider's service that it proposes; nothing goes there by itself. Where the area's
    list says so, the next service of a ranked group is asked at once.

    Raises as `accept_onward_referral` does, and InvalidInput without text: a code alone does not help the
    next offer.
    """
    reason_text = require_text(text, "reason_text", "Say in a few words why you cannot take the person on")
    event = "onward_referral.declined"
    with onward_referral_action(command, onward_referral_id, _PERMISSION, event) as action:
        action.onward.decline_reason = reason
        action.onward.decline_confirmed_at = None
        propose_service(action, proposed_service_id)
        details = EventDetails(reason_code=reason.value, text=reason_text)
        action.change_state(OnwardState.DECLINED, event, details)
        _record_answer(action)
        release_contact_from_report(action.session, action.onward, at=action.at)
        action.open_task(TaskKind.PROVIDER_DECLINED)
        tell_provider(action.session, action.onward, NoticeKind.DECLINED, at=action.at)
        is_at_once = decline_rule_of(action.session, reason).is_at_once
        group_id = note_offer_ended(action, goes_on=True) if is_at_once else None
    if group_id is not None:
        ask_next_service(command, group_id)


def request_information(command: Command, onward_referral_id: UUID, *, text: str) -> None:
    """Ask the Gateway something before answering. Raises InvalidInput without a question."""
    question = require_text(text, "question", "Enter your question")
    event = "onward_referral.information_requested"
    with onward_referral_action(command, onward_referral_id, _PERMISSION, event) as action:
        action.change_state(OnwardState.INFORMATION_REQUESTED, event)
        _mark_seen(action)
        add_shared_note(action, QUESTION, question)
        action.open_task(TaskKind.PROVIDER_ASKED)


def _mark_seen(action: OnwardReferralAction) -> None:
    if action.onward.acknowledged_at is None:
        action.onward.acknowledged_at = action.at


def _record_answer(action: OnwardReferralAction) -> None:
    """The question of the offer is settled: its clock stops, and a question of the provider's with it."""
    _mark_seen(action)
    action.onward.answered_at = action.at
    action.record_local_event(LocalEvent.ANSWERED)
    action.finish_task(TaskKind.PROVIDER_ASKED)


def _check_planned_day(planned_on: date | None, at: datetime) -> None:
    today = times.london_date(at)
    if planned_on is not None and not today <= planned_on <= today + LONGEST_WAIT:
        message = "The day of the first contact must be today or within a year"
        raise InvalidInput(message, fields={"first_contact_planned_on": message})
