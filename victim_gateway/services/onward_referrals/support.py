"""What a provider records once it has taken a person on."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.actors import Actor
from victim_gateway.errors import InvalidInput
from victim_gateway.services.onward_referrals._action import (
    LocalEvent,
    OnwardAction,
    checked_text,
    onward_referral_action,
    required_text,
)
from victim_gateway.services.onward_referrals.withdraw_and_expire import release_first_contact
from victim_gateway.vocabulary import EventKind, OnwardState, ServiceOutcome, TaskKind

# The person's story ends here for the reader; a bare code would not say how.
NEEDS_WORDS = (ServiceOutcome.NOT_MET, ServiceOutcome.DISENGAGED, ServiceOutcome.OTHER)
# Support that never began can't have met anything.
OUTCOMES_BEFORE_SUPPORT = (ServiceOutcome.DISENGAGED, ServiceOutcome.NOT_MET, ServiceOutcome.OTHER)


def closing_outcomes(state: OnwardState) -> tuple[ServiceOutcome, ...]:
    """The outcomes with which an onward referral in this state can be closed; none where it can't."""
    if state is OnwardState.ACCEPTED:
        return OUTCOMES_BEFORE_SUPPORT
    return tuple(ServiceOutcome) if state is OnwardState.IN_SERVICE else ()


def record_provider_first_contact(
    onward_referral_id: UUID,
    *,
    actor: Actor,
    at: datetime,
    contacted_at: datetime,
    words: str | None = None,
    submission_id: UUID | None = None,
    version: int | None = None,
) -> None:
    """The person was reached and support begins; stops the provider's first-contact clock.

    Raises InvalidInput when `contacted_at` lies in the future or on a day before the acceptance.
    """
    said = checked_text(words, "words")
    with onward_referral_action(
        onward_referral_id,
        "onward_referral.first_contact_recorded",
        actor=actor,
        at=at,
        permission=Permission.RESPOND_TO_ONWARD_REFERRAL,
        submission_id=submission_id,
        version=version,
    ) as under_way:
        under_way.move(
            OnwardState.IN_SERVICE,
            LocalEvent.FIRST_CONTACT,
            kind=EventKind.LOCAL,
            occurred_at=contacted_at,
            words=said,
        )
        _check_contacted(under_way, contacted_at)
        under_way.onward.first_contact_at = contacted_at


def close_onward_referral(
    onward_referral_id: UUID,
    *,
    actor: Actor,
    at: datetime,
    outcome: ServiceOutcome,
    words: str | None = None,
    submission_id: UUID | None = None,
    version: int | None = None,
) -> None:
    """Support has ended, with an outcome; the provider loses sight and a caseworker reviews.

    Before the first contact it ends early. Raises InvalidInput for an outcome that does not fit, or one
    that needs words and has none.
    """
    said = checked_text(words, "words")
    if outcome in NEEDS_WORDS:
        said = required_text(words, "words", "Say in a few words how it ended")
    with onward_referral_action(
        onward_referral_id,
        "onward_referral.closed",
        actor=actor,
        at=at,
        permission=Permission.RESPOND_TO_ONWARD_REFERRAL,
        submission_id=submission_id,
        version=version,
    ) as under_way:
        onward = under_way.onward
        early = onward.state is OnwardState.ACCEPTED
        if early and outcome not in OUTCOMES_BEFORE_SUPPORT:
            message = "Record the first contact first: support that has not begun can't have met a need."
            raise InvalidInput(message, fields={"outcome": message})
        onward.outcome = outcome
        state = OnwardState.ENDED_EARLY if early else OnwardState.CLOSED
        under_way.move(state, f"onward_referral.{state.value}", reason_code=outcome.value, words=said)
        if early:
            release_first_contact(under_way)
        under_way.finish_task(TaskKind.PROVIDER_ASKED)
        under_way.open_task(TaskKind.SERVICE_ENDED)


def _check_contacted(under_way: OnwardAction, contacted_at: datetime) -> None:
    accepted_at = under_way.onward.answered_at
    message = None
    if contacted_at > under_way.at:
        message = "The first contact must be today or in the past"
    elif accepted_at and times.london_date(contacted_at) < times.london_date(accepted_at):
        accepted_on = times.london_date(accepted_at)
        message = (
            f"The first contact must be on or after {accepted_on.day} {accepted_on:%B %Y}, when you accepted"
        )
    if message:
        raise InvalidInput(message, fields={"contacted_on": message})
