"""The guarded scheduler and the worker, as processes of their own."""

from __future__ import annotations

import importlib
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from sqlalchemy import text

from config import Settings
from tests.plumbing.apps import Owner, publish_to
from tests.plumbing.forked_programs import ForkedProgram, run_scheduler
from tests.plumbing.programs import environment_of, wait_until
from victim_gateway.database.advisory_locks import AdvisoryLock
from victim_gateway.extensions import celery
from victim_gateway.services.operations.health import HEARTBEAT_KEY
from victim_gateway.vocabulary import TaskName
from workers.beat import BeatLeaderLock
from workers.celery_app import task_modules


def test_of_two_schedulers_one_works_and_the_other_takes_over(
    committed_settings: Settings, empty_broker: redis.Redis, tmp_path: Path
) -> None:
    first_log, second_log = tmp_path / "first.log", tmp_path / "second.log"
    with _beat(committed_settings, first_log, tmp_path / "1") as first:
        _wait_for(first_log, "scheduler.started")
        with _beat(committed_settings, second_log, tmp_path / "2") as second:
            _wait_for(second_log, "scheduler.waiting")
            assert "scheduler.started" not in second_log.read_text()
            first.kill()
            _wait_for(second_log, "scheduler.started")
            second.send_signal(signal.SIGTERM)
            assert second.wait(20) == 0


def test_a_scheduler_that_loses_its_lock_sends_no_more_and_ends(
    committed_settings: Settings, empty_broker: redis.Redis, committed_owner: Owner, tmp_path: Path
) -> None:
    log = tmp_path / "beat.log"
    with _beat(committed_settings, log, tmp_path) as beat:
        _wait_for(log, "scheduler.started")
        with committed_owner() as session:
            holders = (
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = :lock"
            )
            assert session.execute(text(holders), {"lock": int(AdvisoryLock.BEAT_LEADER)}).all() == [(True,)]
        assert beat.wait(20) == 1
    assert "scheduler.lock_lost" in log.read_text()


def test_a_scheduler_shows_that_it_is_alive(
    committed_settings: Settings, empty_broker: redis.Redis, tmp_path: Path
) -> None:
    with _beat(committed_settings, tmp_path / "beat.log", tmp_path):
        wait_until(lambda: empty_broker.get(HEARTBEAT_KEY.format("scheduler")) is not None, 30)


def test_a_worker_shows_that_it_works(
    worker_process: ForkedProgram, committed_settings: Settings, empty_broker: redis.Redis
) -> None:
    empty_broker.delete(HEARTBEAT_KEY.format("worker"))
    publish_to(str(committed_settings.redis_url))
    celery.send_task(TaskName.HEARTBEAT)
    wait_until(lambda: empty_broker.get(HEARTBEAT_KEY.format("worker")) is not None, 30)


def test_a_lock_that_was_never_taken_is_not_held() -> None:
    assert not BeatLeaderLock("postgresql://nobody@127.0.0.1:1/none").is_leader()


def test_every_name_of_a_task_has_a_task() -> None:
    for module in task_modules():
        importlib.import_module(module)
    assert {name.value for name in TaskName} <= set(celery.tasks)


@contextmanager
def _beat(settings: Settings, log: Path, home: Path) -> Iterator[ForkedProgram]:
    home.mkdir(exist_ok=True)
    log.touch()
    environment = environment_of(settings, GATEWAY_HOME=str(home))
    with ForkedProgram(run_scheduler, [], environment=environment, output=log) as beat:
        try:
            yield beat
        finally:
            if beat.poll() is None:
                beat.kill()


def _wait_for(log: Path, line: str) -> None:
    wait_until(lambda: line in log.read_text(), 30, log)


@pytest.fixture(autouse=True)
def _usual_broker() -> Iterator[None]:
    usual = celery.conf.broker_url
    yield
    celery.conf.broker_url = usual
