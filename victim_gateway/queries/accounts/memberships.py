"""Who works for which provider, as what and with which of its services."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, any_, func, or_, select

from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import NotFound
from victim_gateway.models import Membership, Organisation, ProviderService, User
from victim_gateway.vocabulary import OrganisationKind, Role

MOST_MEMBERS = 500


@dataclass(frozen=True, slots=True)
class ServiceChoice:
    """A service to give access to."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class OrganisationChoice:
    """A provider that an account works for."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class MemberView:
    """An account in one provider, as an administrator sees it. `services` are the names of those it may see.

    `is_disabled`: by the Gateway, in every organisation.
    """

    id: UUID
    user_id: UUID
    organisation_id: UUID
    organisation_name: str
    name: str
    email: str
    role: Role
    all_services: bool
    service_ids: tuple[UUID, ...]
    created_at: datetime
    ended_at: datetime | None
    is_disabled: bool
    version: int
    services: tuple[str, ...] = ()

    @property
    def sees_nothing(self) -> bool:
        return not self.all_services and not self.services


def works_for_service(
    organisation_id: ColumnElement[UUID] | Any, service_id: ColumnElement[UUID] | Any
) -> ColumnElement[bool]:
    """Whether an account (`User`) may see the referrals of one service of a provider: the one place that says so.

    `service_id` None: of any service. The policies of the database ask the same of the account that reads
    (`reader_services`).
    """
    of_service = (
        func.cardinality(Membership.service_ids) > 0
        if service_id is None
        else service_id == any_(Membership.service_ids)
    )
    return (
        select(Membership.id)
        .where(
            Membership.user_id == User.id,
            Membership.organisation_id == organisation_id,
            Membership.ended_at.is_(None),
            or_(Membership.all_services, of_service),
        )
        .exists()
    )


def organisations_of(user_id: UUID, *, actor: Actor) -> list[OrganisationChoice]:
    """The providers that an account works for, by name."""
    with transaction(actor) as session:
        rows = session.execute(
            select(Organisation.id, Organisation.name)
            .join(Membership, Membership.organisation_id == Organisation.id)
            .where(Membership.user_id == user_id, Membership.ended_at.is_(None))
            .order_by(Organisation.name)
        ).all()
    return [OrganisationChoice(*row) for row in rows]


def list_members(*, actor: Actor) -> list[MemberView]:
    """The accounts of the actor's own provider by name, those without access last; MOST_MEMBERS at most."""
    return _read(
        _MEMBERS.where(Membership.organisation_id == actor.organisation_id)
        .order_by(Membership.ended_at.is_not(None), User.name, User.email)
        .limit(MOST_MEMBERS),
        actor,
    )


def memberships_of(user_id: UUID, *, actor: Actor) -> list[MemberView]:
    """What an account does for which providers, for the Gateway's administrators."""
    return _read(_MEMBERS.where(Membership.user_id == user_id).order_by(Organisation.name), actor)


def member_by_id(membership_id: UUID, *, actor: Actor) -> MemberView:
    """One of the actor's own provider, or of any for the Gateway. Raises NotFound."""
    found = _read(_MEMBERS.where(Membership.id == membership_id), actor)
    if not found:
        raise NotFound
    return found[0]


def services_of(organisation_id: UUID, *, actor: Actor) -> list[ServiceChoice]:
    """The services of a provider by name, for giving access to them."""
    with transaction(actor) as session:
        rows = session.execute(
            select(ProviderService.id, ProviderService.name)
            .where(ProviderService.provider_id == organisation_id)
            .order_by(ProviderService.name, ProviderService.id)
        ).all()
    return [ServiceChoice(*row) for row in rows]


def services_without_readers(*, actor: Actor) -> list[str]:
    """The services of the actor's own provider whose referrals no account sees: an offer to them waits unseen."""
    readers = (
        select(User.id)
        .where(works_for_service(ProviderService.provider_id, ProviderService.id), User.disabled_at.is_(None))
        .exists()
    )
    with transaction(actor) as session:
        return list(
            session.scalars(
                select(ProviderService.name)
                .where(ProviderService.provider_id == actor.organisation_id, ~readers)
                .order_by(ProviderService.name)
            )
        )


def providers_to_choose(user_id: UUID, *, actor: Actor) -> list[tuple[str, str]]:
    """Key and name of each provider that an account does not work for yet."""
    known = select(Membership.organisation_id).where(Membership.user_id == user_id)
    with transaction(actor) as session:
        rows = session.execute(
            select(Organisation.key, Organisation.name)
            .where(Organisation.kind == OrganisationKind.PROVIDER, Organisation.id.not_in(known))
            .order_by(Organisation.name)
        ).all()
    return [(row.key, row.name) for row in rows]


def _read(statement: Any, actor: Actor) -> list[MemberView]:
    with transaction(actor) as session:
        rows = session.execute(statement).all()
    return [
        MemberView(
            **{
                name: value for name, value in row._mapping.items() if name not in ("service_ids", "services")
            },
            service_ids=tuple(row.service_ids),
            services=tuple(row.services or ()),
        )
        for row in rows
    ]


_SERVICES = (
    select(func.array_agg(ProviderService.name))
    .where(
        ProviderService.provider_id == Membership.organisation_id,
        or_(Membership.all_services, ProviderService.id == any_(Membership.service_ids)),
    )
    .scalar_subquery()
)
_MEMBERS = (
    select(
        Membership.id,
        Membership.user_id,
        Membership.organisation_id,
        Organisation.name.label("organisation_name"),
        User.name,
        User.email,
        Membership.role,
        Membership.all_services,
        Membership.service_ids,
        Membership.created_at,
        Membership.ended_at,
        User.disabled_at.is_not(None).label("is_disabled"),
        Membership.version,
        _SERVICES.label("services"),
    )
    .join(User, User.id == Membership.user_id)
    .join(Organisation, Organisation.id == Membership.organisation_id)
    # Registered contacts stand in the directory: there is nothing to give them or to take from them here.
    .where(User.contact_service_id.is_(None))
)
