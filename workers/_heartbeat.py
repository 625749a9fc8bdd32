"""Heartbeats in the broker, for health checks: seconds since 1970, under the part's own key."""

from __future__ import annotations

import redis
import structlog

from config import Settings
from victim_gateway import times
from victim_gateway.database.broker import broker_client
from victim_gateway.services.operations.health import HEARTBEAT_KEY

log = structlog.get_logger()

_KEPT_S = 24 * 60 * 60


def record_heartbeat(settings: Settings, part: str) -> None:
    """Record that `worker` or `scheduler` is alive. Ignores a broker that is away: the next heartbeat follows."""
    try:
        with broker_client(settings) as broker:
            broker.set(HEARTBEAT_KEY.format(part), times.now().timestamp(), ex=_KEPT_S)
    except redis.RedisError:
        log.warning("heartbeat.broker_away", part=part)
