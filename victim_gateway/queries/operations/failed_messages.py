"""E-mails that could not be delivered, counted by reason, for administrators: no address, no reference."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.models import Message, Organisation, User
from victim_gateway.vocabulary import MessageState

_NO_REASON = "The mail server gave no reason"


@dataclass(frozen=True, slots=True)
class FailedMessageCount:
    """How many e-mails to one organisation's accounts failed for one reason, and when the last was written."""

    problem: str
    readers: str
    count: int
    last_on: date


def failed_message_counts(*, actor: Actor) -> tuple[FailedMessageCount, ...]:
    """The failures that nobody has dealt with, the most first."""
    with transaction(actor) as session:
        rows = session.execute(
            select(
                Message.problem,
                Organisation.name,
                func.count(),
                func.max(Message.created_at),
            )
            .join(User, User.id == Message.recipient_user_id)
            .join(Organisation, Organisation.id == User.organisation_id)
            .where(Message.state == MessageState.FAILED)
            .group_by(Message.problem, Organisation.name)
            .order_by(func.count().desc(), Organisation.name)
        ).all()
    return tuple(
        FailedMessageCount(row[0] or _NO_REASON, row[1], row[2], times.london_date(row[3])) for row in rows
    )
