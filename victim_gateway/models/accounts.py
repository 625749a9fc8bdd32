"""Organisations, the people who sign in, and their sessions."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Identity, Index, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.row_ids import new_row_id
from victim_gateway.vocabulary import OrganisationKind, Role, SignInStep


class Organisation(Base):
    """The Gateway itself, or a provider; an account of the Gateway belongs to it alone."""

    __tablename__ = "organisation"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[OrganisationKind]
    name: Mapped[str]


class User(Base):
    """An account. Roles are read at every request, never kept in the session.

    `organisation_id` and `role` are what it was made for. What somebody of a provider may do there is read from the
    `Membership` alone. `contact_service_id`: it is no account that can be signed in to, but the registered contact of
    that service, who works by links (`ContactLink`) and is written to at `contact_email`.
    """

    __tablename__ = "app_user"
    __table_args__ = (
        CheckConstraint("email = lower(email)", name="email_lower_case"),
        CheckConstraint("(totp_sealed IS NULL) = (totp_key_id IS NULL)", name="totp_with_its_key"),
        CheckConstraint(
            "CASE WHEN contact_service_id IS NULL THEN contact_email IS NULL ELSE contact_email IS NOT NULL"
            " AND role = 'provider' AND password_hash = '' AND totp_sealed IS NULL END",
            name="contact_signs_in_nowhere",
        ),
        Index(
            "uq_app_user_contact_service_id",
            "contact_service_id",
            unique=True,
            postgresql_where=text("disabled_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    role: Mapped[Role]
    password_hash: Mapped[str]
    # Set while the password is one that an administrator gave: good until then, and changed at the first sign-in.
    starting_password_until: Mapped[datetime | None]
    totp_sealed: Mapped[bytes | None]
    totp_key_id: Mapped[str | None]
    totp_confirmed_at: Mapped[datetime | None]
    # The last time step whose code was accepted: a code works once.
    totp_last_step: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    contact_service_id: Mapped[UUID | None] = mapped_column(ForeignKey("provider_service.id"))
    contact_email: Mapped[str | None] = mapped_column(Text)


class Membership(Base):
    """For which provider an account works, as what, and with which of its services.

    An account has one for each provider that it works for, and one of the Gateway has none. A trigger makes the first
    with the account. `service_ids` names the services where it is not `all_services`; none named: it sees no referral.
    """

    __tablename__ = "membership"
    __table_args__ = (
        CheckConstraint("role IN ('provider', 'provider_administrator')", name="of_a_provider"),
        CheckConstraint("NOT all_services OR service_ids = '{}'", name="all_or_named"),
        Index("uq_membership_once", "user_id", "organisation_id", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    role: Mapped[Role]
    all_services: Mapped[bool]
    service_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), default=list, server_default="{}")
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1, server_default="1")


class CaseworkerAvailability(Base):
    """When a caseworker is away, and how much they can have at most. Who has no row is there, without a limit."""

    __tablename__ = "caseworker_availability"
    __table_args__ = (
        CheckConstraint("most_weight BETWEEN 0 AND 500", name="most_weight"),
        CheckConstraint(
            "(away_from IS NULL) = (away_until IS NULL) AND away_until >= away_from", name="away_in_order"
        ),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"), primary_key=True)
    away_from: Mapped[date | None]
    away_until: Mapped[date | None]
    most_weight: Mapped[int | None]
    changed_at: Mapped[datetime]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    version: Mapped[int] = mapped_column(default=1)


class WebSession(Base):
    """One signed-in browser. The cookie holds a random id; only its hash is here.

    `organisation_id` is the provider that its user works for in it, None until they have chosen.
    """

    __tablename__ = "web_session"

    id_hash: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id", ondelete="CASCADE"), index=True)
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"))
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    second_factor_at: Mapped[datetime | None]
    wrong_codes: Mapped[int] = mapped_column(default=0)
    ended_at: Mapped[datetime | None]


class SignInAttempt(Base):
    """A try at a password or a code, counted per account name and per source address."""

    __tablename__ = "sign_in_attempt"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    step: Mapped[SignInStep]
    email_hash: Mapped[bytes] = mapped_column(index=True)
    address: Mapped[str | None] = mapped_column(index=True)
    succeeded: Mapped[bool]
