"""The order of a provider's inbox on generated offers: as the rule says it, page by page, from its index."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, event, insert, text, update

from tests.integration.onward_referrals.arrange import MORNING, Given, a_provider, a_referral, offered
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.session_limits import set_local
from victim_gateway.database.transaction import transaction
from victim_gateway.extensions import db
from victim_gateway.models import CaseEvent, EntitlementClock, OnwardReferral, ProviderService
from victim_gateway.queries.onward_referrals.handover import HANDOVER
from victim_gateway.queries.onward_referrals.inbox import Inbox, InboxPlace, InboxReader, provider_inbox
from victim_gateway.queries.onward_referrals.inbox_order import InboxPosition, read_inbox_position
from victim_gateway.rules.provider_inbox import STATES_OF_SECTION, InboxSection, provider_due_on
from victim_gateway.vocabulary import EventKind, EvidenceGrade, OnwardState

TODAY = times.london_date(MORNING)
LIMIT = 20


@dataclass
class Generated:
    """The offers to one provider as they were written, and by offer its clocks: status and day."""

    provider: Actor
    rows: list[dict[str, Any]]
    clocks: dict[UUID, list[dict[str, Any]]] = field(default_factory=dict)

    def due_on(self, row: dict[str, Any]) -> date | None:
        """The rule as it was before the day was kept: of an open clock, and of the offer beside it."""
        days = [
            clock["due_on"] for clock in self.clocks[row["id"]] if clock["status"] in ("running", "overdue")
        ]
        if not days:
            return None
        clock_on = min((day for day in days if day is not None), default=None)
        return provider_due_on(row["state"], clock_on, row["answer_due_on"])

    def in_order(self, section: InboxSection) -> list[str]:
        """The references of a section, most urgent first."""

        def place(row: dict[str, Any]) -> tuple[Any, ...]:
            due, planned = self.due_on(row), row["first_contact_planned_on"]
            return (due or date.max, planned or date.max, row["offered_at"], row["id"])

        rows = [row for row in self.rows if row["state"] in STATES_OF_SECTION[section]]
        return [row["reference"] for row in sorted(rows, key=place)]


@pytest.fixture
def generated(owner: Owner, caseworker: Actor, make_actor: MakeActor) -> Generated:
    """200 offers of one person to as many services of one provider, many alike in part of their order."""
    given, other = a_provider(owner, make_actor), a_provider(owner, make_actor, "another")
    template = offered(caseworker, given, referral_id=a_referral(caseworker))
    offered(caseworker, other, referral_id=a_referral(caseworker))
    chance = random.Random(23)  # noqa: S311  the same offers each time
    with owner() as session:
        session.execute(delete(EntitlementClock))
        first = session.get_one(OnwardReferral, template)
        key = encrypted_rows.open_key(session, first.key_id)
        said = encrypted_rows.unseal_row(key, HANDOVER, first.id, first.handover_sealed)
        kept = {
            name: getattr(first, name)
            for name in ("referral_id", "person_id", "provider_id", "consent_id", "key_id", "offered_by_id")
        }
        rows = [kept | _invented(number, chance, key, said) for number in range(200)]
        session.execute(insert(ProviderService), [_service(row, given) for row in rows])
        session.execute(insert(OnwardReferral), rows)
        rows.append({name: getattr(first, name) for name in rows[0]})
        found = Generated(given.provider, rows)
        session.execute(insert(CaseEvent), [_started(row) for row in rows])
        for row in rows:
            found.clocks[row["id"]] = [
                _clock(row, number, chance) for number in range(chance.choice((0, 1, 1, 2)))
            ]
        session.execute(
            insert(EntitlementClock), [clock for clocks in found.clocks.values() for clock in clocks]
        )
        session.execute(text("ANALYZE onward_referral"))
    return found


def _service(row: dict[str, Any], given: Given) -> dict[str, Any]:
    return {
        "id": row["service_id"],
        "provider_id": given.provider.organisation_id,
        "key": f"service-{row['service_id'].hex}",
        "name": "Support service",
        "description": "Help.",
    }


def _invented(number: int, chance: random.Random, key: bytes, said: Any) -> dict[str, Any]:
    row_id, state = uuid4(), chance.choice(list(OnwardState))
    is_over = state not in [each for states in STATES_OF_SECTION.values() for each in states]
    answer, planned = (chance.choice([None, *range(-3, 4)]) for _ in range(2))
    return {
        "id": row_id,
        "reference": f"OR-25-{number:06d}",
        "service_id": uuid4(),
        "handover_sealed": encrypted_rows.seal_row(key, HANDOVER, row_id, said),
        "safe_contact_sealed": b"",
        "state": state,
        "offered_at": MORNING - timedelta(days=chance.randint(0, 2)),
        "answer_due_on": None if answer is None else TODAY + timedelta(days=answer),
        "first_contact_planned_on": None if planned is None else TODAY + timedelta(days=planned),
        "decline_reason": "no_capacity" if state is OnwardState.DECLINED else None,
        "outcome": "needs_met" if state is OnwardState.CLOSED else None,
        # What has ended is open to the provider for no moment longer.
        "provider_access_ended_at": MORNING if is_over else None,
    }


def _started(row: dict[str, Any]) -> dict[str, Any]:
    return {
        # The event of an offer has its id here, so that its clocks can name it.
        "id": row["id"],
        "referral_id": row["referral_id"],
        "onward_referral_id": row["id"],
        "provider_id": row["provider_id"],
        "kind": EventKind.LOCAL,
        "event": "onward_referral.offered",
        "occurred_at": MORNING,
        "recorded_at": MORNING,
        "source": "test",
        "grade": EvidenceGrade.SYSTEM_RECORD,
    }


def _clock(row: dict[str, Any], number: int, chance: random.Random) -> dict[str, Any]:
    due = chance.choice([None, *range(-3, 5)])
    return {
        "id": uuid4(),
        "referral_id": row["referral_id"],
        "edition": "local",
        "entitlement_id": f"standard_{number}",
        "start_event_id": row["id"],
        "started_at": MORNING,
        "started_on": TODAY,
        "provider_id": row["provider_id"],
        "unit": "working_days",
        "enhanced": False,
        "due_on": None if due is None else TODAY + timedelta(days=due),
        "status": chance.choice(("running", "running", "overdue", "met")),
        "late_status": "overdue",
        "computed_as_at": MORNING,
    }


def _page(
    generated: Generated,
    sections: tuple[InboxSection, ...],
    position: InboxPosition | None = None,
    **side: bool,
) -> Inbox:
    with transaction(generated.provider) as session:
        reader = InboxReader(generated.provider.user_id, generated.provider.organisation_id, MORNING)
        return provider_inbox(
            session, reader, sections=sections, limit=LIMIT, place=InboxPlace(position, **side)
        )


def _is_as_the_rule_says(generated: Generated) -> None:
    """Each section forwards and back, and what is counted over the whole inbox."""
    for section in InboxSection:
        expected = generated.in_order(section)
        parts = [_page(generated, (section,)).parts[0]]
        while parts[-1].after is not None:
            parts.append(_page(generated, (section,), read_inbox_position(str(parts[-1].after))).parts[0])
        assert [entry.reference for part in parts for entry in part.entries] == expected
        assert {part.total for part in parts} == {len(expected)}
        assert parts[0].before is None
        back = [parts[-1]]
        while back[-1].before is not None:
            back.append(_page(generated, (section,), back[-1].before, is_before=True).parts[0])
        assert [entry.reference for part in back[::-1] for entry in part.entries] == expected
    whole = _page(generated, tuple(InboxSection))
    live = [row for row in generated.rows if not row["provider_access_ended_at"]]
    due = {row["reference"]: generated.due_on(row) for row in live}
    assert whole.counts["late"] == sum(day is not None and day < TODAY for day in due.values())
    week = [TODAY + timedelta(days=ahead) for ahead in range(1, 8)]
    assert whole.counts["week"] == sum(day in week for day in due.values())
    assert whole.counts["today"] == sum(day == TODAY for day in due.values())
    for part in whole.parts:
        assert [entry.reference for entry in part.entries] == generated.in_order(part.section)[:LIMIT]
        assert [entry.due_on for entry in part.entries] == [due[entry.reference] for entry in part.entries]


def test_each_section_is_in_the_told_order_page_by_page_whatever_becomes_of_its_clocks(
    generated: Generated, owner: Owner
) -> None:
    _is_as_the_rule_says(generated)
    chance = random.Random(29)  # noqa: S311
    clocks = [clock for clocks in generated.clocks.values() for clock in clocks]
    with owner() as session:
        for clock in chance.sample(clocks, 60):
            clock["status"] = chance.choice(("met", "running", "overdue"))
            clock["due_on"] = chance.choice((None, TODAY - timedelta(days=9), TODAY))
            session.execute(
                update(EntitlementClock)
                .where(EntitlementClock.id == clock["id"])
                .values(status=clock["status"], due_on=clock["due_on"])
            )
        gone = {clock["id"] for clock in chance.sample(clocks, 20)}
        session.execute(delete(EntitlementClock).where(EntitlementClock.id.in_(gone)))
        for row_id, kept in generated.clocks.items():
            generated.clocks[row_id] = [clock for clock in kept if clock["id"] not in gone]
        for row in chance.sample(generated.rows, 30):
            row["first_contact_planned_on"] = row["answer_due_on"] = TODAY + timedelta(days=2)
            session.execute(
                update(OnwardReferral)
                .where(OnwardReferral.id == row["id"])
                .values(
                    first_contact_planned_on=TODAY + timedelta(days=2),
                    answer_due_on=TODAY + timedelta(days=2),
                )
            )
    _is_as_the_rule_says(generated)


def test_a_position_is_read_as_it_was_written_and_anything_else_is_none() -> None:
    given = InboxPosition(None, date(2026, 3, 2), datetime(2026, 3, 2, 9, 30, 0, 123456, UTC), uuid4())
    assert read_inbox_position(str(given)) == given
    for position in (
        "",
        "1",
        str(given).replace("20260302", "20261399"),
        str(given) + "0",
        "none.none.9." + "g" * 32,
    ):
        assert read_inbox_position(position) is None


def test_a_page_and_its_counts_are_read_from_the_index_of_the_order(generated: Generated) -> None:
    plans: list[str] = []

    def explaining(_connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("WITH listed", "SELECT (SELECT count(*)")):
            cursor.execute(f"EXPLAIN {statement}", parameters)
            plans.append("\n".join(line for (line,) in cursor.fetchall()))

    event.listen(db.engine, "before_cursor_execute", explaining)
    try:
        with transaction(generated.provider) as session:
            # So few rows are read faster as they lie; what is asked is whether the index can be used at all.
            set_local(session, "enable_seqscan", "off")
            set_local(session, "enable_bitmapscan", "off")
            position = InboxPosition(TODAY, None, MORNING, uuid4())
            reader = InboxReader(None, None, MORNING)
            place = InboxPlace(position)
            provider_inbox(session, reader, sections=(InboxSection.ANSWER,), limit=LIMIT, place=place)
    finally:
        event.remove(db.engine, "before_cursor_execute", explaining)
    plan, counts = plans
    assert "Index Cond: ((provider_id = " in plan
    # The position is searched in the index, under row-level security too.
    assert "ROW(" in next(line for line in plan.splitlines() if "Index Cond" in line and "ROW(" in line)
    assert plan.count("using ix_onward_referral_inbox_order on onward_referral") == 1
    assert counts.count("ix_onward_referral_inbox_order") >= 3
    assert "Seq Scan" not in plan + counts
