"""Tasks about the scheduler itself."""

from __future__ import annotations

from flask import current_app

from config import Settings
from victim_gateway import times
from victim_gateway.extensions import celery
from victim_gateway.integrations import heartbeat
from victim_gateway.vocabulary import TaskName


@celery.task(name=TaskName.HEARTBEAT)  # type: ignore[untyped-decorator]
def note_heartbeat() -> None:
    """Show that scheduler, broker and worker are alive; health checks read it."""
    settings: Settings = current_app.extensions["settings"]
    if settings.redis_url:
        heartbeat.note(settings.redis_url, times.now())
