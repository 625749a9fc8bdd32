"""Groups of offers: what may be asked together, which service comes next, and when a group has done its work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from victim_gateway.errors import GatewayError, InvalidInput, NotFound, UnsafeContact
from victim_gateway.offer_vocabulary import OfferGroupMode, OfferHindrance
from victim_gateway.rules.transitions import UNANSWERED_ONWARD_STATES
from victim_gateway.vocabulary import OnwardState

FEWEST, MOST = 2, 5
HINDRANCE_PHRASES: Mapping[OfferHindrance, str] = {
    OfferHindrance.NO_CONSENT: "There is no yes to sharing with this provider any more, or not to all of it.",
    OfferHindrance.NOT_SAFE: "How to contact the person safely is not complete.",
    OfferHindrance.DOES_NOT_FIT: "The service does not fit or is not taking people now.",
    OfferHindrance.STOPPED: "Something stops the referral from being offered now.",
    OfferHindrance.ASK_PERSON: "Ask the person first what they want.",
}
# Support has begun or been promised, or may be again.
_HAS_ACCEPTED = (OnwardState.ACCEPTED, OnwardState.IN_SERVICE, OnwardState.CLOSED)


@dataclass(frozen=True, slots=True)
class OfferPlace:
    """One service of a group in its place; `state` None: it was not asked yet."""

    service_id: UUID
    state: OnwardState | None
    hindrance: OfferHindrance | None = None


def check_chosen_services(service_ids: Sequence[UUID]) -> None:
    """Raises InvalidInput unless there are two to five services and none twice."""
    if not FEWEST <= len(service_ids) <= MOST:
        message = f"Choose from {FEWEST} to {MOST} services"
        raise InvalidInput(message, fields={"first": message})
    if len(set(service_ids)) < len(service_ids):
        message = "Choose each service once"
        raise InvalidInput(message, fields={"second": message})


def next_place(places: Sequence[OfferPlace]) -> OfferPlace | None:
    """The service to ask next; None while one is asked or helping, and when there is none left."""
    if any(place.state in (*UNANSWERED_ONWARD_STATES, *_HAS_ACCEPTED) for place in places):
        return None
    return next((place for place in places if place.state is None), None)


def has_accepted(places: Sequence[OfferPlace]) -> bool:
    """Whether a service of the group has taken the person on."""
    return any(place.state in _HAS_ACCEPTED for place in places)


def has_unasked(places: Sequence[OfferPlace]) -> bool:
    """Whether a service of the group has not been asked."""
    return any(place.state is None for place in places)


def waits_for_person(places: Sequence[OfferPlace]) -> bool:
    """Whether the person has to be asked before the next service is, whatever becomes of the one that is asked now."""
    unasked = [place for place in places if place.state is None]
    return bool(unasked) and unasked[0].hindrance is OfferHindrance.ASK_PERSON


def is_exhausted(mode: OfferGroupMode, places: Sequence[OfferPlace]) -> bool:
    """Whether the group can bring nothing more: nobody is left to ask and nobody has to answer."""
    if mode is OfferGroupMode.RANKED and has_unasked(places):
        return False
    return not any(place.state in UNANSWERED_ONWARD_STATES for place in places)


def hindrance_of(error: GatewayError) -> OfferHindrance:
    """Why the next service can't be asked, as a code that says nothing of the person."""
    if isinstance(error, UnsafeContact):
        return OfferHindrance.NOT_SAFE
    if "agreed" in error.fields or "share" in error.fields:
        return OfferHindrance.NO_CONSENT
    # A full service is offered by a person with a reason, never by itself.
    if isinstance(error, NotFound) or "service" in error.fields or "full_reason" in error.fields:
        return OfferHindrance.DOES_NOT_FIT
    return OfferHindrance.STOPPED
