"""The clocks of one referral for a page, each with the sentence that explains it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, select
from sqlalchemy.orm import Session

from victim_gateway.compliance.clocks import Clock
from victim_gateway.compliance.editions import LOCAL, code_editions
from victim_gateway.compliance.evaluate import evaluate
from victim_gateway.compliance.explain import because
from victim_gateway.models import EntitlementClock
from victim_gateway.queries.compliance.documents import facts_of, known_events, known_facts
from victim_gateway.reference_data import area_edition
from victim_gateway.times import LONDON, london_date
from victim_gateway.transactions import settings


@dataclass(frozen=True, slots=True)
class ClockView:
    """One clock as a person reads it. `status` is one of the eight; `due_on` None: no fixed limit."""

    clock_id: UUID | None
    """The stored clock; None in the moment before it is stored."""
    entitlement_id: str
    title: str
    owner: str
    right: str
    edition: str
    paragraph: str
    started_on: date
    subject: str | None
    due_on: date | None
    stopped_on: date | None
    status: str
    enhanced: bool
    because: str
    confidence: str
    """Whether the limit was read in a source (`source-read`), `recalled`, or is the area's own."""

    @property
    def is_local(self) -> bool:
        """Whether it is the area's own standard, no part of the Code."""
        return self.edition == LOCAL


def live_status(today: date) -> ColumnElement[str]:
    """How a stored clock stands on a London date: one that ran when it was stored may be late since."""
    late = and_(EntitlementClock.status == "running", EntitlementClock.due_on < today)
    return case((late, EntitlementClock.late_status), else_=EntitlementClock.status)


def clocks_of(session: Session, referral_id: UUID, today: date) -> list[ClockView]:
    """The clocks of a referral as they stand on a London date, ordered by their start.

    The page that shows them records who looked. Values and sentences are the pure core's, so they can't
    contradict each other. Raises CalendarExhausted when a due date can't be counted.
    """
    as_at = datetime.combine(today, time.max, LONDON).astimezone(UTC)
    row = known_facts(session, referral_id, as_at)
    if row is None:
        return []
    editions = (*(code_editions() if row.opens_code_clocks else ()), area_edition(settings().area))
    found = evaluate(editions, facts_of(row), known_events(session, referral_id, as_at), as_at)
    stored = _stored(session, referral_id)
    return [_view(clock, stored) for clock in found]


def _stored(session: Session, referral_id: UUID) -> Mapping[tuple[str, str, str], UUID]:
    clock = EntitlementClock
    rows = session.execute(
        select(clock.id, clock.start_event_id, clock.edition, clock.entitlement_id).where(
            clock.referral_id == referral_id
        )
    )
    return {(str(row.start_event_id), row.edition, row.entitlement_id): row.id for row in rows}


def _view(clock: Clock, stored: Mapping[tuple[str, str, str], UUID]) -> ClockView:
    entitlement = clock.entitlement
    key = (clock.start.event_id or "", clock.edition.key, entitlement.entitlement_id)
    return ClockView(
        clock_id=stored.get(key),
        entitlement_id=entitlement.entitlement_id,
        title=entitlement.entitlement,
        owner=entitlement.owner,
        right=entitlement.right,
        edition=clock.edition.key,
        paragraph=entitlement.paragraph,
        started_on=clock.start.occurred_on,
        subject=clock.start.subject,
        due_on=clock.due_on,
        stopped_on=None if clock.stopped_at is None else london_date(clock.stopped_at),
        status=clock.status.value,
        enhanced=clock.enhanced,
        because=because(clock),
        confidence=entitlement.confidence,
    )
