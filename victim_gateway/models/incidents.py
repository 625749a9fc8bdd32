"""Incidents that several referrals share: what is known of one, and which referrals belong to it."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.row_ids import new_row_id


class Incident(Base):
    """One incident with many victims. Its text has a key of its own: it is about no single person.

    Whoever may see none of its referrals does not see the incident. `number` is how people call it.
    """

    __tablename__ = "incident"
    __table_args__ = (Index("uq_incident_number", "number", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    key_id: Mapped[UUID] = mapped_column(ForeignKey("wrapped_key.id"))
    recorded_at: Mapped[datetime]
    recorded_by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    version: Mapped[int] = mapped_column(default=1)


class IncidentDescription(Base):
    """One version of what is known of an incident. Never edited. `sealed` (the incident's key): title, facts."""

    __tablename__ = "incident_description"
    __table_args__ = (Index("uq_incident_description_version", "incident_id", "version", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    incident_id: Mapped[UUID] = mapped_column(ForeignKey("incident.id"))
    version: Mapped[int]
    happened_on: Mapped[date | None]
    recorded_at: Mapped[datetime]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    sealed: Mapped[bytes]


class IncidentReferral(Base):
    """That a referral belongs to an incident, or did. Leaving closes the row; a referral is in one incident at most.

    `left_sealed` (the incident's key): why it was taken out.
    """

    __tablename__ = "incident_referral"
    __table_args__ = (
        CheckConstraint("num_nonnulls(left_at, left_by_id, left_sealed) IN (0, 3)", name="left_whole"),
        CheckConstraint("left_at >= joined_at", name="left_after_joined"),
        Index(
            "uq_incident_referral_one_current",
            "referral_id",
            unique=True,
            postgresql_where=text("left_at IS NULL"),
        ),
        Index("ix_incident_referral_incident_id", "incident_id", "referral_id"),
        Index("ix_incident_referral_referral_id", "referral_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    incident_id: Mapped[UUID] = mapped_column(ForeignKey("incident.id"))
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"))
    joined_at: Mapped[datetime]
    joined_by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    left_at: Mapped[datetime | None]
    left_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    left_sealed: Mapped[bytes | None]
