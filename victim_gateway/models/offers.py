"""Groups of offers to several services, and pairings of a person and a service that are stopped for now."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.offer_vocabulary import OfferGroupEnd, OfferGroupMode, OfferHindrance, PairingStop
from victim_gateway.row_ids import new_row_id


class OfferGroup(Base):
    """Several services that are asked about one person, all at once or one after the other.

    `sealed` (person's key): what is handed over to a service that has not been asked yet; it goes when the group ends.
    `advance_at`: since when the next service is to be asked; the worker's pass finds it where a message was lost.
    """

    __tablename__ = "offer_group"
    __table_args__ = (
        Index("ix_offer_group_due", "advance_at", "id", postgresql_where=text("advance_at IS NOT NULL")),
        Index("ix_offer_group_open", "referral_id", postgresql_where=text("ended_at IS NULL")),
        CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="ended_with_reason"),
        CheckConstraint(
            "ended_at IS NULL OR (advance_at IS NULL AND sealed IS NULL)", name="ended_holds_nothing"
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"), index=True)
    mode: Mapped[OfferGroupMode]
    closes_others: Mapped[bool]
    share: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    sealed: Mapped[bytes | None]
    created_at: Mapped[datetime]
    created_by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    advance_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    end_reason: Mapped[OfferGroupEnd | None]


class OfferGroupMember(Base):
    """One service of a group, in its place. Without an onward referral it was not asked: its provider knows nothing."""

    __tablename__ = "offer_group_member"
    __table_args__ = (
        Index("uq_offer_group_member_position", "offer_group_id", "position", unique=True),
        Index("uq_offer_group_member_service", "offer_group_id", "service_id", unique=True),
        Index("uq_offer_group_member_onward", "onward_referral_id", unique=True),
        CheckConstraint("position BETWEEN 1 AND 10", name="position"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    offer_group_id: Mapped[UUID] = mapped_column(ForeignKey("offer_group.id"))
    position: Mapped[int]
    service_id: Mapped[UUID] = mapped_column(ForeignKey("provider_service.id"))
    onward_referral_id: Mapped[UUID | None] = mapped_column(ForeignKey("onward_referral.id"))
    hindrance: Mapped[OfferHindrance | None]


class ServicePause(Base):
    """A person who is not offered to a service: up to a last day, or until a caseworker lifts it with a reason."""

    __tablename__ = "service_pause"
    __table_args__ = (
        Index(
            "uq_service_pause_in_force",
            "person_id",
            "service_id",
            unique=True,
            postgresql_where=text("lifted_at IS NULL"),
        ),
        CheckConstraint("(kind = 'paused') = (last_day_on IS NOT NULL)", name="paused_with_last_day"),
        CheckConstraint("(lifted_at IS NULL) = (lifted_by_id IS NULL)", name="lifted_has_both"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    service_id: Mapped[UUID] = mapped_column(ForeignKey("provider_service.id"))
    onward_referral_id: Mapped[UUID] = mapped_column(ForeignKey("onward_referral.id"))
    kind: Mapped[PairingStop]
    last_day_on: Mapped[date | None]
    created_at: Mapped[datetime]
    created_by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    lifted_at: Mapped[datetime | None]
    lifted_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
