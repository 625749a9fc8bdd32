"""What figures are read from: clocks counted by day, the days to count anew, and the ranges of a recompute."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Double, ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.row_ids import new_row_id


class ClockDayCount(Base):
    """How many stored clocks that started on one London day are alike, over all or for one district or crime type.

    `split` says by what they are counted apart, `value` which one (None: not recorded). A running clock with a
    limit keeps its `due_on`, since its status changes with the day on which it is read. Rows of a day in
    `stale_figure_day` are not to be read.
    """

    __tablename__ = "clock_day_count"
    __table_args__ = (
        Index("ix_clock_day_count_split", "split", "value", "day"),
        Index("ix_clock_day_count_day", "day"),
        Index("ix_clock_day_count_duty", "edition", "entitlement_id", "day"),
        CheckConstraint("split IN ('all', 'district', 'crime_type')", name="split"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    day: Mapped[date]
    split: Mapped[str]
    value: Mapped[str | None]
    edition: Mapped[str]
    entitlement_id: Mapped[str]
    enhanced: Mapped[bool]
    status: Mapped[str]
    late_status: Mapped[str]
    due_on: Mapped[date | None]
    clocks: Mapped[int]


class StaleFigureDay(Base):
    """A London day of which a clock was written since it was counted; one row for each such statement.

    Written by a trigger in the transaction that writes the clocks. Several rows for one day are meant: a unique
    one would make two people who save wait for each other.
    """

    __tablename__ = "stale_figure_day"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    day: Mapped[date]


class ServiceDayCount(Base):
    """One count of the service's own figures for one London day; not to be read where `stale_service_day` has the day.

    `received` and `not_police` count the referrals received on the day. Of the two waits, a row holds those of the
    day's referrals that waited as many whole days (`value`), each with its exact days (`waits`), so that a median over
    many days is exact. `referral.closed` counts the closings of the day by outcome (`value`); `until_on` is the day on
    which the same referral was closed again: in a period that has both, only the later one counts.
    """

    __tablename__ = "service_day_count"
    __table_args__ = (
        Index("ix_service_day_count_day", "day"),
        CheckConstraint(
            "kind IN ('received', 'not_police', 'first_contact_attempted', 'triage_assessment_completed',"
            " 'referral.closed')",
            name="kind",
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    day: Mapped[date]
    kind: Mapped[str]
    value: Mapped[str | None]
    until_on: Mapped[date | None]
    referrals: Mapped[int]
    waits: Mapped[list[float] | None] = mapped_column(ARRAY(Double))


class StaleServiceDay(Base):
    """A London day of which the service's own figures changed since it was counted; written by triggers."""

    __tablename__ = "stale_service_day"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    day: Mapped[date]


class FactName(Base):
    """A district or crime type that any fact ever named, kept by a trigger, so that no page looks for them."""

    __tablename__ = "fact_name"
    __table_args__ = (CheckConstraint("kind IN ('district', 'crime_type')", name="kind"),)

    kind: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)


class ClockRecompute(Base):
    """One rebuild of every stored clock, from its beginning to when its last range was done.

    `rules_hash` is of the rules that it was begun by: under other ones its ranges would not belong together.
    """

    __tablename__ = "clock_recompute"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    rules_hash: Mapped[str]


class ClockRecomputeRange(Base):
    """The referrals from one id up to, not including, another, and what rebuilding their clocks came to.

    A worker claims a range by locking its row for the length of one transaction: a killed one leaves it undone.
    """

    __tablename__ = "clock_recompute_range"
    __table_args__ = (
        Index(
            "ix_clock_recompute_range_undone", "recompute_id", "number", postgresql_where="done_at IS NULL"
        ),
    )

    recompute_id: Mapped[UUID] = mapped_column(
        ForeignKey("clock_recompute.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first_id: Mapped[UUID]
    end_id: Mapped[UUID]
    done_at: Mapped[datetime | None]
    as_at: Mapped[datetime | None]
    clocks: Mapped[int] = mapped_column(default=0)
    added: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    removed: Mapped[int] = mapped_column(default=0)
    aged: Mapped[int] = mapped_column(default=0)
    uncountable: Mapped[int] = mapped_column(default=0)
    uncountable_start: Mapped[str | None]
