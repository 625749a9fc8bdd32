"""Meetings of specialists that go through referrals one after another, and what they decided."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.row_ids import new_row_id


class ReviewMeeting(Base):
    """One meeting, opened by a senior caseworker. Once it is closed, nothing of it changes any more."""

    __tablename__ = "review_meeting"
    __table_args__ = (
        CheckConstraint("(closed_at IS NULL) = (closed_by_id IS NULL)", name="closed_by_one"),
        Index("ix_review_meeting_opened_at", "opened_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    meets_on: Mapped[date]
    opened_at: Mapped[datetime]
    opened_by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))


class ReviewAttendee(Base):
    """An account that is named as being at a meeting."""

    __tablename__ = "review_attendee"

    meeting_id: Mapped[UUID] = mapped_column(ForeignKey("review_meeting.id"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"), primary_key=True)


class ReviewItem(Base):
    """A referral on the agenda of a meeting, in the order of the day on which it was opened, and the decision.

    `sealed` (person's key): why, and the next step.
    """

    __tablename__ = "review_item"
    __table_args__ = (
        CheckConstraint(
            "num_nonnulls(decision, due_on, decided_at, decided_by_id, sealed) IN (0, 5)",
            name="decided_whole",
        ),
        CheckConstraint(
            "decision IN ('continue', 'change_plan', 'refer_on', 'marac', 'senior_review', 'close', 'other')",
            name="decision",
        ),
        CheckConstraint("position BETWEEN 1 AND 50", name="position"),
        Index("uq_review_item_position", "meeting_id", "position", unique=True),
        Index("uq_review_item_referral", "referral_id", "meeting_id", unique=True),
        Index("ix_review_item_undecided", "id", postgresql_where=text("decided_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    meeting_id: Mapped[UUID] = mapped_column(ForeignKey("review_meeting.id"))
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"))
    position: Mapped[int]
    causes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    decision: Mapped[str | None] = mapped_column(Text)
    due_on: Mapped[date | None]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    sealed: Mapped[bytes | None]
    version: Mapped[int] = mapped_column(default=1, server_default="1")
