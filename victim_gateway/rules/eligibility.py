"""Which services a person can be referred on to, and in plain sentences why the others do not fit."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

# `victim_type` as the feed names it, as a sentence can use it.
VICTIM_TYPE_PHRASES = {
    "person": "people who were harmed themselves",
    "business": "businesses",
    "bereaved_relative": "bereaved relatives",
    "parent_or_guardian": "parents or guardians",
}


@dataclass(frozen=True, slots=True)
class EligibilityFacts:
    """What of a referral decides which services fit; None: not known. `needs` are keys of the needs scale."""

    district: str | None
    victim_type: str
    age: int | None
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DirectoryService:
    """A service of the directory with its provider. Empty lists: everywhere, every need, every victim type."""

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
class ServiceFit:
    """How a service fits: why it does not, what to check first, which of the person's needs it meets."""

    service: DirectoryService
    reasons: tuple[str, ...]
    cautions: tuple[str, ...]
    needs: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Whether the person can be referred on to it."""
        return not self.reasons


def assess_service_fit(service: DirectoryService, facts: EligibilityFacts, on: date) -> ServiceFit:
    """Say how a service fits a person on a London date.

    What is not known about the person never rules a service out: it is a caution, to be checked first.
    """
    reasons = [*_not_running(service, on), *_wrong_place(service, facts), *_wrong_person(service, facts)]
    return ServiceFit(
        service=service,
        reasons=tuple(reasons),
        cautions=tuple(_unchecked(service, facts)),
        needs=tuple(need for need in service.needs if need in facts.needs),
    )


def rank_service_fits(
    services: Iterable[DirectoryService],
    facts: EligibilityFacts,
    on: date,
    *,
    already_offered: Collection[UUID] = (),
) -> tuple[ServiceFit, ...]:
    """Assess every service: those that fit first, and of these those that meet most needs; else as given.

    `already_offered` are the services that have a live onward referral of the same referral: they do not
    fit a second time.
    """
    fits = [assess_service_fit(service, facts, on) for service in services]
    assessed = [_refuse_second_offer(fit) if fit.service.id in already_offered else fit for fit in fits]
    return tuple(sorted(assessed, key=lambda fit: (not fit.fits, -len(fit.needs))))


def _refuse_second_offer(fit: ServiceFit) -> ServiceFit:
    return replace(fit, reasons=(*fit.reasons, "They are already referred on to it."))


def _not_running(service: DirectoryService, on: date) -> Iterable[str]:
    if on < service.active_from:
        yield f"{service.provider_name} starts on {_written_date(service.active_from)}."
    elif service.active_until is not None and on > service.active_until:
        yield f"{service.provider_name} ended on {_written_date(service.active_until)}."
    if not service.is_open:
        yield "It is not taking new people at the moment."


def _wrong_place(service: DirectoryService, facts: EligibilityFacts) -> Iterable[str]:
    if service.districts and facts.district and facts.district not in service.districts:
        yield f"It is for {_joined(service.districts)} only."


def _wrong_person(service: DirectoryService, facts: EligibilityFacts) -> Iterable[str]:
    if service.victim_types and facts.victim_type not in service.victim_types:
        yield f"It is for {_joined([VICTIM_TYPE_PHRASES[kind] for kind in service.victim_types])} only."
    if facts.age is None:
        return
    if service.min_age is not None and facts.age < service.min_age:
        yield f"It is for people aged {service.min_age} or over."
    if service.max_age is not None and facts.age > service.max_age:
        yield f"It is for people aged {service.max_age} or under."


def _unchecked(service: DirectoryService, facts: EligibilityFacts) -> Iterable[str]:
    if service.districts and not facts.district:
        yield f"It is for {_joined(service.districts)} only: check where they live, no district is recorded."
    has_age_limit = service.min_age is not None or service.max_age is not None
    if has_age_limit and facts.age is None and facts.victim_type != "business":
        yield "It has an age limit, and no date of birth is recorded: check their age."


def _joined(phrases: Iterable[str]) -> str:
    *first, last = phrases
    return f"{', '.join(first)} and {last}" if first else last


def _written_date(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
