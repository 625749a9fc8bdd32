"""The stock of safety devices, and what is lent to the person of a referral."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from victim_gateway.models import DeviceLoan, SafetyDevice
from victim_gateway.vocabulary import DeviceState, LoanEnding

MOST_OFFERED = 200


@dataclass(frozen=True, slots=True)
class LentDevice:
    """A device that is or was lent to the person."""

    loan_id: UUID
    kind: str
    serial_number: str
    issued_on: date
    due_back_on: date
    ended_on: date | None
    ending: LoanEnding | None


def lent_devices(session: Session, referral_id: UUID) -> tuple[LentDevice, ...]:
    """The loans of a referral, those that are open first."""
    rows = session.execute(
        select(
            DeviceLoan.id,
            SafetyDevice.kind,
            SafetyDevice.serial_number,
            DeviceLoan.issued_on,
            DeviceLoan.due_back_on,
            DeviceLoan.ended_on,
            DeviceLoan.ending,
        )
        .join(SafetyDevice, SafetyDevice.id == DeviceLoan.device_id)
        .where(DeviceLoan.referral_id == referral_id)
        .order_by(DeviceLoan.ended_on.is_not(None), DeviceLoan.due_back_on, DeviceLoan.id)
    )
    return tuple(LentDevice(*row) for row in rows)


def stock_counts(session: Session) -> dict[str, dict[DeviceState, int]]:
    """By kind, how many devices are where; nothing says who has them."""
    rows = session.execute(
        select(SafetyDevice.kind, SafetyDevice.state, func.count()).group_by(
            SafetyDevice.kind, SafetyDevice.state
        )
    )
    counts: dict[str, dict[DeviceState, int]] = {}
    for kind, state, number in rows:
        counts.setdefault(kind, {})[state] = number
    return counts


def devices_in_stock(session: Session) -> list[tuple[UUID, str, str]]:
    """Id, kind and number of the devices that can be lent, up to a number that a list can show."""
    rows = session.execute(
        select(SafetyDevice.id, SafetyDevice.kind, SafetyDevice.serial_number)
        .where(SafetyDevice.state == DeviceState.IN_STOCK)
        .order_by(SafetyDevice.kind, SafetyDevice.serial_number)
        .limit(MOST_OFFERED)
    )
    return [(row.id, row.kind, row.serial_number) for row in rows]
