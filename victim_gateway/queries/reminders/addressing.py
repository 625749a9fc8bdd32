"""Whose a reminder is: a reader's by name, by role, or by the organisation that they work for."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select

from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.models import Reminder, ReminderSnooze

# The bell says "99+" for more.
MOST_COUNTED = 100


def addressed_to(actor: Actor) -> ColumnElement[bool]:
    """The reminders of the actor, and those of the actor's organisation that have no user."""
    return or_(addressed_to_reader(actor), of_organisation(actor))


def addressed_to_reader(actor: Actor) -> ColumnElement[bool]:
    """What this reader is asked: by name or by role, and at a provider whatever its people are asked."""
    by_name = Reminder.recipient_user_id == actor.user_id
    if actor.is_provider:
        return or_(by_name, of_organisation(actor))
    return or_(by_name, and_(_without_user(actor), Reminder.recipient_role == _role(actor)))


def of_organisation(actor: Actor) -> ColumnElement[bool]:
    """The common list of the organisation: what has no user, and no role but the reader's."""
    return and_(
        _without_user(actor), or_(Reminder.recipient_role.is_(None), Reminder.recipient_role == _role(actor))
    )


def is_snoozed(actor: Actor, at: datetime) -> ColumnElement[bool]:
    """Whether this reader has put it aside until later than `at`."""
    return (
        select(ReminderSnooze.id)
        .where(
            ReminderSnooze.reminder_id == Reminder.id,
            ReminderSnooze.user_id == actor.user_id,
            ReminderSnooze.ended_at.is_(None),
            ReminderSnooze.until_at > at,
        )
        .correlate(Reminder)
        .exists()
    )


def count_unseen_reminders(actor: Actor, at: datetime) -> int:
    """How many open reminders a reader has not seen, up to `MOST_COUNTED`; the table's policies say which it may."""
    wanted = (
        Reminder.resolved_at.is_(None),
        Reminder.seen_at.is_(None),
        addressed_to_reader(actor),
        ~is_snoozed(actor, at),
    )
    some = select(Reminder.id).where(*wanted).limit(MOST_COUNTED).subquery()
    with transaction(actor) as session:
        return session.scalar(select(func.count()).select_from(some)) or 0


def _without_user(actor: Actor) -> ColumnElement[bool]:
    return and_(
        Reminder.recipient_user_id.is_(None), Reminder.recipient_organisation_id == actor.organisation_id
    )


def _role(actor: Actor) -> str | None:
    return actor.role.value if actor.role else None
