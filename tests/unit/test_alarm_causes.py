"""When there is an alarm, and which program is accused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from victim_gateway.rules.alarm_causes import CHAIN_OF_FAILURES, WatchedState, find_alarm_causes
from victim_gateway.vocabulary import AlarmCause

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LIMIT = timedelta(minutes=4)


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def causes(**changes: Any) -> set[AlarmCause]:
    usual = {
        "late": 0,
        "parked": 0,
        "failing": 0,
        "worker_at": ago(0.5),
        "scheduler_at": ago(0.5),
        "scheduler_since": ago(600),
        "watched_since": ago(600),
    }
    return set(find_alarm_causes(WatchedState(**(usual | changes)), NOW, LIMIT))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, set()),
        ({"late": 1}, {AlarmCause.MAIL_IS_LATE}),
        ({"people_late": 1}, {AlarmCause.PEOPLE_MESSAGES_LATE}),
        ({"parked": 1}, {AlarmCause.EMAILS_PARKED}),
        ({"failing": CHAIN_OF_FAILURES - 1}, set()),
        ({"failing": CHAIN_OF_FAILURES}, {AlarmCause.EMAILS_FAIL}),
        ({"worker_at": ago(5)}, {AlarmCause.WORKER_SILENT}),
        ({"worker_at": ago(4)}, set()),
        ({"worker_at": None}, {AlarmCause.WORKER_SILENT}),
        ({"scheduler_at": ago(5)}, {AlarmCause.SCHEDULER_SILENT}),
        # without a scheduler no worker is asked to show that it works
        ({"scheduler_at": ago(5), "worker_at": ago(5)}, {AlarmCause.SCHEDULER_SILENT}),
        # the scheduler is back: the worker has the whole time to show itself
        ({"scheduler_since": ago(1), "worker_at": ago(60)}, set()),
        ({"scheduler_since": ago(5), "worker_at": ago(60)}, {AlarmCause.WORKER_SILENT}),
        # who looks has only begun to
        ({"scheduler_at": None, "worker_at": None, "scheduler_since": None, "watched_since": ago(1)}, set()),
        ({"scheduler_at": None, "scheduler_since": None}, {AlarmCause.SCHEDULER_SILENT}),
    ],
)
def test_the_causes(changes: dict[str, Any], expected: set[AlarmCause]) -> None:
    assert causes(**changes) == expected
