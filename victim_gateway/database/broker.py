"""Handing a task to the broker, with one exception per kind of failure."""

from __future__ import annotations

from typing import Any

from celery.exceptions import QueueNotFound
from kombu.exceptions import EncodeError, OperationalError

from victim_gateway.extensions import celery


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
    except OperationalError as error:
        raise BrokerUnavailable from error
    except (EncodeError, QueueNotFound, TypeError) as error:
        raise Unpublishable(type(error).__name__) from error
