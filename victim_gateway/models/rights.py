"""Promises that are kept back to keep a person safe, and complaints about a service."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.row_ids import new_row_id
from victim_gateway.vocabulary import (
    ComplaintOutcome,
    ComplaintState,
    ComplaintSubject,
    WithholdingState,
)


class Withholding(Base):
    """One promise of the Code that would endanger the person if it were kept now.

    `sealed` (person's key): reason. From `asked` on nobody tells the person; the Code's clock says so once another,
    senior caseworker has said yes. `review_on` is when that is looked at again: it never ends by itself.
    """

    __tablename__ = "withholding"
    __table_args__ = (
        Index(
            "uq_withholding_one_open",
            "referral_id",
            "entitlement_id",
            unique=True,
            postgresql_where=text("state IN ('asked', 'agreed')"),
        ),
        Index("ix_withholding_review", "review_on", "id", postgresql_where=text("state = 'agreed'")),
        CheckConstraint(
            "(state = 'asked') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by_id IS NULL)",
            name="decided_has_both",
        ),
        CheckConstraint("decided_by_id <> asked_by_id", name="decided_by_another"),
        CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended_has_moment"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"), index=True)
    entitlement_id: Mapped[str]
    state: Mapped[WithholdingState] = mapped_column(default=WithholdingState.ASKED)
    asked_at: Mapped[datetime]
    asked_by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    sealed: Mapped[bytes]
    review_on: Mapped[date]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))


class Complaint(Base):
    """A complaint under Right 12, about one service. `sealed` (person's key): summary; `sealed_answer`: answer.

    `due_on` is the day of its next step, None when nothing is owed any more. `number` counts the complaints of a
    referral; the Code's clocks tell them apart by it.
    """

    __tablename__ = "complaint"
    __table_args__ = (
        Index("uq_complaint_number", "referral_id", "number", unique=True),
        Index("ix_complaint_due", "due_on", "id", postgresql_where=text("due_on IS NOT NULL")),
        CheckConstraint(
            "(state IN ('received', 'acknowledged', 'answered')) = (due_on IS NOT NULL)", name="open_has_due"
        ),
        CheckConstraint("acknowledged_on >= received_on", name="acknowledged_after_received"),
        CheckConstraint("answered_on >= received_on", name="answered_after_received"),
        CheckConstraint("(outcome IS NULL) = (answered_on IS NULL)", name="answered_with_outcome"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"))
    number: Mapped[int]
    received_on: Mapped[date]
    recorded_at: Mapped[datetime]
    recorded_by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    received_from: Mapped[str]
    about: Mapped[ComplaintSubject]
    provider_id: Mapped[UUID | None] = mapped_column(ForeignKey("provider.id"))
    sealed: Mapped[bytes]
    state: Mapped[ComplaintState] = mapped_column(default=ComplaintState.RECEIVED)
    due_on: Mapped[date | None]
    acknowledged_on: Mapped[date | None]
    answered_on: Mapped[date | None]
    outcome: Mapped[ComplaintOutcome | None]
    sealed_answer: Mapped[bytes | None]
    next_step_on: Mapped[date | None]
    version: Mapped[int] = mapped_column(default=1)
