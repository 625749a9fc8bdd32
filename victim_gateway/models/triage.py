"""What follows from a triage assessment: a senior's review of it, and decisions about MARAC."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.row_ids import new_row_id


class AssessmentReview(Base):
    """A senior caseworker's answer to one version of an assessment that somebody else made. Never edited.

    `officer_grade` is the grade that they agreed against: a higher one later is not agreed to. `sealed` (person's
    key): the comment, which must be there where the assessment is sent back.
    """

    __tablename__ = "assessment_review"
    __table_args__ = (
        Index("uq_assessment_review_once", "assessment_id", unique=True),
        CheckConstraint("officer_grade IN ('standard', 'medium', 'high')", name="officer_grade"),
        CheckConstraint("agreed OR sealed IS NOT NULL", name="sent_back_says_why"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    assessment_id: Mapped[UUID] = mapped_column(ForeignKey("triage_assessment.id"))
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"), index=True)
    reviewed_at: Mapped[datetime]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    agreed: Mapped[bool]
    officer_grade: Mapped[str | None] = mapped_column(Text)
    sealed: Mapped[bytes | None]


class MaracDecision(Base):
    """Whether a person is referred to MARAC, and what became of it. Nothing about the suspect is kept.

    A change of mind is a new decision; one that was wrong is taken back, and counts nowhere from then on. `sealed`
    (person's key): why; `sealed_outcome`: the actions that were agreed; `taken_back_sealed`: what was wrong.
    """

    __tablename__ = "marac_decision"
    __table_args__ = (
        CheckConstraint(
            "is_referred OR (meeting_on IS NULL AND outcome IS NULL)", name="outcome_of_a_referral"
        ),
        CheckConstraint("outcome IN ('heard', 'not_accepted', 'withdrawn')", name="outcome"),
        CheckConstraint(
            "outcome IS DISTINCT FROM 'heard' OR meeting_on IS NOT NULL", name="heard_has_meeting"
        ),
        CheckConstraint("(outcome IS NULL) = (outcome_recorded_at IS NULL)", name="outcome_has_moment"),
        CheckConstraint(
            "num_nonnulls(taken_back_at, taken_back_by_id, taken_back_sealed) IN (0, 3)",
            name="taken_back_whole",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"), index=True)
    decided_on: Mapped[date]
    recorded_at: Mapped[datetime]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    is_referred: Mapped[bool]
    reasons: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    # None: not a question, because nobody was heard within the area's months before.
    is_repeat: Mapped[bool | None]
    meeting_on: Mapped[date | None]
    outcome: Mapped[str | None] = mapped_column(Text)
    outcome_recorded_at: Mapped[datetime | None]
    sealed: Mapped[bytes | None]
    sealed_outcome: Mapped[bytes | None]
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    taken_back_at: Mapped[datetime | None]
    taken_back_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    taken_back_sealed: Mapped[bytes | None]
