"""What a caseworker answers to a provider: to a question, and to a decline."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from victim_gateway.access.permissions import Permission
from victim_gateway.actors import Actor
from victim_gateway.errors import InvalidInput, TransitionNotAllowed
from victim_gateway.models import Consent
from victim_gateway.services.onward_referrals._action import (
    OnwardAction,
    add_shared_note,
    checked_text,
    lock_person_of,
    onward_referral_action,
    required_text,
)
from victim_gateway.services.onward_referrals.handover_safe_contact import reseal_handover_safe_contact
from victim_gateway.services.onward_referrals.offer import start_offer_clock
from victim_gateway.vocabulary import OnwardState, TaskKind

ANSWER = "Answer from the Gateway"


def answer_request(
    onward_referral_id: UUID,
    *,
    actor: Actor,
    at: datetime,
    words: str,
    submission_id: UUID | None = None,
    version: int | None = None,
) -> None:
    """Answer what the provider asked; it is then the provider's turn again.

    Raises InvalidInput without an answer, TransitionNotAllowed when no question is open.
    """
    said = required_text(words, "words", "Enter your answer")
    with onward_referral_action(
        onward_referral_id,
        "onward_referral.information_given",
        actor=actor,
        at=at,
        permission=Permission.EDIT_CASEWORK,
        submission_id=submission_id,
        version=version,
    ) as under_way:
        _asked(under_way)
        under_way.move(OnwardState.ACKNOWLEDGED, "onward_referral.information_given")
        add_shared_note(under_way, ANSWER, said)
        under_way.finish_task(TaskKind.PROVIDER_ASKED)


def confirm_decline(
    onward_referral_id: UUID,
    *,
    actor: Actor,
    at: datetime,
    words: str | None = None,
    submission_id: UUID | None = None,
    version: int | None = None,
) -> None:
    """Agree that the provider may decline; the person can then be offered to another service."""
    said = checked_text(words, "words")
    with onward_referral_action(
        onward_referral_id,
        "onward_referral.decline_confirmed",
        actor=actor,
        at=at,
        permission=Permission.EDIT_CASEWORK,
        submission_id=submission_id,
        version=version,
    ) as under_way:
        _undecided(under_way)
        under_way.onward.decline_confirmed_at = at
        under_way.record("onward_referral.decline_confirmed", words=said)
        under_way.finish_task(TaskKind.PROVIDER_DECLINED)


def overturn_decline(
    onward_referral_id: UUID,
    *,
    actor: Actor,
    at: datetime,
    words: str,
    submission_id: UUID | None = None,
    version: int | None = None,
) -> None:
    """Offer the same thing again: the provider sees it once more, with the reason, and a new clock runs.

    Raises InvalidInput without a reason, or when the person's yes has been withdrawn since.
    """
    said = required_text(words, "words", "Say why you are offering it again: the provider will read this")
    with onward_referral_action(
        onward_referral_id,
        "onward_referral.decline_overturned",
        actor=actor,
        at=at,
        permission=Permission.EDIT_CASEWORK,
        submission_id=submission_id,
        version=version,
    ) as under_way:
        _undecided(under_way)
        _still_agreed(under_way)
        onward = under_way.onward
        before = onward.state
        onward.move_to(OnwardState.OFFERED)
        onward.decline_reason = onward.ended_at = onward.provider_access_ended_at = None
        onward.acknowledged_at = onward.answered_at = None
        onward.offered_at = at
        # How to reach the person may have changed while the provider could not see it. No deadlock: whoever
        # changes it holds the person, but waits only for onward referrals that are live.
        lock_person_of(under_way.session, onward.person_id)
        reseal_handover_safe_contact(under_way.session, [onward], onward.person_id)
        under_way.session.flush()
        start_offer_clock(under_way, from_state=before)
        under_way.record("onward_referral.decline_overturned", words=said)
        under_way.finish_task(TaskKind.PROVIDER_DECLINED)


def _asked(under_way: OnwardAction) -> None:
    if under_way.onward.state is not OnwardState.INFORMATION_REQUESTED:
        raise TransitionNotAllowed("There is no question to answer: it was answered or taken back already.")


def _undecided(under_way: OnwardAction) -> None:
    onward = under_way.onward
    if onward.state is not OnwardState.DECLINED or onward.decline_confirmed_at is not None:
        raise TransitionNotAllowed("There is no decline to decide about: it was decided already.")


def _still_agreed(under_way: OnwardAction) -> None:
    consent = under_way.session.get_one(Consent, under_way.onward.consent_id)
    if consent.withdrawn_at is not None:
        message = "The person has taken back their yes to sharing. Confirm the decline instead."
        raise InvalidInput(message, fields={"words": message})
