"""The worker's way from RabbitMQ: like Celery's, but a message that is no task of ours is parked, not raised.

The same check as `_checked_transport` makes for Redis, on the same shape: a message that Celery can't read would
end the worker's main process, or be written to the log with what is in it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import structlog
from celery.worker.consumer import Consumer

from victim_gateway.vocabulary import ParkReason
from workers._checked_transport import note_fault, task_parameters
from workers._item_check import MAX_ITEM_BYTES, find_fault

_log = structlog.get_logger()

_BODY_BYTES = MAX_ITEM_BYTES * 3 // 4


class CheckedConsumer(Consumer):  # type: ignore[misc]
    """Hands on our own tasks only."""

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
        """Celery's handler of a message, behind the check."""
        handle = super().create_task_handler(*args, **kwargs)

        def handle_checked(message: Any) -> Any:
            reason = _find_message_fault(message)
            if reason is None:
                return handle(message)
            return _park_message(message, reason)

        return handle_checked

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Park a message that could not be unpacked; Celery would log what is in it."""
        _park_message(message, ParkReason.NOT_A_TASK)


def _find_message_fault(message: Any) -> ParkReason | None:
    body = _body_of(message)
    if len(body) > _BODY_BYTES:
        return ParkReason.TOO_LARGE
    try:
        json.loads(body)
        item = json.dumps(_as_queue_item(message, body)).encode()
    except (ValueError, TypeError, RecursionError):
        return ParkReason.NOT_JSON
    return find_fault(item, task_parameters())


def _as_queue_item(message: Any, body: bytes) -> dict[str, Any]:
    """The message in the shape in which a task stands in Redis, where its delivery is a part of it."""
    properties = message.properties
    delivery = message.delivery_info
    return {
        "body": base64.b64encode(body).decode(),
        "content-type": message.content_type,
        "content-encoding": message.content_encoding,
        "headers": message.headers,
        "properties": {
            "correlation_id": properties.get("correlation_id"),
            "reply_to": properties.get("reply_to"),
            "delivery_mode": properties.get("delivery_mode"),
            "priority": properties.get("priority", 0),
            "delivery_info": {
                "exchange": delivery.get("exchange"),
                "routing_key": delivery.get("routing_key"),
            },
            "body_encoding": "base64",
            "delivery_tag": properties.get("correlation_id"),
            **({"expiration": properties["expiration"]} if "expiration" in properties else {}),
        },
    }


def _park_message(message: Any, reason: ParkReason) -> None:
    """Note what the message looked like, and take it off its queue."""
    note_fault(_body_of(message), str(message.delivery_info.get("routing_key")), reason)
    message.ack_log_error(_log, errors=(OSError,))


def _body_of(message: Any) -> bytes:
    body = message.body
    return body if isinstance(body, bytes) else str(body).encode("utf-8", "surrogatepass")
