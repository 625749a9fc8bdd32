"""The nightly rebuild: drift is an alarm, a quiet night is not, twice is once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from uuid import uuid4

from flask import Flask
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from tests.generators.compliance_rows import Row, write
from victim_gateway.compliance.facts import Event, Facts
from workers.compliance import recompute_compliance

Owner = Callable[[], AbstractContextManager[Session]]
REPORTED = datetime(2024, 3, 4, 10, tzinfo=UTC)


def test_drift_is_logged_as_an_alarm_once(app: Flask, owner: Owner) -> None:
    event = Event("suspect_arrested", REPORTED, REPORTED, event_id=str(uuid4()))
    with owner() as session:
        write(session, [Row(known=[(REPORTED, Facts())], events=[event])])

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
