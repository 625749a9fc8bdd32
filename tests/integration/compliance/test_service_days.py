"""The service's own figures from the counts kept by day are those of every referral and event."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from flask import Flask
from sqlalchemy import insert, text, update
from sqlalchemy.orm import Session

from tests.generators.compliance_rows import Row, write
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.models import CaseEvent, Referral
from victim_gateway.queries.compliance.service_days import MOST_STALE_DAYS
from victim_gateway.queries.compliance.service_figures import (
    figures_from_days,
    figures_from_every_row,
    service_figures,
)
from victim_gateway.services.compliance import case_events, day_counts
from victim_gateway.vocabulary import EventKind, EvidenceGrade, ReferralSource, ReferralState

Owner = Callable[[], AbstractContextManager[Session]]
WORKER = Actor.worker("tests")
# Both changes of the clock lie inside.
FIRST, LAST = date(2026, 2, 20), date(2026, 11, 20)
PERIODS = [
    (FIRST, LAST),
    (date(2026, 3, 29), date(2026, 3, 29)),
    (date(2026, 3, 25), date(2026, 6, 3)),
    (date(2026, 9, 1), date(2026, 10, 25)),
    (date(2025, 1, 1), date(2025, 1, 31)),
]
EVENTS = ("first_contact_attempted", "triage_assessment_completed", "referral.closed", "referral.assigned")


def a_moment(chance: random.Random) -> datetime:
    """A moment of the period; often within an hour of a London midnight, where days are told apart."""
    day = FIRST + timedelta(days=chance.randrange((LAST - FIRST).days))
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return at + timedelta(minutes=chance.choice((-61, -60, -59, 0, 1, chance.randrange(1440))))


def happened(referral_id: UUID, at: datetime, chance: random.Random) -> dict[str, Any]:
    event = chance.choice(EVENTS)
    return {
        "id": uuid4(),
        "referral_id": referral_id,
        "kind": EventKind.LOCAL,
        "event": event,
        "occurred_at": at,
        "recorded_at": at,
        "source": "test",
        "grade": EvidenceGrade.SYSTEM_RECORD,
        "reason_code": chance.choice(("needs_met", "referred_on", None)) if event == EVENTS[2] else None,
    }


def figures_agree() -> None:
    with transaction(WORKER) as session:
        for period in PERIODS:
            from_days = figures_from_days(session, *period)
            assert from_days == figures_from_every_row(session, *period), period
            assert from_days == service_figures(session, *period)


def change_something(session: Session, ids: list[UUID], events: list[UUID], chance: random.Random) -> None:
    """What may happen to what was counted: late events, another day of receipt, an entry in error and back."""
    late = [happened(who, a_moment(chance), chance) for who in chance.sample(ids, 12)]
    session.execute(insert(CaseEvent), late)
    events += [event["id"] for event in late]
    for who in chance.sample(ids, 4):
        session.execute(update(Referral).where(Referral.id == who).values(received_at=a_moment(chance)))
    for who in chance.sample(ids, 3):
        session.execute(update(Referral).where(Referral.id == who).values(source=ReferralSource.SELF))
    # The steps between states are not what is asked here.
    session.execute(text("ALTER TABLE referral DISABLE TRIGGER referral_steps"))
    for who in chance.sample(ids, 5):
        state = chance.choice((ReferralState.ENTERED_IN_ERROR, ReferralState.RECEIVED))
        session.execute(update(Referral).where(Referral.id == who).values(state=state))
    session.execute(text("ALTER TABLE referral ENABLE TRIGGER referral_steps"))


def test_figures_from_days_are_those_of_every_row_whatever_is_written_and_whenever_days_are_counted(
    app: Flask, owner: Owner
) -> None:
    chance = random.Random(17)
    ids = [uuid4() for _ in range(150)]
    with owner() as session:
        write(session, [Row(known=[], events=[], referral_id=who) for who in ids])
        for who in ids:
            session.execute(update(Referral).where(Referral.id == who).values(received_at=a_moment(chance)))
        given = [happened(who, a_moment(chance), chance) for who in ids for _ in range(6)]
        session.execute(insert(CaseEvent), given)
    events = [event["id"] for event in given]
    figures_agree()
    # Few days, then all, then most; what is left is counted by the page.
    for at_most in (9, 1000, 20, 1000, 40):
        day_counts.count_stale_service_days(actor=WORKER, at_most=at_most)
        figures_agree()
        with owner() as session:
            change_something(session, ids, events, chance)
        voided = chance.sample(events, 8)
        events = [event for event in events if event not in voided]
        with transaction(WORKER) as session:
            for event_id in voided:
                case_events.void_case_event_without_clocks(
                    session, event_id, at=datetime(2026, 11, 21, tzinfo=UTC), reason_code="test"
                )
        figures_agree()
    day_counts.count_stale_service_days(actor=WORKER, at_most=1000)
    figures_agree()
    with transaction(WORKER) as session:
        found = figures_from_days(session, FIRST, LAST)
        assert session.scalar(text("SELECT count(*) FROM stale_service_day")) == 0
    assert found.first_attempt.referrals > 60
    assert found.closed > 60
    assert found.received > 100


def test_a_page_reads_every_row_where_too_many_days_wait_to_be_counted(app: Flask, owner: Owner) -> None:
    with owner() as session:
        session.execute(
            text(
                "INSERT INTO stale_service_day (day) SELECT :first + number FROM generate_series(0, :last) AS number"
            ),
            {"first": FIRST, "last": MOST_STALE_DAYS},
        )
    figures_agree()
