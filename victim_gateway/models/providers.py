"""Organisations that give support, and the services they give."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.row_ids import new_row_id


class Provider(Base):
    """A provider. Its id is that of its organisation."""

    __tablename__ = "provider"
    __table_args__ = (
        CheckConstraint("active_until IS NULL OR active_until >= active_from", name="ends_after_start"),
    )

    id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), primary_key=True)
    description: Mapped[str]
    active_from: Mapped[date]
    active_until: Mapped[date | None]


class ProviderService(Base):
    """One service that a person can be referred on to, with whom it is for and what it helps after.

    `starts_on` and `ends_on` are its own days, within those of its provider; `wait_days` is how long people wait
    today, None where that is not known.
    """

    __tablename__ = "provider_service"
    __table_args__ = (
        CheckConstraint(
            "ends_on IS NULL OR starts_on IS NULL OR ends_on >= starts_on", name="service_ends_after_start"
        ),
        CheckConstraint("wait_days IS NULL OR wait_days >= 0", name="wait_not_negative"),
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
    is_open: Mapped[bool] = mapped_column(default=True)
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    wait_days: Mapped[int | None]
    phone: Mapped[str | None] = mapped_column(Text)
    is_restorative: Mapped[bool] = mapped_column(default=False, server_default="false")
