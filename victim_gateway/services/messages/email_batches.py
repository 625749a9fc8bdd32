"""E-mail batches: the messages that go in one e-mail, claimed before it is sent and settled afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, case, or_, select, update
from sqlalchemy.orm import Session

from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.models import Message, User
from victim_gateway.services.messages import failed_messages
from victim_gateway.services.messages.claimed_messages import claimed_messages
from victim_gateway.services.messages.mail_pace import has_room, lock_pace
from victim_gateway.services.messages.send_checks import (
    ClaimedMessage,
    MailedSubject,
    has_expired,
    may_send,
    put_off_until,
)
from victim_gateway.vocabulary import MessageState

log = structlog.get_logger()

# Up to this many messages for one reader are sent one by one; more are sent together.
MOST_SINGLE = 5
# What a server put off so often, over an hour and a half, or what so many workers died of, waits for a person.
MAX_DELIVERIES = 5
# A mail server can't be asked whether it sent something, so what may have been sent is sent once more, with
# the same Message-ID, and never a third time.
MAX_UNCERTAIN_SENDS = 2
_FIRST_WAIT_S, _GROWTH = 60, 4
_SERVER_AWAY_WAIT = timedelta(minutes=1)
_MAY_HAVE_GONE = "It was being sent when the worker died: it may have been sent"
_DIED_BEFORE = "The worker died before anything was handed over"
_EXPIRED = "Its time had passed before it could be sent"


@dataclass(frozen=True, slots=True)
class EmailBatch:
    """Messages for one reader to send as one e-mail: all about reminders, all about notices, or one digest.

    `not_sent` counts those that `may_send` refused or whose time had passed, `put_off` those for after quiet hours.
    `is_for_contact`: its reader works by link; such an e-mail is about one onward referral.
    """

    parcel_id: UUID
    recipient: str
    attempts: int
    leased_until: datetime
    message_ids: tuple[UUID, ...]
    subjects: tuple[MailedSubject, ...]
    not_sent: int
    put_off: int
    is_for_contact: bool = False


def claim_email_batch(session: Session, at: datetime) -> EmailBatch | None:
    """Claim the next messages that are due; None when none is, or when enough left in this minute.

    Concurrent workers claim others.
    """
    pace = lock_pace(session, at)
    first = _first_due(session, at) if has_room(pace) else None
    if first is None:
        return None
    parcel_id = first.parcel_id or first.id
    rows = _together(session, first, at)
    claimed = claimed_messages(session, [row.id for row in rows], at)
    allowed, put_off = [], 0
    leased_until = at + timedelta(seconds=current_settings().mail_lease_s)
    on_call = current_settings().area.mail.on_call_rules
    failed: list[UUID] = []
    for row in rows:
        message = claimed[row.id]
        if _is_kept_back(session, row, message, at, failed):
            continue
        later = put_off_until(message, at, on_call)
        if later is not None:
            row.next_attempt_at, put_off = later, put_off + 1
            continue
        allowed.append(row)
        row.state, row.parcel_id, row.handed_over_at = MessageState.SENDING, parcel_id, None
        row.attempts, row.leased_until = row.attempts + 1, leased_until
    pace.handed_over += bool(allowed)
    session.flush()
    failed_messages.open_failure_tasks(session, failed, at=at)
    return EmailBatch(
        parcel_id=parcel_id,
        recipient=claimed[first.id].reader.email,
        attempts=max((row.attempts for row in allowed), default=0),
        leased_until=leased_until,
        message_ids=tuple(row.id for row in allowed),
        subjects=tuple(claimed[row.id].subject for row in allowed),
        not_sent=len(rows) - len(allowed) - put_off,
        put_off=put_off,
        is_for_contact=claimed[first.id].reader.is_contact,
    )


def begin_hand_over(session: Session, parcel: EmailBatch, at: datetime) -> bool:
    """Note that its content leaves now; False where the lease has run out, as another may be sending it."""
    mine = session.execute(
        update(Message)
        .where(
            Message.id.in_(parcel.message_ids),
            Message.leased_until == parcel.leased_until,
            Message.leased_until > at,
            Message.state == MessageState.SENDING,
        )
        .values(handed_over_at=at)
        .returning(Message.id)
    ).all()
    return len(mine) == len(parcel.message_ids)


def mark_sent(session: Session, parcel: EmailBatch, at: datetime) -> None:
    """Record that the server accepted it, even after our lease ran out: it must not be sent again."""
    session.execute(
        update(Message)
        .where(Message.id.in_(parcel.message_ids))
        .values(state=MessageState.SENT, sent_at=at, leased_until=None, problem=None)
    )
    _audit(session, "message.sent", parcel.parcel_id, _references(parcel), None)


def retry_later(session: Session, parcel: EmailBatch, at: datetime, problem: str) -> bool:
    """Schedule another try, later each time. False when the tries are used up: then it is parked for a person."""
    if parcel.attempts >= MAX_DELIVERIES:
        _park(session, parcel, at, problem)
        return False
    _settle(session, parcel, MessageState.QUEUED, problem, at + retry_delay(parcel))
    return True


def put_back(session: Session, parcel: EmailBatch, at: datetime, problem: str) -> None:
    """The server was away, so nothing was delivered, and that counts for nothing: again in a minute."""
    _settle(session, parcel, MessageState.QUEUED, problem, at + _SERVER_AWAY_WAIT, is_counted=False)


def _park(session: Session, parcel: EmailBatch, at: datetime, problem: str) -> None:
    parked = _settle(session, parcel, MessageState.PARKED, problem)
    failed_messages.open_failure_tasks(session, parked, at=at)
    _audit(session, "message.parked", parcel.parcel_id, _references(parcel), problem)
    if parked:
        log.error("messages.parked", message_id=parcel.parcel_id, count=len(parked))


def mark_failed(session: Session, parcel: EmailBatch, at: datetime, problem: str) -> None:
    """Give up: it is not tried again automatically, and whoever owns it has a task to tell the reader."""
    failed = _settle(session, parcel, MessageState.FAILED, problem)
    failed_messages.open_failure_tasks(session, failed, at=at)
    _audit(session, "message.failed", parcel.parcel_id, _references(parcel), problem)


def mark_delivery_unknown(session: Session, parcel: EmailBatch, at: datetime, problem: str) -> None:
    """Record that it may have been sent: try once more after a failure's delay, or never again."""
    attempts = session.scalars(
        update(Message)
        .where(Message.id.in_(parcel.message_ids), Message.leased_until == parcel.leased_until)
        .values(uncertain_sends=Message.uncertain_sends + 1)
        .returning(Message.uncertain_sends)
    ).all()
    if max(attempts, default=0) >= MAX_UNCERTAIN_SENDS:
        mark_failed(session, parcel, at, problem)
    else:
        retry_later(session, parcel, at, problem)


