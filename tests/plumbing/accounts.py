"""People who act in tests: one account of each kind, made when a test first asks for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from tests.plumbing.apps import Owner
from victim_gateway.actors import DATABASE_ROLES, Actor
from victim_gateway.models import Organisation, User
from victim_gateway.vocabulary import PROVIDER_ROLES, OrganisationKind, Role

MakeActor = Callable[..., Actor]


def account_maker(owner: Owner) -> MakeActor:
    """`make(Role.CASEWORKER)`; a provider's takes `organisation="new-era"`. Each call is another person."""

    def make(role: Role, *, organisation: str | None = None, name: str | None = None) -> Actor:
        key = organisation or ("a-provider" if role in PROVIDER_ROLES else "gateway")
        with owner() as session:
            organisation_id = session.scalar(select(Organisation.id).where(Organisation.key == key))
            if organisation_id is None:
                organisation_id = uuid4()
                session.add(_organisation(organisation_id, key, role))
                session.flush()
            user = _user(organisation_id, role, name or f"Test {role.value}")
            session.add(user)
        return Actor(
            database_role=DATABASE_ROLES[role],
            name=user.name,
            user_id=user.id,
            organisation_id=organisation_id,
            role=role,
            address="192.0.2.1",
        )

    return make


def _organisation(organisation_id: UUID, key: str, role: Role) -> Organisation:
    kind = OrganisationKind.PROVIDER if role in PROVIDER_ROLES else OrganisationKind.GATEWAY
    return Organisation(id=organisation_id, key=key, kind=kind, name=key.replace("-", " ").title())


def _user(organisation_id: UUID, role: Role, name: str) -> User:
    user_id = uuid4()
    return User(
        id=user_id,
        organisation_id=organisation_id,
        email=f"{role.value}.{user_id.hex[:8]}@test.example",
        name=name,
        role=role,
        password_hash="no password opens this account",
        created_at=datetime(2018, 1, 1, tzinfo=UTC),
    )


@pytest.fixture
def make_actor(owner: Owner) -> MakeActor:
    """Accounts in the rolled-back database."""
    return account_maker(owner)


@pytest.fixture
def committed_make_actor(committed_owner: Owner) -> MakeActor:
    """Accounts in the database of `committed_settings`."""
    return account_maker(committed_owner)


@pytest.fixture
def caseworker(make_actor: MakeActor) -> Actor:
    return make_actor(Role.CASEWORKER)


@pytest.fixture
def senior(make_actor: MakeActor) -> Actor:
    return make_actor(Role.SENIOR)


@pytest.fixture
def manager(make_actor: MakeActor) -> Actor:
    return make_actor(Role.MANAGER)


@pytest.fixture
def administrator_actor(make_actor: MakeActor) -> Actor:
    return make_actor(Role.ADMIN)


@pytest.fixture
def auditor(make_actor: MakeActor) -> Actor:
    return make_actor(Role.AUDITOR)


@pytest.fixture
def provider(make_actor: MakeActor) -> Actor:
    """Somebody of the provider `a-provider`."""
    return make_actor(Role.PROVIDER)


@pytest.fixture
def worker_actor() -> Actor:
    """A background task."""
    return Actor.worker("tests")
