"""Counts and ages of waiting work, for metrics and the state of the system; no case data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.models import ImportBatch, Message, Outbox, ParkedMessage, Reminder
from victim_gateway.vocabulary import ImportState, MessageState


@dataclass(frozen=True, slots=True)
class Backlog:
    """The oldest waiting moment of each kind (None: nothing waits), import batches by state, parked queue items."""

    outbox: datetime | None
    message: datetime | None
    reminder: datetime | None
    batches: Mapping[ImportState, int]
    parked_messages: int
    failed_messages: int


def current_backlog(*, actor: Actor) -> Backlog:
    """The work that waits at this moment. `actor` is a program."""
    unsent = Message.state.in_((MessageState.QUEUED, MessageState.SENDING))
    oldest = select(
        select(func.min(Outbox.created_at)).where(Outbox.published_at.is_(None)).scalar_subquery(),
        select(func.min(Message.next_attempt_at)).where(unsent).scalar_subquery(),
        select(func.min(Reminder.created_at))
        .where(Reminder.resolved_at.is_(None), Reminder.seen_at.is_(None))
        .scalar_subquery(),
    )
    states = select(ImportBatch.state, func.count()).group_by(ImportBatch.state)
    failed = select(func.count()).select_from(Message).where(Message.state == MessageState.FAILED)
    parked = select(func.count()).select_from(ParkedMessage).where(ParkedMessage.discarded_at.is_(None))
    with transaction(actor) as session:
        outbox, message, reminder = session.execute(oldest).one()
        counted = {row.state: row[1] for row in session.execute(states)}
        parked_messages = session.scalar(parked) or 0
        failed_messages = session.scalar(failed) or 0
    batches = {state: counted.get(state, 0) for state in ImportState}
    return Backlog(outbox, message, reminder, batches, parked_messages, failed_messages)
