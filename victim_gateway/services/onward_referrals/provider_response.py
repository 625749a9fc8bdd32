"""What a provider answers to an offer: seen, a question, yes or no."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.actors import Actor
from victim_gateway.errors import InvalidInput
from victim_gateway.services.onward_referrals._action import (
    LocalEvent,
    OnwardAction,
    add_shared_note,
    onward_referral_action,
    required_text,
)
from victim_gateway.vocabulary import DeclineReason, EventKind, OnwardState, TaskKind

LONGEST_WAIT = timedelta(days=366)
QUESTION = "Question about the referral"


def acknowledge_offer(
    onward_referral_id: UUID,
    *,
    actor: Actor,
    at: datetime,
    submission_id: UUID | None = None,
    version: int | None = None,
) -> None:
    """Say that the offer has been seen. The provider-response clock runs on: seen is not answered."""
    with onward_referral_action(
        onward_referral_id,
        "onward_referral.acknowledged",
        actor=actor,
        at=at,
        permission=Permission.RESPOND_TO_ONWARD_REFERRAL,
        submission_id=submission_id,
        version=version,
    ) as under_way:
        under_way.move(OnwardState.ACKNOWLEDGED, "onward_referral.acknowledged")
        _seen(under_way)


def accept_onward_referral(
    onward_referral_id: UUID,
    *,
    actor: Actor,
    at: datetime,
    first_contact_planned_on: date | None = None,
    submission_id: UUID | None = None,
    version: int | None = None,
) -> None:
    """Take the person on; stops the provider-response clock and starts the first-contact one.

    Raises NotFound when it is not addressed to the actor's organisation, TransitionNotAllowed unless it
    waits for an answer, InvalidInput for a planned day in the past or more than a year away.
    """
    _check_planned(first_contact_planned_on, at)
    with onward_referral_action(
        onward_referral_id,
        "onward_referral.accepted",
        actor=actor,
        at=at,
        permission=Permission.RESPOND_TO_ONWARD_REFERRAL,
        submission_id=submission_id,
        version=version,
    ) as under_way:
        under_way.move(OnwardState.ACCEPTED, LocalEvent.ACCEPTED, kind=EventKind.LOCAL)
        _answered(under_way)
        under_way.onward.first_contact_planned_on = first_contact_planned_on


def decline_onward_referral(
    onward_referral_id: UUID,
    *,
    actor: Actor,
    at: datetime,
    reason: DeclineReason,
    words: str | None = None,
    submission_id: UUID | None = None,
    version: int | None = None,
) -> None:
    """Say no, with a reason; the provider loses sight at once and a caseworker decides what follows.

    Raises as `accept` does, and InvalidInput without words: a code alone does not help the next offer.
    """
    said = required_text(words, "words", "Say in a few words why you cannot take the person on")
    with onward_referral_action(
        onward_referral_id,
        "onward_referral.declined",
        actor=actor,
        at=at,
        permission=Permission.RESPOND_TO_ONWARD_REFERRAL,
        submission_id=submission_id,
        version=version,
    ) as under_way:
        under_way.onward.decline_reason = reason
        under_way.onward.decline_confirmed_at = None
        under_way.move(OnwardState.DECLINED, "onward_referral.declined", reason_code=reason.value, words=said)
        _answered(under_way)
        under_way.open_task(TaskKind.PROVIDER_DECLINED)


def request_information(
    onward_referral_id: UUID,
    *,
    actor: Actor,
    at: datetime,
    words: str,
    submission_id: UUID | None = None,
    version: int | None = None,
) -> None:
    """Ask the Gateway something before answering. Raises InvalidInput without a question."""
    question = required_text(words, "words", "Enter your question")
    with onward_referral_action(
        onward_referral_id,
        "onward_referral.information_requested",
        actor=actor,
        at=at,
        permission=Permission.RESPOND_TO_ONWARD_REFERRAL,
        submission_id=submission_id,
        version=version,
    ) as under_way:
        under_way.move(OnwardState.INFORMATION_REQUESTED, "onward_referral.information_requested")
        _seen(under_way)
        add_shared_note(under_way, QUESTION, question)
        under_way.open_task(TaskKind.PROVIDER_ASKED)


def _seen(under_way: OnwardAction) -> None:
    if under_way.onward.acknowledged_at is None:
        under_way.onward.acknowledged_at = under_way.at


def _answered(under_way: OnwardAction) -> None:
    """The question of the offer is settled: its clock stops, and a question of the provider's with it."""
    _seen(under_way)
    under_way.onward.answered_at = under_way.at
    under_way.record(LocalEvent.ANSWERED, kind=EventKind.LOCAL)
    under_way.finish_task(TaskKind.PROVIDER_ASKED)


def _check_planned(planned_on: date | None, at: datetime) -> None:
    today = times.london_date(at)
    if planned_on is not None and not today <= planned_on <= today + LONGEST_WAIT:
        message = "The day of the first contact must be today or within a year"
        raise InvalidInput(message, fields={"first_contact_planned_on": message})
