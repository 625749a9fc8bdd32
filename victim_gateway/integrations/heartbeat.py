"""The scheduler's sign of life: it sends a task, a worker takes it and notes the moment in the broker."""

from __future__ import annotations

from datetime import UTC, datetime

import redis

_KEY = "gateway:scheduler-heartbeat"
_TIMEOUT_S = 2
_KEPT_S = 24 * 60 * 60


def note(redis_url: str, at: datetime) -> None:
    """Scheduler, broker and a worker were all alive at this moment."""
    with redis.Redis.from_url(
        redis_url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S
    ) as broker:
        broker.set(_KEY, at.isoformat(), ex=_KEPT_S)


def last(redis_url: str) -> datetime | None:
    """When that was last so, in UTC; None: never, or forgotten. Raises redis.RedisError when it is away."""
    with redis.Redis.from_url(
        redis_url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S
    ) as broker:
        noted = broker.get(_KEY)
    return datetime.fromisoformat(noted.decode()).astimezone(UTC) if isinstance(noted, bytes) else None


def _broker(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S)
