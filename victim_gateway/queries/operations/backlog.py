"""Counts and ages of waiting work, for metrics and the state of the system; no case data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.models import ImportBatch, Message, Outbox, ParkedMessage, Reminder, VictimMessage
from victim_gateway.victim_message_vocabulary import VictimMessageState
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
    people_messages: Mapping[VictimMessageState, int]
    people_message: datetime | None


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
    people_states = select(
        VictimMessage.state, func.count().label("number"), func.min(VictimMessage.next_try_at).label("oldest")
    ).group_by(VictimMessage.state)
    with transaction(actor) as session:
        outbox, message, reminder = session.execute(oldest).one()
        counted = {row.state: row[1] for row in session.execute(states)}
        parked_messages = session.scalar(parked) or 0
        failed_messages = session.scalar(failed) or 0
        people = {row.state: row for row in session.execute(people_states)}
    batches = {state: counted.get(state, 0) for state in ImportState}
    waiting = people.get(VictimMessageState.QUEUED)
    return Backlog(
        outbox=outbox,
        message=message,
        reminder=reminder,
        batches=batches,
        parked_messages=parked_messages,
        failed_messages=failed_messages,
        people_messages={
            state: people[state].number if state in people else 0 for state in VictimMessageState
        },
        people_message=waiting.oldest if waiting else None,
    )
