"""The outbox sweep: publish enqueued tasks that did not reach the broker after their commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import structlog
from sqlalchemy import CursorResult, delete, select

from victim_gateway.actors import Actor
from victim_gateway.database.broker import BrokerUnavailable, Unpublishable, send_to_broker
from victim_gateway.database.outbox import mark_published
from victim_gateway.database.transaction import transaction
from victim_gateway.models import Outbox

log = structlog.get_logger()

# A task is normally published right after its commit; only older rows were missed.
LEFT_BEHIND = timedelta(seconds=5)
KEPT = timedelta(days=1)
MAX_ATTEMPTS = 5
_BATCH = 500


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What one sweep did, as counts of rows."""

    published: int
    parked: int
    removed: int


def sweep_outbox(*, actor: Actor, at: datetime) -> SweepResult:
    """Publish missed tasks, park those that can't be published, remove those published a day ago.

    Two sweeps at once may publish a task twice, which is harmless: a task does what its row still asks for.
    """
    published = parked = 0
    last_id = 0
    while True:
        rows = _left_behind(actor, at, after=last_id)
        sent, refused, is_away = _hand_over(rows)
        if sent or refused:
            published += len(sent)
            parked += _note(actor, at, sent, refused)
        if is_away or len(rows) < _BATCH:
            break
        last_id = rows[-1].id
    return SweepResult(published, parked, _remove_old(actor, at))


def _left_behind(actor: Actor, at: datetime, *, after: int) -> Sequence[Any]:
    waiting = (
        Outbox.published_at.is_(None),
        Outbox.parked_at.is_(None),
        Outbox.created_at < at - LEFT_BEHIND,
    )
    with transaction(actor) as session:
        return session.execute(
            select(Outbox.id, Outbox.task, Outbox.arguments)
            .where(*waiting, Outbox.id > after)
            .order_by(Outbox.id)
            .limit(_BATCH)
        ).all()


def _hand_over(rows: Sequence[Any]) -> tuple[list[int], dict[int, str], bool]:
    """Ids that the broker has, ids that it will not take and why, and whether it is away."""
    sent: list[int] = []
    refused: dict[int, str] = {}
    for row in rows:
        try:
            send_to_broker(row.task, row.arguments)
        except BrokerUnavailable:
            log.warning("outbox.broker_away", waiting=len(rows) - len(sent) - len(refused))
            return sent, refused, True
        except Unpublishable as error:
            refused[row.id] = str(error)
        else:
            sent.append(row.id)
    return sent, refused, False


def _note(actor: Actor, at: datetime, sent: list[int], refused: dict[int, str]) -> int:
    parked = 0
    with transaction(actor) as session:
        mark_published(session, sent)
        for row in session.scalars(select(Outbox).where(Outbox.id.in_(refused)).with_for_update()):
            row.attempts += 1
            row.problem = refused[row.id]
            if row.attempts >= MAX_ATTEMPTS:
                row.parked_at = at
                parked += 1
                log.error("outbox.parked", outbox_id=row.id, task=row.task)
    return parked


def _remove_old(actor: Actor, at: datetime) -> int:
    with transaction(actor) as session:
        statement = delete(Outbox).where(Outbox.published_at < at - KEPT)
        return cast("CursorResult[Any]", session.execute(statement)).rowcount
