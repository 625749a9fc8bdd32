"""Read the directory of services, and rank it for one referral."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.models import OnwardReferral, Organisation, Provider, ProviderService
from victim_gateway.rules.eligibility import (
    DirectoryService,
    EligibilityFacts,
    ServiceFit,
    rank_service_fits,
)
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES


def rank_services(
    session: Session, referral_id: UUID, facts: EligibilityFacts, on: date
) -> tuple[ServiceFit, ...]:
    """Every service with how it fits the referral, best first."""
    live = session.scalars(
        select(OnwardReferral.service_id).where(
            OnwardReferral.referral_id == referral_id,
            OnwardReferral.state.in_(LIVE_ONWARD_STATES),
        )
    )
    return rank_service_fits(list_services(session), facts, on, already_offered=set(live))


def service_fit_for(
    session: Session, referral_id: UUID, service_id: UUID, facts: EligibilityFacts, on: date
) -> ServiceFit | None:
    """How one service fits the referral; None when there is no such service."""
    fits = rank_services(session, referral_id, facts, on)
    return next((fit for fit in fits if fit.service.id == service_id), None)


def list_services(session: Session) -> list[DirectoryService]:
    """Every service of every provider, in order of names."""
    rows = session.execute(
        select(ProviderService, Provider, Organisation.name)
        .join(Provider, Provider.id == ProviderService.provider_id)
        .join(Organisation, Organisation.id == Provider.id)
        .order_by(Organisation.name, ProviderService.name, ProviderService.id)
    )
    return [_directory_service(service, provider, name) for service, provider, name in rows]


def _directory_service(service: ProviderService, provider: Provider, provider_name: str) -> DirectoryService:
    return DirectoryService(
        id=service.id,
        key=service.key,
        name=service.name,
        description=service.description,
        provider_id=provider.id,
        provider_name=provider_name,
        active_from=provider.active_from,
        active_until=provider.active_until,
        districts=tuple(service.districts),
        needs=tuple(service.needs),
        victim_types=tuple(service.victim_types),
        min_age=service.min_age,
        max_age=service.max_age,
        is_open=service.is_open,
    )
