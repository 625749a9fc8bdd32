"""Whether a queue item is one of our own tasks, as our own programs publish them. Anything else is no task.

Celery and kombu trust what is in a queue: an item that is not JSON, lacks a property or has one of another
type ends the worker's main process. So every item is compared with the one shape that we publish before they
see it. The check never raises, whatever the bytes are.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from config.celery import QUEUES, VISIBILITY_TIMEOUT_S
from victim_gateway.vocabulary import ParkReason

# Ours are about a kilobyte.
MAX_ITEM_BYTES = 1 << 16
# Parameters that a task wants, by the task's name: ids, always.
TaskParameters = Mapping[str, frozenset[str]]

_MESSAGE = {"body", "content-encoding", "content-type", "headers", "properties"}
_SAME_HEADERS: Mapping[str, Any] = {
    "lang": "py",
    "shadow": None,
    "eta": None,
    "group": None,
    "group_index": None,
    "retries": 0,
    "replaced_task_nesting": 0,
    "stamped_headers": None,
    "stamps": {},
}
_OWN_HEADERS = {
    *("task", "id", "root_id", "parent_id", "expires", "argsrepr", "kwargsrepr", "origin"),
    # empty where a task is sent by its name; of the task itself where the scheduler knows it
    *("timelimit", "ignore_result"),
}
# Of a task that is handed out again, and of one from the timetable.
_MARKS = {"redelivered", "celery_beat_task"}
_SAME_PROPERTIES: Mapping[str, Any] = {"delivery_mode": 2, "priority": 0, "body_encoding": "base64"}
_OWN_PROPERTIES = {"correlation_id", "reply_to", "delivery_tag", "delivery_info"}
_NOTHING_ATTACHED = {"callbacks", "errbacks", "chain", "chord"}


def find_fault(item: bytes, tasks: TaskParameters) -> ParkReason | None:
    """Why an item is no task; None for a task that may be handed on."""
    if len(item) > MAX_ITEM_BYTES:
        return ParkReason.TOO_LARGE
    message = _read_json(item)
    if message is _UNREADABLE:
        return ParkReason.NOT_JSON
    if not _is_message(message):
        return ParkReason.NOT_A_TASK
    wanted = tasks.get(message["headers"]["task"])
    if wanted is None:
        return ParkReason.UNKNOWN_TASK
    return None if _has_arguments(message["body"], wanted) else ParkReason.WRONG_ARGUMENTS


_UNREADABLE = object()


def _read_json(text: bytes) -> Any:
    try:
        return json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError):
        return _UNREADABLE


def _is_message(message: Any) -> bool:
    return (
        isinstance(message, dict)
        and message.keys() == _MESSAGE
        and message["content-type"] == "application/json"
        and message["content-encoding"] == "utf-8"
        and isinstance(message["body"], str)
        and _are_headers(message["headers"])
        and _are_properties(message["properties"], message["headers"]["id"])
    )


def _are_headers(headers: Any) -> bool:
    return (
        isinstance(headers, dict)
        and headers.keys() - _MARKS == _SAME_HEADERS.keys() | _OWN_HEADERS
        and all(headers.get(mark, True) is True for mark in _MARKS)
        and all(_is_same(headers[name], value) for name, value in _SAME_HEADERS.items())
        and all(_is_text(headers[name]) for name in ("task", "argsrepr", "kwargsrepr", "origin"))
        and all(_is_id(headers[name]) for name in ("id", "root_id"))
        and (headers["parent_id"] is None or _is_id(headers["parent_id"]))
        and (headers["expires"] is None or _is_moment(headers["expires"]))
        and (headers["ignore_result"] is None or isinstance(headers["ignore_result"], bool))
        and _are_limits(headers["timelimit"])
    )


def _are_properties(properties: Any, task_id: str) -> bool:
    return (
        isinstance(properties, dict)
        and properties.keys() - {"expiration"} == _SAME_PROPERTIES.keys() | _OWN_PROPERTIES
        and all(_is_same(properties[name], value) for name, value in _SAME_PROPERTIES.items())
        and properties["correlation_id"] == task_id
        and _is_id(properties["reply_to"])
        and _is_id(properties["delivery_tag"])
        and _is_number_text(properties.get("expiration", "0"))
        and is_own_queue(properties["delivery_info"])
    )


def is_own_queue(delivery: Any) -> bool:
    """Whether a delivery names one of our queues, to which a task can be given back."""
    return (
        isinstance(delivery, dict)
        and delivery.keys() - {"redelivered"} == {"exchange", "routing_key"}
        and delivery.get("redelivered", True) is True
        and delivery["exchange"] == ""
        and delivery["routing_key"] in list(QUEUES)
    )


def _has_arguments(body: str, wanted: frozenset[str]) -> bool:
    try:
        content = _read_json(base64.b64decode(body, validate=True))
    except (binascii.Error, ValueError):
        return False
    if not isinstance(content, list) or len(content) != 3:
        return False
    positional, named, attached = content
    return (
        positional == []
        and isinstance(named, dict)
        and named.keys() == wanted
        and all(_is_id(value) for value in named.values())
        and isinstance(attached, dict)
        and attached.keys() == _NOTHING_ATTACHED
        and all(value is None for value in attached.values())
    )


def _are_limits(value: Any) -> bool:
    """Seconds after which a task is ended, and warned before: none or whole numbers that we could have set."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(
            limit is None or (type(limit) is int and 0 < limit <= VISIBILITY_TIMEOUT_S) for limit in value
        )
    )


def _is_same(value: Any, expected: Any) -> bool:
    # False == 0, and 0.0 too
    return type(value) is type(expected) and value == expected


def _is_text(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    # half of a surrogate pair has no bytes, and can't be written to a log
    return not any("\ud800" <= letter <= "\udfff" for letter in value)


def _is_id(value: Any) -> bool:
    try:
        return isinstance(value, str) and str(UUID(value)) == value
    except ValueError:
        return False


def _is_number_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) < 12 and value.isascii() and value.isdigit()


def _is_moment(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return False
    # near the ends of the calendar a change of time zone overflows
    return moment.tzinfo is not None and 2000 < moment.year < 9000
