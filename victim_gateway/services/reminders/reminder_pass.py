"""The reminder pass: one reminder for each thing due, overdue or unanswered, to the person who can act on it.

Only to members of staff and providers; nothing here ever reaches a victim.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, func, select, update
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database.advisory_locks import AdvisoryLock, lock_until_commit
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.errors import NotFound
from victim_gateway.models import Message, Reminder
from victim_gateway.queries.compliance.clocks_sql import plan_for_many_rows
from victim_gateway.queries.reminders.addressing import addressed_to
from victim_gateway.queries.reminders.rules_in_force import rules_in_force
from victim_gateway.rules.reminder_rules import find_silent_rules
from victim_gateway.services.messages.urgent_reminders import queue_urgent_reminders
from victim_gateway.services.reminders import _sql
from victim_gateway.services.reminders.passed_reminders import note_pass, record_passed_reminders
from victim_gateway.services.reminders.source_parts import PassValues
from victim_gateway.vocabulary import MessageState, ReminderKind

# So many are made in one pass, the most urgent first; the rest by the next ones, a minute apart: after a time away
# nobody is flooded, and 10,000 at once are made in four minutes.
MOST_MADE_AT_ONCE = 2500


@dataclass(frozen=True, slots=True)
class ReminderPassSummary:
    """The result of one pass, as counts of reminders; `messages` are the e-mails it asked for."""

    created: int
    renewed: int
    resolved: int
    messages: int

    def to_document(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ReminderPassPreview:
    """What a pass would do, how many e-mails would then be due, and how many reminders each rule would make."""

    summary: ReminderPassSummary
    messages_to_send: int
    by_rule: dict[str, int]


class _RollBackPreview(Exception):
    """Ends a preview, so that everything it did is rolled back."""


def run_reminder_pass(*, actor: Actor, at: datetime, most: int = MOST_MADE_AT_ONCE) -> ReminderPassSummary:
    """One pass: make the reminders that are open those that ought to be at `at`, `most` new ones of them.

    Safe to run late, often or twice at once: under a lock it compares the reminders that should be open with
    those that are, and does not depend on when it last ran.
    """
    with transaction(actor) as session:
        summary = _pass(session, at, most)
        if any(summary.to_document().values()):
            record_audit(session, "reminders.passed", **summary.to_document())
    return summary


def preview_reminder_pass(*, actor: Actor, at: datetime) -> ReminderPassPreview:
    """Count what a pass at `at`, past or to come, would do, from what is recorded now. Changes nothing.

    The pass runs in a transaction that is rolled back, so the counts are those of the real one.
    """
    try:
        with transaction(actor) as session:
            before = _count_by_rule(session)
            summary = _pass(session, at)
            after = _count_by_rule(session)
            made = {code: number - before.get(code, 0) for code, number in after.items()}
            preview = ReminderPassPreview(summary, _messages_to_send(session, at), made)
            raise _RollBackPreview
    except _RollBackPreview:
        return preview


def _pass(session: Session, at: datetime, most: int = MOST_MADE_AT_ONCE) -> ReminderPassSummary:
    lock_until_commit(session, AdvisoryLock.REMINDER_PASS)
    rules = rules_in_force(session)
    plan_for_many_rows(session)
    values = pass_values(at)
    away_since = note_pass(session, at)
    if away_since is not None:
        record_passed_reminders(session, rules, away_since, pass_values(at))
    built = _sql.build_pass(rules, values, most=most)
    row = session.execute(built.statement, built.values).one()
    renewed: list[UUID] = row.renewed or []
    notes = _count(session, _sql.NOTES_DONE, at=at)
    messages = queue_urgent_reminders(session, renewed, at, silent=find_silent_rules(rules))
    return ReminderPassSummary(row.created, len(renewed), row.resolved + notes, messages)


def _count_by_rule(session: Session) -> dict[str, int]:
    """How many reminders each rule ever made; every rule in force is named."""
    counted = (
        select(Reminder.rule_code, func.count().label("made"))
        .where(Reminder.rule_code.is_not(None))
        .group_by(Reminder.rule_code)
    )
    every = {rule.code: 0 for rule in rules_in_force(session)}
    return every | {str(row.rule_code): int(row.made) for row in session.execute(counted)}


def pass_values(at: datetime) -> PassValues:
    """What the statements of a pass at a moment bind, of this area."""
    return PassValues(at, current_settings().area.thresholds.safe_contact_recheck_days)


def _messages_to_send(session: Session, at: datetime) -> int:
    """How many e-mails a sender would take up at `at`; each is still checked before it is sent."""
    if current_settings().smtp_url is None:
        return 0
    due = select(func.count()).where(Message.state == MessageState.QUEUED, Message.next_attempt_at <= at)
    return session.scalars(due).one()


def mark_reminder_seen(reminder_id: UUID, *, actor: Actor, at: datetime) -> None:
    """Mark a reminder as seen; it stays open until its cause is gone. Safe to repeat.

    Raises NotFound for a reminder that is absent or addressed to another reader.
    """
    with transaction(actor) as session:
        reminder = session.scalar(select(Reminder).where(Reminder.id == reminder_id, addressed_to(actor)))
        if reminder is None:
            raise NotFound
        if reminder.seen_at is not None:
            return
        mine = Reminder.id == reminder_id
        session.execute(update(Reminder).where(mine).values(seen_at=at))
        if reminder.kind is ReminderKind.NOTE_WRITTEN:
            with as_service(session):
                session.execute(update(Reminder).where(mine).values(resolved_at=at))
        record_audit(
            session,
            "reminder.seen",
            subject_type="reminder",
            subject_id=reminder_id,
            reference=reminder.reference,
        )


def _count(session: Session, statement: Any, **values: Any) -> int:
    return cast("CursorResult[Any]", session.execute(statement, values)).rowcount
