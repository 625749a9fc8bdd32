"""Every background task has a name in one list, every name a task, and the timetable sends only those."""

from __future__ import annotations

import importlib

import pytest

from config import load_settings
from config.celery import QUEUES, ROUTES, TIME_LIMIT_S, VISIBILITY_TIMEOUT_S, celery_settings
from victim_gateway.extensions import celery
from victim_gateway.vocabulary import TaskName
from workers.celery_app import task_modules

NAMES = {name.value for name in TaskName}


@pytest.fixture(scope="module")
def registered() -> dict[str, object]:
    """Our tasks, by name."""
    for module in task_modules():
        importlib.import_module(module)
    return {name: task for name, task in celery.tasks.items() if not name.startswith("celery.")}


def test_every_task_is_named_in_the_list_and_every_name_has_a_task(registered: dict[str, object]) -> None:
    assert set(registered) == NAMES


def test_a_name_does_not_say_where_its_function_stands(registered: dict[str, object]) -> None:
    modules = {getattr(task, "__module__", "") for task in registered.values()}
    assert {name for name in registered for module in modules if name.startswith(module)} == set()


def test_the_timetable_sends_tasks_that_exist() -> None:
    entries = celery_settings(load_settings({}))["beat_schedule"].values()
    assert {entry["task"] for entry in entries} <= NAMES


def test_every_task_has_a_queue_that_workers_listen_to() -> None:
    routes = {pattern.removesuffix(".*"): route["queue"] for pattern, route in ROUTES.items()}
    queues = {routes.get(name.partition(".")[0], "default") for name in NAMES}
    assert queues <= set(QUEUES)


def test_no_task_lasts_longer_than_the_broker_waits_for_it(registered: dict[str, object]) -> None:
    limits = [getattr(task, "time_limit", None) or TIME_LIMIT_S for task in registered.values()]
    assert max(limits) < VISIBILITY_TIMEOUT_S
