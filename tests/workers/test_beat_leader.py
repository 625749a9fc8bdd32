"""Schedulers as processes: of any number, one sends the ticks, and another takes over when it dies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import redis

from config import Settings
from tests.plumbing.forked_programs import ForkedProgram
from tests.plumbing.programs import environment_of, forked_code, kill_group, wait_until

# The real scheduler with a timetable that a test can wait for.
_QUICK = """
import workers.beat
from victim_gateway.extensions import celery
celery.conf.beat_schedule = {"tick": {"task": "reminders.sweep", "schedule": 0.5}}
workers.beat.run_beat()
"""


@contextmanager
def a_scheduler(settings: Settings, log: Path) -> Iterator[ForkedProgram]:
    log.touch()
    with forked_code(_QUICK, environment=environment_of(settings), log=log) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                kill_group(process)


def senders(broker: redis.Redis) -> set[str]:
    """The processes that sent the ticks which wait in the queue."""
    waiting = broker.lrange("reminders", 0, -1)
    return {json.loads(item)["headers"]["origin"] for item in waiting}  # type: ignore[union-attr]


def test_two_schedulers_send_each_tick_once_and_one_outlives_the_other(
    committed_settings: Settings, empty_broker: redis.Redis, tmp_path: Path
) -> None:
    settings = replace(committed_settings, home=tmp_path)
    logs = [tmp_path / f"{number}.log" for number in range(2)]

    def said(word: str) -> list[bool]:
        return [word in log.read_text(errors="replace") for log in logs]

    with ExitStack() as stack:
        processes = [stack.enter_context(a_scheduler(settings, log)) for log in logs]
        wait_until(lambda: sorted(said("scheduler.started")) == [False, True], 30, logs[0])
        wait_until(lambda: any(said("scheduler.waiting")), 30, logs[0])
        wait_until(lambda: int(empty_broker.llen("reminders")) >= 4, 30, logs[0])  # type: ignore[arg-type]
        assert len(senders(empty_broker)) == 1
        (first,) = senders(empty_broker)

        kill_group(processes[said("scheduler.started").index(True)])
        empty_broker.delete("reminders")
        wait_until(lambda: bool(senders(empty_broker)), 30, logs[1])
        assert senders(empty_broker).isdisjoint({first})
