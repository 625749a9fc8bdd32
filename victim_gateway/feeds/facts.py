"""The facts and events that a referral row gives to the compliance rules (contract, section 5).

Plain values: services turn them into rows of the database and into the input of the rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from victim_gateway import times
from victim_gateway.compliance.victim_categories import (
    ENHANCING_FLAGS,
    enhanced_categories,
    is_child_on,
    victim_basis_of,
)
from victim_gateway.feeds.referrals import ReferralRow


@dataclass(frozen=True, slots=True)
class EnhancedFact:
    """A category of enhanced rights, from a London date and without an end."""

    category: str
    from_on: date


@dataclass(frozen=True, slots=True)
class EventFact:
    """Something that happened, and when the service counts as having learned it."""

    event: str
    occurred_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class ReferralFacts:
    """The facts of one referral row. `conditions` names only what the feed decides.

    `under_17` and `under_18` are the age on `offence_on`, None where the date of birth isn't known and for
    a business, which has no age. `opens_code_clocks` is false for what isn't recorded as a crime.
    """

    recorded_at: datetime
    victim_basis: str
    date_of_birth: date | None
    offence_on: date
    under_17: bool | None
    under_18: bool | None
    enhanced: tuple[EnhancedFact, ...]
    conditions: Mapping[str, bool]
    opens_code_clocks: bool
    events: tuple[EventFact, ...]

    def learned_at(self, at: datetime) -> ReferralFacts:
        """The same facts, learned at another moment."""
        events = tuple(EventFact(fact.event, fact.occurred_at, at) for fact in self.events)
        return replace(self, recorded_at=at, events=events)


def referral_facts(row: ReferralRow, *, imported_at: datetime, with_history: bool) -> ReferralFacts:
    """The facts of a row, recorded at the import.

    `with_history` they are recorded at `transferred_at`, else `reported_at`, and never before they happened:
    not before the report, and an event not before its own moment.
    """
    told_at = max(row.transferred_at or row.reported_at, row.reported_at)
    recorded_at = told_at if with_history else imported_at
    is_business = row.victim_type == "business"
    offence_on = times.london_date(row.occurred_from or row.reported_at)
    age = None if row.date_of_birth is None or is_business else times.age_on(row.date_of_birth, offence_on)
    return ReferralFacts(
        recorded_at=recorded_at,
        victim_basis=victim_basis_of(row.victim_type).value,
        date_of_birth=row.date_of_birth,
        offence_on=offence_on,
        under_17=None if age is None else age < 17,
        under_18=None if age is None else age < 18,
        enhanced=_enhanced(row),
        conditions=_conditions(row, is_business=is_business),
        opens_code_clocks=row.recorded_as in (None, "crime"),
        events=_events(row, recorded_at, None if with_history else imported_at),
    )


def _enhanced(row: ReferralRow) -> tuple[EnhancedFact, ...]:
    flags = [flag for flag in ENHANCING_FLAGS if getattr(row, flag)]
    from_on = times.london_date(row.reported_at)
    categories = enhanced_categories(
        flags,
        hate_strand=row.hate_strand,
        victim_type=row.victim_type,
        is_child=is_child_on(row.date_of_birth, from_on, victim_type=row.victim_type),
        offence=row.offence,
        offence_code=row.offence_code,
    )
    return tuple(EnhancedFact(category.value, from_on) for category in categories)


def _conditions(row: ReferralRow, *, is_business: bool) -> dict[str, bool]:
    conditions = {}
    if is_business:
        conditions["named_contact"] = row.organisation_contact is not None
    if row.consent_to_referral == "no":
        conditions["not_opted_out"] = False
    return conditions


def _events(
    row: ReferralRow, recorded_at: datetime, transferred_if_blank: datetime | None
) -> tuple[EventFact, ...]:
    happened = (
        ("reported_to_police", row.reported_at),
        ("referred_to_support_service", row.transferred_at or transferred_if_blank),
        ("written_acknowledgement_sent", row.acknowledged_at),
    )
    return tuple(EventFact(event, at, max(recorded_at, at)) for event, at in happened if at is not None)
