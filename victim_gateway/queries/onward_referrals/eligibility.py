"""Read the directory of services, and rank it for one referral."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import as_service
from victim_gateway.errors import NotFound
from victim_gateway.feeds.places import place_names_of
from victim_gateway.models import (
    OnwardReferral,
    Organisation,
    Person,
    Provider,
    ProviderService,
    Referral,
    TriageAssessment,
    User,
)
from victim_gateway.queries.accounts.memberships import works_for_service
from victim_gateway.queries.onward_referrals.service_pauses import pauses_in_force
from victim_gateway.queries.people.decrypted_people import age_of
from victim_gateway.queries.providers.service_capacity import capacity_of
from victim_gateway.rules.eligibility import (
    DirectoryService,
    EligibilityFacts,
    ServiceFit,
    is_for_harmers,
    is_running,
    rank_service_fits,
)
from victim_gateway.rules.kind_answers import KindFacts
from victim_gateway.rules.response_standard import describe_standard
from victim_gateway.rules.restorative_justice import harms_needing_yes, may_be_sexual, yes_stands
from victim_gateway.rules.service_pauses import mark_paused
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.vocabulary import Harm, Risk

NO_FILES_BY_LINK = (
    "This service works by a link, and files are not shown there: tell the charity what they need to know in a message"
    " or by telephone."
)


def gather_eligibility_facts(session: Session, referral_id: UUID, on: date) -> EligibilityFacts:
    """What of a referral decides which services fit on a London date. Raises NotFound for one not the reader's."""
    referral = session.get(Referral, referral_id)
    person = session.get(Person, referral.person_id) if referral else None
    if referral is None or person is None:
        raise NotFound()
    key = encrypted_rows.open_key(session, person.key_id)
    document = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
    triage = session.scalar(
        select(TriageAssessment)
        .where(TriageAssessment.referral_id == referral_id)
        .order_by(TriageAssessment.version.desc())
        .limit(1)
    )
    least = min(dict(current_settings().area.needs.steps))
    assessed = triage.needs if triage else {}
    return EligibilityFacts(
        harms=referral.harms,
        residence=residence_of(referral, document),
        victim_type=referral.victim_type,
        age=age_of(document, on),
        needs=frozenset(need for need, step in assessed.items() if step and step > least),
        risk=referral.risk,
        sex=document.get("sex"),
        hate_strand=referral.hate_strand,
        wants_restorative_justice=triage.wants_restorative_justice if triage else "not_asked",
        has_senior_yes=_has_senior_yes(referral, triage.recorded_at if triage else None),
        may_be_sexual=may_be_sexual(referral.harms, referral.offence),
    )


def kind_facts_of(service: DirectoryService, facts: EligibilityFacts, on: date) -> KindFacts:
    """What decides, beside the answers, about the questions of the service's kind on a London date.

    Who acts for a child has an age of their own: the child's is asked.
    """
    area = current_settings().area.kinds
    return KindFacts(
        today=on,
        age=None if facts.is_child_guardian else facts.age,
        acute_days=area.acute_days,
        acute_place_of_children=area.acute_place_of_children,
        min_age=service.min_age,
        max_age=service.max_age,
    )


def residence_of(referral: Referral, person: Mapping[str, Any]) -> str | None:
    """The district where a person lives: as recorded, else what the town of their address says; None: not known.

    The town counts only where the area's profile knows it as a district. Where it happened says nothing of it.
    """
    if referral.residence_district:
        return referral.residence_district
    town = person.get("town")
    return place_names_of(current_settings().area).district(town) if town else None


def harms_needing_yes_of(referral: Referral) -> tuple[Harm, ...]:
    """The harms of a referral after which restorative justice waits for a senior caseworker's yes."""
    is_open = may_be_sexual(referral.harms, referral.offence)
    return harms_needing_yes(referral.harms, is_open=is_open)


def lacks_restorative_yes(session: Session, referral: Referral) -> bool:
    """Whether restorative justice would now need a senior caseworker's yes that is not there."""
    if not harms_needing_yes_of(referral):
        return False
    assessed = select(func.max(TriageAssessment.recorded_at)).where(
        TriageAssessment.referral_id == referral.id
    )
    return not _has_senior_yes(referral, session.scalar(assessed))


