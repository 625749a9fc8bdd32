"""What a person says they were told, and when: evidence for the clocks of the Victims' Code."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, TransitionNotAllowed
from victim_gateway.models import CodeEntitlement, EntitlementClock, Referral
from victim_gateway.services.shared import referral_steps, submissions
from victim_gateway.vocabulary import EvidenceGrade


def record_victim_was_told(
    referral_id: UUID,
    *,
    actor: Actor,
    at: datetime,
    clock_id: UUID,
    told_on: date,
    words: str | None = None,
    submission_id: UUID | None = None,
) -> None:
    """Record that the person says they were told, or given, what one clock is about, on a London date.

    It stops every clock that the same act stops. Raises InvalidInput for a date before the clock started or
    in the future, TransitionNotAllowed when the clock has stopped already.
    """
    with transaction(actor) as session:
        submissions.claim_submission(session, submission_id, at)
        referral = referral_steps.lock_referral(session, referral_id)
        clock, event = _clock(session, referral, clock_id)
        _check_date(told_on, clock, at)
        _, key = referral_steps.open_person(session, referral.person_id)
        event_id = uuid4()
        referral_steps.record_code_event(
            session,
            referral,
            event,
            # Only the day is known: midday of it falls on that date everywhere.
            occurred_at=min(datetime.combine(told_on, time(12), times.LONDON).astimezone(UTC), at),
            at=at,
            source="victim",
            grade=EvidenceGrade.VICTIM_REPORT,
            event_id=event_id,
            subject=clock.subject,
            sealed=encrypted_rows.seal_row(key, "case_event", event_id, {"words": words}) if words else None,
        )
        referral_steps.audit_referral(session, "rights.told_recorded", referral, event=event)
        referral_steps.refresh_clocks_and_next_action(session, referral, at=at)


def _clock(session: Session, referral: Referral, clock_id: UUID) -> tuple[EntitlementClock, str]:
    clock = session.get(EntitlementClock, clock_id)
    if clock is None or clock.referral_id != referral.id or clock.edition == "local":
        raise TransitionNotAllowed("This promise has changed since you opened the page. Look at it again.")
    if clock.stopped_at is not None:
        raise TransitionNotAllowed("It is already recorded that this was done.")
    event = session.scalar(
        select(CodeEntitlement.stop_event).where(
            CodeEntitlement.edition == clock.edition, CodeEntitlement.entitlement_id == clock.entitlement_id
        )
    )
    if event is None:
        raise TransitionNotAllowed("This promise is no longer in the edition of the Code.")
    return clock, event


def _check_date(told_on: date, clock: EntitlementClock, at: datetime) -> None:
    wrong = None
    if told_on > times.london_date(at):
        wrong = "The date must be today or in the past"
    elif told_on < clock.started_on:
        wrong = f"The date must be on or after {clock.started_on.day} {clock.started_on:%B %Y}, when it began"
    if wrong:
        raise InvalidInput(wrong, fields={"told_on": wrong})
