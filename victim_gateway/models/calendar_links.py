"""Private links to a calendar of what is due."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base


class CalendarLink(Base):
    """The one link of an account; a new one takes its place. The secret itself is shown once and kept nowhere.

    `read_at` is when a calendar last asked: it is answered again only after a while.
    """

    __tablename__ = "calendar_link"
    __table_args__ = (
        CheckConstraint("octet_length(secret_hash) = 32", name="hash_size"),
        Index("uq_calendar_link_secret_hash", "secret_hash", unique=True),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"), primary_key=True)
    secret_hash: Mapped[bytes]
    made_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
