"""A provider's work that goes to its successor: what was agreed to, and what became of each onward referral."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.provider_vocabulary import StayReason, SuccessionState
from victim_gateway.row_ids import new_row_id


class Succession(Base):
    """One succession: looked at by workers, agreed to by a senior caseworker, then carried out by workers in batches.

    `services` says by id to which of the successor's services each service goes; one that is left out goes to none.
    """

    __tablename__ = "succession"
    __table_args__ = (
        Index(
            "uq_succession_open",
            "provider_id",
            unique=True,
            postgresql_where=text("state IN ('checking', 'ready', 'running')"),
        ),
        Index("ix_succession_working", "id", postgresql_where=text("state IN ('checking', 'running')")),
        CheckConstraint(
            "(state IN ('running', 'done')) = (agreed_at IS NOT NULL)", name="carried_out_once_agreed"
        ),
        CheckConstraint("(agreed_at IS NULL) = (agreed_by_id IS NULL)", name="agreed_by_person"),
        CheckConstraint("(state = 'done') = (finished_at IS NOT NULL)", name="done_with_moment"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"))
    successor_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"))
    services: Mapped[dict[str, Any]]
    state: Mapped[SuccessionState]
    opened_at: Mapped[datetime]
    opened_by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    ready_at: Mapped[datetime | None]
    agreed_at: Mapped[datetime | None]
    agreed_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    finished_at: Mapped[datetime | None]


class SuccessionItem(Base):
    """One onward referral of a succession. `foreseen_stay` None with `foreseen_at`: it was to move.

    `done_at`: its turn has come; it moved to `moved_to_id`, or stayed for `stay`, or had ended by then. `failures`
    counts the turns that broke off.
    """

    __tablename__ = "succession_item"
    __table_args__ = (
        Index(
            "ix_succession_item_unforeseen",
            "succession_id",
            "position",
            postgresql_where=text("foreseen_at IS NULL"),
        ),
        Index(
            "ix_succession_item_undone",
            "succession_id",
            "failures",
            "position",
            postgresql_where=text("done_at IS NULL"),
        ),
        Index("ix_succession_item_onward_referral_id", "onward_referral_id"),
        Index("uq_succession_item_moved_to", "moved_to_id", unique=True),
        CheckConstraint("num_nonnulls(moved_to_id, stay) < 2", name="moved_or_stayed"),
        CheckConstraint(
            "done_at IS NOT NULL OR num_nonnulls(moved_to_id, stay) = 0", name="result_when_done"
        ),
    )

    succession_id: Mapped[UUID] = mapped_column(ForeignKey("succession.id"), primary_key=True)
    onward_referral_id: Mapped[UUID] = mapped_column(ForeignKey("onward_referral.id"), primary_key=True)
    position: Mapped[int]
    is_high_risk: Mapped[bool]
    foreseen_at: Mapped[datetime | None]
    # A code of StayReason too; one column of a table can have the check of a kind.
    foreseen_stay: Mapped[str | None]
    done_at: Mapped[datetime | None]
    stay: Mapped[StayReason | None]
    moved_to_id: Mapped[UUID | None] = mapped_column(ForeignKey("onward_referral.id"))
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
