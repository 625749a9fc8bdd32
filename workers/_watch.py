"""The look for alarms that the scheduler and every worker take: each notices when the other has died."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from config import Settings
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.area_record import WrongArea
from victim_gateway.extensions import db
from victim_gateway.services.operations.alarms import look_for_alarms
from victim_gateway.services.operations.beats import record_beat
from victim_gateway.vocabulary import ProcessPart

log = structlog.get_logger()

_LONGEST_PAUSE_S = 30.0


class AlarmWatch:
    """Looks for alarms now and then, in the program's own loop: no thread that a child could be forked beside."""

    def __init__(self, app: Flask, part: ProcessPart) -> None:
        """`part` is the program that looks; the scheduler shows with each look that it works."""
        self._app, self._part = app, part
        self._since: datetime = times.now()
        self._actor = Actor.worker(f"{part.value} watch")
        self._is_database_away = False

    @property
    def pause_s(self) -> float:
        """Seconds between two looks."""
        settings: Settings = self._app.extensions["settings"]
        return min(_LONGEST_PAUSE_S, settings.alarm_after_s / 3)

    def look(self) -> None:
        """One look. Without a database there is a line in the log, once until it is back."""
        with self._app.app_context():
            try:
                self._look(times.now())
                self._is_database_away = False
            except (SQLAlchemyError, WrongArea) as error:
                if not self._is_database_away:
                    log.error("alarm.database_away", part=self._part.value, error=type(error).__name__)
                self._is_database_away = True
            finally:
                db.session.remove()
                # Nothing stays open that a child of this program would share.
                db.engine.dispose()

    def _look(self, at: datetime) -> None:
        if self._part is ProcessPart.SCHEDULER:
            record_beat(self._part, actor=self._actor, at=at)
        settings = self._app.extensions["settings"]
        look_for_alarms(settings, watched_since=self._since, actor=self._actor, at=at)


def watch_beside(consumer: Any, app: Flask) -> None:
    """Look for alarms in the loop of a worker, as long as it takes tasks."""
    watch = AlarmWatch(app, ProcessPart.WORKER)
    consumer.timer.call_repeatedly(watch.pause_s, watch.look)
