"""What a person says they were told, and when: evidence for the clocks of the Victims' Code."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.errors import InvalidInput, TransitionNotAllowed
from victim_gateway.models import CodeEntitlement, EntitlementClock, Referral
from victim_gateway.services.shared.case_action import ActionEffect, ReferralAction, referral_action
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import EventKind, EvidenceGrade


def record_victim_was_told(
    command: Command, referral_id: UUID, *, clock_id: UUID, told_on: date, text: str | None = None
) -> None:
    """Record that the person says they were told, or given, what one clock is about, on a London date.

    It stops every clock that the same event stops. Raises InvalidInput for a date before the clock started or
    in the future, TransitionNotAllowed when the clock has stopped already.
    """
    with referral_action(command, referral_id, effect=ActionEffect.EVENTS_ONLY) as action:
        clock, event = find_open_clock(action.session, action.referral, clock_id)
        action.require_person()
        add_victim_report(action, clock, event, told_on=told_on, text=text)
        action.record_audit("rights.told_recorded", event=event)


def add_victim_report(
    action: ReferralAction,
    clock: EntitlementClock,
    event: str,
    *,
    told_on: date,
    text: str | None = None,
    field: str = "told_on",
) -> None:
    """Append the event that stops the clock, on the person's word. Raises InvalidInput about `field`."""
    _check_date(told_on, clock, action.at, field)
    # Only the day is known: midday of it falls on that date everywhere.
    midday = datetime.combine(told_on, time(12), times.LONDON).astimezone(UTC)
    report = replace(
        action.new_event(event, EventKind.CODE),
        occurred_at=min(midday, action.at),
        source="victim",
        grade=EvidenceGrade.VICTIM_REPORT,
        subject=clock.subject,
    )
    action.append_event(report, text=text)


def find_open_clock(session: Session, referral: Referral, clock_id: UUID) -> tuple[EntitlementClock, str]:
    """A clock of the Code that has not stopped, and the event that stops it. Raises TransitionNotAllowed."""
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


def _check_date(told_on: date, clock: EntitlementClock, at: datetime, field: str) -> None:
    wrong = None
    if told_on > times.london_date(at):
        wrong = "The date must be today or in the past"
    elif told_on < clock.started_on:
        wrong = f"The date must be on or after {clock.started_on.day} {clock.started_on:%B %Y}, when it began"
    if wrong:
        raise InvalidInput(wrong, fields={field: wrong})
