"""Rubbish in the queues: the worker's main process lives, good tasks go on at once, and the rubbish is counted."""

from __future__ import annotations

import base64
import json
import pickle
import urllib.parse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
import redis
from flask import Flask
from sqlalchemy import select

from config import Settings
from config.celery import QUEUES
from tests.plumbing.apps import Owner, publish_to
from tests.plumbing.forked_programs import ForkedProgram
from tests.plumbing.programs import environment_of, forked_code, kill_group, start_worker, wait_until
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.parked_items import PARKED_ITEMS_KEY
from victim_gateway.extensions import celery
from victim_gateway.models import ParkedMessage
from victim_gateway.queries.operations.backlog import current_backlog
from victim_gateway.services.operations.health import HEARTBEAT_KEY
from victim_gateway.services.operations.parked_messages import store_parked_messages
from victim_gateway.vocabulary import ParkReason, TaskName

SWEEP = Actor.worker("tests")
SECRET = b"07700900123 Robin Testcase"
PATIENCE_S = 20


def encoded(content: Any) -> str:
    return base64.b64encode(json.dumps(content).encode()).decode()


def message(task: str = TaskName.HEARTBEAT, **changes: Any) -> dict[str, Any]:
    """A message as Celery publishes it, with some of its parts changed."""
    task_id = str(uuid4())
    queue = "default"
    headers = {
        "lang": "py",
        "task": task,
        "id": task_id,
        "shadow": None,
        "eta": None,
        "expires": None,
        "group": None,
        "group_index": None,
        "retries": 0,
        "timelimit": [None, None],
        "root_id": task_id,
        "parent_id": None,
        "argsrepr": "()",
        "kwargsrepr": "{}",
        "origin": "test",
        "ignore_result": None,
        "replaced_task_nesting": 0,
        "stamped_headers": None,
        "stamps": {},
    }
    properties = {
        "correlation_id": task_id,
        "reply_to": str(uuid4()),
        "delivery_mode": 2,
        "priority": 0,
        "delivery_info": {"exchange": "", "routing_key": queue},
        "body_encoding": "base64",
        "delivery_tag": str(uuid4()),
    }
    embedded = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    whole = {
        "body": encoded([[], {}, embedded]),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": headers,
        "properties": properties,
    }
    for path, value in changes.items():
        part, _, name = path.partition("__")
        if name:
            whole[part] = {**whole[part], name: value}
        else:
            whole[part.replace("_", "-") if part.startswith("content") else part] = value
    return whole


def without(part: str, name: str | None = None) -> dict[str, Any]:
    whole = message()
    if name is None:
        del whole[part]
    else:
        del whole[part][name]
    return whole


def malformed() -> list[bytes]:
    """At least fifty items, each wrong in its own way."""
    plain = [
        b"not json",
        b"",
        b"\x00\xff\xfe",
        SECRET,
        b"x" * 5_000_000,
        b"[" * 100_000,
        b'{"a": ' * 30_000,
        pickle.dumps({"task": "reminders.sweep"}),
    ]
    other = [[], [1, 2], {}, None, 1, "text", True, {"task": "reminders.sweep"}, 1e308, ["task"]]
    messages = [
        *(without(part) for part in ("body", "headers", "properties", "content-type", "content-encoding")),
        *(without("headers", name) for name in ("task", "id", "lang", "stamps", "expires", "timelimit")),
        *(without("properties", name) for name in ("delivery_tag", "delivery_info", "body_encoding")),
        message("no.such.task"),
        message("celery.backend_cleanup"),
        message(body="%%% no base64 %%%"),
        message(body=base64.b64encode(b"not json").decode()),
        message(body=7),
        message(body=encoded({})),
        message(body=encoded([])),
        message(body=encoded([[1], {}, {}])),
        message(body=encoded([[], {"surplus": 1}, {}])),
        message(TaskName.RUN_IMPORT),
        message(
            TaskName.RUN_IMPORT,
            body=encoded([[], {"batch_id": "x"}, dict.fromkeys(("callbacks", "errbacks", "chain", "chord"))]),
        ),
        message(content_type="application/x-python-serialize", body=encoded("x")),
        message(content_type="application/x-python-serialize", content_encoding="binary"),
        message(content_encoding="no-such-charset"),
        message(headers=[]),
        message(headers=None),
        message(properties="x"),
        message(headers__compression="application/x-gzip"),
        message(headers__expires="yesterday"),
        message(headers__expires="0001-01-01T00:00:00+14:00"),
        message(headers__eta="9999-12-31T23:59:59-12:00"),
        message(headers__retries="many"),
        message(headers__timelimit=7),
        message(headers__id=["a", "list"]),
        message(headers__task={"a": "dict"}),
        message(headers__stamps="x"),
        message(properties__delivery_tag={"__type__": "uuid", "__value__": "x"}),
        message(properties__delivery_tag="\ud800"),
        message(properties__delivery_info={"exchange": "elsewhere", "routing_key": "elsewhere"}),
        message(properties__body_encoding="rot13"),
    ]
    return [*plain, *(json.dumps(item).encode() for item in (*other, *messages))]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "the-worker.log"


