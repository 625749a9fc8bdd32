"""Queue items that no task could be made of: store what workers noted of them, and discard what was dealt with."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import redis
import structlog
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from config import Settings
from victim_gateway.actors import Actor
from victim_gateway.database import parked_items
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.broker import broker_client
from victim_gateway.database.parked_items import PARKED_ITEMS_KEY, ParkedItem
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import NotFound
from victim_gateway.models import ParkedMessage
from victim_gateway.services.shared import submissions
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import ParkReason

log = structlog.get_logger()

_BATCH = 500


def store_parked_messages(settings: Settings, *, actor: Actor, at: datetime) -> int:
    """Move the workers' notes from the broker into the table; gives how many there were.

    A note is removed from the broker only once it is stored, and stored once however often it is read. With
    the broker away they wait for the next sweep.
    """
    stored = 0
    try:
        with broker_client(settings) as broker:
            # bounded, so that notes which arrive as quickly as they are stored don't hold the sweep up
            while stored < parked_items.MAX_WAITING and (notes := parked_items.waiting_notes(broker, _BATCH)):
                _store(settings, notes, actor, at)
                parked_items.remove_notes(broker, notes)
                stored += len(notes)
    except redis.RedisError:
        log.warning("parked_messages.broker_away")
    return stored


def discard_parked_message(command: Command, message_id: UUID) -> None:
    """Record that an administrator has dealt with a parked item. Raises NotFound for one that is not there.

    One that was discarded before stays as it is.
    """
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        message = session.get(ParkedMessage, message_id)
        if message is None:
            raise NotFound
        changed = session.execute(
            update(ParkedMessage)
            .where(ParkedMessage.id == message_id, ParkedMessage.discarded_at.is_(None))
            .values(discarded_at=command.at, discarded_by_id=command.actor.user_id)
            .returning(ParkedMessage.id)
        ).first()
        if changed is not None:
            record_audit(
                session,
                "parked_message.discarded",
                subject_type="parked_message",
                subject_id=message_id,
                queue=message.queue,
                reason=message.reason,
            )


def discard_all_parked_messages(command: Command, *, parked_until: datetime) -> int:
    """Discard every item that was parked up to the moment at which the page asked; gives how many."""
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        discarded = session.execute(
            update(ParkedMessage)
            .where(ParkedMessage.parked_at <= parked_until, ParkedMessage.discarded_at.is_(None))
            .values(discarded_at=command.at, discarded_by_id=command.actor.user_id)
            .returning(ParkedMessage.id)
        ).all()
        record_audit(
            session, "parked_message.all_discarded", count=len(discarded), until=parked_until.isoformat()
        )
    return len(discarded)


def _store(settings: Settings, notes: list[bytes], actor: Actor, at: datetime) -> None:
    items = [_read_note(note, settings, at) for note in notes]
    rows = [
        {
            "id": item.item_id,
            "queue": item.queue,
            "reason": item.reason,
            "size": item.size,
            "first_bytes_hash": item.first_bytes_hash,
            "parked_at": item.parked_at,
        }
        for item in items
    ]
    with transaction(actor) as session:
        session.execute(insert(ParkedMessage).on_conflict_do_nothing(), rows)


def _read_note(note: bytes, settings: Settings, at: datetime) -> ParkedItem:
    """The item that a worker noted; what is no note is itself such an item."""
    try:
        return ParkedItem.from_json(note)
    except ValueError:
        return parked_items.describe_item(
            note, PARKED_ITEMS_KEY, ParkReason.NOT_A_TASK, secret_key=settings.secret_key, at=at
        )
