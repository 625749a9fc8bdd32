"""Accounts and organisations, for those who look after them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import NotFound
from victim_gateway.models import Organisation, User, WebSession
from victim_gateway.vocabulary import OrganisationKind, Role


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account as an administrator sees it."""

    id: UUID
    email: str
    name: str
    role: Role
    organisation_key: str
    organisation_name: str
    created_at: datetime
    disabled_at: datetime | None
    second_factor_at: datetime | None
    starting_password_until: datetime | None
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class OrganisationName:
    """An organisation to choose."""

    key: str
    name: str
    kind: OrganisationKind


def list_accounts(*, actor: Actor) -> list[AccountView]:
    """Every account by name, those that are disabled last."""
    with transaction(actor) as session:
        rows = session.execute(_ACCOUNTS.order_by(User.disabled_at.is_not(None), User.name, User.email)).all()
    return [AccountView(*row) for row in rows]


def account_by_id(user_id: UUID, *, actor: Actor) -> AccountView:
    """One account. Raises NotFound."""
    return _one(_ACCOUNTS.where(User.id == user_id), actor)


def account_by_email(email: str, *, actor: Actor) -> AccountView:
    """The account of that name. Raises NotFound."""
    return _one(_ACCOUNTS.where(User.email == email.strip().lower()), actor)


def list_organisations(*, actor: Actor) -> list[OrganisationName]:
    """Every organisation, the Gateway first."""
    with transaction(actor) as session:
        rows = session.execute(
            select(Organisation.key, Organisation.name, Organisation.kind).order_by(
                Organisation.kind, Organisation.name
            )
        ).all()
    return [OrganisationName(*row) for row in rows]


def _one(statement: Any, actor: Actor) -> AccountView:
    with transaction(actor) as session:
        row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFound("There is no such account.")
    return AccountView(*row)


_LAST_SEEN = select(func.max(WebSession.last_seen_at)).where(WebSession.user_id == User.id).scalar_subquery()
_ACCOUNTS = (
    select(
        User.id,
        User.email,
        User.name,
        User.role,
        Organisation.key,
        Organisation.name,
        User.created_at,
        User.disabled_at,
        User.totp_confirmed_at,
        User.starting_password_until,
        _LAST_SEEN,
    )
    .join(Organisation, Organisation.id == User.organisation_id)
    .where(User.contact_service_id.is_(None))
)