@pytest.fixture
def worker(
    committed_app: Flask, committed_settings: Settings, empty_broker: redis.Redis, log: Path
) -> Iterator[ForkedProgram]:
    with start_worker(committed_settings, log) as process:
        yield process
        # To stop by itself takes a worker two seconds, which no test here looks at.
        if process.poll() is None:
            kill_group(process)


def take_good_tasks(broker: redis.Redis, settings: Settings, log: Path) -> None:
    """Send a task to every queue behind what stands in it, and wait until a worker has done it."""
    publish_to(str(settings.redis_url))
    heartbeat = HEARTBEAT_KEY.format("worker")
    for queue in QUEUES:
        broker.delete(heartbeat)
        celery.send_task(TaskName.HEARTBEAT, queue=queue)
        wait_until(lambda: broker.get(heartbeat) is not None, PATIENCE_S, log)


def test_fifty_malformed_items_end_no_worker_and_hold_up_no_good_task(
    worker: ForkedProgram,
    empty_broker: redis.Redis,
    committed_settings: Settings,
    committed_owner: Owner,
    log: Path,
) -> None:
    children = {child.pid for child in psutil.Process(worker.pid).children()}
    items = malformed()
    assert len(items) >= 50
    for number, item in enumerate(items):
        empty_broker.lpush(QUEUES[number % len(QUEUES)], item)

    take_good_tasks(empty_broker, committed_settings, log)

    assert worker.poll() is None
    assert {child.pid for child in psutil.Process(worker.pid).children()} >= children
    assert " ready." in log.read_text() and log.read_text().count(" ready.") == 1
    wait_until(lambda: int(empty_broker.llen(PARKED_ITEMS_KEY)) == len(items), PATIENCE_S, log)  # type: ignore[arg-type]
    for queue in QUEUES:
        assert empty_broker.llen(queue) == 0

    assert store_parked_messages(committed_settings, actor=SWEEP, at=times.now()) == len(items)
    with committed_owner() as session:
        parked = session.scalars(select(ParkedMessage)).all()
    assert len(parked) == len(items)
    assert sorted(message.size for message in parked) == sorted(map(len, items))
    assert {message.queue for message in parked} == set(QUEUES)
    assert {message.reason for message in parked} == set(ParkReason) - {ParkReason.NO_QUEUE}
    assert current_backlog(actor=SWEEP).parked_messages == len(items)


# The real scheduler, with its real way of sending, and a timetable that a test can wait for.
SCHEDULED = (
    "scheduler.heartbeat",
    "outbox.sweep",
    "reminders.sweep",
    "compliance.recompute",
    "compliance.count-clocks",
    "audit.verify",
)
QUICK_SCHEDULER = """
import importlib
import workers.beat
from victim_gateway.extensions import celery
from workers.celery_app import task_modules
if {knows_the_tasks}:
    for module in task_modules():
        importlib.import_module(module)
    celery.finalize()
entries = {{name: {{"task": name, "schedule": 1.0, "options": {{"expires": 60}}}} for name in {names}}}
celery.conf.beat_schedule = entries
workers.beat.run_beat()
"""


