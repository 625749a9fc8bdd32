"""Figures read from what is kept are those of the slow way, which computes every clock or counts every row."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.generators.compliance_rows import Row, write, write_knowledge
from tests.integration.compliance.test_three_agree import made
from victim_gateway.actors import Actor
from victim_gateway.compliance.facts import Event, Facts
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.compliance import figures
from victim_gateway.queries.compliance.clocks_as_at import build_clocks_as_at, part_by_calendar
from victim_gateway.queries.compliance.clocks_sql import (
    ClockScope,
    build_clocks_statement,
    plan_for_many_rows,
)
from victim_gateway.queries.compliance.day_counts import CountSplit
from victim_gateway.queries.compliance.figures import ClockFilter
from victim_gateway.services.compliance import case_events, day_counts, stored_clocks

Owner = Callable[[], AbstractContextManager[Session]]
WORKER = Actor.worker("tests")
DISTRICTS = ("Stafford", "Tamworth", None)
CRIMES = ("Burglary", "Robbery")
PERIOD = date(2012, 1, 1), date(2027, 12, 31)
NOW = datetime(2027, 12, 20, 12, tzinfo=UTC)


def given_rows(seed: int, count: int) -> list[Row]:
    """Invented referrals with facts and events learned at many moments, voids, and days that lie ahead."""
    rows = [item.row for item in made(seed, count)]
    for number, row in enumerate(rows):
        row.district, row.crime_type = DISTRICTS[number % 3], CRIMES[number % 2]
    return rows


def learn_more(owner: Owner, chance: random.Random, rows: list[Row]) -> None:
    """Record more of referrals than was known: other facts, acts of the same kind, voids, another district."""
    later, voids = [], {}
    for row in rows:
        at = NOW - timedelta(days=chance.randint(0, 400), hours=chance.randint(0, 23))
        events = [
            Event(event.event, event.occurred_at, at, f"{event.subject}-{uuid4()}", str(uuid4()))
            for event in row.events
            if event.occurred_at <= at and chance.random() < 0.3
        ]
        standing = [
            event for event in row.events if event.event_id not in row.voids and event.recorded_at <= at
        ]
        voids |= {str(event.event_id): at for event in standing if chance.random() < 0.2}
        known = [(at, Facts(cancelled_at=chance.choice((None, at, at + timedelta(days=3)))))]
        later.append(
            Row(
                known=known if chance.random() < 0.6 else [],
                events=events,
                district=chance.choice(DISTRICTS),
                crime_type=chance.choice(CRIMES),
                opens_code_clocks=chance.random() < 0.9,
                referral_id=row.referral_id,
            )
        )
        row.voids = {**row.voids, **voids}
    with owner() as session:
        write_knowledge(session, later)
    with transaction(WORKER) as session:
        for event_id, at in voids.items():
            case_events.void_case_event_without_clocks(session, UUID(event_id), at=at, reason_code="test")


def store_clocks_of(session: Session, rows: list[Row], at: datetime) -> None:
    plan_for_many_rows(session)
    stored_clocks.store_clocks(session, ClockScope.for_referrals([row.referral_id for row in rows]), at)


def computed(session: Session, as_at: datetime) -> Counter[Any]:
    """The slow way: each clock of the part that the calendar covers, from the events."""
    inside = part_by_calendar(session, PERIOD).inside
    assert inside is not None
    statement = """SELECT c.referral_id, c.edition, c.entitlement_id, c.enhanced, c.started_on, c.provider_id, c.status,
        f.district, f.crime_type, f.force, f.under_18
        FROM clock c JOIN facts f ON f.referral_id = c.referral_id"""
    return Counter(
        map(tuple, session.execute(build_clocks_statement(ClockScope(None, *inside), as_at, statement)))
    )


def from_stored(session: Session, as_at: datetime) -> Counter[Any]:
    inside = part_by_calendar(session, PERIOD).inside
    assert inside is not None
    statement = """SELECT c.referral_id, c.edition, c.entitlement_id, c.enhanced, c.started_on, c.provider_id, c.status,
        f.district, f.crime_type, f.force, f.under_18
        FROM clock_then c JOIN facts_then f ON f.referral_id = c.referral_id"""
    return Counter(map(tuple, session.execute(build_clocks_as_at(inside, as_at, statement))))


def moments_of(chance: random.Random, rows: list[Row]) -> list[datetime]:
    """Moments at which something was learned, just before one, and after everything."""
    learned = [event.recorded_at for row in rows for event in row.events if event.recorded_at < NOW]
    some = chance.sample(learned, 12)
    return [*some, *(at - timedelta(seconds=1) for at in some[:4]), NOW, NOW + timedelta(days=9)]


def test_clocks_told_from_what_is_stored_are_those_of_the_events_at_every_moment(
    app: Flask, owner: Owner
) -> None:
    chance = random.Random(41)
    rows = given_rows(41, 900)
    with owner() as session:
        write(session, rows)
    with transaction(WORKER) as session:
        plan_for_many_rows(session)
        store_clocks_of(session, rows[:700], NOW - timedelta(days=3))
        store_clocks_of(session, rows[700:], NOW)
    later = chance.sample(rows, 300)
    learn_more(owner, chance, later)
    with owner() as session:
        # As an older release leaves them.
        session.execute(
            text(
                "UPDATE entitlement_clock SET learned_at = NULL, stop_learned_at = NULL, stop_hides = NULL"
                " WHERE referral_id = ANY (:ids)"
            ),
            {"ids": [row.referral_id for row in rows[600:650]]},
        )
    with transaction(WORKER) as session:
        plan_for_many_rows(session)
        store_clocks_of(session, later, NOW)

        compared = 0
        for as_at in moments_of(chance, rows):
            found = from_stored(session, as_at)
            assert found == computed(session, as_at), as_at
            compared += found.total()
        from_the_events = session.execute(
            build_clocks_as_at(PERIOD, NOW, "SELECT count(*) FROM known_then")
        ).scalar_one()
    assert compared > 20_000
    assert from_the_events < len(rows)


def counted_plainly(session: Session, today: date) -> Counter[Any]:
    """The slow way: every stored clock beside the facts known last of its referral."""
    rows = session.execute(
        text(
            """
        SELECT c.edition, c.entitlement_id, c.enhanced, to_char(c.started_on, 'YYYY-MM') AS month,
            CASE WHEN c.status = 'running' AND c.due_on < :today THEN c.late_status ELSE c.status END AS status,
            f.district, f.crime_type, count(*) AS clocks
        FROM entitlement_clock c JOIN (
            SELECT DISTINCT ON (referral_id) * FROM case_facts ORDER BY referral_id, recorded_at DESC, sequence DESC
        ) f ON f.referral_id = c.referral_id
        WHERE c.started_on BETWEEN :first AND :last GROUP BY 1, 2, 3, 4, 5, 6, 7"""
        ),
        {"today": today, "first": PERIOD[0], "last": PERIOD[1]},
    )
    return Counter({tuple(row)[:-1]: row.clocks for row in rows})


def counts_agree(session: Session, today: date) -> None:
    plain = counted_plainly(session, today)
    for district, crime_type in (
        (None, None),
        ("Tamworth", None),
        (None, "Robbery"),
        ("Stafford", "Burglary"),
    ):
        expected: Counter[Any] = Counter()
        for (*cell, of_district, of_crime), clocks in plain.items():
            if district in (None, of_district) and crime_type in (None, of_crime):
                expected[tuple(cell)] += clocks
        chosen = ClockFilter(*PERIOD, district, crime_type)
        cells = figures.count_clocks(session, chosen, today=today, as_at=None)
        assert Counter({
            (cell.edition, cell.entitlement_id, cell.enhanced, cell.month, cell.status): cell.clocks for cell in cells
        }) == expected  # fmt: skip
    (edition, own), _ = Counter({key[:2]: clocks for key, clocks in plain.items()}).most_common(1)[0]
    parts = figures.count_duty_parts(session, edition, own, period=PERIOD, today=today, as_at=None)
    split: Counter[Any] = Counter()
    for (of_edition, of_own, enhanced, month, status, *places), clocks in plain.items():
        if (of_edition, of_own) == (edition, own):
            for kind, value in zip((CountSplit.DISTRICT, CountSplit.CRIME_TYPE), places, strict=True):
                split[(kind, value or "Not recorded", enhanced, month, status)] += clocks
    assert Counter({(p.split, p.value, p.enhanced, p.month, p.status): p.clocks for p in parts}) == split


def test_counts_by_day_are_those_of_every_row_whatever_is_written_and_whenever_they_are_counted(
    app: Flask, owner: Owner
) -> None:
    chance = random.Random(43)
    rows = given_rows(43, 250)
    with owner() as session:
        write(session, rows)
    steps = [rows, *(chance.sample(rows, 40) for _ in range(4))]
    for number, touched in enumerate(steps):
        at = NOW + timedelta(hours=number)
        if number:
            learn_more(owner, chance, touched)
        with transaction(WORKER) as session:
            store_clocks_of(session, touched, at)
            counts_agree(session, at.date())
        # Some of the days, all but a few, or all: a page counts the others itself.
        day_counts.count_stale_days(actor=WORKER, at_most=(10, 500, 10_000)[number % 3])
        with transaction(WORKER) as session:
            counts_agree(session, at.date())
            counts_agree(session, at.date() + timedelta(days=20))
    day_counts.count_stale_days(actor=WORKER, at_most=10_000)
    with transaction(WORKER) as session:
        counts_agree(session, NOW.date())
        assert session.scalar(text("SELECT count(*) FROM stale_figure_day")) == 0
        # New facts alone, with no clock written, and a clock that is taken away.
        moved = next(row for row in rows if row.known)
    with owner() as session:
        write_knowledge(
            session, [Row(known=[(NOW, Facts())], events=[], district="Tamworth", crime_type="Robbery",
                          referral_id=moved.referral_id)]
        )  # fmt: skip
        session.execute(
            text("DELETE FROM entitlement_clock WHERE referral_id = :id"), {"id": rows[-1].referral_id}
        )
    with transaction(WORKER) as session:
        counts_agree(session, NOW.date())
