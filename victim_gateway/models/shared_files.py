"""Copies of files for the provider of an onward referral, sealed under the key of its handover."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.row_ids import new_row_id
from victim_gateway.vocabulary import AttachmentKind, SharedFileState


class SharedFile(Base):
    """A copy of one file for one onward referral. A provider reads it once it is shared and they have accepted.

    `number` names it on both sides, as "Document 1": what the file is called stays with the Gateway. `removed` are
    codes of what a worker took out of the copy, `problem` why none could be made. `size` is that of the copy.
    """

    __tablename__ = "shared_file"
    __table_args__ = (
        Index("uq_shared_file_number", "onward_referral_id", "number", unique=True),
        Index(
            "uq_shared_file_one_open",
            "onward_referral_id",
            "attachment_id",
            unique=True,
            postgresql_where=text("state IN ('waiting', 'ready', 'shared')"),
        ),
        Index("ix_shared_file_waiting", "asked_at", "id", postgresql_where=text("state = 'waiting'")),
        CheckConstraint(
            "state NOT IN ('ready', 'shared') OR (made_at IS NOT NULL AND size > 0 AND problem IS NULL)",
            name="made",
        ),
        CheckConstraint("state <> 'refused' OR problem IS NOT NULL", name="refused_with_problem"),
        CheckConstraint(
            "(shared_at IS NULL) = (shared_by_id IS NULL) AND (state <> 'shared' OR shared_at IS NOT NULL)",
            name="shared_has_both",
        ),
        CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended_with_moment"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    onward_referral_id: Mapped[UUID] = mapped_column(ForeignKey("onward_referral.id"))
    attachment_id: Mapped[UUID] = mapped_column(ForeignKey("attachment.id"), index=True)
    number: Mapped[int]
    kind: Mapped[AttachmentKind]
    size: Mapped[int | None]
    state: Mapped[SharedFileState] = mapped_column(default=SharedFileState.WAITING)
    problem: Mapped[str | None]
    removed: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    asked_at: Mapped[datetime]
    asked_by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    tried_at: Mapped[datetime | None]
    made_at: Mapped[datetime | None]
    shared_at: Mapped[datetime | None]
    shared_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))


class SharedFileChunk(Base):
    """A piece of a copy, sealed with its place under the handover's key; deleted when the sharing ends."""

    __tablename__ = "shared_file_chunk"

    shared_file_id: Mapped[UUID] = mapped_column(ForeignKey("shared_file.id"), primary_key=True)
    chunk_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sealed: Mapped[bytes]
