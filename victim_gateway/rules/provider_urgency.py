"""Who at a provider would come to harm by waiting, and which of them stands first."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from enum import StrEnum
from types import MappingProxyType


class WaitingHarm(StrEnum):
    """Why an onward referral can't wait, the gravest first."""

    HIGH_RISK = "high_risk"
    CONTACT_LATE = "contact_late"
    MISSED = "missed_appointment"
    WORKER_LEFT = "worker_left"


HARM_TEXTS: Mapping[WaitingHarm, str] = MappingProxyType(
    {
        WaitingHarm.HIGH_RISK: "High risk, and not reached yet",
        WaitingHarm.CONTACT_LATE: "First contact is overdue",
        WaitingHarm.MISSED: "Missed an appointment, and not reached since",
        WaitingHarm.WORKER_LEFT: "Their worker has left",
    }
)


def harm_rank(harms: Collection[WaitingHarm], due_on: date | None) -> tuple[tuple[bool, ...], date]:
    """Where an onward referral stands among those that can't wait: smaller is more urgent.

    One graver reason outweighs all lesser ones together; where the reasons are the same, the earlier day is first.
    """
    return tuple(harm not in harms for harm in WaitingHarm), due_on or date.max


def sorted_harms(harms: Collection[WaitingHarm]) -> tuple[WaitingHarm, ...]:
    """The reasons of one onward referral, the gravest first."""
    return tuple(harm for harm in WaitingHarm if harm in harms)
