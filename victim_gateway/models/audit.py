"""The audit log: append-only, in lanes that are keyed hash chains; and how far they have been verified."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base


class AuditEntry(Base):
    """One action or view. `entry` is the canonical text that `hash` covers; the other columns are for finding it.

    `sequence` holds the lane and the place in it (`victim_gateway/audit_chain.py`): it orders entries within a lane,
    and `at` orders those of different lanes.
    """

    __tablename__ = "audit_entry"

    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(index=True)
    actor_id: Mapped[UUID | None] = mapped_column(index=True)
    action: Mapped[str] = mapped_column(index=True)
    subject_type: Mapped[str | None]
    subject_id: Mapped[UUID | None] = mapped_column(index=True)
    person_id: Mapped[UUID | None] = mapped_column(index=True)
    entry: Mapped[str]
    key_id: Mapped[str]
    previous_hash: Mapped[bytes]
    hash: Mapped[bytes]


class AuditCheckpoint(Base):
    """How far a walk through the audit has come, signed: what stands here can't be moved on without the key."""

    __tablename__ = "audit_checkpoint"

    kind: Mapped[str] = mapped_column(primary_key=True)
    signed: Mapped[str]
