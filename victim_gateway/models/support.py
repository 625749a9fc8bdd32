"""Support given: plans with goals, activities with the time spent, outcome readings, what became of needs."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.row_ids import new_row_id
from victim_gateway.vocabulary import GoalState, NeedOutcome, ReadingStage, SupportedParty, SupportManner


class SupportPlan(Base):
    """The day by which the support plan of a referral is looked at again; a new day is a new version.

    `asked_at` is when the service asked a caseworker to do so.
    """

    __tablename__ = "support_plan"
    __table_args__ = (
        Index("uq_support_plan_version", "referral_id", "version", unique=True),
        Index(
            "uq_support_plan_in_force",
            "referral_id",
            unique=True,
            postgresql_where=text("superseded_at IS NULL"),
        ),
        Index(
            "ix_support_plan_due",
            "review_on",
            postgresql_where=text("superseded_at IS NULL AND asked_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"))
    version: Mapped[int]
    review_on: Mapped[date]
    recorded_at: Mapped[datetime]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    superseded_at: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]


class SupportGoal(Base):
    """One version of a goal that the person agreed to. Never edited: what becomes of it is a new version.

    `goal_id` is the id of the goal's first version; `sealed` (person's key): goal, remarks.
    """

    __tablename__ = "support_goal"
    __table_args__ = (
        Index("uq_support_goal_version", "goal_id", "version", unique=True),
        CheckConstraint("(version = 1) = (id = goal_id)", name="first_version_names_goal"),
        CheckConstraint("target_on >= agreed_on", name="target_after_agreed"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    goal_id: Mapped[UUID] = mapped_column(ForeignKey("support_goal.id"))
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"), index=True)
    version: Mapped[int]
    need: Mapped[str]
    state: Mapped[GoalState]
    agreed_on: Mapped[date]
    target_on: Mapped[date | None]
    recorded_at: Mapped[datetime]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    sealed: Mapped[bytes]


class SupportActivity(Base):
    """Support that was given once, with the time spent. Changed only by an entry that voids it.

    `kind` is one of the area's; `goal_id` the goal that it served; `contact_attempt_id` the attempt at which it was
    given, for one by telephone or in writing; `corrects_id` the entry in whose place it stands. `sealed` (person's
    key): words.
    """

    __tablename__ = "support_activity"
    __table_args__ = (
        CheckConstraint("minutes BETWEEN 1 AND 720", name="minutes_of_a_day"),
        CheckConstraint(
            "(manner IN ('in_person', 'without_contact')) = (contact_attempt_id IS NULL)",
            name="contact_has_attempt",
        ),
        CheckConstraint("(voided_at IS NULL) = (voided_by_id IS NULL)", name="voided_by_a_user"),
        Index("uq_support_activity_corrects", "corrects_id", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"), index=True)
    kind: Mapped[str]
    manner: Mapped[SupportManner]
    given_on: Mapped[date]
    minutes: Mapped[int]
    for_party: Mapped[SupportedParty]
    goal_id: Mapped[UUID | None] = mapped_column(ForeignKey("support_goal.id"))
    contact_attempt_id: Mapped[UUID | None] = mapped_column(ForeignKey("contact_attempt.id"))
    corrects_id: Mapped[UUID | None] = mapped_column(ForeignKey("support_activity.id"))
    recorded_at: Mapped[datetime]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    voided_at: Mapped[datetime | None]
    voided_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    sealed: Mapped[bytes]


class OutcomeReading(Base):
    """One reading on the area's outcome measure. `values` maps its areas to whole numbers; `sealed`: words.

    One start and one end stand at a time; a mistaken one is voided, never edited.
    """

    __tablename__ = "outcome_reading"
    __table_args__ = (
        Index(
            "uq_outcome_reading_once",
            "referral_id",
            "stage",
            unique=True,
            postgresql_where=text("voided_at IS NULL AND stage IN ('start', 'end')"),
        ),
        CheckConstraint("(voided_at IS NULL) = (voided_by_id IS NULL)", name="voided_by_a_user"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"), index=True)
    measure: Mapped[str]
    stage: Mapped[ReadingStage]
    values: Mapped[dict[str, Any]]
    taken_on: Mapped[date]
    recorded_at: Mapped[datetime]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    voided_at: Mapped[datetime | None]
    voided_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    sealed: Mapped[bytes]


class NeedResult(Base):
    """What became of one need by the end. Never edited: another answer is a new version. `sealed`: words."""

    __tablename__ = "need_result"
    __table_args__ = (Index("uq_need_result_version", "referral_id", "need", "version", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"))
    need: Mapped[str]
    version: Mapped[int]
    outcome: Mapped[NeedOutcome]
    recorded_at: Mapped[datetime]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    sealed: Mapped[bytes]
