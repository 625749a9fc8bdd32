"""Writes documents of section 6 as rows of the database, many at once, so that SQL can be asked the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from victim_gateway.compliance.editions import event_names
from victim_gateway.compliance.facts import Event, Facts
from victim_gateway.database.bulk_insert import insert_rows
from victim_gateway.models import CaseEvent, CaseFacts, Person, Referral, WrappedKey
from victim_gateway.vocabulary import (
    EventKind,
    EvidenceGrade,
    NextAction,
    ReferralSource,
    ReferralState,
    Risk,
    WaitingOn,
)

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_numbers = count(1)


@dataclass
class Row:
    """One referral to be written: what was known of it when, its events, and which of them were voided."""

    known: list[tuple[datetime, Facts]]
    events: list[Event]
    voids: Mapping[str, datetime] = field(default_factory=dict)
    """The event_id of what was voided, and when that was learned."""
    opens_code_clocks: bool = True
    district: str | None = "Stafford"
    crime_type: str = "Burglary"
    force: str | None = "Staffordshire Police"
    provider_id: UUID | None = None
    """Of every local event."""
    referral_id: UUID = field(default_factory=uuid4)


def write(session: Session, rows: Iterable[Row]) -> None:
    """Write people without a name, their referrals, facts and events. Needs the owner's rights."""
    referral_rows = list(rows)
    people = [{"id": uuid4(), "key_id": uuid4()} for _ in referral_rows]
    insert_rows(session, WrappedKey, [_key(person) for person in people])
    insert_rows(session, Person, [_person(person) for person in people])
    insert_rows(
        session, Referral, [_referral(row, p["id"]) for row, p in zip(referral_rows, people, strict=True)]
    )
    write_knowledge(session, referral_rows)


def write_knowledge(session: Session, referral_rows: Sequence[Row]) -> None:
    """Facts and events only, of referrals that are there already."""
    insert_rows(
        session, CaseFacts, [facts_row(row, at, facts) for row in referral_rows for at, facts in row.known]
    )
    insert_rows(session, CaseEvent, [_event(row, event) for row in referral_rows for event in row.events])
    insert_rows(
        session, CaseEvent, [_void(row, *void) for row in referral_rows for void in row.voids.items()]
    )


def _key(person: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": person["key_id"],
        "purpose": "person",
        "keyring_id": "none",
        "wrapped": b"",
        "created_at": LONG_AGO,
    }


def _person(person: dict[str, Any]) -> dict[str, Any]:
    return {
        **person,
        "kind": "person",
        "sealed": b"",
        "phone_hashes": [],
        "name_tokens": [],
        "corrected_fields": [],
        "restricted": False,
        "created_at": LONG_AGO,
        "updated_at": LONG_AGO,
        "version": 1,
    }


def _referral(row: Row, person_id: UUID) -> dict[str, Any]:
    number = next(_numbers)
    received = min((at for at, _ in row.known), default=LONG_AGO)
    return {
        "id": row.referral_id,
        "reference": f"T-{number:07}-{uuid4().hex[:6]}",
        "person_id": person_id,
        "source": ReferralSource.AGENCY,
        "force": row.force,
        "received_at": received,
        "recorded_as": "crime" if row.opens_code_clocks else "asb",
        "offence": row.crime_type,
        "district": row.district,
        "victim_type": "person",
        "vulnerable": False,
        "intimidated": False,
        "persistently_targeted": False,
        "serious_crime": False,
        "domestic_abuse": False,
        "interpreter_needed": False,
        "police_consent": "not_asked",
        "sealed": b"",
        "corrected_fields": [],
        "restricted": False,
        "state": ReferralState.RECEIVED,
        "risk": Risk.UNKNOWN,
        "next_act": NextAction.ASSIGN,
        "waiting_on": WaitingOn.GATEWAY,
        "next_since": received,
        "version": 1,
    }


def facts_row(row: Row, recorded_at: datetime, facts: Facts) -> dict[str, Any]:
    """One state of knowledge; ages are asked of the dates, which no row holds."""
    dated = facts.date_of_birth is not None and facts.offence_on is not None
    return {
        "id": uuid4(),
        "referral_id": row.referral_id,
        "recorded_at": recorded_at,
        "opens_code_clocks": row.opens_code_clocks,
        "victim_basis": facts.victim_basis or "direct",
        "under_17": facts.was_younger_than(17) if dated else facts.under_17,
        "under_18": facts.was_younger_than(18) if dated else facts.under_18,
        "enhanced": [
            {"category": p.category, "from": p.from_on.isoformat(), "to": p.to_on and p.to_on.isoformat()}
            for p in facts.enhanced
        ],
        "conditions": dict(facts.conditions),
        "declined": [{"entitlement_id": d.entitlement_id, "at": d.at.isoformat()} for d in facts.declined],
        "withheld": [
            {
                "entitlement_id": w.entitlement_id,
                "from": w.from_at.isoformat(),
                "until": w.until_at and w.until_at.isoformat(),
            }
            for w in facts.withheld_for_safety
        ],
        "observers": sorted(facts.observers),
        "cancelled_at": facts.cancelled_at,
        "closed_at": facts.closed_at,
        "force": row.force,
        "district": row.district,
        "crime_type": row.crime_type,
    }


def _event(row: Row, event: Event) -> dict[str, Any]:
    is_code = event.event in event_names()
    return {
        "id": UUID(event.event_id),
        "referral_id": row.referral_id,
        "kind": EventKind.CODE if is_code else EventKind.LOCAL,
        "provider_id": None if is_code else row.provider_id,
        "event": event.event,
        "subject": event.subject,
        "occurred_at": event.occurred_at,
        "recorded_at": event.recorded_at,
        "source": "test",
        "grade": EvidenceGrade.SYSTEM_RECORD,
        "details": {},
        "voids_id": None,
    }


def _void(row: Row, event_id: str, recorded_at: datetime) -> dict[str, Any]:
    voided = next(event for event in row.events if event.event_id == event_id)
    return {
        **_event(row, voided),
        "id": uuid4(),
        "event": "event_voided",
        "occurred_at": recorded_at,
        "recorded_at": recorded_at,
        "voids_id": UUID(event_id),
    }
