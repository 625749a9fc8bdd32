"""The input of an evaluation: facts and events about a victim and a case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property

from victim_gateway.compliance.editions import EnhancedCategory
from victim_gateway.times import age_on, london_date

NAMED_CONTACT = "named_contact"
"""The condition under which a business may receive services (Victims' Code 2020, footnote 2)."""


class VictimBasis(StrEnum):
    """On what basis a person is treated as a victim."""

    DIRECT = "direct"
    BEREAVED_RELATIVE = "bereaved_relative"
    PARENT_OR_GUARDIAN = "parent_or_guardian"
    SPOKESPERSON = "spokesperson"
    BUSINESS_CONTACT = "business_contact"
    HARMED_WITNESS = "harmed_witness"
    CHILD_OF_DOMESTIC_ABUSE = "child_of_domestic_abuse"


SETTLED_BY_BASIS: Mapping[str, VictimBasis] = {
    "victim_is_business_with_named_contact": VictimBasis.BUSINESS_CONTACT,
    "bereaved_close_relative": VictimBasis.BEREAVED_RELATIVE,
}
"""Conditions that hold for one basis only: false for every other, unless `conditions` names them.

Without a basis nothing is settled: a condition that is not mentioned then blocks nothing.
"""


@dataclass(frozen=True, slots=True)
class EnhancedPeriod:
    """A category that is in force from one London date up to, not including, another; None: no end.

    A period that ends before it begins, or on that day, was never in force.
    """

    category: EnhancedCategory
    from_on: date
    to_on: date | None = None

    @property
    def was_in_force(self) -> bool:
        """Whether the category was in force on any day."""
        return self.to_on is None or self.from_on < self.to_on

    def in_force_on(self, day: date) -> bool:
        """Whether the category was in force on a London date."""
        return self.from_on <= day and (self.to_on is None or day < self.to_on)


@dataclass(frozen=True, slots=True)
class Declined:
    """The victim declined one service at a moment."""

    entitlement_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Withheld:
    """Telling the victim was unsafe from one moment up to, not including, another; None: no end known."""

    entitlement_id: str
    from_at: datetime
    until_at: datetime | None = None

    def holds_at(self, moment: datetime) -> bool:
        """Whether the act was withheld at this moment."""
        return self.from_at <= moment and (self.until_at is None or moment < self.until_at)


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything but the events; what is not given changes nothing. All moments are aware."""

    victim_basis: VictimBasis | None = None
    date_of_birth: date | None = None
    offence_on: date | None = None
    under_17: bool | None = None
    """Younger than 17 on the day of the offence, for callers who may not hold the dates."""
    under_18: bool | None = None
    enhanced: tuple[EnhancedPeriod, ...] = ()
    conditions: Mapping[str, bool] = field(default_factory=dict)
    """Conditions known to hold or not; of those not named only what the basis settles blocks a clock."""
    observers: frozenset[str] = frozenset()
    """Who, besides the gateway, would report an act to us if they saw it."""
    declined: tuple[Declined, ...] = ()
    withheld_for_safety: tuple[Withheld, ...] = ()
    cancelled_at: datetime | None = None
    closed_at: datetime | None = None
    """When the gateway closed the referral: what its own standards still owed then stays owed for good."""

    @property
    def is_business(self) -> bool:
        """Whether the victim is a business, which has no enhanced rights."""
        return self.victim_basis is VictimBasis.BUSINESS_CONTACT

    def is_condition_false(self, name: str) -> bool:
        """Whether a condition is known not to hold: by `conditions`, else by the basis where it settles it."""
        if name in self.conditions:
            return not self.conditions[name]
        settled = SETTLED_BY_BASIS.get(name)
        return settled is not None and self.victim_basis not in (None, settled)

    def was_younger_than(self, age: int) -> bool:
        """Whether the victim was known to be younger than `age` on the day of the offence.

        The dates decide when both are there; otherwise the ready-made answers for 17 and 18 do.
        """
        if self.date_of_birth is not None and self.offence_on is not None:
            return age_on(self.date_of_birth, self.offence_on) < age
        return bool({17: self.under_17, 18: self.under_18}.get(age))


@dataclass(frozen=True)
class Event:
    """Something that happened, and when we learned of it. Both moments are aware."""

    event: str
    occurred_at: datetime
    recorded_at: datetime
    subject: str | None = None
    """Which suspect it concerns; None: not said, or the same for all."""
    event_id: str | None = None
    """The caller's own key; evaluation only carries it along."""

    @cached_property
    def occurred_on(self) -> date:
        """The London date on which it happened."""
        return london_date(self.occurred_at)
