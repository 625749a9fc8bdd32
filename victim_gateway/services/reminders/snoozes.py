"""Putting a reminder aside until later. It comes back by itself, and the list of work shows it all the while."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import Session

from victim_gateway import crypto
from victim_gateway.actors import Actor
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_keyring
from victim_gateway.database.encrypted_rows import bound_to
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, NotFound
from victim_gateway.models import OnwardReferral, Referral, Reminder, ReminderSnooze
from victim_gateway.queries.reminders.addressing import addressed_to
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.snoozing import SnoozedMatter, refuse_snooze
from victim_gateway.rules.step_dates import RiskBand, risk_band
from victim_gateway.services.shared import submissions
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import SnoozeReason

_TABLE = "reminder_snooze"
_LONGEST_NOTE = 200


def snooze_reminder(
    command: Command, reminder_id: UUID, *, until: datetime, reason: SnoozeReason, note: str = ""
) -> None:
    """Put an open reminder aside for this reader alone; a snooze that stands is ended by another.

    Raises NotFound for one that is not the reader's, InvalidInput where it must not wait so long, and says why.
    """
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        matter, reference = _matter(session, reminder_id, command.actor)
        problem = refuse_snooze(matter, until, command.at)
        if problem is None and reason is SnoozeReason.SOMETHING_ELSE and not note.strip():
            raise InvalidInput("Say why", fields={"note": "Say why you put it aside"})
        if problem is None and len(note) > _LONGEST_NOTE:
            problem = f"Shorten the note to {_LONGEST_NOTE} characters"
        if problem is not None:
            raise InvalidInput(problem, fields={"until_date": problem})
        _end(session, reminder_id, command)
        snooze_id = new_row_id()
        sealed, keyring_id = _seal(snooze_id, note.strip())
        session.add(
            ReminderSnooze(
                id=snooze_id,
                reminder_id=reminder_id,
                user_id=command.actor.user_id,
                until_at=until,
                reason=reason,
                sealed_note=sealed,
                keyring_id=keyring_id,
                snoozed_at=command.at,
            )
        )
        record_audit(
            session,
            "reminder.snoozed",
            subject_type="reminder",
            subject_id=reminder_id,
            reference=reference,
            until=until.isoformat(),
            reason=reason,
        )


def find_obstacle(session: Session, reminder_id: UUID, actor: Actor, at: datetime) -> str | None:
    """Why a reminder can't be put aside at all, to be said before anything is typed; None where it can."""
    matter, _ = _matter(session, reminder_id, actor)
    return refuse_snooze(matter, at + timedelta(minutes=1), at)


def end_snooze(command: Command, reminder_id: UUID) -> None:
    """Take a reminder back before its time. Safe to repeat. Raises NotFound for one that is not the reader's."""
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        _, reference = _matter(session, reminder_id, command.actor)
        if _end(session, reminder_id, command):
            record_audit(
                session,
                "reminder.taken_back",
                subject_type="reminder",
                subject_id=reminder_id,
                reference=reference,
            )


def end_past_snoozes(*, actor: Actor, at: datetime) -> int:
    """End the snoozes whose time has come or whose reminder is settled, and with them what was typed; how many."""
    is_settled = exists().where(Reminder.id == ReminderSnooze.reminder_id, Reminder.resolved_at.is_not(None))
    with transaction(actor) as session:
        ended = session.execute(
            update(ReminderSnooze)
            .where(ReminderSnooze.ended_at.is_(None), or_(ReminderSnooze.until_at <= at, is_settled))
            .values(ended_at=at, sealed_note=None, keyring_id=None)
            .returning(ReminderSnooze.id)
        ).all()
    return len(ended)


def open_note(snooze_id: UUID, sealed: bytes | None, keyring_id: str | None) -> str:
    """What was typed when it was snoozed; empty where nothing was."""
    if sealed is None or keyring_id is None:
        return ""
    key = current_keyring().derive_key(keyring_id, _TABLE)
    return str(crypto.unseal_document(key, sealed, bound_to(_TABLE, snooze_id)))


def _seal(snooze_id: UUID, note: str) -> tuple[bytes | None, str | None]:
    if not note:
        return None, None
    ring = current_keyring()
    key = ring.derive_key(ring.current_id, _TABLE)
    return crypto.seal_document(key, note, bound_to(_TABLE, snooze_id)), ring.current_id


def _end(session: Session, reminder_id: UUID, command: Command) -> bool:
    ended = session.execute(
        update(ReminderSnooze)
        .where(
            ReminderSnooze.reminder_id == reminder_id,
            ReminderSnooze.user_id == command.actor.user_id,
            ReminderSnooze.ended_at.is_(None),
        )
        .values(ended_at=command.at, sealed_note=None, keyring_id=None)
        .returning(ReminderSnooze.id)
    ).all()
    return bool(ended)


def _matter(session: Session, reminder_id: UUID, actor: Actor) -> tuple[SnoozedMatter, str]:
    columns: list[Any] = [Reminder]
    wanted: Any
    if actor.is_provider:
        wanted = select(*columns).join(OnwardReferral, OnwardReferral.id == Reminder.onward_referral_id)
    else:
        wanted = select(*columns, Referral).outerjoin(Referral, Referral.id == Reminder.referral_id)
    row = session.execute(
        wanted.where(Reminder.id == reminder_id, addressed_to(actor), Reminder.resolved_at.is_(None))
    ).one_or_none()
    if row is None:
        raise NotFound
    reminder = row[0]
    return (
        SnoozedMatter(
            reminder.rule_code,
            reminder.about,
            reminder.is_urgent,
            reminder.due_on,
            None if actor.is_provider else _band(row[1]),
        ),
        reminder.reference,
    )


def _band(referral: Referral | None) -> RiskBand:
    """The band of a referral; what belongs to none endangers nobody."""
    if referral is None:
        return RiskBand.STANDARD
    return risk_band(
        referral.risk, domestic_abuse=referral.domestic_abuse, officer_grade=referral.officer_grade
    )
