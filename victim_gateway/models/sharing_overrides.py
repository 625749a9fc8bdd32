"""Sharing without consent to keep a person safe: who asked, why, and which senior said yes."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.row_ids import new_row_id
from victim_gateway.vocabulary import OverrideGround, OverrideState


class SharingOverride(Base):
    """One request to share with one provider without consent. `sealed` (person's key): reason.

    Nothing new rests on it after `last_day_on`, nor before another, senior caseworker said yes.
    """

    __tablename__ = "sharing_override"
    __table_args__ = (
        Index(
            "uq_sharing_override_one_open",
            "referral_id",
            "provider_id",
            "state",
            unique=True,
            postgresql_where=text("state IN ('asked', 'agreed')"),
        ),
        Index("ix_sharing_override_due", "last_day_on", "id", postgresql_where=text("state = 'agreed'")),
        CheckConstraint(
            "(state = 'asked') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by_id IS NULL)",
            name="decided_has_both",
        ),
        CheckConstraint("decided_by_id <> asked_by_id", name="decided_by_another"),
        CheckConstraint(
            "(state = 'ended') = (ended_at IS NOT NULL) AND (ended_at IS NULL) = (ended_by_id IS NULL)",
            name="ended_has_both",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"), index=True)
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"))
    ground: Mapped[OverrideGround]
    state: Mapped[OverrideState] = mapped_column(default=OverrideState.ASKED)
    sealed: Mapped[bytes]
    last_day_on: Mapped[date]
    asked_at: Mapped[datetime]
    asked_by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
