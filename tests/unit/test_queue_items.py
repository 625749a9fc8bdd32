"""The check of queue items: every message of ours passes, whatever else there is does not, and it never raises."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery
from hypothesis import given, settings
from hypothesis import strategies as st
from kombu import Queue

from config import load_settings
from config.celery import QUEUES, celery_settings
from tests.plumbing.property_tests import examples
from victim_gateway.vocabulary import ParkReason, TaskName
from workers._item_check import MAX_ITEM_BYTES, find_fault

BATCH = {TaskName.RUN_IMPORT.value: frozenset({"batch_id"})}
TASKS = {**{name.value: frozenset[str]() for name in TaskName}, **BATCH}


def published(send: Callable[[Celery], object], queue: str) -> dict[str, Any]:
    """The message as our configuration publishes it, before it is put into a broker."""
    publisher = Celery("publisher", set_as_current=False)
    publisher.config_from_object(celery_settings(load_settings({})))
    publisher.conf.broker_url = "memory://"
    with publisher.connection() as connection:
        # All memory brokers of a process are one: what another test published is taken out first.
        waiting = Queue(queue)(connection.default_channel)
        waiting.declare()
        waiting.purge()
        send(publisher)
        message = waiting.get()
    assert message is not None
    raw: dict[str, Any] = json.loads(json.dumps(message._raw))
    return raw


def heartbeat(**options: Any) -> dict[str, Any]:
    return published(lambda app: app.send_task(TaskName.HEARTBEAT, **options), "default")


def fault(message: Any) -> ParkReason | None:
    return find_fault(json.dumps(message).encode(), TASKS)


@pytest.mark.parametrize("queue", QUEUES)
def test_a_task_of_ours_may_pass_in_every_queue(queue: str) -> None:
    assert fault(published(lambda app: app.send_task(TaskName.HEARTBEAT, queue=queue), queue)) is None


def test_a_task_with_an_id_from_the_timetable_and_from_within_a_task_may_pass() -> None:
    batch = {"batch_id": str(uuid4())}
    assert fault(published(lambda app: app.send_task(TaskName.RUN_IMPORT, kwargs=batch), "imports")) is None
    assert fault(heartbeat(expires=30.0)) is None
    assert fault(heartbeat(root_id=str(uuid4()), parent_id=str(uuid4()))) is None


def do_nothing() -> None:
    """What a task does is of no account here."""


@pytest.mark.parametrize("limits", [{}, {"soft_time_limit": 780, "time_limit": 840}])
def test_a_task_that_its_sender_knows_carries_its_options_and_may_pass(
    limits: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A web process knows only names; the scheduler and the worker know the tasks, and send their options."""
    # Celery gives the tasks of every app in this process to each app: here only the one below is known.
    monkeypatch.setattr("celery._state._on_app_finalizers", set())

    def send(app: Celery) -> None:
        task = app.task(name=TaskName.HEARTBEAT.value, shared=False, **limits)(do_nothing)
        app.finalize()
        # as the scheduler sends
        task.apply_async(headers={"celery_beat_task": True}, expires=30.0)

    known = published(send, "default")
    assert known["headers"]["ignore_result"] is True
    assert known["headers"]["timelimit"] == ([840, 780] if limits else [300, 240])
    assert known["headers"]["celery_beat_task"] is True
    assert fault(known) is None


def test_a_task_that_is_handed_out_again_may_pass() -> None:
    again = heartbeat()
    again["headers"]["redelivered"] = True
    again["properties"]["delivery_info"]["redelivered"] = True
    assert fault(again) is None


@pytest.mark.parametrize("options", [{"countdown": 60}, {"retries": 3}, {"shadow": "x"}, {"priority": 5}])
def test_what_we_never_ask_for_is_no_task_of_ours(options: dict[str, Any]) -> None:
    assert fault(heartbeat(**options)) is ParkReason.NOT_A_TASK


def test_each_fault_has_its_reason() -> None:
    good = heartbeat()
    unknown = copy.deepcopy(good)
    unknown["headers"]["task"] = "os.system"
    given = heartbeat(kwargs={"batch_id": str(uuid4())})
    assert find_fault(b"x" * (MAX_ITEM_BYTES + 1), TASKS) is ParkReason.TOO_LARGE
    assert find_fault(b"not json", TASKS) is ParkReason.NOT_JSON
    assert find_fault(b"[]", TASKS) is ParkReason.NOT_A_TASK
    assert fault(unknown) is ParkReason.UNKNOWN_TASK
    assert fault(given) is ParkReason.WRONG_ARGUMENTS


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
GOOD = heartbeat()
PLACES = [
    *((part,) for part in GOOD),
    *(("headers", name) for name in GOOD["headers"]),
    *(("properties", name) for name in GOOD["properties"]),
]
# Text that Celery prints and never reads.
FREE = {("headers", name) for name in ("argsrepr", "kwargsrepr", "origin")}


@settings(max_examples=examples(1000))
@given(st.binary(max_size=200) | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_no_task_and_raise_nothing(item: bytes) -> None:
    assert find_fault(item, TASKS) is not None


@settings(max_examples=examples(1000))
@given(st.sampled_from(PLACES), ANYTHING)
def test_a_message_with_anything_else_at_one_place_is_no_task(place: tuple[str, ...], value: Any) -> None:
    changed = copy.deepcopy(GOOD)
    part = changed
    for name in place[:-1]:
        part = part[name]
    if repr(part[place[-1]]) == repr(value):
        return
    part[place[-1]] = value
    found = fault(changed)
    is_free_text = place in FREE and isinstance(value, str)
    is_no_answer = place == ("headers", "ignore_result") and (value is None or isinstance(value, bool))
    assert found is not None or is_free_text or is_no_answer


@settings(max_examples=examples(200))
@given(st.sampled_from(PLACES))
def test_a_message_that_lacks_one_part_is_no_task(place: tuple[str, ...]) -> None:
    changed = copy.deepcopy(GOOD)
    part = changed
    for name in place[:-1]:
        part = part[name]
    del part[place[-1]]
    assert fault(changed) is ParkReason.NOT_A_TASK
