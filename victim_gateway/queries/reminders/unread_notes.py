"""Notes that others wrote to the person signed in, and that they have not read yet: nothing falls due by them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.models import Referral, Reminder
from victim_gateway.vocabulary import ReminderKind

MOST = 20


@dataclass(frozen=True, slots=True)
class UnreadNote:
    """A note on a referral; `reminder_id` is what ends when it is marked as read."""

    reminder_id: UUID
    referral_id: UUID
    reference: str
    written_at: datetime


def unread_notes(session: Session, actor: Actor) -> tuple[UnreadNote, ...]:
    """The newest notes to this user, newest first."""
    rows = session.execute(
        select(Reminder.id, Reminder.referral_id, Reminder.reference, Reminder.created_at)
        .join(Referral, Referral.id == Reminder.referral_id)
        .where(
            Reminder.kind == ReminderKind.NOTE_WRITTEN,
            Reminder.recipient_user_id == actor.user_id,
            Reminder.resolved_at.is_(None),
            Reminder.seen_at.is_(None),
        )
        .order_by(Reminder.created_at.desc(), Reminder.id)
        .limit(MOST)
    )
    return tuple(UnreadNote(row.id, row.referral_id, row.reference, row.created_at) for row in rows)
