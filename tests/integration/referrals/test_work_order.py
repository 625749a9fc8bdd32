"""The order of the work queue on generated referrals: as the rule says it, page by page, from the indexes."""

from __future__ import annotations

import random
import re
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import event, func, insert, select, text

from tests.factories import casework as make
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.bounded_counts import MOST_COUNTED, bounded_count
from victim_gateway.database.session_limits import set_local
from victim_gateway.database.transaction import transaction
from victim_gateway.extensions import db
from victim_gateway.models import Referral
from victim_gateway.queries.referrals.work_order import QueuePosition, read_queue_position
from victim_gateway.queries.referrals.work_queue import (
    PAGE_SIZE,
    TABS,
    QueueFilters,
    QueueRow,
    WorkQueue,
    work_queue_page,
)
from victim_gateway.rules.hold import waiting_rank
from victim_gateway.rules.urgency import RISK_RANK
from victim_gateway.vocabulary import (
    HeldReason,
    NextAction,
    ReferralSource,
    ReferralState,
    Risk,
    Role,
    WaitingOn,
)

NOW = make.MONDAY
TODAY = times.london_date(NOW)
WEEK = QueueFilters(due_by=TODAY + timedelta(days=7))
INDEX_OF_TAB = {
    "mine": "ix_referral_caseworker",
    "team": "ix_referral_open",
    "unassigned": "ix_referral_next_act",
    "high": "ix_referral_open",
    "waiting": "ix_referral_with_provider",
    "held": "ix_referral_held",
}
FILTERS = [
    WEEK,
    QueueFilters(due="overdue", due_by=WEEK.due_by),
    QueueFilters(due="week", due_by=WEEK.due_by),
    QueueFilters(due_by=WEEK.due_by, risk=Risk.HIGH),
    QueueFilters(due_by=WEEK.due_by, risk=Risk.UNKNOWN, district="Stafford"),
    QueueFilters(due_by=WEEK.due_by, next_action=NextAction.ASSIGN),
]


@pytest.fixture
def generated(app: Flask, owner: Owner, caseworker: Actor, make_actor: MakeActor) -> list[dict[str, Any]]:
    """300 referrals of one person, many alike in part of what they are ordered by; some nobody here may see."""
    template = make.recorded(caseworker, at=NOW)
    chance = random.Random(11)  # noqa: S311  the same referrals each time
    users = [caseworker.user_id, make_actor(Role.CASEWORKER).user_id]
    with owner() as session:
        first = session.scalars(select(Referral).where(Referral.id == template)).one()
        kept = {
            name: getattr(first, name)
            for name in ("person_id", "received_at", "offence", "sealed", "recorded_as", "victim_type")
        }
        rows = [kept | _invented(number, chance, users) for number in range(300)]
        session.execute(insert(Referral), rows)
        session.execute(text("ANALYZE referral"))
        rows.append({name: getattr(first, name) for name in rows[0]})
    return rows


def _invented(number: int, chance: random.Random, users: list[UUID | None]) -> dict[str, Any]:
    state = chance.choice(list(ReferralState))
    is_over = state in (ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR)
    is_on_hold = state is ReferralState.HELD or chance.random() < 0.3
    state = ReferralState.HELD if is_on_hold else state
    reasons = chance.sample(list(HeldReason), chance.randint(1, 3)) if is_on_hold else []
    days = chance.choice([None, *range(-6, 12)])
    action = chance.choice([action for action in NextAction if action is not NextAction.NOTHING])
    is_over = is_over and not is_on_hold
    return {
        "id": uuid4(),
        "reference": f"SG-25-{number:06d}",
        "source": ReferralSource.SELF,
        "district": chance.choice(["Stafford", "Tamworth", None]),
        "domestic_abuse": chance.random() < 0.2,
        "restricted": chance.random() < 0.05,
        "state": state,
        "held_reason": reasons[0] if reasons else None,
        "held_reasons": [str(reason) for reason in reasons] if chance.random() < 0.9 else [],
        "assigned_to_id": chance.choice([*users, None]),
        "risk": chance.choice(list(Risk)),
        "officer_grade": chance.choice([None, "standard", "high"]),
        "next_action": NextAction.NOTHING if is_over else action,
        "waiting_on": WaitingOn.NO_ONE if is_over else chance.choice([WaitingOn.GATEWAY, WaitingOn.PROVIDER]),
        "next_due_on": None if is_over or days is None else TODAY + timedelta(days=days),
        "next_since": NOW - timedelta(days=chance.randint(0, 3)),
        "closed_at": NOW if state is ReferralState.CLOSED else None,
        "outcome": "needs_met" if state is ReferralState.CLOSED else None,
    }


def _belongs(row: dict[str, Any], tab: str, filters: QueueFilters, actor: Actor) -> bool:
    is_open, due = row["next_action"] != NextAction.NOTHING, row["next_due_on"]
    is_with_provider = row["waiting_on"] == WaitingOn.PROVIDER
    in_tab = {
        "mine": row["assigned_to_id"] == actor.user_id and is_open and not is_with_provider,
        "team": is_open,
        "unassigned": row["next_action"] == NextAction.ASSIGN,
        "high": is_open and _risk_rank(row) == 0,
        "waiting": is_with_provider,
        "held": row["state"] == ReferralState.HELD,
    }[tab]
    is_due = {
        None: True,
        "overdue": due is not None and due < TODAY,
        "today": due == TODAY,
        "week": due is not None and TODAY <= due <= (filters.due_by or TODAY),
    }[filters.due]
    equal = {"risk": filters.risk, "district": filters.district, "next_action": filters.next_action}
    fits = all(row[name] == value for name, value in equal.items() if value is not None)
    return in_tab and is_due and fits and not row["restricted"]