def release_abandoned_messages(session: Session, at: datetime) -> int:
    """Release messages that a dead worker was sending. Returns their number.

    What had not been handed over was not sent and goes again; of the rest delivery is unknown.
    """
    was_handed_over = Message.handed_over_at.is_not(None)
    once_more = or_(~was_handed_over, Message.uncertain_sends + 1 < MAX_UNCERTAIN_SENDS)
    state = case(
        (~once_more, MessageState.FAILED.value),
        (Message.attempts >= MAX_DELIVERIES, MessageState.PARKED.value),
        else_=MessageState.QUEUED.value,
    )
    released = session.execute(
        update(Message)
        .where(Message.state == MessageState.SENDING, Message.leased_until < at)
        .values(
            state=state,
            uncertain_sends=Message.uncertain_sends + case((was_handed_over, 1), else_=0),
            leased_until=None,
            next_attempt_at=at,
            problem=case((was_handed_over, _MAY_HAVE_GONE), else_=_DIED_BEFORE),
        )
        .returning(Message.id, Message.state)
    ).all()
    given_up = [row.id for row in released if row.state is not MessageState.QUEUED]
    failed_messages.open_failure_tasks(session, given_up, at=at)
    if given_up:
        log.error("messages.parked", count=len(given_up))
    return len(released)


