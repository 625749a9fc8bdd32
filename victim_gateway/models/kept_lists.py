"""Lists that administrators keep in the browser, with their history."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.row_ids import new_row_id


class ListEntry(Base):
    """One entry of a list. Its code never changes, and no entry is deleted: retired, it is no longer offered.

    `stands_for`: the code that the record keeps and the rules read, for an entry that is only another wording of it.
    """

    __tablename__ = "list_entry"
    __table_args__ = (
        Index("uq_list_entry_code", "list_key", "code", unique=True),
        CheckConstraint("code ~ '^[a-z0-9_]+$'", name="code_is_plain"),
        CheckConstraint("label <> ''", name="has_label"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    list_key: Mapped[str]
    code: Mapped[str]
    label: Mapped[str]
    body: Mapped[str | None]
    position: Mapped[int]
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]
    stands_for: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)


class ListEntryChange(Base):
    """One change of an entry: what it was before and after. Append-only."""

    __tablename__ = "list_entry_change"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    entry_id: Mapped[UUID] = mapped_column(ForeignKey("list_entry.id"), index=True)
    changed_at: Mapped[datetime]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    by_name: Mapped[str]
    step: Mapped[str]
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
