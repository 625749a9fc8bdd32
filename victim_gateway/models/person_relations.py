"""What is known of people beside their document: links, contacts of suspects, merges, and how they are targeted."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.row_ids import new_row_id
from victim_gateway.vocabulary import LinkRole


class PersonLink(Base):
    """`other_person_id` is the `role` of `person_id`: their parent, their spokesperson, a suspect.

    Never edited: a link is ended, with the reason sealed under the key of `person_id`.
    """

    __tablename__ = "person_link"
    __table_args__ = (
        CheckConstraint("person_id <> other_person_id", name="two_people"),
        CheckConstraint("role <> 'child'", name="child_is_kept_as_parent"),
        CheckConstraint("(ended_at IS NULL) = (ended_by_id IS NULL)", name="ended_by_a_user"),
        CheckConstraint("ended_at IS NULL OR ended_at >= recorded_at", name="ended_after_recorded"),
        Index(
            "uq_person_link_one_current",
            "person_id",
            "other_person_id",
            "role",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_person_link_person_id", "person_id"),
        Index("ix_person_link_other_person_id", "other_person_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    other_person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    role: Mapped[LinkRole]
    recorded_at: Mapped[datetime]
    recorded_by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    ended_sealed: Mapped[bytes | None]


class SuspectContact(Base):
    """A number or email of a suspect, or of their household, as a keyed hash only: it is never safe for the person."""

    __tablename__ = "suspect_contact"
    __table_args__ = (
        CheckConstraint("kind IN ('phone', 'email')", name="kind"),
        CheckConstraint("whose IN ('suspect', 'suspect_household')", name="whose"),
        CheckConstraint("(ended_at IS NULL) = (ended_by_id IS NULL)", name="ended_by_a_user"),
        Index(
            "uq_suspect_contact_one_current",
            "person_id",
            "kind",
            "value_hash",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_suspect_contact_person_id", "person_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    kind: Mapped[str]
    value_hash: Mapped[bytes]
    whose: Mapped[str]
    recorded_at: Mapped[datetime]
    recorded_by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))


class PersonDistinction(Base):
    """Two records that a caseworker said are two people: they are never proposed as one again, until it is taken back.

    `taken_back_sealed` (the key of `lower_id`): why.
    """

    __tablename__ = "person_distinction"
    __table_args__ = (
        CheckConstraint("lower_id < higher_id", name="ordered"),
        CheckConstraint(
            "num_nonnulls(taken_back_at, taken_back_by_id, taken_back_sealed) IN (0, 3)",
            name="taken_back_whole",
        ),
        Index(
            "uq_person_distinction_one_current",
            "lower_id",
            "higher_id",
            unique=True,
            postgresql_where=text("taken_back_at IS NULL"),
        ),
        Index("ix_person_distinction_higher_id", "higher_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    lower_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    higher_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    recorded_at: Mapped[datetime]
    recorded_by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    taken_back_at: Mapped[datetime | None]
    taken_back_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    taken_back_sealed: Mapped[bytes | None]


class PersonMerge(Base):
    """Two records that are one person: a pointer from one to the other. Nothing of either is moved or deleted.

    `sealed` (the key of `kept_id`): words. The plans before the merge are named, so that undoing it finds them; the
    joined ones are those that the merge wrote.
    """

    __tablename__ = "person_merge"
    __table_args__ = (
        CheckConstraint("kept_id <> merged_id", name="two_records"),
        CheckConstraint("(undone_at IS NULL) = (undone_by_id IS NULL)", name="undone_by_a_user"),
        Index(
            "uq_person_merge_one_current",
            "merged_id",
            unique=True,
            postgresql_where=text("undone_at IS NULL"),
        ),
        Index("ix_person_merge_kept_id", "kept_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    kept_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    merged_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    merged_at: Mapped[datetime]
    merged_by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    is_contradicted: Mapped[bool] = mapped_column(default=False)
    sealed: Mapped[bytes | None]
    kept_plan_before_id: Mapped[UUID | None] = mapped_column(ForeignKey("safe_contact_plan.id"))
    merged_plan_before_id: Mapped[UUID | None] = mapped_column(ForeignKey("safe_contact_plan.id"))
    kept_joined_plan_id: Mapped[UUID | None] = mapped_column(ForeignKey("safe_contact_plan.id"))
    merged_joined_plan_id: Mapped[UUID | None] = mapped_column(ForeignKey("safe_contact_plan.id"))
    undone_at: Mapped[datetime | None]
    undone_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))


class TargetingAssessment(Base):
    """Whether a person is persistently targeted, as a caseworker judged it. Never edited: a new one counts instead.

    `sealed` (person's key): words, the reason. `review_on` is when somebody looks again, None where they are not;
    `asked_at` when the service asked a caseworker to.
    """

    __tablename__ = "targeting_assessment"
    __table_args__ = (
        CheckConstraint("is_targeted = (review_on IS NOT NULL)", name="targeted_is_reviewed"),
        Index("ix_targeting_assessment_person_id", "person_id"),
        Index(
            "ix_targeting_assessment_due",
            "review_on",
            postgresql_where=text("is_targeted AND asked_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    is_targeted: Mapped[bool]
    assessed_at: Mapped[datetime]
    assessed_by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    review_on: Mapped[date | None]
    asked_at: Mapped[datetime | None]
    sealed: Mapped[bytes]