def _has_senior_yes(referral: Referral, assessed_at: datetime | None) -> bool:
    """Whether a senior's yes to restorative justice stands for all that is recorded now."""
    given_at = referral.restorative_yes_at
    return given_at is not None and yes_stands(
        harms_needing_yes_of(referral),
        [Harm(harm) for harm in referral.restorative_yes_harms],
        risk=referral.risk,
        is_assessed_since=assessed_at is not None and assessed_at > given_at,
        risk_then=Risk(referral.restorative_yes_risk) if referral.restorative_yes_risk else None,
    )


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
    fits = rank_service_fits(list_services(session), facts, on, already_offered=set(live))
    return mark_paused(fits, pauses_in_force(session, referral_id, on))


def service_fit_for(
    session: Session, referral_id: UUID, service_id: UUID, facts: EligibilityFacts, on: date
) -> ServiceFit | None:
    """How one service fits the referral; None when there is no such service."""
    fits = rank_services(session, referral_id, facts, on)
    return next((fit for fit in fits if fit.service.id == service_id), None)


def service_title(session: Session, service_id: UUID | None) -> str | None:
    """A provider and its service in one line, for caseworkers; None for none."""
    if service_id is None:
        return None
    named = (
        select(Organisation.name, ProviderService.name)
        .join(ProviderService, ProviderService.provider_id == Organisation.id)
        .where(ProviderService.id == service_id)
    )
    found = session.execute(named).first()
    return f"{found[0]}: {found[1]}" if found else None


def proposable_services(session: Session, provider_id: UUID, on: date) -> tuple[DirectoryService, ...]:
    """The services that a provider may propose instead of its own: the public directory of a day, without its own.

    As the service: a provider reads its own services alone, and of the directory what is public.
    """
    with as_service(session):
        services = list_services(session)
    return tuple(
        service
        for service in services
        if service.provider_id != provider_id and not is_for_harmers(service) and is_running(service, on)
    )


def list_services(session: Session) -> list[DirectoryService]:
    """Every service that is not retired, of every provider that is not, in order of names.

    As the service, for who has an account where is not for every reader of the directory.
    """
    account, contact = (
        _reader(User.contact_service_id.is_(None)),
        _reader(User.contact_service_id.is_not(None)),
    )
    statement = (
        select(
            ProviderService,
            Provider,
            Organisation.name,
            account.label("has_account"),
            contact.label("has_contact"),
        )
        .join(Provider, Provider.id == ProviderService.provider_id)
        .join(Organisation, Organisation.id == Provider.id)
        .where(ProviderService.retired_on.is_(None), Provider.retired_on.is_(None))
        .order_by(Organisation.name, ProviderService.name, ProviderService.id)
    )
    with as_service(session):
        rows = session.execute(statement).all()
    return [
        replace(
            _directory_service(row.ProviderService, row.Provider, row.name),
            has_reader=row.has_account or row.has_contact,
            only_by_link=row.has_contact and not row.has_account,
        )
        for row in rows
    ]


def is_only_by_link(session: Session, service_id: UUID) -> bool:
    """Whether a service is read by its registered contact alone, who sees no files. As the service."""
    account, contact = (
        _reader(User.contact_service_id.is_(None)),
        _reader(User.contact_service_id.is_not(None)),
    )
    with as_service(session):
        found = select(ProviderService.id).where(ProviderService.id == service_id, contact, ~account)
        return session.scalar(found) is not None


def _reader(who: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether somebody of this kind could read an onward referral to the service."""
    return (
        select(User.id)
        .where(
            who,
            User.disabled_at.is_(None),
            works_for_service(ProviderService.provider_id, ProviderService.id),
        )
        .exists()
    )


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
        capacity=capacity_of(service),
        harms=tuple(Harm(harm) for harm in service.harms),
        sexes=tuple(service.sexes),
        starts_on=service.starts_on,
        ends_on=service.ends_on,
        phone=service.phone,
        kind=service.kind,
        urgent_phone=service.urgent_phone,
        takes_explicit_consent_only=service.takes_explicit_consent_only,
        hours=service.hours,
        languages=tuple(service.languages),
        accessibility=service.accessibility,
        eligibility=service.eligibility,
        answers_within=describe_standard(service.answer_within, service.answer_unit),
    )
