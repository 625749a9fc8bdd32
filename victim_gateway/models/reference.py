"""The law as rows, loaded from the data files at every upgrade, for the set-based figures."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ARRAY, Text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base


class CodeEntitlement(Base):
    """One duty of one edition; edition `local` holds the area's own standards."""

    __tablename__ = "code_entitlement"

    edition: Mapped[str] = mapped_column(primary_key=True)
    entitlement_id: Mapped[str] = mapped_column(primary_key=True)
    in_force_from: Mapped[date | None]
    in_force_to: Mapped[date | None]
    right: Mapped[str]
    paragraph: Mapped[str]
    entitlement: Mapped[str]
    owner: Mapped[str]
    start_event: Mapped[str]
    stop_event: Mapped[str]
    unit: Mapped[str]
    standard_limit: Mapped[int | None]
    enhanced_limit: Mapped[int | None]
    applies_when: Mapped[list[str]] = mapped_column(ARRAY(Text))
    observed_by: Mapped[str]
    confidence: Mapped[str]
    source: Mapped[str]


class CalendarDay(Base):
    """A day the bank-holiday table covers; `ordinal` counts the working days up to and including it."""

    __tablename__ = "calendar_day"

    day: Mapped[date] = mapped_column(primary_key=True)
    is_working: Mapped[bool]
    ordinal: Mapped[int]
