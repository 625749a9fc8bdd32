"""The pure core, the SQL clocks and the stored clocks give the same answer to the same question."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID, uuid4

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.area_profile import load_area
from tests.generators.compliance_cases import cases
from tests.generators.compliance_rows import Row, write, write_knowledge
from victim_gateway.actors import Actor
from victim_gateway.compliance.document import read_document
from victim_gateway.compliance.editions import code_editions
from victim_gateway.compliance.evaluate import evaluate
from victim_gateway.compliance.facts import SETTLED_BY_BASIS, Declined, Event, Facts, VictimBasis, Withheld
from victim_gateway.database.reference_data import area_edition
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import CalendarExhausted
from victim_gateway.models import EntitlementClock
from victim_gateway.queries.compliance.clocks_sql import EVERYTHING, ClockScope, build_clocks_statement
from victim_gateway.services.compliance import recompute, stored_clocks

Owner = Callable[[], AbstractContextManager[Session]]
Answers = dict[tuple[UUID, str, str], tuple[Any, ...]]

LOCAL = area_edition(load_area("staffordshire"))
FIRST_COUNTED, LAST_COUNTED = datetime(2013, 2, 1, tzinfo=UTC), datetime(2027, 12, 1, tzinfo=UTC)
SETTLED_AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
SETTLED_STARTS = ("reported_to_police", "defendant_convicted", "suspect_arrested")
LOCAL_NAMES = sorted({name for e in LOCAL.entitlements for name in (e.start_event, e.stop_event)})


@dataclass
class Made:
    row: Row
    as_at: datetime


def made(seed: int, count: int, *, outside_the_table: bool = False) -> list[Made]:
    """Invented referrals: a document's facts and events, with voids, the area's own events, and a history."""
    chance = random.Random(seed)
    return [
        _one(chance, read_document(case)) for case in cases(seed, count, outside_the_table=outside_the_table)
    ]


def _one(chance: random.Random, document: Any) -> Made:
    as_at = document.as_at
    once = {(e.event, e.occurred_at, e.subject): e for e in document.events}
    events = [replace(event, event_id=str(uuid4())) for event in once.values()]
    if chance.random() < 0.4 and FIRST_COUNTED < as_at < LAST_COUNTED:
        events += list(_local_events(chance, as_at))
    voided = [event for event in events if chance.random() < 0.1]
    later = Facts(conditions={"named_contact": False}, victim_basis=document.facts.victim_basis)
    learned_at = as_at - timedelta(days=chance.choice((0, 1, 3, 40)))
    closed_at = chance.choice((None, None, learned_at, as_at - timedelta(days=2), as_at + timedelta(days=1)))
    known = [(learned_at, replace(_with_local(chance, document.facts), closed_at=closed_at))]
    if chance.random() < 0.3:
        known += [(as_at + timedelta(hours=1), later), (as_at - timedelta(days=60), later)]
    if chance.random() < 0.1:
        # Two at the same moment: the one written later counts.
        known.insert(0, (known[0][0], later))
    row = Row(
        known=known,
        events=events,
        voids={str(e.event_id): e.recorded_at + timedelta(days=chance.choice((0, 2, 9))) for e in voided},
        opens_code_clocks=chance.random() < 0.9,
    )
    return Made(row, as_at)


def _local_events(chance: random.Random, as_at: datetime) -> Iterator[Event]:
    for _ in range(chance.randint(1, 6)):
        occurred = as_at - timedelta(days=chance.randint(0, 9), hours=chance.randint(0, 20))
        yield Event(
            event=chance.choice(LOCAL_NAMES),
            occurred_at=occurred,
            recorded_at=occurred + timedelta(hours=chance.choice((0, 0, 30))),
            subject=chance.choice((None, "onward-1", "onward-2")),
            event_id=str(uuid4()),
        )


def _with_local(chance: random.Random, facts: Facts) -> Facts:
    if chance.random() < 0.8:
        return facts
    own = chance.choice(LOCAL.entitlements).entitlement_id
    at = datetime.fromisoformat("2013-01-01T10:00:00+00:00")
    return replace(
        facts,
        declined=(*facts.declined, Declined(own, at)),
        withheld_for_safety=(*facts.withheld_for_safety, Withheld(own, at)),
    )


def core(row: Row, as_at: datetime) -> Answers | None:
    """What the pure core answers; None where a working day can't be counted."""
    known = [(at, facts) for at, facts in row.known if at <= as_at]
    if not known:
        return {}
    facts = max(enumerate(known), key=lambda item: (item[1][0], item[0]))[1][1]
    # A row always has a basis, and the generator writes none as the person themselves.
    facts = replace(facts, victim_basis=facts.victim_basis or VictimBasis.DIRECT)
    void = {own for own, at in row.voids.items() if at <= as_at}
    events = [event for event in row.events if event.event_id not in void]
    editions = (*(code_editions() if row.opens_code_clocks else ()), LOCAL)
    try:
        found = evaluate(editions, facts, events, as_at)
    except CalendarExhausted:
        return None
    return {
        (UUID(clock.start.event_id), clock.edition.key, clock.entitlement.entitlement_id): (
            clock.limit,
            clock.enhanced,
            clock.due_on,
            clock.stopped_at,
            clock.status.value,
        )
        for clock in found
    }


