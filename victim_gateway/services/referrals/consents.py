"""Consent: a recorded answer, for a purpose, at a time. Taking it back ends at once what rested on it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database import bulk_insert
from victim_gateway.database.transaction import actor_of, as_service, transaction
from victim_gateway.errors import InvalidInput, NotFound, TransitionNotAllowed
from victim_gateway.models import Consent, OnwardReferral, Organisation, Referral
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES, REFERRAL_TRANSITIONS
from victim_gateway.services import onward_referrals
from victim_gateway.services.compliance import case_facts
from victim_gateway.services.shared import referral_steps, submissions
from victim_gateway.vocabulary import (
    ConsentHow,
    ConsentPurpose,
    HeldReason,
    OrganisationKind,
    ReferralState,
    WithdrawReason,
)


def record_consent(
    referral_id: UUID,
    *,
    actor: Actor,
    at: datetime,
    purpose: ConsentPurpose,
    agreed: bool,
    how: ConsentHow,
    given_at: datetime,
    recipient_organisation_id: UUID | None = None,
    words: str | None = None,
    submission_id: UUID | None = None,
) -> UUID:
    """Record the person's answer; it replaces an earlier answer to the same question.

    A no to sharing withdraws what was referred on to that provider; a no to contact holds every referral of
    theirs that nobody has assessed yet.
    """
    referral_steps.refuse_future_moment("given_at", given_at, at, "When they answered")
    with transaction(actor) as session:
        submissions.claim_submission(session, submission_id, at)
        referral = referral_steps.lock_referral_with_others(session, referral_id)
        _, key = referral_steps.open_person(session, referral.person_id, lock=True)
        consent_id = write_consent(
            session,
            referral,
            purpose=purpose,
            agreed=agreed,
            how=how,
            given_at=given_at,
            at=at,
            recipient_organisation_id=recipient_organisation_id,
        )
        details = {"purpose": purpose, "agreed": agreed, "how": how}
        referral_steps.add_timeline_entry(
            session, referral, "consent.recorded", at=at, key=key, words=words, details=details
        )
        referral_steps.audit_referral(session, "consent.recorded", referral, **details)
        if not agreed:
            _end_what_rested_on_it(session, referral, purpose, recipient_organisation_id, at=at)
        referral_steps.finish_action(session, referral, at=at)
    return consent_id


def withdraw_consent(
    consent_id: UUID,
    *,
    actor: Actor,
    at: datetime,
    through: UUID | None = None,
    words: str | None = None,
    submission_id: UUID | None = None,
) -> UUID:
    """The person takes back a yes. Gives the referral's id. What was done before stays done and lawful.

    `through` is the referral on whose page it was taken back, which need not be the one it was given with.
    Raises NotFound where that is about somebody else, TransitionNotAllowed when it was a no or is over.
    """
    with transaction(actor) as session:
        submissions.claim_submission(session, submission_id, at)
        referral, key, consent = _locked(session, consent_id, through)
        _close(session, consent, at)
        details = {"purpose": consent.purpose}
        referral_steps.add_timeline_entry(
            session, referral, "consent.withdrawn", at=at, key=key, words=words, details=details
        )
        referral_steps.audit_referral(session, "consent.withdrawn", referral, **details)
        _end_what_rested_on_it(session, referral, consent.purpose, consent.recipient_organisation_id, at=at)
        referral_steps.finish_action(session, referral, at=at)
        return referral.id


def _locked(session: Session, consent_id: UUID, through: UUID | None) -> tuple[Referral, bytes, Consent]:
    """The referrals first, then the person, then the consent, as everywhere: an import goes the same way."""
    referral_id = through or session.scalar(select(Consent.referral_id).where(Consent.id == consent_id))
    if referral_id is None:
        raise NotFound
    referral = referral_steps.lock_referral_with_others(session, referral_id)
    _, key = referral_steps.open_person(session, referral.person_id, lock=True)
    consent = session.get(Consent, consent_id, with_for_update=True)
    if consent is None or consent.person_id != referral.person_id:
        raise NotFound
    if consent.withdrawn_at is not None or not consent.agreed:
        raise TransitionNotAllowed("This consent is already over. Nothing was changed.")
    return referral, key, consent


def write_consent(
    session: Session,
    referral: Referral,
    *,
    purpose: ConsentPurpose,
    agreed: bool,
    how: ConsentHow,
    given_at: datetime,
    at: datetime,
    recipient_organisation_id: UUID | None = None,
) -> UUID:
    """Add the answer in the open transaction and close the one before.

    Raises InvalidInput for sharing with nobody named, or with what is no provider.
    """
    if purpose is ConsentPurpose.SHARE_WITH_PROVIDER:
        _check_recipient(session, recipient_organisation_id)
    held = session.scalar(
        select(Consent).where(
            Consent.person_id == referral.person_id,
            Consent.purpose == purpose,
            Consent.recipient_organisation_id.is_not_distinct_from(recipient_organisation_id),
            Consent.withdrawn_at.is_(None),
        )
    )
    if held is not None:
        _close(session, held, max(held.given_at, at))
    consent = Consent(
        person_id=referral.person_id,
        referral_id=referral.id,
        purpose=purpose,
        recipient_organisation_id=recipient_organisation_id,
        agreed=agreed,
        how=how,
        given_at=given_at,
        recorded_at=at,
        recorded_by_id=actor_of(session).user_id,
    )
    session.add(consent)
    session.flush()
    return consent.id


def contact_consent(session: Session, person_id: UUID) -> bool | None:
    """The person's answer in force to being contacted by us; None when nobody asked."""
    return contact_consents(session, [person_id]).get(person_id)


