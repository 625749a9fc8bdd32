"""What ends when a person takes a yes back, as far as the reader may see it: read before it is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from victim_gateway.models import (
    Consent,
    OnwardReferral,
    Organisation,
    ProviderService,
    Referral,
    SharingOverride,
)
from victim_gateway.queries.people.merged_records import is_record_of
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES, REFERRAL_TRANSITIONS
from victim_gateway.vocabulary import ConsentPurpose, OnwardState, ReferralState


@dataclass(frozen=True, slots=True)
class EndingOnward:
    """An onward referral that is taken back. `has_begun`: the provider has said yes to it."""

    onward_referral_id: UUID
    reference: str
    service: str
    state: OnwardState
    has_begun: bool


@dataclass(frozen=True, slots=True)
class ConsentEndings:
    """What a withdrawal ends, and what it does not."""

    onward: tuple[EndingOnward, ...] = ()
    put_on_hold: tuple[str, ...] = ()
    without_contact: tuple[str, ...] = ()
    """References of referrals that are put on hold, and of those that stay open but without contact."""
    kept_onward: tuple[str, ...] = ()
    """Providers who go on: the yes to sharing with them is another one."""


def rests_on_own_answer(on: date) -> ColumnElement[bool]:
    """Whether an onward referral stands by the person's own answer on a London date.

    It does where no senior caseworker's yes is in force for it: there never was one, or its last day is over.
    """
    over = select(SharingOverride.id).where(
        SharingOverride.id == OnwardReferral.sharing_override_id, SharingOverride.last_day_on < on
    )
    return OnwardReferral.sharing_override_id.is_(None) | over.exists()


def consent_endings(session: Session, consent: Consent, *, on: date) -> ConsentEndings:
    """What taking this consent back would end on a London date."""
    if consent.purpose is ConsentPurpose.SHARE_WITH_PROVIDER:
        return ConsentEndings(onward=_onward_resting_on(session, consent, on))
    if consent.purpose is ConsentPurpose.CONTACT:
        return _without_contact(session, consent.person_id)
    return ConsentEndings()


def _onward_resting_on(session: Session, consent: Consent, on: date) -> tuple[EndingOnward, ...]:
    rows = session.execute(
        select(OnwardReferral.id, OnwardReferral.reference, ProviderService.name, OnwardReferral.state)
        .join(ProviderService, ProviderService.id == OnwardReferral.service_id)
        .where(
            is_record_of(OnwardReferral.person_id, consent.person_id),
            OnwardReferral.provider_id == consent.recipient_organisation_id,
            OnwardReferral.state.in_(LIVE_ONWARD_STATES),
            rests_on_own_answer(on),
        )
        .order_by(OnwardReferral.offered_at, OnwardReferral.id)
    )
    begun = (OnwardState.ACCEPTED, OnwardState.IN_SERVICE)
    return tuple(EndingOnward(*row, row.state in begun) for row in rows)


def _without_contact(session: Session, person_id: UUID) -> ConsentEndings:
    over = (ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR)
    referrals = session.execute(
        select(Referral.reference, Referral.state)
        .where(is_record_of(Referral.person_id, person_id), Referral.state.not_in(over))
        .order_by(Referral.reference)
    ).all()
    held = {
        row.reference
        for row in referrals
        if row.state is ReferralState.HELD or ReferralState.HELD in REFERRAL_TRANSITIONS[row.state]
    }
    helping = session.scalars(
        select(Organisation.name)
        .distinct()
        .join(OnwardReferral, OnwardReferral.provider_id == Organisation.id)
        .where(
            is_record_of(OnwardReferral.person_id, person_id), OnwardReferral.state.in_(LIVE_ONWARD_STATES)
        )
        .order_by(Organisation.name)
    ).all()
    return ConsentEndings(
        put_on_hold=tuple(row.reference for row in referrals if row.reference in held),
        without_contact=tuple(row.reference for row in referrals if row.reference not in held),
        kept_onward=tuple(helping),
    )
