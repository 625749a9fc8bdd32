"""Safety devices: the stock, and to which referral each one was lent."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.row_ids import new_row_id
from victim_gateway.vocabulary import DeviceState, LoanEnding


class SafetyDevice(Base):
    """One device of the stock. `kind` is one of the area's; `state` a cache of its last loan."""

    __tablename__ = "safety_device"
    __table_args__ = (
        Index("uq_safety_device_serial", "kind", "serial_number", unique=True),
        Index("ix_safety_device_state", "kind", "state"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    kind: Mapped[str]
    serial_number: Mapped[str]
    state: Mapped[DeviceState] = mapped_column(default=DeviceState.IN_STOCK)
    added_at: Mapped[datetime]
    added_by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))


class DeviceLoan(Base):
    """A device lent to the person of a referral until a day. One device has one open loan at most.

    `asked_at` is when the service asked a caseworker to get it back.
    """

    __tablename__ = "device_loan"
    __table_args__ = (
        Index("uq_device_loan_one_open", "device_id", unique=True, postgresql_where=text("ended_on IS NULL")),
        Index(
            "ix_device_loan_due",
            "due_back_on",
            postgresql_where=text("ended_on IS NULL AND asked_at IS NULL"),
        ),
        CheckConstraint("due_back_on >= issued_on", name="due_after_issued"),
        CheckConstraint("ended_on >= issued_on", name="ended_after_issued"),
        CheckConstraint("num_nonnulls(ended_on, ending, ended_by_id) IN (0, 3)", name="ended_whole"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    device_id: Mapped[UUID] = mapped_column(ForeignKey("safety_device.id"))
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"), index=True)
    issued_on: Mapped[date]
    due_back_on: Mapped[date]
    recorded_at: Mapped[datetime]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    ended_on: Mapped[date | None]
    ending: Mapped[LoanEnding | None]
    ended_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    asked_at: Mapped[datetime | None]
