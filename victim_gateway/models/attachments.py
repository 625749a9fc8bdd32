"""Files that are attached to a referral, sealed as everything personal is."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, false, text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.row_ids import new_row_id
from victim_gateway.vocabulary import AttachmentKind, AttachmentState


class Attachment(Base):
    """One file. `sealed` (person's key): what it is, as typed, and why it was removed. Its name is not kept.

    Its content is in `AttachmentChunk`, under the same key, and gone once it is refused, infected or removed.
    `number` counts the files of a referral: a download is named by it. `tried_at` is when a worker last took it up.
    `stays_here`: no copy of it goes to a provider.
    """

    __tablename__ = "attachment"
    __table_args__ = (
        Index("uq_attachment_number", "referral_id", "number", unique=True),
        Index("ix_attachment_waiting", "added_at", "id", postgresql_where=text("state = 'waiting'")),
        CheckConstraint("size > 0", name="size"),
        CheckConstraint(
            "(state IN ('refused', 'infected')) = (problem IS NOT NULL)", name="refused_with_problem"
        ),
        CheckConstraint("state = 'waiting' OR state = 'removed' OR checked_at IS NOT NULL", name="checked"),
        CheckConstraint(
            "(state = 'removed') = (removed_at IS NOT NULL) AND (removed_at IS NULL) = (removed_by_id IS NULL)",
            name="removed_has_both",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"))
    number: Mapped[int]
    kind: Mapped[AttachmentKind]
    size: Mapped[int]
    state: Mapped[AttachmentState] = mapped_column(default=AttachmentState.WAITING)
    problem: Mapped[str | None]
    sealed: Mapped[bytes]
    stays_here: Mapped[bool] = mapped_column(default=False, server_default=false())
    added_at: Mapped[datetime]
    added_by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    tried_at: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    removed_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))


class AttachmentChunk(Base):
    """A piece of a file, sealed with its place. Row-level security shows it to a caseworker only once it is clean."""

    __tablename__ = "attachment_chunk"

    attachment_id: Mapped[UUID] = mapped_column(ForeignKey("attachment.id"), primary_key=True)
    chunk_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sealed: Mapped[bytes]
