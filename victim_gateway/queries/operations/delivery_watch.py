"""What waits, failed or was kept back on its way to a reader: counts and ages, nothing of a case.

Another kind of message is watched by adding its counter to `COUNTERS`: a function from a session and a moment to rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from victim_gateway.models import (
    Message,
    Organisation,
    Outbox,
    ParkedMessage,
    ProcessBeat,
    Reminder,
    ServiceAlarm,
    User,
    VictimMessage,
)
from victim_gateway.rules.victim_message_gate import REFUSAL_TEXTS
from victim_gateway.victim_message_vocabulary import VictimMessageState
from victim_gateway.vocabulary import MessageState, ProcessPart

# What expired or was kept back longer ago than this is not counted.
COUNTED_FOR = timedelta(days=7)
MOST_LISTED = 50
LATE = "late"
# Tried five times, or perhaps sent: a caseworker decides.
STUCK_STATES = (VictimMessageState.PARKED, VictimMessageState.PERHAPS_SENT)


@dataclass(frozen=True, slots=True)
class WatchCount:
    """How many of one kind there are, and since when the oldest; `why` is the reason where there are several."""

    what: str
    count: int
    oldest: datetime | None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class ParkedEmail:
    """An e-mail that waits for a person: for which organisation, what kind, and why it was not taken."""

    message_id: UUID
    readers: str
    what: str
    problem: str
    attempts: int
    created_at: datetime


def watch_counts(session: Session, at: datetime, late_after: timedelta) -> tuple[WatchCount, ...]:
    """Every count of every kind of message, in the order of the page. As a program."""
    late = _count(session, "late", _is_late(at, late_after), Message.created_at)
    return (late, *(row for counter in COUNTERS for row in counter(session, at)))


def email_counts(session: Session, at: datetime) -> Iterable[WatchCount]:
    """E-mails to members of staff and providers."""
    state = Message.state
    yield _count(session, "due", and_(state == MessageState.QUEUED, Message.next_attempt_at <= at))
    yield _count(session, "waiting", and_(state == MessageState.QUEUED, Message.next_attempt_at > at))
    yield _count(session, "sending", state == MessageState.SENDING)
    yield _count(session, "parked", state == MessageState.PARKED, Message.created_at)
    yield _count(session, "failed", state == MessageState.FAILED, Message.created_at)
    since = Message.created_at > at - COUNTED_FOR
    yield _count(session, "expired", and_(state == MessageState.EXPIRED, since), Message.created_at)
    kept_back = and_(state == MessageState.NOT_SENT, since)
    rows = session.execute(
        select(Message.problem, func.count(), func.min(Message.created_at))
        .where(kept_back)
        .group_by(Message.problem)
        .order_by(func.count().desc(), Message.problem)
    ).all()
    for problem, count, oldest in rows:
        yield WatchCount("refused", count, oldest, problem)


def queue_counts(session: Session, at: datetime) -> Iterable[WatchCount]:
    """Tasks that were not passed on yet, or that nobody could take, and reminders nobody has seen."""
    unpublished = and_(Outbox.published_at.is_(None), Outbox.parked_at.is_(None))
    yield _of(session, "tasks", Outbox.created_at, unpublished)
    yield _of(session, "tasks_parked", Outbox.created_at, Outbox.parked_at.is_not(None))
    yield _of(session, "queue_items", ParkedMessage.parked_at, ParkedMessage.discarded_at.is_(None))
    unseen = and_(Reminder.resolved_at.is_(None), Reminder.seen_at.is_(None), Reminder.created_at <= at)
    yield _of(session, "unseen_reminders", Reminder.created_at, unseen)


def people_counts(session: Session, at: datetime) -> Iterable[WatchCount]:
    """Messages to people: those that are open by state, and what became of those of the last days, by reason."""
    open_since = {
        "people_due": and_(VictimMessage.state == VictimMessageState.QUEUED, VictimMessage.next_try_at <= at),
        "people_waiting": and_(
            VictimMessage.state == VictimMessageState.QUEUED, VictimMessage.next_try_at > at
        ),
        "people_sending": VictimMessage.state == VictimMessageState.SENDING,
        "people_parked": VictimMessage.state.in_(STUCK_STATES),
    }
    for what, condition in open_since.items():
        yield _of(session, what, VictimMessage.next_try_at, condition)
    since = VictimMessage.ended_at > at - COUNTED_FOR
    for what, state in (
        ("people_failed", VictimMessageState.FAILED),
        ("people_expired", VictimMessageState.EXPIRED),
    ):
        yield _of(session, what, VictimMessage.ended_at, and_(VictimMessage.state == state, since))
    rows = session.execute(
        select(VictimMessage.refusal, func.count(), func.min(VictimMessage.ended_at))
        .where(VictimMessage.refusal.is_not(None), since)
        .group_by(VictimMessage.refusal)
        .order_by(func.count().desc(), VictimMessage.refusal)
    ).all()
    for refusal, count, oldest in rows:
        if refusal is not None:
            yield WatchCount("people_refused", count, oldest, REFUSAL_TEXTS[refusal].reason)


def late_messages_to_people(session: Session, at: datetime, late_after: timedelta) -> int:
    """How many messages to people should have left, or have been open for too long after they were claimed."""
    is_due = and_(
        VictimMessage.state == VictimMessageState.QUEUED,
        VictimMessage.next_try_at <= at - late_after,
        VictimMessage.not_before <= at - late_after,
    )
    is_open = and_(
        VictimMessage.state == VictimMessageState.SENDING, VictimMessage.leased_until <= at - late_after
    )
    return session.scalar(select(func.count()).select_from(VictimMessage).where(or_(is_due, is_open))) or 0


COUNTERS: Sequence[Callable[[Session, datetime], Iterable[WatchCount]]] = (
    email_counts,
    queue_counts,
    people_counts,
)


def failing_messages(session: Session, at: datetime) -> int:
    """How many e-mails could not be handed over when they were last tried, those given up in the last hour too."""
    again = and_(Message.state == MessageState.QUEUED, Message.problem.is_not(None))
    given_up = and_(Message.state == MessageState.FAILED, Message.created_at > at - timedelta(hours=1))
    return session.scalar(select(func.count()).select_from(Message).where(or_(again, given_up))) or 0


def process_beats(session: Session) -> dict[ProcessPart, ProcessBeat]:
    """When each program beside the web last showed that it works."""
    return {beat.part: beat for beat in session.scalars(select(ProcessBeat))}


def open_alarms(session: Session) -> list[ServiceAlarm]:
    """The causes for alarm that have not ended, the oldest first."""
    wanted = select(ServiceAlarm).where(ServiceAlarm.ended_at.is_(None))
    return list(session.scalars(wanted.order_by(ServiceAlarm.began_at, ServiceAlarm.cause)))


def parked_emails(session: Session) -> tuple[ParkedEmail, ...]:
    """The e-mails that wait for a person, the oldest first."""
    rows = session.execute(
        select(
            Message.id,
            Organisation.name,
            Message.notice_id,
            Message.digest_on,
            Message.problem,
            Message.attempts,
            Message.created_at,
        )
        .join(User, User.id == Message.recipient_user_id)
        .join(Organisation, Organisation.id == User.organisation_id)
        .where(Message.state == MessageState.PARKED)
        .order_by(Message.created_at, Message.id)
        .limit(MOST_LISTED)
    ).all()
    return tuple(
        ParkedEmail(row.id, row.name, _kind(row), row.problem or "", row.attempts, row.created_at)
        for row in rows
    )


def _is_late(at: datetime, late_after: timedelta) -> Any:
    """Due for too long, or put back again and again because no server takes anything."""
    is_put_back = and_(Message.attempts == 0, Message.problem.is_not(None))
    return and_(
        Message.state == MessageState.QUEUED,
        or_(
            Message.next_attempt_at <= at - late_after,
            and_(is_put_back, Message.created_at <= at - late_after),
        ),
    )


def _count(session: Session, what: str, condition: Any, since: Any = Message.next_attempt_at) -> WatchCount:
    return _of(session, what, since, condition)


def _of(session: Session, what: str, since: Any, condition: Any) -> WatchCount:
    row = session.execute(select(func.count(), func.min(since)).where(condition)).one()
    return WatchCount(what, row[0], row[1])


def _kind(row: Any) -> str:
    if row.digest_on is not None:
        return "Daily summary"
    return "Notice to a provider" if row.notice_id is not None else "Urgent reminder"
