"""The worker's way to the broker: like kombu's, but an item that is no task of ours is parked, not raised.

`_item_check` says which those are. Nothing here waits for the database: see
`victim_gateway.database.parked_items`.
"""

from __future__ import annotations

import inspect
import json
from contextlib import suppress
from functools import cache
from queue import Empty
from typing import Any

import redis
import structlog
from kombu.transport import redis as kombu_redis

from victim_gateway import times
from victim_gateway.database.broker import broker_client
from victim_gateway.database.parked_items import describe_item, note_parked_item
from victim_gateway.extensions import celery
from victim_gateway.vocabulary import ParkReason, TaskName
from workers._item_check import TaskParameters, find_fault, is_own_queue
from workers.celery_app import process_settings

log = structlog.get_logger()

_WRONG_KIND = "WRONGTYPE"


@cache
def task_parameters() -> TaskParameters:
    """The parameters of every task of ours."""
    return {
        name.value: frozenset(inspect.signature(celery.tasks[name.value].run).parameters) for name in TaskName
    }


def note_fault(item: bytes, queue: str, reason: ParkReason, *, size: int | None = None) -> None:
    """Log an item that is no task, and note what it looked like; with Redis away only the log has it."""
    settings = process_settings()
    noted = describe_item(item, queue, reason, secret_key=settings.secret_key, at=times.now(), size=size)
    log.error("queue.item_parked", queue=noted.queue, reason=reason.value, size=noted.size)
    with suppress(redis.RedisError), broker_client(settings) as notes:
        note_parked_item(notes, noted)


class CheckedQoS(kombu_redis.QoS):
    """The tasks handed out and not done yet; one that can't be given back is parked."""

    def restore_by_tag(self, tag: Any, client: Any = None, leftmost: bool = False) -> None:
        """Give a task back to its queue, so that it is done after all."""
        with self.channel.conn_or_acquire(client) as broker:
            kept = broker.hget(self.unacked_key, tag)
            if kept is None or _is_restorable(kept):
                super().restore_by_tag(tag, client=client, leftmost=leftmost)  # type: ignore[no-untyped-call]
                return
            # one of these would stop all others from being given back
            self._remove_from_indices(tag).execute()  # type: ignore[no-untyped-call]
            self.channel.park_item(kept, self.unacked_key, ParkReason.NOT_A_TASK)


class CheckedChannel(kombu_redis.Channel):
    """A channel that hands on our own tasks only."""

    QoS = CheckedQoS

    def _create_client(self, asynchronous: bool = False) -> Any:
        client = super()._create_client(asynchronous=asynchronous)  # type: ignore[no-untyped-call]
        if asynchronous:
            # the reply passes here before kombu looks at it; None is a wait that brought nothing
            client.set_response_callback("BRPOP", self._checked_reply)
        return client

    def _checked_reply(self, reply: Any, **_: Any) -> tuple[bytes, bytes] | None:
        if not reply:
            return None
        key, item = reply
        reason = find_fault(item, task_parameters())
        if reason is None:
            return key, item
        self.park_item(item, self._queue_of(key), reason)
        return None

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[no-untyped-call]
        except self.ResponseError as error:
            if not str(error).startswith(_WRONG_KIND):
                raise
            self._remove_what_is_no_queue()
            raise Empty from error

    def park_item(self, item: bytes, queue: str, reason: ParkReason, *, size: int | None = None) -> None:
        """Note what the item looked like; it is gone from its queue already."""
        note_fault(item, queue, reason, size=size)

    def _queue_of(self, key: bytes) -> str:
        return key.decode("utf-8", "replace").rsplit(self.sep, 1)[0]

    def _remove_what_is_no_queue(self) -> None:
        """Remove whatever stands at the place of a queue and is no list: no task could be published there."""
        keys = [
            (queue, self._q_for_pri(queue, priority))  # type: ignore[no-untyped-call]
            for queue in self.active_queues
            for priority in self.priority_steps
        ]
        with self.conn_or_acquire() as broker:
            for queue, key in keys:
                if broker.type(key) in (b"list", b"none"):
                    continue
                size = broker.memory_usage(key) or 0
                broker.delete(key)
                self.park_item(b"", queue, ParkReason.NO_QUEUE, size=size)


class CheckedTransport(kombu_redis.Transport):
    """What the worker connects with, under the names `redis` and `rediss`."""

    Channel = CheckedChannel


def _is_restorable(kept: bytes) -> bool:
    """Whether kombu can give this back: the message, its exchange and its routing key."""
    try:
        message, exchange, routing_key = json.loads(kept)
    except (ValueError, TypeError, RecursionError):
        return False
    delivery = {"exchange": exchange, "routing_key": routing_key}
    return is_own_queue(delivery) and find_fault(json.dumps(message).encode(), task_parameters()) is None
