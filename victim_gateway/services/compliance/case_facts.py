"""What is known about a referral for the clocks: each change is a new row, and no old row changes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from victim_gateway.compliance.editions import EnhancedCategory
from victim_gateway.compliance.facts import VictimBasis
from victim_gateway.database.transaction import as_service
from victim_gateway.errors import NotFound
from victim_gateway.models import CaseFacts
from victim_gateway.services.compliance.stored_clocks import lock_referral_rows

Enhanced = tuple[str, date]
"""A category of enhanced rights and the London date from which it holds."""
Declined = tuple[str, datetime]
"""An entitlement id and when the person declined it."""
Withheld = tuple[str, datetime, datetime | None]
"""An entitlement id, from when telling would be unsafe, and until when (None: no end known)."""

_OWN = ("id", "sequence", "recorded_at")
_COLUMNS = tuple(column.key for column in CaseFacts.__table__.columns if column.key not in _OWN)


class Unchanged(Enum):
    """What a fact is given that stays as it is; None is a value of its own: not known."""

    UNCHANGED = "unchanged"


UNCHANGED = Unchanged.UNCHANGED


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCaseFacts:
    """What is known of a new referral. `observers` are the area's.

    `opens_code_clocks` is true for crimes only; ages are those at the offence, None where not known.
    """

    crime_type: str
    opens_code_clocks: bool
    observers: Collection[str]
    victim_basis: VictimBasis = VictimBasis.DIRECT
    under_17: bool | None = None
    under_18: bool | None = None
    enhanced: Collection[Enhanced] = ()
    conditions: Mapping[str, bool] = field(default_factory=dict)
    force: str | None = None
    district: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFactChanges:
    """Changes to what is known of a referral.

    `end_enhanced` gives the first London date on which a category no longer holds. A withholding that is no
    longer needed ends when the change is recorded; declining that is taken back is taken out.
    """

    add_enhanced: Collection[Enhanced] = ()
    end_enhanced: Collection[Enhanced] = ()
    declined: Collection[Declined] = ()
    no_longer_declined: Collection[str] = ()
    withheld: Collection[Withheld] = ()
    no_longer_withheld: Collection[str] = ()
    conditions: Mapping[str, bool] = field(default_factory=dict)
    crime_type: str | Unchanged = UNCHANGED
    under_17: bool | None | Unchanged = UNCHANGED
    under_18: bool | None | Unchanged = UNCHANGED
    district: str | None | Unchanged = UNCHANGED
    cancelled_at: datetime | None | Unchanged = UNCHANGED
    closed_at: datetime | None | Unchanged = UNCHANGED
    opens_code_clocks: bool | Unchanged = UNCHANGED
    victim_basis: VictimBasis | Unchanged = UNCHANGED

    def columns(self) -> dict[str, Any]:
        """The columns that get another value as a whole."""
        given = {name: getattr(self, name) for name in _WHOLE_COLUMNS}
        return {name: value for name, value in given.items() if value is not UNCHANGED}


_WHOLE_COLUMNS = (
    "crime_type",
    "under_17",
    "under_18",
    "district",
    "cancelled_at",
    "closed_at",
    "opens_code_clocks",
    "victim_basis",
)


def create_case_facts(session: Session, referral_id: UUID, facts: NewCaseFacts, *, at: datetime) -> None:
    """Record what is known of a new referral, as learned at `at`.

    Call `stored_clocks.refresh_clocks` afterwards, once the events are there too.
    """
    row = {
        "referral_id": referral_id,
        "opens_code_clocks": facts.opens_code_clocks,
        "victim_basis": facts.victim_basis.value,
        "under_17": facts.under_17,
        "under_18": facts.under_18,
        "enhanced": [_period(item) for item in facts.enhanced],
        "conditions": dict(facts.conditions),
        "declined": [],
        "withheld": [],
        "observers": sorted(facts.observers),
        "cancelled_at": None,
        "closed_at": None,
        "force": facts.force,
        "district": facts.district,
        "crime_type": facts.crime_type,
    }
    with as_service(session):
        session.execute(insert(CaseFacts).values(recorded_at=at, **row))


def update_case_facts(session: Session, referral_id: UUID, changes: CaseFactChanges, *, at: datetime) -> None:
    """Add a row that is the latest one with these changes, as learned at `at`; no row if nothing changes.

    Call `stored_clocks.refresh_clocks` afterwards. Raises NotFound for a referral without facts.
    """
    with as_service(session):
        lock_referral_rows(session, (referral_id,))
        latest = _latest(session, referral_id)
        row = {name: getattr(latest, name) for name in _COLUMNS}
        changed = {
            **row,
            **changes.columns(),
            "enhanced": _enhanced(row["enhanced"], changes.add_enhanced, changes.end_enhanced),
            "declined": _declined(row["declined"], changes.declined, changes.no_longer_declined),
            "withheld": _withheld(row["withheld"], changes.withheld, changes.no_longer_withheld, at),
            "conditions": {**row["conditions"], **changes.conditions},
        }
        if changed != row:
            # Never before what it builds on: else the older row would still be the latest known.
            recorded_at = max(at, latest.recorded_at)
            session.execute(insert(CaseFacts).values(recorded_at=recorded_at, **changed))


def _latest(session: Session, referral_id: UUID) -> CaseFacts:
    latest = session.scalars(
        select(CaseFacts)
        .where(CaseFacts.referral_id == referral_id)
        .order_by(CaseFacts.recorded_at.desc(), CaseFacts.sequence.desc())
        .limit(1)
    ).first()
    if latest is None:
        raise NotFound
    return latest


def _period(item: Enhanced) -> dict[str, Any]:
    category, from_on = item
    return {"category": EnhancedCategory(category).value, "from": from_on.isoformat(), "to": None}


def _enhanced(
    known: list[dict[str, Any]], added: Collection[Enhanced], ended: Collection[Enhanced]
) -> list[dict[str, Any]]:
    periods = [dict(period) for period in known]
    for category, to_on in ended:
        for period in periods:
            if period["category"] == category and (period["to"] is None or period["to"] > to_on.isoformat()):
                period["to"] = to_on.isoformat()
    for item in added:
        new = _period(item)
        # A category that already holds from that day on, without an end, changes nothing.
        endless = [p["from"] for p in periods if p["category"] == new["category"] and p["to"] is None]
        if not any(begun <= new["from"] for begun in endless):
            periods.append(new)
    return periods


def _declined(
    known: list[dict[str, Any]], added: Collection[Declined], taken_back: Collection[str]
) -> list[dict[str, Any]]:
    kept = [item for item in known if item["entitlement_id"] not in taken_back]
    new = [{"entitlement_id": own, "at": moment.isoformat()} for own, moment in added]
    return kept + [item for item in new if item not in kept]


def _withheld(
    known: list[dict[str, Any]], added: Collection[Withheld], ended: Collection[str], at: datetime
) -> list[dict[str, Any]]:
    items = [_ended(item, at) if item["entitlement_id"] in ended else item for item in known]
    for own, from_at, until in added:
        new = {"entitlement_id": own, "from": from_at.isoformat(), "until": until and until.isoformat()}
        if new not in items:
            items.append(new)
    return items


def _ended(item: dict[str, Any], at: datetime) -> dict[str, Any]:
    until = item["until"]
    ended_before = until is not None and datetime.fromisoformat(until) <= at
    return item if ended_before else {**item, "until": at.isoformat()}
