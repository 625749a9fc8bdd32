"""What must hold for every case, whatever its facts."""

from __future__ import annotations

import json
import random
from datetime import UTC, date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.generators.compliance_cases import Case, cases
from victim_gateway.compliance.answer import answer_documents
from victim_gateway.compliance.clocks import Status
from victim_gateway.compliance.document import read_document
from victim_gateway.compliance.editions import code_editions
from victim_gateway.compliance.evaluate import evaluate
from victim_gateway.times import parse_moment

seeds = st.integers(0, 2**32)


def case_of(seed: int) -> Case:
    (case,) = cases(seed, 1)
    return case


def clocks_of(case: Case) -> list[Any]:
    return list(answer_documents(case).clocks)


@given(seed=seeds)
def test_the_same_input_always_gives_the_same_output(seed: int) -> None:
    assert answer_documents(case_of(seed)) == answer_documents(json.loads(json.dumps(case_of(seed))))


@given(seed=seeds, order=seeds)
def test_the_order_of_the_events_changes_nothing(seed: int, order: int) -> None:
    case = case_of(seed)
    shuffled = {**case, "events": random.Random(order).sample(case["events"], len(case["events"]))}

    assert answer_documents(shuffled).clocks == answer_documents(case).clocks


@given(seed=seeds)
def test_what_is_recorded_after_the_moment_changes_nothing(seed: int) -> None:
    case = case_of(seed)
    as_at = parse_moment(case["as_at"])
    known = [e for e in case["events"] if parse_moment(e.get("recorded_at") or e["occurred_at"]) <= as_at]

    assert answer_documents({**case, "events": known}).clocks == answer_documents(case).clocks


@given(
    seed=seeds,
    category=st.sampled_from(["most_serious_crime", "persistently_targeted", "vulnerable_or_intimidated"]),
    shift=st.integers(-10, 20),
    length=st.none() | st.integers(-1, 20),
)
def test_more_enhanced_never_means_later(seed: int, category: str, shift: int, length: int | None) -> None:
    case = case_of(seed)
    begun = parse_moment(case["as_at"]).date() - timedelta(days=shift)
    ended = None if length is None else (begun + timedelta(days=length)).isoformat()
    facts = dict(case.get("facts") or {})
    more = {"category": category, "from": begun.isoformat(), "to": ended}
    facts["enhanced"] = [*facts.get("enhanced", []), more]

    before = read_document(case)
    after = read_document({**case, "facts": facts})
    old = evaluate(code_editions(), before.facts, before.events, before.as_at)
    new = evaluate(code_editions(), after.facts, after.events, after.as_at)

    for earlier, later in zip(old, new, strict=True):
        assert (later.due_on or date.max) <= (earlier.due_on or date.max)
        assert later.enhanced >= earlier.enhanced


@given(seed=seeds)
def test_every_clock_has_one_status_that_fits_its_dates(seed: int) -> None:
    document = read_document(case_of(seed))

    for clock in evaluate(code_editions(), document.facts, document.events, document.as_at):
        assert clock.status in set(Status)
        if clock.status in {Status.MET, Status.MET_LATE}:
            assert clock.stopped_at is not None
        elif clock.status is not Status.NOT_APPLICABLE:
            assert clock.stopped_at is None
        if clock.status in {Status.MET_LATE, Status.OVERDUE, Status.UNKNOWN}:
            assert clock.due_on is not None
        assert (clock.limit is None) == (clock.due_on is None)


@given(seed=seeds)
def test_clocks_come_in_the_order_of_their_start_and_entitlement(seed: int) -> None:
    found = clocks_of(case_of(seed))

    keys = [(c["started_at"], c["entitlement_id"], c["subject"] or "") for c in found]
    assert keys == sorted(keys)


@given(seed=seeds, days=st.integers(0, 400))
def test_time_alone_changes_only_a_running_clock(seed: int, days: int) -> None:
    # Facts that depend on the moment are left out: what remains is the passing of time.
    case = case_of(seed)
    facts = {
        k: v for k, v in (case.get("facts") or {}).items() if k in {"conditions", "observers", "victim_basis"}
    }
    as_at = max(parse_moment(e.get("recorded_at") or e["occurred_at"]) for e in case["events"])
    later = (as_at + timedelta(days=days)).astimezone(UTC).isoformat()

    old = clocks_of({**case, "facts": facts, "as_at": as_at.isoformat()})
    new = clocks_of({**case, "facts": facts, "as_at": later})

    for before, after in zip(old, new, strict=True):
        if before["status"] != "running":
            assert after["status"] == before["status"]