@pytest.mark.parametrize("knows_the_tasks", [False, True])
def test_nothing_that_the_scheduler_sends_is_parked(
    worker: ForkedProgram,
    empty_broker: redis.Redis,
    committed_settings: Settings,
    log: Path,
    tmp_path: Path,
    knows_the_tasks: bool,
) -> None:
    with forked_code(
        QUICK_SCHEDULER.format(knows_the_tasks=knows_the_tasks, names=SCHEDULED),
        environment=environment_of(replace(committed_settings, home=tmp_path)),
        log=tmp_path / "scheduler.log",
    ) as scheduler:
        try:
            wait_until(lambda: all(f"Task {name}[" in log.read_text() for name in SCHEDULED), 60, log)
        finally:
            kill_group(scheduler)
    assert "queue.item_parked" not in log.read_text()
    assert not empty_broker.exists(PARKED_ITEMS_KEY)


def test_nothing_of_an_item_and_no_password_is_kept_or_logged(
    worker: ForkedProgram,
    empty_broker: redis.Redis,
    committed_settings: Settings,
    committed_owner: Owner,
    log: Path,
) -> None:
    empty_broker.lpush("messages", SECRET, SECRET + b"!")
    wait_until(lambda: int(empty_broker.llen(PARKED_ITEMS_KEY)) == 2, PATIENCE_S, log)  # type: ignore[arg-type]
    assert not any(SECRET in note for note in empty_broker.lrange(PARKED_ITEMS_KEY, 0, -1))  # type: ignore[union-attr]
    store_parked_messages(committed_settings, actor=SWEEP, at=times.now())
    with committed_owner() as session:
        shown = session.execute(select(ParkedMessage.queue, ParkedMessage.size)).all()
    assert sorted(shown) == [("messages", len(SECRET)), ("messages", len(SECRET) + 1)]
    said = log.read_bytes()
    assert b"queue.item_parked" in said
    assert SECRET not in said
    password = urllib.parse.urlsplit(str(committed_settings.redis_url)).password
    assert password and password.encode() not in said


def test_what_stands_at_the_place_of_a_queue_and_is_none_is_removed(
    worker: ForkedProgram, empty_broker: redis.Redis, committed_settings: Settings, log: Path
) -> None:
    empty_broker.set("default", "no list")
    wait_until(lambda: not empty_broker.exists("default"), PATIENCE_S, log)
    take_good_tasks(empty_broker, committed_settings, log)
    assert worker.poll() is None
    assert empty_broker.llen(PARKED_ITEMS_KEY) == 1


def test_what_can_not_be_given_back_stops_no_other_task_from_being_given_back(
    committed_app: Flask, committed_settings: Settings, empty_broker: redis.Redis, log: Path
) -> None:
    """As after a killed worker: its tasks are listed as handed out, with rubbish among them."""
    good = message()
    kept = {"1": b"not json", "2": b"[1, 2]", "3": json.dumps([{}, "", "default"]).encode()}
    kept["4"] = json.dumps([good, "", "default"]).encode()
    empty_broker.hset("unacked", mapping=kept)  # type: ignore[arg-type]
    empty_broker.zadd("unacked_index", {tag: number for number, tag in enumerate(kept, start=1)})
    with start_worker(committed_settings, log) as worker:
        try:
            wait_until(
                lambda: (
                    empty_broker.get(HEARTBEAT_KEY.format("worker")) is not None
                    and not empty_broker.exists("unacked")
                ),
                PATIENCE_S,
                log,
            )
            assert worker.poll() is None
        finally:
            worker.terminate()
            worker.wait(30)
    assert empty_broker.llen(PARKED_ITEMS_KEY) == 3


def test_notes_are_stored_once_and_rubbish_among_them_is_parked_too(
    committed_app: Flask, committed_settings: Settings, empty_broker: redis.Redis, committed_owner: Owner
) -> None:
    note = {"id": str(uuid4()), "queue": "default", "reason": "not_json", "size": 3}
    note |= {"hash": "ab" * 32, "at": times.now().isoformat()}
    wrong = [{**note, "size": -1}, {**note, "reason": "?"}, {**note, "at": "2026-01-01"}, [], {}]
    for item in (note, note, *wrong):
        empty_broker.rpush(PARKED_ITEMS_KEY, json.dumps(item))
    empty_broker.rpush(PARKED_ITEMS_KEY, b"\xff")

    assert store_parked_messages(committed_settings, actor=SWEEP, at=times.now()) == 8
    assert store_parked_messages(committed_settings, actor=SWEEP, at=times.now()) == 0

    with committed_owner() as session:
        queues = session.scalars(select(ParkedMessage.queue)).all()
    assert sorted(queues) == ["default", *[PARKED_ITEMS_KEY] * 6]
