"""Which services a person can be referred on to, and in plain words why the others do not fit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.models import OnwardReferral, Organisation, Provider, ProviderService
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES

# `victim_type` as the feed names it, as a sentence can use it.
WHO = {
    "person": "people who were harmed themselves",
    "business": "businesses",
    "bereaved_relative": "bereaved relatives",
    "parent_or_guardian": "parents or guardians",
}


@dataclass(frozen=True, slots=True)
class Case:
    """What of a referral decides which services fit; None: not known. `needs` are the scale's keys."""

    district: str | None
    victim_type: str
    age: int | None
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Service:
    """A service of the directory with its provider."""

    id: UUID
    key: str
    name: str
    description: str
    provider_id: UUID
    provider_name: str
    active_from: date
    active_until: date | None
    districts: tuple[str, ...]
    needs: tuple[str, ...]
    victim_types: tuple[str, ...]
    min_age: int | None
    max_age: int | None
    is_open: bool


@dataclass(frozen=True, slots=True)
class Fit:
    """How a service fits: why it does not, what to check first, which of the needs it meets."""

    service: Service
    reasons: tuple[str, ...]
    cautions: tuple[str, ...]
    needs: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Whether the person can be referred on to it."""
        return not self.reasons


def fit(service: Service, case: Case, on: date) -> Fit:
    """How a service fits a case on a London date."""
    reasons = [*_closed(service, on), *_wrong_place(service, case), *_wrong_person(service, case)]
    return Fit(
        service=service,
        reasons=tuple(reasons),
        cautions=tuple(_unknown(service, case)),
        needs=tuple(need for need in service.needs if need in case.needs),
    )


def _closed(service: Service, on: date) -> Iterable[str]:
    if on < service.active_from:
        yield f"{service.provider_name} starts on {_written(service.active_from)}."
    elif service.active_until is not None and on > service.active_until:
        yield f"{service.provider_name} ended on {_written(service.active_until)}."
    if not service.is_open:
        yield "It is not taking new people at the moment."


def _wrong_place(service: Service, case: Case) -> Iterable[str]:
    if service.districts and case.district and case.district not in service.districts:
        yield f"It is for {_listed(service.districts)} only."


def _wrong_person(service: Service, case: Case) -> Iterable[str]:
    if service.victim_types and case.victim_type not in service.victim_types:
        yield f"It is for {_listed([WHO[kind] for kind in service.victim_types])} only."
    if case.age is None:
        return
    if service.min_age is not None and case.age < service.min_age:
        yield f"It is for people aged {service.min_age} or over."
    if service.max_age is not None and case.age > service.max_age:
        yield f"It is for people aged {service.max_age} or under."


def _unknown(service: Service, case: Case) -> Iterable[str]:
    if service.districts and not case.district:
        yield f"It is for {_listed(service.districts)} only: check where they live, no district is recorded."
    limited = service.min_age is not None or service.max_age is not None
    if limited and case.age is None and case.victim_type != "business":
        yield "It has an age limit, and no date of birth is recorded: check their age."


def services_for(session: Session, referral_id: UUID, case: Case, on: date) -> tuple[Fit, ...]:
    """Every service with how it fits: those that fit first, those that meet most of the needs before others.

    One that already has a live onward referral of this referral does not fit a second time.
    """
    live = set(
        session.scalars(
            select(OnwardReferral.service_id).where(
                OnwardReferral.referral_id == referral_id,
                OnwardReferral.state.in_(LIVE_ONWARD_STATES),
            )
        )
    )
    fits = [_already_offered(fit(service, case, on), live) for service in directory(session)]
    return tuple(sorted(fits, key=lambda f: (not f.fits, -len(f.needs))))


def service_for(session: Session, referral_id: UUID, service_id: UUID, case: Case, on: date) -> Fit | None:
    """How one service fits; None when there is no such service."""
    fits = services_for(session, referral_id, case, on)
    return next((found for found in fits if found.service.id == service_id), None)


def directory(session: Session) -> list[Service]:
    """Every service of every provider, in order of names."""
    rows = session.execute(
        select(ProviderService, Provider, Organisation.name)
        .join(Provider, Provider.id == ProviderService.provider_id)
        .join(Organisation, Organisation.id == Provider.id)
        .order_by(Organisation.name, ProviderService.name, ProviderService.id)
    )
    return [_service(service, provider, name) for service, provider, name in rows]


def _service(service: ProviderService, provider: Provider, provider_name: str) -> Service:
    return Service(
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


def _already_offered(found: Fit, live: set[UUID]) -> Fit:
    if found.service.id not in live:
        return found
    reasons = (*found.reasons, "They are already referred on to it.")
    return Fit(found.service, reasons, found.cautions, found.needs)


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _written(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
