"""Case notes: for the Gateway alone, or shared with one provider; the other side is told."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.errors import NotFound, TransitionNotAllowed
from victim_gateway.models import Note, OnwardReferral, Referral, Reminder
from victim_gateway.row_ids import new_row_id
from victim_gateway.services.shared import submissions
from victim_gateway.services.shared.case_action import ActionEffect, ReferralAction, referral_action
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.other_side import refuse_other_side_named
from victim_gateway.vocabulary import EventKind, ReminderKind


@dataclass(frozen=True, slots=True)
class NewNote:
    """What a note says."""

    subject: str
    body: str


def write_note(
    command: Command, referral_id: UUID, note: NewNote, *, onward_referral_id: UUID | None = None
) -> UUID:
    """A caseworker's note. With `onward_referral_id` the provider reads it too and is told that it is there.

    Raises TransitionNotAllowed when that provider's access has ended.
    """
    with referral_action(command, referral_id, effect=ActionEffect.NOTHING) as action:
        session = action.session
        if onward_referral_id is None:
            note_id = _add_note(action, note, action.key)
        else:
            onward = _find_shared(session, onward_referral_id)
            if onward.referral_id != referral_id:
                raise NotFound
            refuse_other_side_named(session, onward, asdict(note))
            note_id = _add_note(action, note, encrypted_rows.open_key(session, onward.key_id), onward.id)
            _notify(action, onward, note_id, organisation_id=onward.provider_id)
        _add_note_entry(action, onward_referral_id)
        action.record_audit("note.written", shared=onward_referral_id is not None)
    return note_id


def write_note_in_action(action: ReferralAction, note: NewNote, **details: object) -> UUID:
    """A note for the Gateway alone, as a step of an action on several referrals. `details` go into the audit."""
    note_id = _add_note(action, note, action.key)
    _add_note_entry(action, None)
    action.record_audit("note.written", shared=False, **details)
    return note_id


def write_provider_note(command: Command, onward_referral_id: UUID, note: NewNote) -> UUID:
    """A provider's note on an onward referral of its own; the caseworker in charge is told."""
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        onward = _find_shared(session, onward_referral_id)
        refuse_other_side_named(session, onward, asdict(note))
        key = encrypted_rows.open_key(session, onward.key_id)
        with as_service(session):
            referral = session.get_one(Referral, onward.referral_id)
        action = ReferralAction(session, command, referral, ActionEffect.NOTHING)
        note_id = _add_note(action, note, key, onward.id)
        with as_service(session):
            _add_note_entry(action, onward.id)
            _notify(action, onward, note_id, user_id=referral.assigned_to_id or onward.offered_by_id)
        record_audit(
            session,
            "note.written",
            subject_type="onward_referral",
            subject_id=onward.id,
            person_id=onward.person_id,
            shared=True,
        )
    return note_id


def _find_shared(session: Session, onward_referral_id: UUID) -> OnwardReferral:
    onward = session.get(OnwardReferral, onward_referral_id)
    if onward is None:
        raise NotFound
    if onward.provider_access_ended_at is not None:
        raise TransitionNotAllowed(
            "This provider no longer sees the referral, so nothing can be shared with it."
        )
    return onward


def _add_note(
    action: ReferralAction, note: NewNote, key: bytes, onward_referral_id: UUID | None = None
) -> UUID:
    note_id, actor = new_row_id(), action.actor
    action.session.execute(
        insert(Note).values(
            id=note_id,
            referral_id=action.referral.id,
            onward_referral_id=onward_referral_id,
            written_at=action.at,
            by_id=actor.user_id,
            by_name=actor.name,
            organisation_id=actor.organisation_id,
            sealed=encrypted_rows.seal_row(key, "note", note_id, asdict(note)),
        )
    )
    return note_id


def _add_note_entry(action: ReferralAction, onward_referral_id: UUID | None) -> None:
    entry = action.new_event("note.written", EventKind.STORY)
    action.append_event(replace(entry, onward_referral_id=onward_referral_id))


def _notify(
    action: ReferralAction,
    onward: OnwardReferral,
    note_id: UUID,
    *,
    user_id: UUID | None = None,
    organisation_id: UUID | None = None,
) -> None:
    """Tell the other side, in the program only: a reference, never what the note says."""
    with as_service(action.session):
        action.session.execute(
            insert(Reminder).values(
                id=new_row_id(),
                kind=ReminderKind.NOTE_WRITTEN,
                dedupe_key=f"note:{note_id}",
                referral_id=onward.referral_id,
                onward_referral_id=onward.id,
                recipient_user_id=user_id,
                recipient_organisation_id=organisation_id,
                about="note_written",
                reference=onward.reference,
                created_at=action.at,
            )
        )
