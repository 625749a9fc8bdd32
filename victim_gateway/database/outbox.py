"""The outbox: a task is a row written with the work that needs it, and published after the commit."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from flask import current_app
from sqlalchemy import insert, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database.broker import BrokerUnavailable, Unpublishable, send_to_broker
from victim_gateway.database.roles import take_actor_role
from victim_gateway.database.state import state_of
from victim_gateway.models import Outbox
from victim_gateway.vocabulary import TaskName

log = structlog.get_logger()

_BROKER_AWAY_UNTIL = "broker_away_until"
_LEFT_TO_THE_SWEEP_S = 30.0


def enqueue_task(session: Session, task: TaskName, at: datetime, **arguments: Any) -> None:
    """Queue a task for after the commit. Arguments are ids. The outbox row remains when the broker is away."""
    plain = {name: str(value) if isinstance(value, UUID) else value for name, value in arguments.items()}
    statement = insert(Outbox).values(task=task.value, arguments=plain, created_at=at).returning(Outbox.id)
    outbox_id = session.execute(statement).scalar_one()
    state_of(session).tasks.append((outbox_id, task.value, plain))


def mark_published(session: Session, outbox_ids: list[int]) -> None:
    """Mark outbox rows as handed to the broker."""
    session.execute(update(Outbox).where(Outbox.id.in_(outbox_ids)).values(published_at=text("now()")))


def publish_tasks(session: Session, tasks: list[tuple[int, str, dict[str, Any]]]) -> None:
    """Publish the enqueued tasks. With the broker away the rows stay unpublished and the sweep sends them.

    The client takes seconds to notice that the broker is away; later commits do not wait for that again.
    """
    shared = current_app.extensions
    if time.monotonic() < shared.get(_BROKER_AWAY_UNTIL, 0.0):
        return
    sent = []
    for outbox_id, task, arguments in tasks:
        try:
            send_to_broker(task, arguments)
        except BrokerUnavailable:
            log.warning("outbox.broker_away", task=task)
            shared[_BROKER_AWAY_UNTIL] = time.monotonic() + _LEFT_TO_THE_SWEEP_S
            break
        except Unpublishable as error:
            log.warning("outbox.unpublishable", task=task, problem=str(error))
            continue
        sent.append(outbox_id)
    if sent:
        _mark_sent(session, sent)


def _mark_sent(session: Session, sent: list[int]) -> None:
    """Never raises: rows left unmarked are published once more, which is harmless."""
    try:
        take_actor_role(session, Actor.worker("outbox"))
        mark_published(session, sent)
        session.commit()
    except SQLAlchemyError:
        session.rollback()
        log.warning("outbox.not_marked", rows=len(sent))
