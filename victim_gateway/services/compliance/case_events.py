"""Appending to what happened. Every change of every record is one event here."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from victim_gateway.database.transaction import actor_of
from victim_gateway.models import CaseEvent
from victim_gateway.vocabulary import EventKind, EvidenceGrade


def append_case_event(
    session: Session,
    referral_id: UUID,
    event: str,
    *,
    kind: EventKind,
    occurred_at: datetime,
    recorded_at: datetime,
    source: str = "gateway",
    grade: EvidenceGrade = EvidenceGrade.SYSTEM_RECORD,
    event_id: UUID | None = None,
    subject: str | None = None,
    onward_referral_id: UUID | None = None,
    provider_id: UUID | None = None,
    from_state: str | None = None,
    to_state: str | None = None,
    reason_code: str | None = None,
    details: dict[str, Any] | None = None,
    sealed: bytes | None = None,
) -> UUID:
    """Add one event by the transaction's actor and give its id; the same Code event twice is kept once.

    `occurred_at` is when it happened, `recorded_at` when we learned it. `details` hold codes and ids only;
    words go, sealed for (case_event, event_id), into `sealed`. Call `clocks.refresh` afterwards in the same
    transaction when the event is of kind code or local.
    """
    actor = actor_of(session)
    row_id = event_id or uuid4()
    session.execute(
        insert(CaseEvent)
        .values(
            id=row_id,
            referral_id=referral_id,
            onward_referral_id=onward_referral_id,
            provider_id=provider_id,
            kind=kind,
            event=event,
            subject=subject,
            occurred_at=occurred_at,
            recorded_at=recorded_at,
            source=source,
            grade=grade,
            actor_id=actor.user_id,
            actor_name=actor.name,
            organisation_id=actor.organisation_id,
            from_state=from_state,
            to_state=to_state,
            reason_code=reason_code,
            details=details or {},
            sealed=sealed,
            repeat_number=count_voidings(referral_id, event, occurred_at, subject),
        )
        .on_conflict_do_nothing()
    )
    return row_id


def count_voidings(
    referral_id: UUID, event: str, occurred_at: datetime, subject: str | None = None
) -> ScalarSelect[int]:
    """How often this very event was told and taken back, for `repeat_number`: the next telling is a new one."""
    told, taken_back = aliased(CaseEvent), aliased(CaseEvent)
    return (
        select(func.count())
        .select_from(told)
        .join(taken_back, taken_back.voids_id == told.id)
        .where(
            told.referral_id == referral_id,
            told.event == event,
            told.occurred_at == occurred_at,
            func.coalesce(told.subject, "") == (subject or ""),
        )
        .scalar_subquery()
    )


def void_case_event(session: Session, event_id: UUID, *, at: datetime, reason_code: str) -> UUID:
    """Take an event back from `at` on, by an event of its own; what was known before stays as it was.

    Call `clocks.refresh` afterwards when the event was of kind code or local.
    """
    actor = actor_of(session)
    copied = ("referral_id", "onward_referral_id", "provider_id", "kind", "subject")
    voided = session.execute(
        select(*(getattr(CaseEvent, name) for name in copied)).where(CaseEvent.id == event_id)
    ).one()
    row_id = uuid4()
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
