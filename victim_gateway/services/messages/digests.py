"""One digest for each reader and local day, at the hour they chose: asked for here, composed when it is sent."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.compliance.calendar import england_and_wales
from victim_gateway.database.current import current_settings
from victim_gateway.database.outbox import enqueue_task
from victim_gateway.database.transaction import transaction
from victim_gateway.models import DigestSchedule, MailPreference, Message, User
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.mail_times import MailTimes, digest_moment, is_digest_day, next_digest
from victim_gateway.services.messages.digest_contents import read_digest
from victim_gateway.services.messages.reader_times import PREFERENCE_COLUMNS, times_of
from victim_gateway.services.messages.send_checks import MAILED_ROLES
from victim_gateway.vocabulary import MessageState, TaskName

_BATCH = 50


def queue_due_digests(*, actor: Actor, at: datetime) -> int:
    """Ask for the digest of every reader whose hour has come; how many. Safe to run late, often or twice at once.

    After an outage there is today's digest where today's hour has passed, and none for the days before. Without a mail
    server there is none: reminders are shown in the service.
    """
    if current_settings().smtp_url is None:
        return 0
    with transaction(actor) as session:
        _schedule_new_readers(session, at)
    queued = 0
    while True:
        with transaction(actor) as session:
            due = _lock_due(session, at)
            made = sum(_queue_digest(session, row, at) for row in due)
            if made:
                enqueue_task(session, TaskName.SEND_MESSAGE, at)
        queued += made
        if len(due) < _BATCH:
            return queued


def plan_digest(chosen: MailTimes, at: datetime, last_on: date | None) -> datetime:
    """The moment of a reader's next digest: today's where its hour is still to come, else a later day's."""
    today, holidays = times.london_date(at), england_and_wales().holidays
    if last_on != today and is_digest_day(today, chosen, holidays) and digest_moment(today, chosen) > at:
        return digest_moment(today, chosen)
    return next_digest(today, chosen, holidays)


def _schedule_new_readers(session: Session, at: datetime) -> None:
    rows = session.execute(
        select(User.id, User.role, *PREFERENCE_COLUMNS)
        .outerjoin(MailPreference, MailPreference.user_id == User.id)
        .outerjoin(DigestSchedule, DigestSchedule.user_id == User.id)
        .where(
            User.role.in_(MAILED_ROLES),
            User.disabled_at.is_(None),
            # A registered contact has no list to be sent to: each reminder goes with a link of its own.
            User.contact_service_id.is_(None),
            DigestSchedule.user_id.is_(None),
        )
        .order_by(User.id)
    ).all()
    values = [{"user_id": row.id, "next_at": plan_digest(times_of(row, row.role), at, None)} for row in rows]
    if values:
        session.execute(insert(DigestSchedule).on_conflict_do_nothing(), values)


def _lock_due(session: Session, at: datetime) -> Any:
    return session.execute(
        select(User.id, User.role, User.disabled_at, DigestSchedule.last_on, *PREFERENCE_COLUMNS)
        .select_from(DigestSchedule)
        .join(User, User.id == DigestSchedule.user_id)
        .outerjoin(MailPreference, MailPreference.user_id == User.id)
        .where(DigestSchedule.next_at <= at)
        .order_by(DigestSchedule.next_at, DigestSchedule.user_id)
        .limit(_BATCH)
        .with_for_update(of=DigestSchedule, skip_locked=True)
    ).all()


def _queue_digest(session: Session, row: Any, at: datetime) -> int:
    """Ask for today's digest where there is something to say, and move on to the next; how many were asked for."""
    today, chosen = times.london_date(at), times_of(row, row.role)
    is_today = (
        row.last_on != today
        and is_digest_day(today, chosen, england_and_wales().holidays)
        and digest_moment(today, chosen) <= at
    )
    last_on = today if is_today else row.last_on
    session.execute(
        update(DigestSchedule)
        .where(DigestSchedule.user_id == row.id)
        .values(next_at=plan_digest(chosen, at, last_on), last_on=last_on)
    )
    may_get = row.disabled_at is None and row.role in MAILED_ROLES
    if not is_today or not may_get or not read_digest(session, row.id, at):
        return 0
    asked = session.execute(
        insert(Message)
        .values(
            id=new_row_id(),
            digest_on=today,
            recipient_user_id=row.id,
            state=MessageState.QUEUED,
            next_attempt_at=at,
            created_at=at,
        )
        .on_conflict_do_nothing()
        .returning(Message.id)
    ).first()
    return int(asked is not None)
