"""The nightly rebuild: drift is an alarm, a quiet night is not, twice is once, and one bad range stops no other."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from tests.generators.compliance_rows import Row, write
from victim_gateway.actors import Actor
from victim_gateway.compliance.facts import Event, Facts
from victim_gateway.services.compliance.recompute import open_recompute
from workers.compliance import (
    continue_recompute,
    recompute_compliance,
    refresh_next_actions,
    retry_recompute,
)

Owner = Callable[[], AbstractContextManager[Session]]
REPORTED = datetime(2024, 3, 4, 10, tzinfo=UTC)


def write_arrests(owner: Owner, count: int) -> list[UUID]:
    """Referrals with an arrest and without its clock."""
    rows = [
        Row(
            known=[(REPORTED, Facts())],
            events=[Event("suspect_arrested", REPORTED, REPORTED, event_id=str(uuid4()))],
        )
        for _ in range(count)
    ]
    with owner() as session:
        write(session, rows)
    return sorted(row.referral_id for row in rows)


def queued(owner: Owner) -> list[str]:
    with owner() as session:
        return list(session.scalars(text("SELECT task FROM outbox ORDER BY id")))


def test_drift_is_logged_as_an_alarm_once(app: Flask, owner: Owner) -> None:
    write_arrests(owner, 1)

    with capture_logs() as first:
        recompute_compliance()
    with capture_logs() as second:
        recompute_compliance()

    assert [(entry["event"], entry["log_level"], entry["drift"]) for entry in first] == [
        ("compliance.drift", "error", 1)
    ]
    assert [(entry["event"], entry["log_level"], entry["clocks"]) for entry in second] == [
        ("compliance.recomputed", "info", 1)
    ]


def test_the_refresh_of_next_actions_is_queued_with_the_end_of_the_rebuild(app: Flask, owner: Owner) -> None:
    (referral_id,) = write_arrests(owner, 1)
    with owner() as session:
        session.execute(text("UPDATE referral SET next_due_on = '1999-01-01'"))
    recompute_compliance()
    assert queued(owner).count("compliance.refresh-next-actions") == 1

    refresh_next_actions()

    with owner() as session:
        due_on = session.scalar(text("SELECT next_due_on FROM referral WHERE id = :id"), {"id": referral_id})
    assert due_on != date(1999, 1, 1)


def test_a_range_that_fails_is_passed_over_tried_once_more_and_then_an_alarm(
    app: Flask, owner: Owner
) -> None:
    bad, *_ = write_arrests(owner, 7)
    with owner() as session:
        session.execute(
            text(
                "CREATE FUNCTION refuse_clock() RETURNS trigger LANGUAGE plpgsql AS"
                f" $$ BEGIN IF NEW.referral_id = '{bad}' THEN RAISE 'refused'; END IF; RETURN NEW; END $$"
            )
        )
        session.execute(
            text(
                "CREATE TRIGGER refuse_clock BEFORE INSERT ON entitlement_clock"
                " FOR EACH ROW EXECUTE FUNCTION refuse_clock()"
            )
        )
    begun = open_recompute(actor=Actor.worker("tests"), at=datetime.now(UTC), range_size=3)

    continue_recompute(recompute_id=str(begun))
    with owner() as session:
        assert session.scalar(text("SELECT count(*) FROM entitlement_clock")) == 5
    assert queued(owner) == ["compliance.retry-recompute"]

    with capture_logs() as failing:
        retry_recompute(recompute_id=str(begun))
    alarms = [entry for entry in failing if entry["log_level"] == "error"]
    assert [(entry["event"], entry["ranges"]) for entry in alarms] == [("compliance.ranges_failed", [0])]
    # It is not tried for ever, and what happens next follows all the same.
    assert queued(owner)[1:] == ["compliance.refresh-next-actions"]

    with owner() as session:
        session.execute(text("DROP TRIGGER refuse_clock ON entitlement_clock"))
    with capture_logs() as mended:
        retry_recompute(recompute_id=str(begun))
    assert [(entry["event"], entry["clocks"]) for entry in mended] == [("compliance.drift", 7)]
    assert queued(owner)[2:] == ["compliance.refresh-next-actions"]
