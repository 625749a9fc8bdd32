"""The Celery program: settings read when first needed, tasks found by file, an app context around each."""

from __future__ import annotations

import gc
import pkgutil
from functools import cache
from pathlib import Path
from typing import Any

from celery.app.task import Task
from celery.signals import celeryd_init, setup_logging, worker_init, worker_process_init, worker_ready
from flask import Flask, has_app_context
from kombu.transport import TRANSPORT_ALIASES

from config import Settings, load_settings
from config.celery import celery_settings
from config.logging import configure_logging
from config.startup import exit_on_wrong_setting
from victim_gateway import create_app_without_pages, devservers
from victim_gateway.database.area_record import check_area
from victim_gateway.extensions import celery, db
from workers import _heartbeat, _watch

_NO_TASKS = {"beat", "celery_app"}


@cache
def process_settings() -> Settings:
    """This process's settings; embedded servers are used, or started, where no others are named.

    Ends the process with one line when a setting is wrong, or the database is another area's.
    """
    with exit_on_wrong_setting():
        settings = devservers.start_embedded_servers(load_settings())
        check_area(settings)
    return settings


@cache
def flask_app() -> Flask:
    """The app in whose context this process runs its tasks."""
    return create_app_without_pages(process_settings())


class TaskInAppContext(Task):  # type: ignore[misc]
    """A task that finds the database and the settings where a request finds them."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # called directly by a test, it uses the caller's app context
        if has_app_context():
            return super().__call__(*args, **kwargs)
        with flask_app().app_context():
            return super().__call__(*args, **kwargs)


def task_modules() -> list[str]:
    """The files of this folder that define tasks."""
    found = pkgutil.iter_modules([str(Path(__file__).parent)])
    return [
        f"workers.{module.name}"
        for module in found
        if not module.name.startswith("_") and module.name not in _NO_TASKS
    ]


def _defaults() -> dict[str, Any]:
    with exit_on_wrong_setting():
        return {"imports": task_modules(), **celery_settings(load_settings())}


celery.task_cls = TaskInAppContext
# evaluated only when a setting is first needed; an app created before then sets its own instead
celery.add_defaults(_defaults)


@setup_logging.connect  # type: ignore[untyped-decorator]
def _log_as_everywhere(**_: Any) -> None:
    configure_logging(load_settings())


@celeryd_init.connect  # type: ignore[untyped-decorator]
def _use_embedded_broker(conf: Any = None, **_: Any) -> None:
    conf.broker_url = process_settings().task_broker_url
    if process_settings().queues_in_rabbitmq:
        conf.worker_consumer = "workers._checked_consumer:CheckedConsumer"
    # By name, because a transport given as a class would lose the TLS of a rediss:// URL.
    TRANSPORT_ALIASES.update(
        dict.fromkeys(("redis", "rediss"), "workers._checked_transport:CheckedTransport")
    )


@worker_ready.connect  # type: ignore[untyped-decorator]
def _show_that_it_is_here(sender: Any = None, **_: Any) -> None:
    _heartbeat.record_heartbeat(process_settings(), "worker")
    _watch.watch_beside(sender, flask_app())


@worker_init.connect  # type: ignore[untyped-decorator]
def _make_app_before_the_children(**_: Any) -> None:
    # Once, in their parent: what is there when they are forked they share, as long as nobody writes to it.
    flask_app()
    gc.collect()
    gc.freeze()


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _open_own_connections(**_: Any) -> None:
    # A child that is started later is forked from the same parent; a pool that came along must not be used by both.
    with flask_app().app_context():
        for engine in db.engines.values():
            engine.dispose(close=False)
