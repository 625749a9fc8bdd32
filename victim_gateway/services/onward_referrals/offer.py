"""Offering a person to a provider, with their yes and exactly what they agreed to share."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, NotFound, StaleVersion, TransitionNotAllowed
from victim_gateway.models import CaseEvent, Consent, EntitlementClock, OnwardReferral, Referral
from victim_gateway.queries.onward_referrals.eligibility import service_fit_for
from victim_gateway.queries.onward_referrals.handover import (
    HANDOVER,
    SAFE_CONTACT,
    can_be_referred_on,
    gather_handover_source,
)
from victim_gateway.rules.eligibility import DirectoryService
from victim_gateway.rules.handover import HandoverSource, HandoverText, RecordedConsent, compose_handover
from victim_gateway.services.compliance import stored_clocks
from victim_gateway.services.onward_referrals._action import (
    LocalEvent,
    OnwardAction,
    checked_text,
    finish_onward_action,
    lock_person_of,
    lock_referral_of,
    nth_offer_subject,
    require_permission,
)
from victim_gateway.services.shared import submissions
from victim_gateway.vocabulary import (
    ConsentHow,
    ConsentPurpose,
    EventKind,
    HandoverPart,
    OnwardState,
)

STALE = "Somebody changed this referral after you opened the page. Look at how it stands now."
PROVIDER_RESPONSE = "provider_response"


@dataclass(frozen=True, slots=True)
class SharingConsent:
    """The person's answer to sharing with this provider, as it was just obtained."""

    agreed: bool
    how: ConsentHow
    given_at: datetime


def offer_onward_referral(
    referral_id: UUID,
    *,
    actor: Actor,
    at: datetime,
    service_id: UUID,
    share: Collection[HandoverPart],
    texts: HandoverText,
    consent: SharingConsent | None = None,
    submission_id: UUID | None = None,
    version: int | None = None,
) -> UUID:
    """Offer the person to a service and give the onward referral's id; the provider-response clock runs.

    `consent` None: a yes for this provider is already recorded. What is handed over is sealed now; later
    changes are not seen by the provider, except how to reach the person safely, which always is.
    `version` is the referral's. Raises NotFound, StaleVersion, AlreadyDone, TransitionNotAllowed unless the
    referral was triaged, InvalidInput without a yes or where the service does not fit.
    """
    require_permission(actor, Permission.EDIT_CASEWORK)
    with transaction(actor) as session:
        submissions.claim_submission(session, submission_id, at)
        referral = _locked_referral(session, referral_id, version)
        lock_person_of(session, referral.person_id)
        source = gather_handover_source(session, referral_id)
        on = times.london_date(at)
        service = _fitting(session, referral_id, service_id, source, on)
        answer = _agreed(session, referral, service, actor, at, consent)
        onward = _prepared(session, referral, service, actor, at, answer.id)
        key = encrypted_rows.open_key(session, onward.key_id)
        recorded = RecordedConsent(answer.how, answer.given_at)
        contents = compose_handover(source, share, _checked(texts), recorded, on)
        onward.handover_sealed = encrypted_rows.seal_row(key, HANDOVER, onward.id, contents)
        onward.safe_contact_sealed = encrypted_rows.seal_row(
            key, SAFE_CONTACT, onward.id, source.safe_contact
        )
        session.add(onward)
        session.flush()
        under_way = OnwardAction(session, onward, actor, at)
        start_offer_clock(under_way, from_state=None)
        referral.version += 1
        finish_onward_action(under_way, "onward_referral.offered")
    return onward.id


def start_offer_clock(under_way: OnwardAction, *, from_state: OnwardState | None) -> None:
    """Write the event that starts the provider's clock, and the day by which an answer is due."""
    session, onward = under_way.session, under_way.onward
    event_id = under_way.record(
        LocalEvent.OFFERED,
        kind=EventKind.LOCAL,
        subject=nth_offer_subject(onward.reference, _times_offered(session, onward) + 1),
        states=(from_state.value if from_state else None, onward.state.value),
    )
    stored_clocks.refresh_clocks(session, [onward.referral_id], at=under_way.at)
    onward.answer_due_on = session.scalar(
        select(EntitlementClock.due_on).where(
            EntitlementClock.start_event_id == event_id,
            EntitlementClock.entitlement_id == PROVIDER_RESPONSE,
        )
    )


