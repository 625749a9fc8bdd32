"""Append case events: every change of every record of a case is one event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from victim_gateway.database.table_aliases import named_alias
from victim_gateway.database.transaction import actor_of
from victim_gateway.models import CaseEvent
from victim_gateway.row_ids import new_row_id
from victim_gateway.services.compliance import stored_clocks
from victim_gateway.vocabulary import EventKind, EvidenceGrade


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCaseEvent:
    """One event to append. `occurred_at` is when it happened, `recorded_at` when we learned it.

    `details` hold codes and ids only; text about a person goes, sealed for (case_event, event_id), into
    `sealed`.
    """

    referral_id: UUID
    event: str
    kind: EventKind
    occurred_at: datetime
    recorded_at: datetime
    source: str = "gateway"
    grade: EvidenceGrade = EvidenceGrade.SYSTEM_RECORD
    event_id: UUID = field(default_factory=new_row_id)
    subject: str | None = None
    onward_referral_id: UUID | None = None
    provider_id: UUID | None = None
    from_state: str | None = None
    to_state: str | None = None
    reason_code: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    sealed: bytes | None = None


def append_case_event(session: Session, event: NewCaseEvent) -> UUID:
    """Append one event by the transaction's actor, bring its referral's clocks up to date, and give its id."""
    append_case_event_without_clocks(session, event)
    if event.kind is not EventKind.STORY:
        session.flush()
        stored_clocks.refresh_clocks(session, [event.referral_id], at=event.recorded_at)
    return event.event_id


def append_case_event_without_clocks(session: Session, event: NewCaseEvent) -> UUID:
    """Append one event by the transaction's actor and give its id; the same Code event twice is kept once.

    For callers that append several: they call `stored_clocks.refresh_clocks` once, in the same transaction.
    """
    actor = actor_of(session)
    values = {item.name: getattr(event, item.name) for item in fields(event) if item.name != "event_id"}
    session.execute(
        insert(CaseEvent)
        .values(
            **values | {"details": dict(event.details)},
            id=event.event_id,
            actor_id=actor.user_id,
            actor_name=actor.name,
            organisation_id=actor.organisation_id,
            repeat_number=count_voidings(event.referral_id, event.event, event.occurred_at, event.subject),
        )
        .on_conflict_do_nothing()
    )
    return event.event_id


def append_case_events_without_clocks(session: Session, events: Iterable[NewCaseEvent]) -> None:
    """Append several events in their order, as `append_case_event_without_clocks` does with one."""
    for event in events:
        append_case_event_without_clocks(session, event)


def count_voidings(
    referral_id: UUID, event: str, occurred_at: datetime, subject: str | None = None
) -> ScalarSelect[int]:
    """How often this very event was recorded and voided, for `repeat_number`: recorded again, it is a new one."""
    recorded, voiding = named_alias(CaseEvent, "recorded"), named_alias(CaseEvent, "voiding")
    return (
        select(func.count())
        .select_from(recorded)
        .join(voiding, voiding.voids_id == recorded.id)
        .where(
            recorded.referral_id == referral_id,
            recorded.event == event,
            recorded.occurred_at == occurred_at,
            func.coalesce(recorded.subject, "") == (subject or ""),
        )
        .scalar_subquery()
    )


def void_case_event(session: Session, event_id: UUID, *, at: datetime, reason_code: str) -> UUID:
    """Take an event back, and bring the clocks of its referral up to date."""
    row_id = void_case_event_without_clocks(session, event_id, at=at, reason_code=reason_code)
    referral_id = session.scalars(select(CaseEvent.referral_id).where(CaseEvent.id == event_id)).one()
    stored_clocks.refresh_clocks(session, [referral_id], at=at)
    return row_id


def void_case_event_without_clocks(
    session: Session, event_id: UUID, *, at: datetime, reason_code: str
) -> UUID:
    """Take an event back from `at` on, by an event of its own; what was known before stays as it was.

    For callers that change more: they call `stored_clocks.refresh_clocks` once, in the same transaction.
    """
    actor = actor_of(session)
    copied = ("referral_id", "onward_referral_id", "provider_id", "kind", "subject")
    voided = session.execute(
        select(*(getattr(CaseEvent, name) for name in copied)).where(CaseEvent.id == event_id)
    ).one()
    row_id = new_row_id()
    session.execute(
        insert(CaseEvent).values(
            **voided._mapping,
            id=row_id,
            event="event_voided",
            voids_id=event_id,
            occurred_at=at,
            recorded_at=at,
            source="gateway",
            grade=EvidenceGrade.SYSTEM_RECORD,
            actor_id=actor.user_id,
            actor_name=actor.name,
            organisation_id=actor.organisation_id,
            reason_code=reason_code,
            details={},
        )
    )
    return row_id
