"""The queue items that were parked and not discarded yet: what they looked like."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import NotFound
from victim_gateway.models import ParkedMessage
from victim_gateway.vocabulary import ParkReason

SHOWN = 50


@dataclass(frozen=True, slots=True)
class ParkedMessageView:
    """One parked item; `fingerprint` is the same for items that begin alike."""

    id: UUID
    queue: str
    reason: ParkReason
    size: int
    fingerprint: str
    parked_at: datetime


@dataclass(frozen=True, slots=True)
class ParkedMessageList:
    """The newest parked items, and how many there are in all."""

    messages: tuple[ParkedMessageView, ...]
    total: int


def parked_message_list(*, actor: Actor) -> ParkedMessageList:
    """The items to be dealt with, newest first."""
    is_open = ParkedMessage.discarded_at.is_(None)
    newest = select(ParkedMessage).where(is_open)
    newest = newest.order_by(ParkedMessage.parked_at.desc(), ParkedMessage.id).limit(SHOWN)
    with transaction(actor) as session:
        total = session.scalar(select(func.count()).select_from(ParkedMessage).where(is_open)) or 0
        return ParkedMessageList(tuple(_view(message) for message in session.scalars(newest)), total)


def parked_message(message_id: UUID, *, actor: Actor) -> ParkedMessageView:
    """One item that was not discarded yet. Raises NotFound."""
    wanted = (ParkedMessage.id == message_id, ParkedMessage.discarded_at.is_(None))
    with transaction(actor) as session:
        message = session.scalars(select(ParkedMessage).where(*wanted)).one_or_none()
        if message is None:
            raise NotFound
        return _view(message)


def _view(message: ParkedMessage) -> ParkedMessageView:
    return ParkedMessageView(
        id=message.id,
        queue=message.queue,
        reason=message.reason,
        size=message.size,
        fingerprint=message.first_bytes_hash.hex()[:12],
        parked_at=message.parked_at,
    )
