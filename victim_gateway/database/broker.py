"""Handing a task to the broker, with one exception per kind of failure."""

from __future__ import annotations

from typing import Any

import redis
from celery.exceptions import QueueNotFound
from kombu.connection import Connection
from kombu.exceptions import EncodeError, OperationalError

from config import Settings
from config.celery import transport_options
from victim_gateway.extensions import celery

CONNECT_TIMEOUT_S = 2.0


def broker_client(settings: Settings) -> redis.Redis:
    """A client of Redis, which keeps heartbeats and notes of parked items: it gives up soon."""
    return redis.Redis.from_url(
        settings.redis_url or "",
        socket_timeout=CONNECT_TIMEOUT_S,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
    )


def is_broker_up(settings: Settings) -> bool:
    """Whether what this service needs for its tasks answers: Redis, and RabbitMQ where tasks queue there."""
    try:
        with broker_client(settings) as client:
            client.ping()
        if settings.broker_url:
            options = transport_options(settings.broker_url)
            with Connection(  # type: ignore[no-untyped-call]
                settings.broker_url, connect_timeout=CONNECT_TIMEOUT_S, transport_options=options
            ) as queues:
                queues.ensure_connection(max_retries=1, timeout=CONNECT_TIMEOUT_S)
    except (OperationalError, redis.RedisError):
        return False
    return True


class BrokerUnavailable(Exception):
    """The broker can't be reached now; the task stays in the outbox."""


class Unpublishable(Exception):
    """A task that no broker would take as it is."""


def send_to_broker(task: str, arguments: dict[str, Any]) -> None:
    """Give one task to the broker.

    Raises BrokerUnavailable, or Unpublishable when the broker is not to blame.
    """
    try:
        celery.send_task(task, kwargs=arguments, retry=False)
    except (OperationalError, redis.RedisError) as error:
        # also one that answers and refuses: its memory is full, or something stands at the queue's place
        raise BrokerUnavailable from error
    except (EncodeError, QueueNotFound, TypeError) as error:
        raise Unpublishable(type(error).__name__) from error
