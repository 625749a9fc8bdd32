"""Bookings of a video link to a court, and reviews of cases of anti-social behaviour."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, literal_column, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.row_ids import new_row_id
from victim_gateway.vocabulary import BookingEnding, CaseReviewOutcome, CaseReviewState

# One number as a range: so the room can be compared without an extension of the database.
_ROOM = func.int4range(
    func.hashtext(literal_column("room")), func.hashtext(literal_column("room")), literal_column("'[]'")
)
_TIME = func.tstzrange(literal_column("starts_at"), literal_column("ends_at"))


class VideoLinkBooking(Base):
    """A room with a video link, booked for the person of a referral. One room has one booking at a time.

    `room` is one of the area's; `measures` maps its special measures to what became of each. Nothing is edited but
    those: one that is moved ends, and another says from which it was moved. `sealed` (person's key): court, words;
    `sealed_ending`: words. `asked_at` is when the service reminded a caseworker.
    """

    __tablename__ = "video_link_booking"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        CheckConstraint(
            "num_nonnulls(ended_at, ended_by_id, ending, sealed_ending) IN (0, 4)", name="ended_whole"
        ),
        Index("ix_video_link_booking_starts_at", "starts_at", postgresql_where=text("ended_at IS NULL")),
        Index("uq_video_link_booking_moved_from", "moved_from_id", unique=True),
        ExcludeConstraint(
            (_ROOM, "&&"),
            (_TIME, "&&"),
            name="ex_video_link_booking_one_at_a_time",
            using="gist",
            where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"), index=True)
    room: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    measures: Mapped[dict[str, Any]]
    accompanied_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    moved_from_id: Mapped[UUID | None] = mapped_column(ForeignKey("video_link_booking.id"))
    recorded_at: Mapped[datetime]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    sealed: Mapped[bytes]
    asked_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    ending: Mapped[BookingEnding | None]
    sealed_ending: Mapped[bytes | None]


class CaseReview(Base):
    """A review of a case of anti-social behaviour that was asked for, and what the authority answered.

    `is_for_person`: somebody asked for the person. `sealed` (person's key): words; `sealed_answer`: words.
    `due_on` is the day of the next step where the area sets one.
    """

    __tablename__ = "case_review"
    __table_args__ = (
        CheckConstraint("threshold_on >= asked_on", name="threshold_after_asked"),
        CheckConstraint("answered_on >= asked_on", name="answered_after_asked"),
        CheckConstraint(
            "(state = 'answered') = (outcome IS NOT NULL) AND (outcome IS NULL) = (answered_on IS NULL)"
            " AND (outcome IS NULL) = (sealed_answer IS NULL)",
            name="answered_whole",
        ),
        CheckConstraint("due_on IS NULL OR state IN ('asked', 'threshold_met')", name="due_while_open"),
        Index(
            "uq_case_review_one_open",
            "referral_id",
            unique=True,
            postgresql_where=text("state IN ('asked', 'threshold_met')"),
        ),
        Index("ix_case_review_due_on", "due_on", postgresql_where=text("due_on IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"), index=True)
    authority: Mapped[str]
    is_for_person: Mapped[bool]
    asked_on: Mapped[date]
    state: Mapped[CaseReviewState]
    due_on: Mapped[date | None]
    threshold_on: Mapped[date | None]
    answered_on: Mapped[date | None]
    outcome: Mapped[CaseReviewOutcome | None]
    recorded_at: Mapped[datetime]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    sealed: Mapped[bytes]
    sealed_answer: Mapped[bytes | None]
    version: Mapped[int] = mapped_column(default=1)
