"""Metrics for Prometheus: requests of this service, and waiting work.

With PROMETHEUS_MULTIPROC_DIR set, as `gateway up` and the service units do, the counts of all web processes
are added up; without it they are those of the process that answers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

from config import Settings
from victim_gateway.actors import Actor
from victim_gateway.queries.operations.backlog import Backlog, current_backlog
from victim_gateway.queries.operations.delivery_watch import WatchCount
from victim_gateway.services.operations import health
from victim_gateway.services.operations.delivery_state import DeliveryState, read_delivery_state
from victim_gateway.vocabulary import AlarmCause

_gateway_registry = CollectorRegistry()
REQUESTS = Counter(
    "gateway_requests", "Requests answered", ("endpoint", "method", "status"), registry=_gateway_registry
)
LATENCY = Histogram(
    "gateway_request_seconds",
    "Time until the answer was ready",
    ("endpoint",),
    buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
    registry=_gateway_registry,
)


def measure_requests(app: Flask) -> None:
    """Count and time every request by its endpoint, never by its address, which may name a record."""

    @app.before_request
    def begin() -> None:
        g.begun = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        endpoint = request.endpoint or "none"
        REQUESTS.labels(endpoint, request.method, str(response.status_code)).inc()
        begun = g.pop("begun", None)
        if begun is not None:
            LATENCY.labels(endpoint).observe(time.perf_counter() - begun)
        return response


def metrics_text(settings: Settings, *, actor: Actor, at: datetime) -> bytes:
    """The figures in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(_Waiting(settings, current_backlog(actor=actor), at))
    registry.register(_Delivery(read_delivery_state(settings, actor=actor, at=at), at))
    try:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
    except ValueError:
        return generate_latest(_gateway_registry) + generate_latest(registry)


class _Waiting:
    """A Prometheus collector of the backlog in the database and the broker at this moment."""

    def __init__(self, settings: Settings, backlog: Backlog, at: datetime) -> None:
        self._settings, self._backlog, self._at = settings, backlog, at

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families."""
        yield _age(
            "gateway_outbox_oldest_seconds",
            "Age of the oldest task not passed on",
            self._backlog.outbox,
            self._at,
        )
        yield _age(
            "gateway_message_due_seconds",
            "How long the oldest message is due",
            self._backlog.message,
            self._at,
        )
        yield _age(
            "gateway_reminder_open_seconds",
            "Age of the oldest reminder nobody has seen",
            self._backlog.reminder,
            self._at,
        )
        batches = GaugeMetricFamily("gateway_import_batches", "Import batches by state", labels=("state",))
        for state, count in self._backlog.batches.items():
            batches.add_metric((state,), count)
        yield batches
        yield GaugeMetricFamily(
            "gateway_failed_messages",
            "E-mails that could not be delivered and that nobody has dealt with",
            value=self._backlog.failed_messages,
        )
        yield GaugeMetricFamily(
            "gateway_parked_messages",
            "Queue items that no task could be made of, not discarded yet",
            value=self._backlog.parked_messages,
        )
        yield _age(
            "gateway_people_message_due_seconds",
            "How long the oldest message to a person is due",
            self._backlog.people_message,
            self._at,
        )
        people = GaugeMetricFamily(
            "gateway_people_messages",
            "Messages to people by what became of them, those that failed or were refused too",
            labels=("state",),
        )
        for people_state, number in self._backlog.people_messages.items():
            people.add_metric((people_state,), number)
        yield people
        beats = GaugeMetricFamily(
            "gateway_heartbeat_age_seconds", "Since the last sign of life", labels=("part",)
        )
        for part in ("worker", "scheduler"):
            age = health.heartbeat_age(self._settings, part, self._at)
            if age is not None:
                beats.add_metric((part,), age.total_seconds())
        yield beats


class _Delivery:
    """A Prometheus collector of what the watching page shows."""

    def __init__(self, state: DeliveryState, at: datetime) -> None:
        self._state, self._at = state, at

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families."""
        labels = ("what", "why")
        counts = GaugeMetricFamily(
            "gateway_delivery_count", "What waits, failed or was kept back", labels=labels
        )
        ages = GaugeMetricFamily(
            "gateway_delivery_oldest_seconds", "Age of the oldest of each", labels=labels
        )
        for row in self._state.counts:
            counts.add_metric((row.what, row.why or ""), row.count)
            ages.add_metric((row.what, row.why or ""), _seconds(row, self._at))
        yield counts
        yield ages
        beats = GaugeMetricFamily(
            "gateway_beat_age_seconds", "Since a program was last heard of in the database", labels=("part",)
        )
        for part, last_at in self._state.beats.items():
            if last_at is not None:
                beats.add_metric((part.value,), (self._at - last_at).total_seconds())
        yield beats
        alarms = GaugeMetricFamily(
            "gateway_alarm", "1 while there is this cause for alarm", labels=("cause",)
        )
        for cause in AlarmCause:
            alarms.add_metric((cause.value,), int(cause in self._state.alarms))
        yield alarms


def _seconds(row: WatchCount, at: datetime) -> float:
    return max(0.0, (at - row.oldest).total_seconds()) if row.oldest else 0.0


def _age(name: str, description: str, since: datetime | None, at: datetime) -> GaugeMetricFamily:
    seconds = max(0.0, (at - since).total_seconds()) if since else 0.0
    return GaugeMetricFamily(name, description, value=seconds)
