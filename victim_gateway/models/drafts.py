"""Drafts: what somebody has typed into a long form and not sent yet."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.vocabulary import DraftKind


class Draft(Base):
    """One form as its author left it. Row-level security shows it to its author alone, whatever their role.

    `sealed` holds the names and values as the browser sent them: under the key of the person, once they are known,
    so that erasing the person closes it too; else under a key of its own. `page_id` is the page that wrote last, and
    `revision` counts the writings. `referral_version` is the referral's when the form was opened.
    """

    __tablename__ = "draft"
    __table_args__ = (
        CheckConstraint("(kind = 'referral') = (referral_id IS NULL)", name="has_its_referral"),
        CheckConstraint("(kind = 'offer') = (service_id IS NOT NULL)", name="has_its_service"),
        CheckConstraint("octet_length(sealed) <= 400000", name="size"),
        Index("ix_draft_author", "author_id", "saved_at"),
        Index("ix_draft_saved_at", "saved_at"),
    )

    # Made by the page, so that a form has its draft's name before anything was saved.
    id: Mapped[UUID] = mapped_column(primary_key=True)
    author_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    kind: Mapped[DraftKind]
    referral_id: Mapped[UUID | None] = mapped_column(ForeignKey("referral.id"))
    service_id: Mapped[UUID | None] = mapped_column(ForeignKey("provider_service.id"))
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    referral_version: Mapped[int | None]
    page_id: Mapped[UUID]
    revision: Mapped[int]
    key_id: Mapped[UUID] = mapped_column(ForeignKey("wrapped_key.id"))
    sealed: Mapped[bytes]
    begun_at: Mapped[datetime]
    saved_at: Mapped[datetime]
