"""When whoever operates the service has to be told, from what is counted and from when programs were last heard of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from victim_gateway.vocabulary import AlarmCause

# Single addresses fail now and then; so many at once mean the mail server or its settings.
CHAIN_OF_FAILURES = 5


@dataclass(frozen=True, slots=True)
class WatchedState:
    """What is looked at. `watched_since`: when the program that looks began to, so that it accuses nobody of the past.

    `scheduler_since`: since when the scheduler has worked without a gap. `people_late`: messages to people.
    """

    late: int
    parked: int
    failing: int
    worker_at: datetime | None
    scheduler_at: datetime | None
    scheduler_since: datetime | None
    watched_since: datetime
    people_late: int = 0


def find_alarm_causes(state: WatchedState, at: datetime, silent_after: timedelta) -> Mapping[AlarmCause, int]:
    """The causes at a moment, each with how many there are, or for how many seconds it has lasted."""
    causes: dict[AlarmCause, int] = {}
    if state.late:
        causes[AlarmCause.MAIL_IS_LATE] = state.late
    if state.people_late:
        causes[AlarmCause.PEOPLE_MESSAGES_LATE] = state.people_late
    if state.parked:
        causes[AlarmCause.EMAILS_PARKED] = state.parked
    if state.failing >= CHAIN_OF_FAILURES:
        causes[AlarmCause.EMAILS_FAIL] = state.failing
    scheduler = _silence(at, state.watched_since, state.scheduler_at)
    if scheduler > silent_after:
        causes[AlarmCause.SCHEDULER_SILENT] = int(scheduler.total_seconds())
        # A worker shows that it works when the scheduler asks it to: of a worker without one nothing can be said.
        return causes
    worker = _silence(at, state.watched_since, state.worker_at, state.scheduler_since)
    if worker > silent_after:
        causes[AlarmCause.WORKER_SILENT] = int(worker.total_seconds())
    return causes


def _silence(at: datetime, *moments: datetime | None) -> timedelta:
    return at - max(moment for moment in moments if moment is not None)
