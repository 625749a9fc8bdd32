"""A recompute goes through ranges that several workers claim, and may be stopped and gone on with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text

from config import Settings
from tests.generators.compliance_rows import Row, write
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.compliance.facts import Event, Facts
from victim_gateway.database.transaction import transaction
from victim_gateway.services.compliance import case_events, recompute
from victim_gateway.services.compliance.case_events import NewCaseEvent
from victim_gateway.services.compliance.recompute import (
    finish_recompute,
    open_recompute,
    recompute_clocks,
    recompute_next_range,
)
from victim_gateway.vocabulary import EventKind

WORKER = Actor.worker("tests")
REPORTED = datetime(2024, 3, 4, 10, tzinfo=UTC)
NOW = datetime(2024, 3, 5, 10, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
Rows = Callable[[int], list[UUID]]


@pytest.fixture
def written(committed_app: Flask, committed_owner: Owner) -> Rows:
    """Writes arrests without their clocks."""

    def arrests(count: int) -> list[UUID]:
        rows = [
            Row(
                known=[(REPORTED, Facts())],
                events=[Event("suspect_arrested", REPORTED, REPORTED, event_id=str(uuid4()))],
            )
            for _ in range(count)
        ]
        with committed_owner() as session:
            write(session, rows)
        return sorted(row.referral_id for row in rows)

    return arrests


def begin() -> UUID:
    return open_recompute(actor=WORKER, at=NOW, range_size=3)


def next_range(recompute_id: UUID) -> bool:
    return recompute_next_range(recompute_id, actor=WORKER, as_at=NOW)


def test_what_was_left_is_gone_on_with_and_counted_once(written: Rows, committed_owner: Owner) -> None:
    written(10)
    begun = begin()
    next_range(begun)
    assert finish_recompute(begun, actor=WORKER, at=NOW) is None

    seen: list[tuple[int, int]] = []
    found = recompute_clocks(actor=WORKER, as_at=LATER, after_each=lambda done, of: seen.append((done, of)))

    assert (found.clocks, found.added, found.drift) == (10, 10, 10)
    assert seen == [(2, 4), (3, 4), (4, 4)]
    assert open_recompute(actor=WORKER, at=LATER) != begun
    with committed_owner() as session:
        assert session.scalar(text("SELECT count(*) FROM entitlement_clock")) == 10
        entries = text("SELECT count(*) FROM audit_entry WHERE action = 'compliance.recomputed'")
        assert session.scalar(entries) == 1


def test_one_left_half_done_long_ago_is_begun_anew(written: Rows) -> None:
    written(4)
    begun = begin()

    assert open_recompute(actor=WORKER, at=NOW + recompute.GOES_STALE + timedelta(minutes=1)) != begun


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE code_entitlement SET standard_limit = standard_limit + 1 WHERE edition = 'local'",
        "UPDATE calendar_day SET ordinal = ordinal + 1 WHERE day = '2024-12-31'",
        "UPDATE alembic_version SET version_num = '0000'",
    ],
)
def test_one_begun_by_other_rules_is_begun_anew(app: Flask, owner: Owner, change: str) -> None:
    begun = begin()
    assert begin() == begun
    with owner() as session:
        session.execute(text(change))
    anew = begin()
    assert anew != begun
    assert next_range(begun), "what is left of the old one is not worked on"
    assert begin() == anew


def test_a_claimed_range_is_passed_over_and_taken_up_when_its_worker_fails(
    written: Rows, committed_settings: Settings
) -> None:
    written(5)
    begun = begin()
    with psycopg.connect(_plain(committed_settings)) as other:
        other.execute("SELECT FROM clock_recompute_range WHERE number = 0 FOR UPDATE")
        assert [next_range(begun), next_range(begun)] == [False, True]
        assert finish_recompute(begun, actor=WORKER, at=NOW) is None
        other.rollback()
        assert [next_range(begun), next_range(begun)] == [False, True]
    found = finish_recompute(begun, actor=WORKER, at=NOW)
    assert found is not None and found.added == 5
    assert finish_recompute(begun, actor=WORKER, at=NOW) is None


def test_what_agrees_is_not_locked_and_what_differs_alone_is(
    written: Rows, committed_settings: Settings, committed_owner: Owner
) -> None:
    referral_ids = written(3)
    recompute_clocks(actor=WORKER, as_at=NOW)
    with committed_owner() as session:
        session.execute(
            text("UPDATE entitlement_clock SET due_on = due_on + 1 WHERE referral_id = :id"),
            {"id": referral_ids[0]},
        )
    with psycopg.connect(_plain(committed_settings)) as saving:
        # Someone is saving on the two others all the while: neither waits for the other.
        saving.execute("SELECT FROM referral WHERE id = ANY (%s) FOR UPDATE", [referral_ids[1:]])
        found = recompute_clocks(actor=WORKER, as_at=NOW)
    assert (found.clocks, found.changed, found.drift) == (3, 1, 1)


def test_what_is_saved_after_its_moment_is_neither_forgotten_nor_drift(written: Rows) -> None:
    (referral_id, *_) = written(2)
    recompute_clocks(actor=WORKER, as_at=NOW)
    begun = open_recompute(actor=WORKER, at=LATER)
    with transaction(WORKER) as session:
        case_events.append_case_event(
            session,
            NewCaseEvent(
                referral_id=referral_id,
                event="victim_told_suspect_arrested",
                kind=EventKind.CODE,
                occurred_at=LATER,
                recorded_at=LATER + timedelta(minutes=5),
            ),
        )
    recompute_next_range(begun, actor=WORKER, as_at=LATER)
    found = finish_recompute(begun, actor=WORKER, at=LATER)

    assert found is not None and (found.clocks, found.drift) == (2, 0)
    with transaction(WORKER) as session:
        statuses = text("SELECT status FROM entitlement_clock ORDER BY status")
        assert list(session.scalars(statuses)) == ["met", "running"]


def _plain(settings: Settings) -> str:
    return str(settings.database_owner_url).replace("+psycopg", "")
