"""The scheduler with leader election: only the process that has a lock in the database sends tasks.

It ends when the lock's connection does, since another may hold the lock by then; its supervisor starts it
again.
"""

from __future__ import annotations

import signal
import sys
import time
from typing import Any

import psycopg
import structlog
from celery.beat import PersistentScheduler, Service

from config.celery import HEARTBEAT_EVERY_S
from config.logging import configure_logging
from config.startup import exit_on_wrong_setting
from victim_gateway import create_app_without_pages
from victim_gateway.database.advisory_locks import AdvisoryLock
from victim_gateway.database.area_record import check_area
from victim_gateway.extensions import celery
from victim_gateway.vocabulary import ProcessPart
from workers import _heartbeat
from workers._watch import AlarmWatch
from workers.celery_app import process_settings

log = structlog.get_logger()

_TRY_EVERY_S = 1.0
_LOST = 1


class BeatLeaderLock:
    """The leader's advisory lock, in a transaction that stays open on a connection of its own.

    A lock of a transaction, as a pooler may give the next transaction another server connection. Such a
    transaction keeps no snapshot between its statements, so it holds no vacuum up.
    """

    def __init__(self, url: str) -> None:
        """`url` in libpq's form."""
        self._url = url
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    def wait_for_lock(self) -> None:
        """Wait until this process has the lock, also while the database is away."""
        is_logged = False
        while not self._try():
            if not is_logged:
                log.info("scheduler.waiting")
                is_logged = True
            time.sleep(_TRY_EVERY_S)

    def is_leader(self) -> bool:
        """Whether the connection, and with it the lock, still exists."""
        if self._connection is None or self._connection.closed:
            return False
        try:
            self._connection.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    def _try(self) -> bool:
        try:
            if self._connection is None or self._connection.closed:
                self._connection = psycopg.connect(self._url, connect_timeout=5, prepare_threshold=None)
            row = self._connection.execute(
                "SELECT pg_try_advisory_xact_lock(%s)", [int(AdvisoryLock.BEAT_LEADER)]
            ).fetchone()
            if row is None or not row[0]:
                self._connection.rollback()
        except psycopg.Error:
            if self._connection is not None:
                self._connection.close()
            return False
        return bool(row and row[0])


class GuardedScheduler(PersistentScheduler):  # type: ignore[misc]
    """A scheduler that sends nothing once the lock is lost."""

    guard: BeatLeaderLock
    watch: AlarmWatch
    noted_at = looked_at = float("-inf")

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due; seconds until the next look. Raises SystemExit when the lock is lost."""
        if not self.guard.is_leader():
            log.warning("scheduler.lock_lost")
            raise SystemExit(_LOST)
        if time.monotonic() - self.noted_at > HEARTBEAT_EVERY_S:
            _heartbeat.record_heartbeat(process_settings(), "scheduler")
            self.noted_at = time.monotonic()
        if time.monotonic() - self.looked_at > self.watch.pause_s:
            self.watch.look()
            self.looked_at = time.monotonic()
        return float(super().tick(*args, **kwargs))


def run_beat() -> None:
    """Wait for the lock, then run until told to stop (status 0) or until the lock is lost (status 1)."""
    settings = process_settings()
    configure_logging(settings)
    guard = BeatLeaderLock(str(settings.database_url).replace("postgresql+psycopg://", "postgresql://"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    guard.wait_for_lock()
    # the database may have been away until now
    with exit_on_wrong_setting():
        check_area(settings)
    log.info("scheduler.started")
    timetable = celery.conf.beat_schedule
    app = create_app_without_pages(settings)
    # Making the application configures Celery anew: the timetable from before holds.
    celery.conf.beat_schedule = timetable
    celery.conf.broker_url = settings.task_broker_url
    GuardedScheduler.guard = guard
    GuardedScheduler.watch = AlarmWatch(app, ProcessPart.SCHEDULER)
    schedule = settings.home / "run" / "beat-schedule"
    schedule.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    service = Service(celery, None, str(schedule), GuardedScheduler, remote_control=False)
    service.start()
    # Celery's service swallows the SystemExit that a lost lock raises
    sys.exit(0 if guard.is_leader() else _LOST)


if __name__ == "__main__":
    run_beat()