def _risk_rank(row: dict[str, Any]) -> int:
    is_graded = row["risk"] == Risk.UNKNOWN and row["officer_grade"] == "high"
    return 0 if row["domestic_abuse"] or is_graded else RISK_RANK[row["risk"]]


def _place(row: dict[str, Any], tab: str) -> tuple[Any, ...]:
    """The order as it is told: overdue at high risk first, then by due date, risk, and since when it waits."""
    rank = _risk_rank(row)
    due: date | None = row["next_due_on"]
    held = {HeldReason(reason) for reason in [row["held_reason"], *row["held_reasons"]] if reason}
    harm = waiting_rank(held) if tab == "held" else 0
    is_first = due is not None and due < TODAY and rank == 0
    return (harm, not is_first, due is None, due or TODAY, rank, row["next_since"], row["id"])


def _page(
    actor: Actor, tab: str, filters: QueueFilters, position: QueuePosition | None = None, **side: bool
) -> WorkQueue:
    with transaction(actor) as session:
        return work_queue_page(session, actor, tab, filters, today=TODAY, position=position, **side)


def _references(rows: tuple[QueueRow, ...]) -> list[str]:
    return [row.reference for row in rows]


def test_each_list_is_in_the_told_order_page_by_page_forwards_and_back(
    generated: list[dict[str, Any]], caseworker: Actor
) -> None:
    for tab, filters in product(TABS, FILTERS):
        rows = [row for row in generated if _belongs(row, tab, filters, caseworker)]
        expected = [row["reference"] for row in sorted(rows, key=lambda row: _place(row, tab))]
        pages = [_page(caseworker, tab, filters)]
        while pages[-1].after is not None:
            pages.append(_page(caseworker, tab, filters, read_queue_position(str(pages[-1].after))))
        assert [name for page in pages for name in _references(page.rows)] == expected
        assert [page.total for page in pages] == [len(expected)] * len(pages), (tab, filters)
        assert pages[0].before is None
        back = [pages[-1]]
        while back[-1].before is not None:
            back.append(_page(caseworker, tab, filters, back[-1].before, is_before=True))
        found = [name for page in back[::-1] for name in _references(page.rows)]
        # Going back, full pages are counted from the end; the first is what is left.
        assert found == expected
        assert all(len(page.rows) == PAGE_SIZE for page in back[1:-1])


def test_a_position_holds_when_its_referral_has_left_the_list(
    generated: list[dict[str, Any]], caseworker: Actor, owner: Owner
) -> None:
    first = _page(caseworker, "team", WEEK)
    following = _references(_page(caseworker, "team", WEEK, first.after).rows)
    with owner() as session:
        session.get_one(Referral, first.rows[-1].referral_id).next_action = NextAction.NOTHING
    assert _references(_page(caseworker, "team", WEEK, first.after).rows) == following


def test_a_position_is_read_as_it_was_written_and_anything_else_is_none() -> None:
    given = QueuePosition(3, 1, None, 2, datetime(2026, 3, 2, 9, 30, 0, 123456, NOW.tzinfo), uuid4())
    assert read_queue_position(str(given)) == given
    for position in (
        "",
        "1",
        str(given).replace("none", "20261399"),
        str(given) + "0",
        "0.0.none.0.9." + "g" * 32,
    ):
        assert read_queue_position(position) is None


def test_each_list_and_its_count_are_read_from_the_index_of_what_is_open(
    generated: list[dict[str, Any]], caseworker: Actor
) -> None:
    plans: list[str] = []

    def explaining(_connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("WITH found", "SELECT (SELECT")):
            cursor.execute(f"EXPLAIN {statement}", parameters)
            plans.append("\n".join(line for (line,) in cursor.fetchall()))

    event.listen(db.engine, "before_cursor_execute", explaining)
    try:
        for tab, index in INDEX_OF_TAB.items():
            plans.clear()
            with transaction(caseworker) as session:
                # So few rows are read faster as they lie; what is asked is whether the index can be used at all.
                set_local(session, "enable_seqscan", "off")
                set_local(session, "enable_bitmapscan", "off")
                position = QueuePosition(1, 1, TODAY, 1, NOW, uuid4())
                work_queue_page(session, caseworker, tab, WEEK, today=TODAY, position=position)
            page, counts = plans
            assert f"using {index} on referral" in page
            # The position and the day are searched in the index, under row-level security too.
            assert re.search(r"Index Cond: .*ROW\(", page)
            assert "Seq Scan on referral " not in page + counts
            assert set(re.findall(r"using (ix_\w+) on referral ", counts)) <= set(INDEX_OF_TAB.values())
    finally:
        event.remove(db.engine, "before_cursor_execute", explaining)


def test_a_count_stops_at_its_bound(app: Flask, caseworker: Actor) -> None:
    numbers = func.generate_series(1, 5000).table_valued("number").render_derived(name="numbers")
    with transaction(caseworker) as session:
        few, many = session.execute(
            select(
                bounded_count(numbers, numbers.c.number < 10), bounded_count(numbers, numbers.c.number > 0)
            )
        ).one()
    assert (few, many) == (9, MOST_COUNTED + 1)
