"""E-mail batches: the messages that go in one e-mail, claimed before it is sent and settled afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, case, select, update
from sqlalchemy.orm import Session

from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.models import Message, User
from victim_gateway.services.messages import failed_messages
from victim_gateway.services.messages.claimed_messages import claimed_messages
from victim_gateway.services.messages.send_checks import MailedSubject, may_send
from victim_gateway.vocabulary import MessageState

# Longer than sending one e-mail can take: each of its eight answers is waited for ten seconds at most.
LEASE = timedelta(minutes=2)
# Up to this many messages for one reader are sent one by one; more are sent together.
MOST_SINGLE = 5
# Covers about an hour and a half without a mail server.
MAX_ATTEMPTS = 8
# A mail server can't be asked whether it sent something, so what may have been sent is sent once more, with
# the same Message-ID, and never a third time.
MAX_UNCERTAIN_SENDS = 2
_FIRST_WAIT_S, _LONGEST_WAIT_S = 30, 1800
_LEASE_RAN_OUT = "It was being sent when the worker died: it may have been sent"


@dataclass(frozen=True, slots=True)
class EmailBatch:
    """Messages for one reader to send as one e-mail, all about reminders or all about notices.

    `not_sent` counts those that `may_send` refused. `is_for_contact`: its reader works by link; such an e-mail is about
    one onward referral.
    """

    parcel_id: UUID
    recipient: str
    attempts: int
    leased_until: datetime
    message_ids: tuple[UUID, ...]
    subjects: tuple[MailedSubject, ...]
    not_sent: int
    is_for_contact: bool = False


def claim_email_batch(session: Session, at: datetime) -> EmailBatch | None:
    """Claim the next messages that are due; None when none is. Concurrent workers claim others."""
    first = session.scalars(
        select(Message)
        .where(*_due(at))
        .order_by(Message.next_attempt_at, Message.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()
    if first is None:
        return None
    parcel_id = first.parcel_id or first.id
    rows = _together(session, first, at)
    claimed = claimed_messages(session, [row.id for row in rows])
    allowed, failed = [], []
    for row in rows:
        refusal = may_send(claimed[row.id], is_production=current_settings().is_production)
        if refusal is None:
            allowed.append(row)
            row.state, row.parcel_id = MessageState.SENDING, parcel_id
            row.attempts, row.leased_until = row.attempts + 1, at + LEASE
        else:
            row.state = MessageState.FAILED if refusal.is_problem else MessageState.NOT_SENT
            row.problem = refusal.reason
            failed += [row.id] if refusal.is_problem else []
            reference = claimed[row.id].subject.reference
            _audit(session, "message.held_back", row.id, [reference], refusal.reason)
    session.flush()
    failed_messages.open_failure_tasks(session, failed, at=at)
    return EmailBatch(
        parcel_id=parcel_id,
        recipient=claimed[first.id].reader.email,
        attempts=max((row.attempts for row in allowed), default=0),
        leased_until=at + LEASE,
        message_ids=tuple(row.id for row in allowed),
        subjects=tuple(claimed[row.id].subject for row in allowed),
        not_sent=len(rows) - len(allowed),
        is_for_contact=claimed[first.id].reader.is_contact,
    )


def mark_sent(session: Session, parcel: EmailBatch, at: datetime) -> None:
    """Record that the server accepted it, even after our lease ran out: it must not be sent again."""
    session.execute(
        update(Message)
        .where(Message.id.in_(parcel.message_ids))
        .values(state=MessageState.SENT, sent_at=at, leased_until=None, problem=None)
    )
    _audit(session, "message.sent", parcel.parcel_id, _references(parcel), None)


def retry_later(session: Session, parcel: EmailBatch, at: datetime, problem: str) -> bool:
    """Schedule another try, later each time. False when the tries are used up."""
    again = parcel.attempts < MAX_ATTEMPTS
    if not again:
        mark_failed(session, parcel, at, problem)
        return False
    _settle(session, parcel, MessageState.QUEUED, problem, at + retry_delay(parcel))
    return True


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
    """Release messages that a dead worker was sending; their delivery is unknown too. Returns their number."""
    once_more = Message.uncertain_sends + 1 < MAX_UNCERTAIN_SENDS
    released = session.execute(
        update(Message)
        .where(Message.state == MessageState.SENDING, Message.leased_until < at)
        .values(
            state=case((once_more, MessageState.QUEUED.value), else_=MessageState.FAILED.value),
            uncertain_sends=Message.uncertain_sends + 1,
            leased_until=None,
            next_attempt_at=at,
            problem=_LEASE_RAN_OUT,
        )
        .returning(Message.id, Message.state)
    ).all()
    failed = [row.id for row in released if row.state is MessageState.FAILED]
    failed_messages.open_failure_tasks(session, failed, at=at)
    return len(released)


def retry_delay(parcel: EmailBatch) -> timedelta:
    """Twice as long each time, up to half an hour, and up to half of it more, by parcel: they spread out."""
    seconds = min(_FIRST_WAIT_S * 2 ** max(parcel.attempts - 1, 0), _LONGEST_WAIT_S)
    jitter = parcel.parcel_id.int % 1000 / 2000
    return timedelta(seconds=seconds * (1 + jitter))


def _due(at: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Message.state == MessageState.QUEUED, Message.next_attempt_at <= at


def _together(session: Session, first: Message, at: datetime) -> Sequence[Message]:
    """The rows that leave in one e-mail with the first: those it left with before, or a reader's many."""
    same = (
        (Message.parcel_id == first.parcel_id, Message.state == MessageState.QUEUED)
        if first.parcel_id is not None
        else (
            Message.parcel_id.is_(None),
            Message.recipient_user_id == first.recipient_user_id,
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
) -> Sequence[UUID]:
    """Update the rows only while the lease is ours: another worker may have claimed them since. Gives their ids."""
    values = {"next_attempt_at": next_attempt_at} if next_attempt_at else {}
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
