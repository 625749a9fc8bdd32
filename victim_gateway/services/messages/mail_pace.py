"""How quickly e-mails leave: at most so many a minute, all senders together, so that a backlog doesn't flood."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from victim_gateway.database.current import current_settings
from victim_gateway.models import MailPace

_ONLY = 1


def lock_pace(session: Session, at: datetime) -> MailPace:
    """The count of the present minute, locked until the transaction ends: senders claim one after another."""
    wanted = select(MailPace).where(MailPace.id == _ONLY).with_for_update()
    pace = session.scalars(wanted).first()
    if pace is None:
        first = insert(MailPace).values(id=_ONLY, began_at=at, handed_over=0)
        session.execute(first.on_conflict_do_nothing())
        pace = session.scalars(wanted).one()
    # Of the clock: a sweep each minute finds a new one each time.
    minute = at.replace(second=0, microsecond=0)
    if minute != pace.began_at:
        pace.began_at, pace.handed_over = minute, 0
    return pace


def has_room(pace: MailPace) -> bool:
    """Whether another e-mail may leave in this minute."""
    return pace.handed_over < current_settings().area.mail.messages_per_minute
