"""From rows to what the pure core reads: the facts and events of one referral, as known at a moment."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.compliance.editions import EnhancedCategory
from victim_gateway.compliance.facts import Declined, EnhancedPeriod, Event, Facts, VictimBasis, Withheld
from victim_gateway.database.table_aliases import named_alias
from victim_gateway.models import CaseEvent, CaseFacts
from victim_gateway.vocabulary import EventKind


def known_facts(session: Session, referral_id: UUID, as_at: datetime) -> CaseFacts | None:
    """The row that was the latest at `as_at`; None before anything was known."""
    return session.scalars(
        select(CaseFacts)
        .where(CaseFacts.referral_id == referral_id, CaseFacts.recorded_at <= as_at)
        .order_by(CaseFacts.recorded_at.desc(), CaseFacts.sequence.desc())
        .limit(1)
    ).first()


def facts_from_row(row: CaseFacts) -> Facts:
    """A row as facts; it holds ages, not dates of birth."""
    return Facts(
        victim_basis=VictimBasis(row.victim_basis),
        under_17=row.under_17,
        under_18=row.under_18,
        enhanced=tuple(
            EnhancedPeriod(
                EnhancedCategory(period["category"]),
                date.fromisoformat(period["from"]),
                date.fromisoformat(period["to"]) if period["to"] else None,
            )
            for period in row.enhanced
        ),
        conditions=row.conditions,
        observers=frozenset(row.observers),
        declined=tuple(
            Declined(item["entitlement_id"], datetime.fromisoformat(item["at"])) for item in row.declined
        ),
        withheld_for_safety=tuple(
            Withheld(
                item["entitlement_id"],
                datetime.fromisoformat(item["from"]),
                datetime.fromisoformat(item["until"]) if item["until"] else None,
            )
            for item in row.withheld
        ),
        cancelled_at=row.cancelled_at,
        closed_at=row.closed_at,
    )


def known_events(session: Session, referral_id: UUID, as_at: datetime) -> list[CaseEvent]:
    """The Code's and the area's events known at `as_at` and not taken back by then, as they were learned."""
    void = named_alias(CaseEvent, "void")
    taken_back = select(void.id).where(void.voids_id == CaseEvent.id, void.recorded_at <= as_at).exists()
    return list(
        session.scalars(
            select(CaseEvent)
            .where(
                CaseEvent.referral_id == referral_id,
                CaseEvent.recorded_at <= as_at,
                CaseEvent.kind.in_((EventKind.CODE, EventKind.LOCAL)),
                CaseEvent.voids_id.is_(None),
                ~taken_back,
            )
            .order_by(CaseEvent.sequence)
        )
    )


def event_from_row(row: CaseEvent) -> Event:
    """A row as an event."""
    return Event(row.event, row.occurred_at, row.recorded_at, row.subject or None, str(row.id))
