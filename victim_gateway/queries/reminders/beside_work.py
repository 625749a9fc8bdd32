"""What stands beside the list of work: notes nobody read yet, and what rules remind of that is no next action."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import and_, case, or_, select
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.models import Referral, Reminder
from victim_gateway.vocabulary import ReminderKind, Role

MOST = 20


@dataclass(frozen=True, slots=True)
class UnreadNote:
    """A note on a referral; `reminder_id` is what ends when it is marked as read."""

    reminder_id: UUID
    referral_id: UUID
    reference: str
    written_at: datetime


@dataclass(frozen=True, slots=True)
class RuleReminderLine:
    """One open reminder of a rule. `is_passed_on`: nobody answered the one before."""

    reminder_id: UUID
    rule_code: str
    reference: str
    due_on: date | None
    is_urgent: bool
    is_passed_on: bool


@dataclass(frozen=True, slots=True)
class BesideWork:
    """What stands beside the list of work, at most MOST of each."""

    notes: tuple[UnreadNote, ...] = ()
    reminders: tuple[RuleReminderLine, ...] = ()


def read_beside_work(session: Session, actor: Actor) -> BesideWork:
    """The newest notes to this user, newest first, and the reminders of rules, urgent ones first, then by date.

    A senior's are those to all seniors too, and those of referrals that no open account has. The next actions are the
    list of work itself and not said again.
    """
    own = Reminder.recipient_user_id == actor.user_id
    to_seniors = and_(
        Reminder.recipient_user_id.is_(None), Reminder.recipient_organisation_id == actor.organisation_id
    )
    readers = or_(own, to_seniors) if actor.role is Role.SENIOR else own
    is_note = Reminder.kind == ReminderKind.NOTE_WRITTEN
    of_rule = and_(Reminder.kind == ReminderKind.TASK_WAITING, Reminder.rule_code.is_not(None))
    rows = session.execute(
        select(
            Reminder.id,
            Reminder.kind,
            Reminder.rule_code,
            Reminder.referral_id,
            Reminder.reference,
            Reminder.due_on,
            Reminder.is_urgent,
            Reminder.escalated_from_id,
            Reminder.created_at,
        )
        .outerjoin(Referral, Referral.id == Reminder.referral_id)
        .where(
            or_(and_(is_note, own), and_(of_rule, readers)),
            Reminder.resolved_at.is_(None),
            Reminder.seen_at.is_(None),
            or_(Referral.id.is_not(None), Reminder.referral_id.is_(None)),
        )
        .order_by(
            is_note.desc(),
            Reminder.is_urgent.desc(),
            Reminder.escalated_from_id.is_(None),
            case((is_note, None), else_=Reminder.due_on),
            Reminder.created_at.desc(),
            Reminder.id,
        )
        .limit(5 * MOST)
    ).all()
    notes = [row for row in rows if row.kind is ReminderKind.NOTE_WRITTEN][:MOST]
    reminders = [row for row in rows if row.kind is ReminderKind.TASK_WAITING][:MOST]
    return BesideWork(
        tuple(UnreadNote(row.id, row.referral_id, row.reference, row.created_at) for row in notes),
        tuple(
            RuleReminderLine(
                row.id,
                row.rule_code,
                row.reference,
                row.due_on,
                row.is_urgent,
                row.escalated_from_id is not None,
            )
            for row in reminders
        ),
    )
