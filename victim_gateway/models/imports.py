"""Imported files: each batch, each row with its outcome, and the bytes until they are read."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, ForeignKey, Identity, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.row_ids import new_row_id
from victim_gateway.vocabulary import ImportKind, ImportState, RowOutcome


class ImportBatch(Base):
    """One file, loaded once. Counts are those of the summary; `bytes_read` of `bytes_total` is the progress."""

    __tablename__ = "import_batch"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    number: Mapped[int] = mapped_column(Identity(always=True), unique=True)
    kind: Mapped[ImportKind]
    state: Mapped[ImportState]
    file_name: Mapped[str]
    file_sha256: Mapped[bytes | None]
    bytes_total: Mapped[int] = mapped_column(BigInteger)
    bytes_read: Mapped[int] = mapped_column(BigInteger, default=0)
    history: Mapped[bool]
    # A file that was sent before is sent again to make its values the newest.
    put_back: Mapped[bool] = mapped_column(default=False, server_default="false")
    key_id: Mapped[UUID] = mapped_column(ForeignKey("wrapped_key.id"))
    by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    by_name: Mapped[str]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    # A worker that dies leaves a lease that runs out; the sweep then hands the batch to another.
    leased_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    rows: Mapped[int] = mapped_column(default=0)
    imported: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    set_aside: Mapped[int] = mapped_column(default=0)
    warnings: Mapped[int] = mapped_column(default=0)
    repeat_victims: Mapped[int] = mapped_column(default=0)
    held: Mapped[int] = mapped_column(default=0, server_default="0")
    # Rows of a file sent again whose referral a later file has changed.
    changed_since: Mapped[int] = mapped_column(default=0, server_default="0")
    # Rows with a protective answer that can't be read.
    unread_protective: Mapped[int] = mapped_column(default=0, server_default="0")
    # [{"column", "code", "words"}] about the file as a whole.
    file_warnings: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    columns: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    unknown_columns: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    problem: Mapped[str | None]


class ImportRow(Base):
    """One row of one file.

    `sealed` holds what the force has said with this row (`feeds/statements.py`), under its person's
    key, or the row as given under the batch's when set aside. `applied_order` is the order in which rows were
    written: a file that is resumed comes after one that was handed in later.
    """

    __tablename__ = "import_row"
    __table_args__ = (
        Index("ix_import_row_reference", "feed_reference", "content_hash"),
        # The rows that a page of a batch shows, in its order; those without a reason, nearly all, are not in it.
        Index(
            "ix_import_row_with_reasons",
            "batch_id",
            text("(outcome <> 'set_aside')"),
            "row_number",
            postgresql_where=text("reasons <> '[]'::jsonb"),
        ),
        Index(
            "ix_import_row_waiting",
            "feed_reference",
            postgresql_where=text("outcome = 'set_aside' AND retried_at IS NULL"),
        ),
    )

    # The batch and the key are checked once a statement (models/keys.py).
    batch_id: Mapped[UUID] = mapped_column(primary_key=True)
    row_number: Mapped[int] = mapped_column(primary_key=True)
    force: Mapped[str | None]
    feed_reference: Mapped[str | None]
    content_hash: Mapped[bytes]
    outcome: Mapped[RowOutcome]
    # [{"column", "code", "words"}]: never a personal value.
    reasons: Mapped[list[Any]] = mapped_column(default=list)
    changed_fields: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    referral_id: Mapped[UUID | None] = mapped_column(ForeignKey("referral.id"))
    key_id: Mapped[UUID | None]
    sealed: Mapped[bytes | None]
    retried_at: Mapped[datetime | None]
    applied_order: Mapped[int] = mapped_column(BigInteger, Identity(always=True))


class ImportFile(Base):
    """An uploaded file's bytes, sealed in chunks under the batch's key; deleted when the batch has ended."""

    __tablename__ = "import_file"

    batch_id: Mapped[UUID] = mapped_column(
        ForeignKey("import_batch.id", ondelete="CASCADE"), primary_key=True
    )
    # The column is older than this name.
    chunk_number: Mapped[int] = mapped_column("piece", primary_key=True)
    sealed: Mapped[bytes]
