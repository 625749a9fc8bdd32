"""Organisations that give support, the services they give, and what was changed in the directory."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, FetchedValue, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.provider_vocabulary import AnswerUnit, DirectoryStep, ServiceCapacity, ServiceKind
from victim_gateway.row_ids import new_row_id


class Provider(Base):
    """A provider. Its id is that of its organisation.

    `retired_on`: no longer offered from that day; what was referred on to it keeps its name. `successor_id`: who took
    over its live onward referrals when its contract ended.
    """

    __tablename__ = "provider"
    __table_args__ = (
        CheckConstraint("active_until IS NULL OR active_until >= active_from", name="ends_after_start"),
        CheckConstraint("successor_id IS NULL OR successor_id <> id", name="succeeded_by_another"),
    )

    id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), primary_key=True)
    description: Mapped[str]
    active_from: Mapped[date]
    active_until: Mapped[date | None]
    retired_on: Mapped[date | None]
    successor_id: Mapped[UUID | None] = mapped_column(ForeignKey("provider.id"))
    version: Mapped[int] = mapped_column(default=1, server_default="1")


class ProviderService(Base):
    """One service that a person can be referred on to, with whom it is for and what it helps after.

    `starts_on` and `ends_on` are its own days, within those of its provider. How many people it can take is `capacity`
    with `places`, `waiting_people` and `wait_days` (`rules.service_capacity`); `capacity_confirmed_at` is when its
    provider, or an administrator for it, last said so. `answer_within` counts `answer_unit`: by when it answers.
    """

    __tablename__ = "provider_service"
    __table_args__ = (
        CheckConstraint(
            "ends_on IS NULL OR starts_on IS NULL OR ends_on >= starts_on", name="service_ends_after_start"
        ),
        CheckConstraint("wait_days IS NULL OR wait_days >= 0", name="wait_not_negative"),
        CheckConstraint("(capacity = 'places') = (places IS NOT NULL)", name="places_are_counted"),
        CheckConstraint("places IS NULL OR places >= 0", name="places_not_negative"),
        CheckConstraint(
            "waiting_people IS NULL OR (waiting_people >= 0 AND capacity = 'waiting_list')",
            name="waiting_people_of_list",
        ),
        CheckConstraint(
            "(answer_within IS NULL) = (answer_unit IS NULL) AND (answer_within IS NULL OR answer_within > 0)",
            name="answer_has_unit",
        ),
        CheckConstraint(
            "contract_ends_on IS NULL OR contract_starts_on IS NULL OR contract_ends_on >= contract_starts_on",
            name="contract_ends_after_start",
        ),
        CheckConstraint("(contact_name IS NULL) = (contact_email IS NULL)", name="contact_whole"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"), index=True)
    key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str]
    # Empty: the whole area, every need, every victim type, every harm, every sex.
    districts: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    needs: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    victim_types: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    harms: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    sexes: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    min_age: Mapped[int | None]
    max_age: Mapped[int | None]
    # Kept by a trigger from the capacity, for the release before: nothing here reads or writes it.
    is_open: Mapped[bool] = mapped_column(
        server_default="true", server_onupdate=FetchedValue(), deferred=True
    )
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    capacity: Mapped[ServiceCapacity] = mapped_column(
        default=ServiceCapacity.OPEN, server_default=ServiceCapacity.OPEN.value
    )
    places: Mapped[int | None]
    waiting_people: Mapped[int | None]
    wait_days: Mapped[int | None]
    capacity_confirmed_at: Mapped[datetime | None]
    phone: Mapped[str | None] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)
    website: Mapped[str | None] = mapped_column(Text)
    # Kept by a trigger from the kind, for the release before: nothing here reads it.
    is_restorative: Mapped[bool] = mapped_column(
        server_default="false", server_onupdate=FetchedValue(), deferred=True
    )
    kind: Mapped[ServiceKind] = mapped_column(
        default=ServiceKind.GENERAL, server_default=ServiceKind.GENERAL.value
    )
    # The number that answers day and night.
    urgent_phone: Mapped[str | None] = mapped_column(Text)
    takes_explicit_consent_only: Mapped[bool] = mapped_column(default=False, server_default="false")
    hours: Mapped[str | None] = mapped_column(Text)
    languages: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    accessibility: Mapped[str | None] = mapped_column(Text)
    eligibility: Mapped[str | None] = mapped_column(Text)
    answer_within: Mapped[int | None]
    answer_unit: Mapped[AnswerUnit | None]
    funder: Mapped[str | None] = mapped_column(Text)
    contract_starts_on: Mapped[date | None]
    contract_ends_on: Mapped[date | None]
    accreditation: Mapped[str | None] = mapped_column(Text)
    # Who answers for it by links, without an account; both or none.
    contact_name: Mapped[str | None] = mapped_column(Text)
    contact_email: Mapped[str | None] = mapped_column(Text)
    retired_on: Mapped[date | None]
    version: Mapped[int] = mapped_column(default=1, server_default="1")


class DirectoryUpload(Base):
    """A file of the directory, kept while its administrator looks at what it would change."""

    __tablename__ = "directory_upload"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"), index=True)
    uploaded_at: Mapped[datetime]
    content: Mapped[bytes]


class DirectoryChange(Base):
    """One change of a provider or of one of its services: what it was before and after. Append-only.

    `by_id` is None where a command of the program did it. `is_by_provider`: the provider said it itself.
    """

    __tablename__ = "directory_change"
    __table_args__ = (
        Index("ix_directory_change_of_provider", "provider_id", text("changed_at DESC"), text("id DESC")),
        Index("ix_directory_change_of_service", "service_id", text("changed_at DESC"), text("id DESC")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"))
    service_id: Mapped[UUID | None] = mapped_column(ForeignKey("provider_service.id"))
    changed_at: Mapped[datetime]
    by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    by_name: Mapped[str]
    is_by_provider: Mapped[bool] = mapped_column(default=False, server_default="false")
    step: Mapped[DirectoryStep]
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