def clocks_in_sql(session: Session, scope: ClockScope, as_at: datetime) -> dict[UUID, Answers | None]:
    """What the SQL clocks answer, by referral; None where a working day can't be counted."""
    rows = session.execute(build_clocks_statement(scope, as_at, "SELECT * FROM clock")).all()
    answers: dict[UUID, Answers | None] = defaultdict(dict)
    for row in rows:
        answers[row.referral_id][(row.start_event_id, row.edition, row.entitlement_id)] = (  # type: ignore[index]
            row.limit_days,
            row.enhanced,
            row.due_on,
            row.stopped_at,
            row.status,
        )
    for referral_id in {row.referral_id for row in rows if row.uncountable}:
        answers[referral_id] = None
    return answers


def stored(session: Session, referral_ids: Sequence[UUID]) -> Answers:
    rows = session.scalars(select(EntitlementClock).where(EntitlementClock.referral_id.in_(referral_ids)))
    return {
        (row.start_event_id, row.edition, row.entitlement_id): (
            row.limit_days,
            row.enhanced,
            row.due_on,
            row.stopped_at,
            row.status,
        )
        for row in rows
    }


def near(items: Sequence[Made], as_at: datetime) -> list[Made]:
    return [item for item in items if abs(item.as_at - as_at) < timedelta(days=60)]


def moments(items: Sequence[Made]) -> list[datetime]:
    """Moments that many of the cases lie around, at awkward hours among them."""
    chance = random.Random(1)
    return [item.as_at for item in chance.sample(list(items), 90)]


def test_the_twin_agrees_with_the_pure_core_on_every_clock(app: Flask, owner: Owner) -> None:
    items = made(11, 3000, outside_the_table=True)
    with owner() as session:
        write(session, [item.row for item in items])

    compared = 0
    with transaction(Actor.worker("tests")) as session:
        for as_at in moments(items):
            chosen = near(items, as_at)
            found = clocks_in_sql(
                session, ClockScope.for_referrals([item.row.referral_id for item in chosen]), as_at
            )
            for item in chosen:
                expected = core(item.row, as_at)
                assert found.get(item.row.referral_id, {}) == expected, (item.row, as_at)
                compared += len(expected or ())
    assert compared > 10_000


def test_the_twin_and_the_core_settle_the_same_by_every_basis_and_every_answer(
    app: Flask, owner: Owner
) -> None:
    rows = [
        Row(
            known=[(FIRST_COUNTED, Facts(victim_basis=basis, conditions=conditions))],
            events=[Event(name, SETTLED_AT, SETTLED_AT, event_id=str(uuid4())) for name in SETTLED_STARTS],
        )
        for basis in VictimBasis
        for conditions in settled_answers()
    ]
    with owner() as session:
        write(session, rows)
    with transaction(Actor.worker("tests")) as session:
        found = clocks_in_sql(
            session, ClockScope.for_referrals([row.referral_id for row in rows]), SETTLED_AT
        )
        for row in rows:
            stored_clocks.refresh_clocks(session, [row.referral_id], at=SETTLED_AT)
            assert found[row.referral_id] == core(row, SETTLED_AT) == stored(session, [row.referral_id]), row


def settled_answers() -> Iterator[dict[str, bool]]:
    """Every mix of yes, no and silence on the conditions that a basis settles, and on the named contact."""
    names = (*SETTLED_BY_BASIS, "named_contact")
    for answers in product((True, False, None), repeat=len(names)):
        yield {name: answer for name, answer in zip(names, answers, strict=True) if answer is not None}


def test_stored_clocks_agree_with_the_pure_core_after_a_refresh(app: Flask, owner: Owner) -> None:
    items = made(13, 3000)
    with owner() as session:
        write(session, [item.row for item in items])

    with transaction(Actor.worker("tests")) as session:
        for as_at in moments(items)[:8]:
            chosen = near(items, as_at)
            ids = [item.row.referral_id for item in chosen]
            stored_clocks.refresh_clocks(session, ids, at=as_at)
            expected = {key: value for item in chosen for key, value in (core(item.row, as_at) or {}).items()}
            assert stored(session, ids) == expected


def test_a_refresh_after_a_recompute_changes_nothing(app: Flask, owner: Owner) -> None:
    items = made(14, 500)
    as_at = max(item.as_at for item in items)
    with owner() as session:
        write(session, [item.row for item in items])
    found = recompute.recompute_clocks(actor=Actor.worker("tests"), as_at=as_at)

    with transaction(Actor.worker("tests")) as session:
        applied = stored_clocks.store_clocks(session, EVERYTHING, found.as_at)
    assert (applied.added, applied.changed, applied.removed) == (0, 0, 0)
    assert applied.clocks > 500


def test_what_is_recorded_later_leaves_an_earlier_as_at_alone(app: Flask, owner: Owner) -> None:
    items = made(15, 400)
    as_at = items[0].as_at
    scope = ClockScope.for_referrals([item.row.referral_id for item in items])
    with owner() as session:
        write(session, [item.row for item in items])
    with transaction(Actor.worker("tests")) as session:
        before = clocks_in_sql(session, scope, as_at)

    after_all = max(max(item.as_at, as_at) for item in items) + timedelta(days=1)
    later = [
        Row(
            known=[(after_all, Facts(cancelled_at=item.as_at))],
            events=[replace(event, event_id=str(uuid4()), recorded_at=after_all,
                            subject=f"later than {event.subject}")
                    for event in item.row.events],
            referral_id=item.row.referral_id,
        )
        for item in items
    ]  # fmt: skip
    with owner() as session:
        write_knowledge(session, later)
    with transaction(Actor.worker("tests")) as session:
        assert clocks_in_sql(session, scope, as_at) == before
        assert clocks_in_sql(session, scope, after_all) != before
