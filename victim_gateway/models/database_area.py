"""Which area's data this database holds."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base


class DatabaseArea(Base):
    """One row, written by `gateway db upgrade` with the owner's rights; `area` is the key of a profile."""

    __tablename__ = "database_area"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    area: Mapped[str]
    recorded_at: Mapped[datetime]