def contact_consents(session: Session, person_ids: Collection[UUID]) -> dict[UUID, bool]:
    """By person, their answer in force to being contacted by us; nobody asked those who are not named.

    A yes that was taken back, with no other answer since, is a no.
    """
    rows = session.execute(
        select(Consent.person_id, (Consent.agreed & Consent.withdrawn_at.is_(None)).label("agreed"))
        .ext(distinct_on(Consent.person_id))
        .where(
            bulk_insert.column_in(Consent.person_id, person_ids), Consent.purpose == ConsentPurpose.CONTACT
        )
        .order_by(Consent.person_id, Consent.withdrawn_at.desc().nulls_first())
    )
    return {row.person_id: bool(row.agreed) for row in rows}


def hold_other_referrals(session: Session, referral: Referral, *, at: datetime) -> None:
    """Hold the person's other referrals, as the service: whoever said no is not to be called by a colleague.

    Call it with the referrals locked before the person: `casework.lock_referrals_of`.
    """
    others = select(Referral).where(
        Referral.person_id == referral.person_id,
        Referral.id != referral.id,
        Referral.state.not_in((ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR)),
    )
    with as_service(session):
        for other in session.scalars(others.order_by(Referral.id)).all():
            _stop_contact(session, other, at=at)
            referral_steps.finish_action(session, other, at=at)


def _close(session: Session, consent: Consent, at: datetime) -> None:
    # Only these two columns may be changed by a caseworker: the answer itself is never edited.
    session.execute(
        update(Consent)
        .where(Consent.id == consent.id)
        .values(withdrawn_at=max(at, consent.given_at), withdrawn_by_id=actor_of(session).user_id)
    )


def _check_recipient(session: Session, organisation_id: UUID | None) -> None:
    organisation = session.get(Organisation, organisation_id) if organisation_id else None
    if organisation is None or organisation.kind is not OrganisationKind.PROVIDER:
        message = "Choose the provider that the answer is about"
        raise InvalidInput(message, fields={"recipient": message})


def _end_what_rested_on_it(
    session: Session,
    referral: Referral,
    purpose: ConsentPurpose,
    organisation_id: UUID | None,
    *,
    at: datetime,
) -> None:
    if purpose is ConsentPurpose.SHARE_WITH_PROVIDER:
        _withdraw_live(session, referral.person_id, organisation_id, at=at)
    elif purpose is ConsentPurpose.CONTACT:
        _stop_contact(session, referral, at=at)
        hold_other_referrals(session, referral, at=at)


def _withdraw_live(session: Session, person_id: UUID, provider_id: UUID | None, *, at: datetime) -> None:
    """As the service: a no holds for a referral too that the actor may not see."""
    live = select(OnwardReferral.id).where(
        OnwardReferral.person_id == person_id,
        OnwardReferral.provider_id == provider_id,
        OnwardReferral.state.in_(LIVE_ONWARD_STATES),
    )
    with as_service(session):
        for onward_id in session.scalars(live.order_by(OnwardReferral.id)).all():
            onward_referrals.withdraw_in_transaction(
                session, onward_id, at=at, reason=WithdrawReason.CONSENT_WITHDRAWN
            )


def _stop_contact(session: Session, referral: Referral, *, at: datetime) -> None:
    case_facts.update_case_facts(session, referral.id, at=at, conditions={"not_opted_out": False})
    if referral.state is ReferralState.HELD:
        referral.held_reason = HeldReason.CONSENT_REFUSED
    elif ReferralState.HELD in REFERRAL_TRANSITIONS[referral.state]:
        referral.held_reason = HeldReason.CONSENT_REFUSED
        reason = HeldReason.CONSENT_REFUSED
        referral_steps.change_referral_state(
            session, referral, ReferralState.HELD, "referral.held", at=at, reason_code=reason
        )