def retry_delay(parcel: EmailBatch) -> timedelta:
    """Four times as long each time, from a minute to about an hour, and up to half of it more, by parcel."""
    seconds = _FIRST_WAIT_S * _GROWTH ** max(parcel.attempts - 1, 0)
    jitter = parcel.parcel_id.int % 1000 / 2000
    return timedelta(seconds=seconds * (1 + jitter))


def _is_kept_back(
    session: Session, row: Message, message: ClaimedMessage, at: datetime, failed: list[UUID]
) -> bool:
    """Settle a message that must not leave: its time has passed, or it is no longer so; whether it is one."""
    refusal = may_send(message, is_production=current_settings().is_production)
    if refusal is None and not has_expired(message, at):
        return False
    if refusal is None:
        row.state, row.problem = MessageState.EXPIRED, _EXPIRED
        log.warning("messages.expired", message_id=row.id)
    else:
        row.state = MessageState.FAILED if refusal.is_problem else MessageState.NOT_SENT
        row.problem = refusal.reason
        failed += [row.id] if refusal.is_problem else []
    _audit(session, "message.held_back", row.id, [message.subject.reference], row.problem)
    return True


def _first_due(session: Session, at: datetime) -> Message | None:
    return session.scalars(
        select(Message)
        .where(*_due(at))
        .order_by(Message.next_attempt_at, Message.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()


def _due(at: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Message.state == MessageState.QUEUED, Message.next_attempt_at <= at


def _together(session: Session, first: Message, at: datetime) -> Sequence[Message]:
    """The rows that leave in one e-mail with the first: those it left with before, or a reader's many, or a digest."""
    if first.digest_on is not None:
        return [first]
    same = (
        (Message.parcel_id == first.parcel_id, Message.state == MessageState.QUEUED)
        if first.parcel_id is not None
        else (
            Message.parcel_id.is_(None),
            Message.recipient_user_id == first.recipient_user_id,
            Message.digest_on.is_(None),
            Message.notice_id.is_(None) if first.notice_id is None else Message.notice_id.is_not(None),
            *_due(at),
        )
    )
    rows = session.scalars(
        select(Message)
        .where(*same)
        .order_by(Message.created_at, Message.id)
        .with_for_update(skip_locked=True)
    ).all()
    is_contact = select(User.contact_service_id).where(User.id == first.recipient_user_id)
    if first.parcel_id is None and (len(rows) <= MOST_SINGLE or session.scalar(is_contact) is not None):
        return [first]
    return rows


def _settle(
    session: Session,
    parcel: EmailBatch,
    state: MessageState,
    problem: str,
    next_attempt_at: datetime | None = None,
    *,
    is_counted: bool = True,
) -> Sequence[UUID]:
    """Update the rows only while the lease is ours: another worker may have claimed them since. Gives their ids."""
    values: dict[str, Any] = {"next_attempt_at": next_attempt_at} if next_attempt_at else {}
    if not is_counted:
        values["attempts"] = Message.attempts - 1
    return session.scalars(
        update(Message)
        .where(Message.id.in_(parcel.message_ids), Message.leased_until == parcel.leased_until)
        .values(state=state, leased_until=None, problem=problem, **values)
        .returning(Message.id)
    ).all()


def _references(parcel: EmailBatch) -> list[str]:
    return [subject.reference for subject in parcel.subjects]


def _audit(
    session: Session, action: str, subject_id: UUID, references: list[str], problem: str | None
) -> None:
    record_audit(
        session, action, subject_type="message", subject_id=subject_id, references=references, problem=problem
    )
