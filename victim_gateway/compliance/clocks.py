"""One running instance of an entitlement, and its nine possible statuses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from victim_gateway.compliance.editions import Edition, Entitlement
from victim_gateway.compliance.facts import Event


class Status(StrEnum):
    """The status of a clock at a moment. Every clock has exactly one."""

    MET = "met"
    MET_LATE = "met_late"
    OVERDUE = "overdue"
    RUNNING = "running"
    UNKNOWN = "unknown"
    """Past its due date, and nobody who would have seen the act reports to us: no breach and no pass."""
    DECLINED = "declined"
    WITHHELD_FOR_SAFETY = "withheld_for_safety"
    NOT_APPLICABLE = "not_applicable"


class Ground(StrEnum):
    """The reason for a status that does not follow from dates alone."""

    CONDITION_FALSE = "condition_false"
    NO_NAMED_CONTACT = "no_named_contact"
    CANCELLED = "cancelled"
    DECLINED = "declined"
    WITHHELD = "withheld"
    CLOSED = "closed"
    """The referral was closed before it was done."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A status with its reason, for the explanation."""

    status: Status
    ground: Ground | None = None
    condition: str | None = None
    """The condition that is false."""
    at: datetime | None = None
    """When the crime was cancelled, the service declined, the act first withheld, or the referral closed."""


@dataclass(frozen=True, slots=True)
class Clock:
    """What one start event opened under one entitlement, as at one moment."""

    edition: Edition
    entitlement: Entitlement
    start: Event
    stop: Event | None
    limit: int | None
    """The limit that applies, in the entitlement's unit."""
    enhanced: bool
    enhanced_from: date | None
    """The London date from which a category that began during the clock shortened it or could have."""
    due_on: date | None
    due_without_change_on: date | None
    """What `due_on` would be had no category begun during the clock."""
    standing: Standing
    as_at: datetime

    @property
    def status(self) -> Status:
        """The status without its reason."""
        return self.standing.status

    @property
    def started_at(self) -> datetime:
        """When the start event happened."""
        return self.start.occurred_at

    @property
    def stopped_at(self) -> datetime | None:
        """When the stop event happened, as far as is known."""
        return None if self.stop is None else self.stop.occurred_at
