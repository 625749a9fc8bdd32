"""The scheduler's own task."""

from __future__ import annotations

from flask import current_app

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.extensions import celery
from victim_gateway.services.operations.beats import record_beat
from victim_gateway.vocabulary import ProcessPart, TaskName
from workers import _heartbeat


@celery.task(name=TaskName.HEARTBEAT)  # type: ignore[untyped-decorator]
def note_that_a_worker_works() -> None:
    """Record the scheduler's heartbeat; sent every 30 seconds, so its arrival shows that broker and worker run."""
    _heartbeat.record_heartbeat(current_app.extensions["settings"], "worker")
    record_beat(ProcessPart.WORKER, actor=Actor.worker("heartbeat"), at=times.now())
