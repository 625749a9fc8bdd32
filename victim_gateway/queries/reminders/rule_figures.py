"""What became of the reminders of each rule lately, what stalled cases waited for, and times without a pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import as_service
from victim_gateway.models import Message, Referral, Reminder, ReminderGap, ReminderWatch, StallAnswer
from victim_gateway.reminder_vocabulary import StallAnswerCode
from victim_gateway.vocabulary import MessageState

FIGURE_DAYS = 30
MOST_PASSED = 200
_EXPIRED = and_(Reminder.expires_at.is_not(None), Reminder.expires_at <= Reminder.created_at)
# Written as ended from the first: nothing of it is open any more.
_PASSED = and_(_EXPIRED, Reminder.resolved_at == Reminder.created_at)


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """The reminders of a rule in the last days: made, e-mailed, done with, passed on, too late when first seen."""

    made: int = 0
    sent: int = 0
    resolved: int = 0
    escalated: int = 0
    expired: int = 0


@dataclass(frozen=True, slots=True)
class PassedReminder:
    """One reminder whose moment passed while the service was away."""

    rule_code: str
    referral_id: UUID | None
    reference: str
    due_on: date | None
    passed_at: datetime


@dataclass(frozen=True, slots=True)
class ServiceGap:
    """A time in which no pass ran, and how many reminders passed in it."""

    from_at: datetime
    until_at: datetime
    passed: int


def rule_figures(session: Session, at: datetime) -> Mapping[str, RuleFigures]:
    """The figures of every rule of the last FIGURE_DAYS days, by code: of all referrals, restricted ones too."""
    since = at - timedelta(days=FIGURE_DAYS)
    recent = and_(Reminder.rule_code.is_not(None), Reminder.created_at >= since)
    passed_on = Reminder.escalated_from_id.is_not(None)
    counted = (
        select(
            Reminder.rule_code,
            func.count().filter(~passed_on, ~func.coalesce(_PASSED, False)).label("made"),
            func.count()
            .filter(Reminder.resolved_at.is_not(None), ~func.coalesce(_PASSED, False))
            .label("resolved"),
            func.count().filter(passed_on).label("escalated"),
            func.count().filter(_PASSED).label("expired"),
        )
        .where(recent)
        .group_by(Reminder.rule_code)
    )
    mailed = (
        select(Reminder.rule_code, func.count(func.distinct(Reminder.id)).label("sent"))
        .join(Message, Message.reminder_id == Reminder.id)
        .where(recent, Message.state == MessageState.SENT)
        .group_by(Reminder.rule_code)
    )
    with as_service(session):
        sent = {row.rule_code: row.sent for row in session.execute(mailed)}
        rows = session.execute(counted).all()
    return {
        row.rule_code: RuleFigures(
            row.made, sent.get(row.rule_code, 0), row.resolved, row.escalated, row.expired
        )
        for row in rows
    }


def stall_answer_counts(session: Session, at: datetime) -> Mapping[StallAnswerCode, int]:
    """How often each answer was given about stalled cases in the last FIGURE_DAYS days."""
    counted = (
        select(StallAnswer.answer, func.count().label("given"))
        .where(StallAnswer.answered_at >= at - timedelta(days=FIGURE_DAYS))
        .group_by(StallAnswer.answer)
    )
    with as_service(session):
        return {row.answer: row.given for row in session.execute(counted)}


def passed_reminders(session: Session) -> list[PassedReminder]:
    """What passed while the service was away, of referrals that the reader may see, the newest first."""
    rows = session.execute(
        select(
            Reminder.rule_code,
            Reminder.referral_id,
            Reminder.reference,
            Reminder.due_on,
            Reminder.created_at.label("passed_at"),
        )
        .outerjoin(Referral, Referral.id == Reminder.referral_id)
        .where(_PASSED, Reminder.rule_code.is_not(None))
        .order_by(Reminder.created_at.desc(), Reminder.due_on, Reminder.id)
        .limit(MOST_PASSED)
    )
    found = [PassedReminder(**row._mapping) for row in rows]
    record_audit(session, "reminders.passed_viewed", shown=[row.reference for row in found])
    return found


def service_gaps(session: Session, at: datetime) -> list[ServiceGap]:
    """The times without a pass of the last FIGURE_DAYS days, the newest first."""
    rows = session.execute(
        select(ReminderGap.from_at, ReminderGap.until_at, ReminderGap.passed)
        .where(ReminderGap.until_at >= at - timedelta(days=FIGURE_DAYS))
        .order_by(ReminderGap.until_at.desc())
    )
    return [ServiceGap(**row._mapping) for row in rows]


def last_pass_at(session: Session) -> datetime | None:
    """When the last pass ran; None before the first."""
    return session.scalar(select(ReminderWatch.last_pass_at))
