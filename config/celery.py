"""How background work runs: queues by kind, time limits, and the beat's timetable."""

from __future__ import annotations

from typing import Any

from celery.schedules import crontab
from kombu.entity import Queue

from config import Settings

# Names of tasks are in victim_gateway.vocabulary.TaskName; a test holds the two together.
SWEEP_REMINDERS = "reminders.sweep"
SWEEP_OUTBOX = "outbox.sweep"
SWEEP_VICTIM_MESSAGES = "messages.sweep-to-people"
RECOMPUTE_COMPLIANCE = "compliance.recompute"
COUNT_CLOCKS = "compliance.count-clocks"
VERIFY_AUDIT = "audit.verify"
SEAL_AUDIT = "audit.seal"
INDEX_PEOPLE = "people.index"
FIND_DUPLICATES = "people.find-duplicates"
PURGE_DRAFTS = "drafts.purge"
HEARTBEAT = "scheduler.heartbeat"

# One queue per kind of work, so that urgent kinds can have workers that no import occupies.
QUEUES = ("default", "reminders", "messages", "imports", "compliance")
ROUTES = {
    "reminders.*": {"queue": "reminders"},
    "outbox.*": {"queue": "reminders"},
    "messages.*": {"queue": "messages"},
    "imports.*": {"queue": "imports"},
    "compliance.*": {"queue": "compliance"},
    # A minute's seal does not wait behind a night's recompute.
    "audit.seal": {"queue": "reminders"},
    "audit.*": {"queue": "compliance"},
    "people.*": {"queue": "compliance"},
    "drafts.*": {"queue": "compliance"},
    "successions.*": {"queue": "compliance"},
}
# Longer than the longest task, or the broker hands it out a second time while it runs.
VISIBILITY_TIMEOUT_S = 900
SOFT_TIME_LIMIT_S = 240
TIME_LIMIT_S = 300
EVERY_MINUTE_S = 60.0
HEARTBEAT_EVERY_S = 30.0
# A nightly task that no worker took in time is dropped, so that it does not run during the day.
NIGHT_S = 4 * 3600.0


def _timetable() -> dict[str, dict[str, Any]]:
    """The beat schedule. A tick expires when the next is due: after a pause there is one pass, not a backlog."""
    return {
        "sweep the reminders": {
            "task": SWEEP_REMINDERS,
            "schedule": EVERY_MINUTE_S,
            "options": {"expires": EVERY_MINUTE_S},
        },
        "sweep the outbox": {
            "task": SWEEP_OUTBOX,
            "schedule": EVERY_MINUTE_S,
            "options": {"expires": EVERY_MINUTE_S},
        },
        "sweep the messages to people": {
            "task": SWEEP_VICTIM_MESSAGES,
            "schedule": EVERY_MINUTE_S,
            "options": {"expires": EVERY_MINUTE_S},
        },
        "complete the search index": {
            "task": INDEX_PEOPLE,
            "schedule": EVERY_MINUTE_S,
            "options": {"expires": EVERY_MINUTE_S},
        },
        "count clocks by day": {
            "task": COUNT_CLOCKS,
            "schedule": EVERY_MINUTE_S,
            "options": {"expires": EVERY_MINUTE_S},
        },
        "seal the lanes of the audit": {
            "task": SEAL_AUDIT,
            "schedule": EVERY_MINUTE_S,
            "options": {"expires": EVERY_MINUTE_S},
        },
        "show that the scheduler is alive": {
            "task": HEARTBEAT,
            "schedule": HEARTBEAT_EVERY_S,
            "options": {"expires": HEARTBEAT_EVERY_S},
        },
        # In London time; 02:30, 03:30, 04:15 and 04:45 occur exactly once on every day, clock changes included.
        "recompute compliance": {
            "task": RECOMPUTE_COMPLIANCE,
            "schedule": crontab(hour=2, minute=30),
            "options": {"expires": NIGHT_S},
        },
        # Nothing but a line in the log where the optional extra is not installed.
        "find records that are one person": {
            "task": FIND_DUPLICATES,
            "schedule": crontab(day_of_month=1, hour=4, minute=45),
            "options": {"expires": NIGHT_S},
        },
        "purge old drafts": {
            "task": PURGE_DRAFTS,
            "schedule": crontab(hour=4, minute=15),
            "options": {"expires": NIGHT_S},
        },
        "verify the audit": {
            "task": VERIFY_AUDIT,
            "schedule": crontab(hour=3, minute=30),
            "options": {"expires": NIGHT_S},
        },
    }


def transport_options(broker_url: str | None) -> dict[str, Any]:
    """What kombu's transport for this broker is told: RabbitMQ confirms each task, Redis hands lost ones out again."""
    if (broker_url or "").startswith("amqp"):
        return {"confirm_publish": True, "read_timeout": 30, "write_timeout": 30}
    return {
        "visibility_timeout": VISIBILITY_TIMEOUT_S,
        # without these a dead worker's task comes back up to 100 s after the visibility timeout
        "unacked_restore_throttle": 1,
        "unacked_restore_interval": 10,
        "socket_timeout": 30,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
    }


def celery_settings(settings: Settings) -> dict[str, Any]:
    """The configuration of the Celery object; without a broker's URL nothing can be published."""
    return {
        "broker_url": settings.task_broker_url,
        "broker_connection_retry_on_startup": True,
        "broker_transport_options": transport_options(settings.task_broker_url),
        # The outbox sweep publishes again what can't be published now: fail soon rather than hold a page up.
        "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0.1, "interval_max": 0.1},
        # A task counts as done when it has ended; a killed worker's or child's task is handed out again.
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        "task_ignore_result": True,
        "task_soft_time_limit": SOFT_TIME_LIMIT_S,
        "task_time_limit": TIME_LIMIT_S,
        "worker_soft_shutdown_timeout": 10,
        # In kB: a child that a pass over the whole population made large, and everybody's values in it, is replaced.
        "worker_max_memory_per_child": 400_000,
        # a child makes its app before it reports for work, on a busy machine not in the usual 4 s
        "worker_proc_alive_timeout": 60.0,
        # Whoever can publish could order a worker to stop; nothing of ours uses it.
        "worker_enable_remote_control": False,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_default_queue": "default",
        "task_queues": [Queue(name) for name in QUEUES],  # type: ignore[no-untyped-call]
        "task_routes": ROUTES,
        "task_create_missing_queues": False,
        "timezone": "Europe/London",
        "enable_utc": True,
        "beat_schedule": _timetable(),
        "beat_max_loop_interval": 1,
    }
