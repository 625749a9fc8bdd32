"""What must hold each time a provider is given something of a person: an offer, one made again, a share again."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import as_service
from victim_gateway.errors import InvalidInput, NotFound, TransitionNotAllowed, UnsafeContact
from victim_gateway.models import Consent, OnwardReferral, Person, ProviderService, Referral, Task
from victim_gateway.provider_vocabulary import ServiceKind
from victim_gateway.queries.onward_referrals.eligibility import (
    gather_eligibility_facts,
    lacks_restorative_yes,
    service_fit_for,
)
from victim_gateway.queries.onward_referrals.handover import gather_handover_source, newest_sharing_answer
from victim_gateway.queries.onward_referrals.standing_contacts import is_closed_to_links
from victim_gateway.queries.people.merged_records import is_record_of
from victim_gateway.rules.contact_stops import REFUSAL_OF_STOP
from victim_gateway.rules.eligibility import DirectoryService
from victim_gateway.rules.handover import HandoverSource, explain_incomplete_channels
from victim_gateway.rules.kind_answers import is_own_yes
from victim_gateway.rules.service_capacity import describe_capacity
from victim_gateway.rules.service_kinds import KIND_RULES, OWN_YES
from victim_gateway.services.shared.case_action import EventDetails
from victim_gateway.services.shared.onward_referral_action import OnwardReferralAction
from victim_gateway.vocabulary import TaskKind

OFFERED_WHILE_FULL = "onward_referral.offered_while_full"
SENIOR_FIRST = (
    "A senior caseworker must say yes first: this is restorative justice after domestic or sexual abuse,"
    " or after violence that may have been sexual. Ask one from the page of services."
)


def gather_shareable_source(session: Session, referral_id: UUID, on: date) -> HandoverSource:
    """What could be handed over on a London date.

    Raises TransitionNotAllowed where something stops all contact, UnsafeContact where a channel is recorded as
    safe without its number or address.
    """
    source = gather_handover_source(session, referral_id, on=on)
    if source.stops:
        raise TransitionNotAllowed(REFUSAL_OF_STOP[source.stops[0]])
    if source.channels_to_complete:
        raise UnsafeContact(explain_incomplete_channels(source.channels_to_complete))
    return source


def require_fitting_service(
    session: Session, referral_id: UUID, service_id: UUID, on: date, *, full_reason: str = ""
) -> DirectoryService:
    """The service to offer. Raises NotFound, InvalidInput where it does not fit or is full and `full_reason` is empty,
    TransitionNotAllowed without the yes of a senior caseworker that it needs.
    """
    _require_own_answer(session, referral_id)
    facts = gather_eligibility_facts(session, referral_id, on)
    fit = service_fit_for(session, referral_id, service_id, facts, on)
    if fit is None:
        raise NotFound()
    if not fit.fits:
        reasons = " ".join(fit.reasons)
        raise InvalidInput(reasons, fields={"service": f"Choose another service. {reasons}"})
    if fit.needs_senior_yes:
        raise TransitionNotAllowed(SENIOR_FIRST)
    if fit.service.only_by_link:
        _require_link_possible(session, referral_id, fit.service)
    if fit.needs_override and not full_reason:
        said = describe_capacity(fit.service.capacity)
        message = f"{said}. Say why you offer it all the same, or choose another service"
        raise InvalidInput(message, fields={"full_reason": message})
    return fit.service


def _require_link_possible(session: Session, referral_id: UUID, service: DirectoryService) -> None:
    """Raises InvalidInput where the service works by link alone, and no link could be sent for this referral."""
    closed = select(is_closed_to_links()).join(Person, Person.id == Referral.person_id)
    reason = None
    if current_settings().smtp_url is None:
        reason = "It works by a link in an e-mail, and no way to send e-mail is set up."
    elif session.scalar(closed.where(Referral.id == referral_id)):
        reason = (
            "It works by a link in an e-mail, and what is kept to named members of staff is not sent by link."
        )
    if reason is not None:
        raise InvalidInput(reason, fields={"service": f"Choose another service, or ring them. {reason}"})


def record_full_override(action: OnwardReferralAction, service: DirectoryService, reason: str) -> None:
    """Write on the timeline that a full service was offered, what it said of itself, and why; both sides read it."""
    if service.capacity.is_full:
        codes = {"capacity": service.capacity.kind.value}
        action.add_timeline_entry(OFFERED_WHILE_FULL, EventDetails(text=reason, codes=codes))


def _require_own_answer(session: Session, referral_id: UUID) -> None:
    if waits_for_own_answer(session, referral_id):
        raise TransitionNotAllowed(
            "This person has turned 18. Ask them themselves first, and finish the task that says so."
        )


def waits_for_own_answer(session: Session, referral_id: UUID) -> bool:
    """Whether the person turned 18 and was not asked yet what they agree to themselves."""
    person_id = select(Referral.person_id).where(Referral.id == referral_id).scalar_subquery()
    waiting = (
        select(Task.id)
        .join(Referral, Referral.id == Task.referral_id)
        .where(
            is_record_of(Referral.person_id, person_id),
            Task.kind == TaskKind.CAME_OF_AGE,
            Task.done_at.is_(None),
        )
    )
    with as_service(session):
        return session.scalar(waiting.limit(1)) is not None


def require_restorative_yes(session: Session, onward: OnwardReferral) -> None:
    """Raises TransitionNotAllowed for a restorative offer without the yes of a senior caseworker that it needs."""
    if waits_for_senior(session, onward):
        raise TransitionNotAllowed(SENIOR_FIRST)


def require_own_yes(session: Session, onward: OnwardReferral) -> None:
    """Raises InvalidInput where a service takes only a yes that the person gave themselves, and it rests on none."""
    with as_service(session):
        service = session.get_one(ProviderService, onward.service_id)
        is_needed = service.takes_explicit_consent_only or KIND_RULES[service.kind].needs_own_yes
    if not is_needed:
        return
    answer = newest_sharing_answer(session, onward.person_id, onward.provider_id)
    if answer is None or not answer.agreed or not is_own_answer(answer):
        raise InvalidInput(OWN_YES, fields={"reason_text": OWN_YES})


def is_own_answer(answer: Consent) -> bool:
    """Whether an answer was obtained from the person for this provider, as `is_own_yes` says."""
    return is_own_yes(answer.how, is_carried_over=answer.carried_from_id is not None)


def waits_for_senior(session: Session, onward: OnwardReferral) -> bool:
    """Whether an onward referral is to restorative justice, and a senior caseworker's yes is needed and not there."""
    with as_service(session):
        service = session.get_one(ProviderService, onward.service_id)
        return service.kind is ServiceKind.RESTORATIVE_JUSTICE and lacks_restorative_yes(
            session, session.get_one(Referral, onward.referral_id)
        )
