"""Delivery receipts: they move a message forward only, and say nothing to whoever sends one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select

from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.integrations.notify import NotifyRecord
from victim_gateway.models import VictimMessage
from victim_gateway.schemas.notify_receipts import NotifyReceipt
from victim_gateway.services.victim_messages import settling


def record_receipt(receipt: NotifyReceipt, *, actor: Actor, at: datetime) -> bool:
    """Take over what a receipt says; False where it changes nothing: unknown, older, or of what has ended.

    A receipt is of the message with its reference, and where we know the id that Notify gave it, with that id too.
    """
    # No reference of ours has a NUL, which the database can't even compare.
    if not receipt.reference or "\x00" in receipt.reference or "\x00" in receipt.status:
        return False
    with transaction(actor) as session:
        message_id = session.scalar(
            select(VictimMessage.id).where(
                VictimMessage.reference == receipt.reference,
                or_(VictimMessage.notify_id.is_(None), VictimMessage.notify_id == receipt.notify_id),
            )
        )
    if message_id is None:
        return False
    record = NotifyRecord(receipt.notify_id, receipt.reference, receipt.status)
    return settling.settle_record(actor, message_id, record, at=at)
