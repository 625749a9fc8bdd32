"""Data keys, each wrapped by the keyring. Backed up apart from the data; destroying one erases what it sealed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.row_ids import new_row_id


class WrappedKey(Base):
    """A key of one person, one handover, one import batch, one draft, one incident, or of the search index.

    `subject_id` is the person for `person` and `handover`, the batch for `batch`, the author
    for `draft`, the incident for `incident`, null for `index`.
    `organisation_id` is the provider that may open a handover.

    `import_row` and `person` name their key without a foreign key, as imported rows name their batch: a trigger checks
    the rows of one statement together, a tenth of the work of a query for each row, and no key and no batch is ever
    deleted, whoever asks. A key is destroyed by emptying it (ADR 0027).
    """

    __tablename__ = "wrapped_key"
    __table_args__ = (
        CheckConstraint(
            "purpose IN ('person', 'handover', 'batch', 'index', 'draft', 'incident')", name="purpose"
        ),
        CheckConstraint("(purpose = 'handover') = (organisation_id IS NOT NULL)", name="handover_has_reader"),
        CheckConstraint("(wrapped IS NULL) = (destroyed_at IS NOT NULL)", name="destroyed_is_gone"),
        Index("uq_wrapped_key_one_index", "purpose", unique=True, postgresql_where=text("purpose = 'index'")),
        Index("ix_wrapped_key_subject_id", "subject_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    purpose: Mapped[str]
    subject_id: Mapped[UUID | None]
    organisation_id: Mapped[UUID | None]
    keyring_id: Mapped[str]
    wrapped: Mapped[bytes | None]
    created_at: Mapped[datetime]
    destroyed_at: Mapped[datetime | None]