def _times_offered(session: Session, onward: OnwardReferral) -> int:
    mine = (CaseEvent.onward_referral_id == onward.id, CaseEvent.event == LocalEvent.OFFERED)
    return session.scalar(select(func.count()).where(*mine)) or 0


def _locked_referral(session: Session, referral_id: UUID, version: int | None) -> Referral:
    # The reader's own right first: the lock is taken as the service.
    if session.scalar(select(Referral.id).where(Referral.id == referral_id)) is None:
        raise NotFound()
    lock_referral_of(session, referral_id)
    referral = session.get_one(Referral, referral_id, populate_existing=True)
    if version is not None and version != referral.version:
        raise StaleVersion(STALE)
    if not can_be_referred_on(session, referral):
        raise TransitionNotAllowed(
            "Make a triage assessment first: only then can this person be referred on."
        )
    return referral


def _fitting(
    session: Session, referral_id: UUID, service_id: UUID, source: HandoverSource, on: date
) -> DirectoryService:
    fit = service_fit_for(session, referral_id, service_id, source.eligibility_facts(on), on)
    if fit is None:
        raise NotFound()
    if not fit.fits:
        reasons = " ".join(fit.reasons)
        raise InvalidInput(reasons, fields={"service": f"Choose another service. {reasons}"})
    return fit.service


def _agreed(
    session: Session,
    referral: Referral,
    service: DirectoryService,
    actor: Actor,
    at: datetime,
    given: SharingConsent | None,
) -> Consent:
    """The recorded yes for this provider; what was just obtained is written down first."""
    held = session.scalar(
        select(Consent)
        .where(
            Consent.person_id == referral.person_id,
            Consent.purpose == ConsentPurpose.SHARE_WITH_PROVIDER,
            Consent.recipient_organisation_id == service.provider_id,
            Consent.withdrawn_at.is_(None),
        )
        .with_for_update()
    )
    if given is None or not given.agreed:
        if held is not None and held.agreed and given is None:
            return held
        message = (
            f"Ask the person first: without their yes nothing may be shared with {service.provider_name}."
        )
        raise InvalidInput(message, fields={"agreed": message})
    if given.given_at > at:
        message = "When they agreed must be today or in the past"
        raise InvalidInput(message, fields={"given_on": message})
    if held is not None:
        if held.agreed:
            return held
        # A no that became a yes: the old answer is closed, never edited.
        held.withdrawn_at, held.withdrawn_by_id = at, actor.user_id
        session.flush()
    answer = Consent(
        id=uuid4(),
        person_id=referral.person_id,
        referral_id=referral.id,
        purpose=ConsentPurpose.SHARE_WITH_PROVIDER,
        recipient_organisation_id=service.provider_id,
        agreed=True,
        how=given.how,
        given_at=given.given_at,
        recorded_at=at,
        recorded_by_id=actor.user_id,
    )
    session.add(answer)
    session.flush()
    return answer


def _prepared(
    session: Session,
    referral: Referral,
    service: DirectoryService,
    actor: Actor,
    at: datetime,
    consent_id: UUID,
) -> OnwardReferral:
    number = session.scalar(select(func.count()).where(OnwardReferral.referral_id == referral.id)) or 0
    key_id, _ = encrypted_rows.new_key(
        session, "handover", referral.person_id, at, organisation_id=service.provider_id
    )
    return OnwardReferral(
        id=uuid4(),
        reference=f"{referral.reference}-{number + 1}",
        referral_id=referral.id,
        person_id=referral.person_id,
        provider_id=service.provider_id,
        service_id=service.id,
        consent_id=consent_id,
        key_id=key_id,
        state=OnwardState.OFFERED,
        offered_at=at,
        offered_by_id=actor.user_id,
        version=0,
    )


def _checked(text: HandoverText) -> HandoverText:
    return HandoverText(
        what_happened=checked_text(text.what_happened, "what_happened"),
        wants=checked_text(text.wants, "wants"),
        remarks=checked_text(text.remarks, "words"),
    )
