"""What is known about a referral for the clocks: each change is a new row, and no old row changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, cast
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


def create_case_facts(
    session: Session,
    referral_id: UUID,
    *,
    at: datetime,
    crime_type: str,
    opens_code_clocks: bool,
    observers: Iterable[str],
    victim_basis: str = VictimBasis.DIRECT,
    under_17: bool | None = None,
    under_18: bool | None = None,
    enhanced: Iterable[Enhanced] = (),
    conditions: Mapping[str, bool] | None = None,
    force: str | None = None,
    district: str | None = None,
) -> None:
    """Record what is known of a new referral, as learned at `at`. `observers` are the area's.

    `opens_code_clocks` is true for crimes only; ages are those at the offence, None where not known.
    Call `clocks.refresh` afterwards, once the events are there too.
    """
    row = {
        "referral_id": referral_id,
        "opens_code_clocks": opens_code_clocks,
        "victim_basis": VictimBasis(victim_basis).value,
        "under_17": under_17,
        "under_18": under_18,
        "enhanced": [_period(item) for item in enhanced],
        "conditions": dict(conditions or {}),
        "declined": [],
        "withheld": [],
        "observers": sorted(observers),
        "cancelled_at": None,
        "force": force,
        "district": district,
        "crime_type": crime_type,
    }
    with as_service(session):
        session.execute(insert(CaseFacts).values(recorded_at=at, **row))


def update_case_facts(
    session: Session,
    referral_id: UUID,
    *,
    at: datetime,
    add_enhanced: Enhanced | Sequence[Enhanced] = (),
    end_enhanced: Enhanced | Sequence[Enhanced] = (),
    declined: Declined | Sequence[Declined] = (),
    no_longer_declined: Iterable[str] = (),
    withheld: Withheld | Sequence[Withheld] = (),
    no_longer_withheld: Iterable[str] = (),
    conditions: Mapping[str, bool] | None = None,
    **columns: Any,
) -> None:
    """Add a row that is the latest one with these changes, as learned at `at`; no row if nothing changes.

    `end_enhanced` gives the first London date on which a category no longer holds. A withholding that is
    no longer needed ends at `at`; declining that is taken back is taken out. `columns` are others of
    CaseFacts: cancelled_at, victim_basis, district, crime_type and so on. Call `clocks.refresh`
    afterwards. Raises NotFound for a referral without facts.
    """
    with as_service(session):
        lock_referral_rows(session, (referral_id,))
        latest = _latest(session, referral_id)
        row = {name: getattr(latest, name) for name in _COLUMNS}
        changed = {
            **row,
            **_checked(columns),
            "enhanced": _enhanced(row["enhanced"], _several(add_enhanced), _several(end_enhanced)),
            "declined": _declined(row["declined"], _several(declined), frozenset(no_longer_declined)),
            "withheld": _withheld(row["withheld"], _several(withheld), frozenset(no_longer_withheld), at),
            "conditions": {**row["conditions"], **(conditions or {})},
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


def _checked(columns: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(columns) - set(_COLUMNS) | set(columns) & {"referral_id"})
    if unknown:
        raise TypeError(f"facts have no column {unknown[0]!r} that may change")
    if "victim_basis" in columns:
        return {**columns, "victim_basis": VictimBasis(columns["victim_basis"]).value}
    return dict(columns)


def _several(given: Any) -> list[tuple[Any, ...]]:
    """One item or a sequence of items, as a list."""
    return [cast(tuple[Any, ...], given)] if given and isinstance(given[0], str) else list(given)


def _period(item: tuple[Any, ...]) -> dict[str, Any]:
    category, from_on = item
    return {"category": EnhancedCategory(category).value, "from": from_on.isoformat(), "to": None}


def _enhanced(
    held: list[dict[str, Any]], added: list[tuple[Any, ...]], ended: list[tuple[Any, ...]]
) -> list[dict[str, Any]]:
    periods = [dict(period) for period in held]
    for category, to_on in ended:
        for period in periods:
            if period["category"] == category and (period["to"] is None or period["to"] > to_on.isoformat()):
                period["to"] = to_on.isoformat()
    for item in added:
        new = _period(item)
        # A category that already holds from that day on, without an end, is no news.
        endless = [p["from"] for p in periods if p["category"] == new["category"] and p["to"] is None]
        if not any(begun <= new["from"] for begun in endless):
            periods.append(new)
    return periods


def _declined(
    held: list[dict[str, Any]], added: list[tuple[Any, ...]], taken_back: frozenset[str]
) -> list[dict[str, Any]]:
    kept = [item for item in held if item["entitlement_id"] not in taken_back]
    new = [{"entitlement_id": own, "at": moment.isoformat()} for own, moment in added]
    return kept + [item for item in new if item not in kept]


def _withheld(
    held: list[dict[str, Any]], added: list[tuple[Any, ...]], ended: frozenset[str], at: datetime
) -> list[dict[str, Any]]:
    items = [_ended(item, at) if item["entitlement_id"] in ended else item for item in held]
    for own, from_at, until in added:
        new = {"entitlement_id": own, "from": from_at.isoformat(), "until": until and until.isoformat()}
        if new not in items:
            items.append(new)
    return items


def _ended(item: dict[str, Any], at: datetime) -> dict[str, Any]:
    until = item["until"]
    ended_before = until is not None and datetime.fromisoformat(until) <= at
    return item if ended_before else {**item, "until": at.isoformat()}
