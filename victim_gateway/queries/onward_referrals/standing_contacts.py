"""To whom a link for an onward referral may be sent now, and whether one that was sent still holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database.transaction import as_service
from victim_gateway.models import (
    OnwardReferral,
    Organisation,
    Person,
    Provider,
    ProviderService,
    Referral,
    User,
)
from victim_gateway.queries.onward_referrals.handover import is_sharing_agreed
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES, OVER_STATES


@dataclass(frozen=True, slots=True)
class StandingContact:
    """The registered contact of the service of a live onward referral, as the directory names them now."""

    contact_id: UUID
    name: str
    email: str
    service_id: UUID
    organisation_id: UUID
    organisation_name: str
    onward_referral_id: UUID
    referral_id: UUID
    reference: str


def is_closed_to_links() -> ColumnElement[bool]:
    """Whether a referral (`Referral`, `Person`) is one that no link may open, whatever an account may."""
    return or_(Referral.restricted, Person.restricted, Person.erased_at.is_not(None))


def find_standing_contact(
    session: Session, onward_referral_id: UUID, *, at: datetime
) -> StandingContact | None:
    """The contact whom a link may reach for an onward referral at this moment; None where none may.

    Asked at every request of a link's session as well, so that nothing has to remember to end it: the onward referral
    is live and open to its provider, service and provider are in the directory, the case is neither restricted, over
    nor erased, and what the sharing rests on stands.
    """
    on = times.london_date(at)
    with as_service(session):
        row = session.execute(_contacts().where(OnwardReferral.id == onward_referral_id)).one_or_none()
        if row is None or _is_retired(row, at) or not is_sharing_agreed(session, row.OnwardReferral, on):
            return None
    return StandingContact(
        contact_id=row.contact_id,
        name=row.name,
        email=row.contact_email,
        service_id=row.service_id,
        organisation_id=row.organisation_id,
        organisation_name=row.organisation_name,
        onward_referral_id=onward_referral_id,
        referral_id=row.OnwardReferral.referral_id,
        reference=row.OnwardReferral.reference,
    )


def _is_retired(row: Any, at: datetime) -> bool:
    today = times.london_date(at)
    return any(day is not None and day <= today for day in (row.service_retired_on, row.provider_retired_on))


def _contacts() -> Any:
    return (
        select(
            OnwardReferral,
            User.id.label("contact_id"),
            User.name,
            ProviderService.contact_email,
            ProviderService.id.label("service_id"),
            ProviderService.retired_on.label("service_retired_on"),
            Provider.retired_on.label("provider_retired_on"),
            Organisation.id.label("organisation_id"),
            Organisation.name.label("organisation_name"),
        )
        .join(ProviderService, ProviderService.id == OnwardReferral.service_id)
        .join(Provider, Provider.id == ProviderService.provider_id)
        .join(Organisation, Organisation.id == Provider.id)
        .join(User, User.contact_service_id == ProviderService.id)
        .join(Referral, Referral.id == OnwardReferral.referral_id)
        .join(Person, Person.id == OnwardReferral.person_id)
        .where(
            User.disabled_at.is_(None),
            ProviderService.contact_email == User.contact_email,
            OnwardReferral.provider_id == ProviderService.provider_id,
            OnwardReferral.provider_access_ended_at.is_(None),
            OnwardReferral.state.in_(LIVE_ONWARD_STATES),
            Referral.state.not_in(OVER_STATES),
            ~is_closed_to_links(),
        )
    )
