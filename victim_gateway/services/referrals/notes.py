"""Case notes: for the Gateway alone, or shared with one provider; the other side is told."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import actor_of, as_service, transaction
from victim_gateway.errors import NotFound, TransitionNotAllowed
from victim_gateway.models import Note, OnwardReferral, Referral, Reminder
from victim_gateway.services.shared import referral_steps, submissions
from victim_gateway.vocabulary import ReminderKind


def write_note(
    referral_id: UUID,
    *,
    actor: Actor,
    at: datetime,
    subject: str,
    body: str,
    onward_referral_id: UUID | None = None,
    submission_id: UUID | None = None,
) -> UUID:
    """A caseworker's note. With `onward_referral_id` the provider reads it too and is told that it is there.

    Raises TransitionNotAllowed when that provider's access has ended.
    """
    with transaction(actor) as session:
        submissions.claim_submission(session, submission_id, at)
        referral = referral_steps.lock_referral(session, referral_id)
        if onward_referral_id is None:
            _, key = referral_steps.open_person(session, referral.person_id)
            note_id = _add(session, referral_id, None, key, subject, body, at)
        else:
            onward = _shared(session, onward_referral_id)
            if onward.referral_id != referral_id:
                raise NotFound
            key = encrypted_rows.open_key(session, onward.key_id)
            note_id = _add(session, referral_id, onward.id, key, subject, body, at)
            _notify(session, onward, note_id, at, organisation_id=onward.provider_id)
        referral_steps.add_timeline_entry(
            session, referral, "note.written", at=at, onward_referral_id=onward_referral_id
        )
        referral_steps.audit_referral(
            session, "note.written", referral, shared=onward_referral_id is not None
        )
    return note_id


def write_provider_note(
    onward_referral_id: UUID,
    *,
    actor: Actor,
    at: datetime,
    subject: str,
    body: str,
    submission_id: UUID | None = None,
) -> UUID:
    """A provider's note on an onward referral of its own; the caseworker in charge is told."""
    with transaction(actor) as session:
        submissions.claim_submission(session, submission_id, at)
        onward = _shared(session, onward_referral_id)
        key = encrypted_rows.open_key(session, onward.key_id)
        note_id = _add(session, onward.referral_id, onward.id, key, subject, body, at)
        with as_service(session):
            assigned = session.execute(
                select(Referral.assigned_to_id).where(Referral.id == onward.referral_id)
            ).scalar_one()
            gateway = onward.offered_by_id if assigned is None else assigned
            referral_steps.add_timeline_entry(
                session,
                session.get_one(Referral, onward.referral_id),
                "note.written",
                at=at,
                onward_referral_id=onward.id,
            )
            _notify(session, onward, note_id, at, user_id=gateway)
        record_audit(
            session,
            "note.written",
            subject_type="onward_referral",
            subject_id=onward.id,
            person_id=onward.person_id,
            shared=True,
        )
    return note_id


def _shared(session: Session, onward_referral_id: UUID) -> OnwardReferral:
    onward = session.get(OnwardReferral, onward_referral_id)
    if onward is None:
        raise NotFound
    if onward.provider_access_ended_at is not None:
        raise TransitionNotAllowed(
            "This provider no longer sees the referral, so nothing can be shared with it."
        )
    return onward


def _add(
    session: Session,
    referral_id: UUID,
    onward_referral_id: UUID | None,
    key: bytes,
    subject: str,
    body: str,
    at: datetime,
) -> UUID:
    note_id, actor = uuid4(), actor_of(session)
    session.execute(
        insert(Note).values(
            id=note_id,
            referral_id=referral_id,
            onward_referral_id=onward_referral_id,
            written_at=at,
            by_id=actor.user_id,
            by_name=actor.name,
            organisation_id=actor.organisation_id,
            sealed=encrypted_rows.seal_row(key, "note", note_id, {"subject": subject, "body": body}),
        )
    )
    return note_id


def _notify(
    session: Session,
    onward: OnwardReferral,
    note_id: UUID,
    at: datetime,
    *,
    user_id: UUID | None = None,
    organisation_id: UUID | None = None,
) -> None:
    """Tell the other side, in the program only: a reference, never what the note says."""
    with as_service(session):
        session.execute(
            insert(Reminder).values(
                id=uuid4(),
                kind=ReminderKind.NOTE_WRITTEN,
                dedupe_key=f"note:{note_id}",
                referral_id=onward.referral_id,
                onward_referral_id=onward.id,
                recipient_user_id=user_id,
                recipient_organisation_id=organisation_id,
                about="note_written",
                reference=onward.reference,
                created_at=at,
            )
        )
