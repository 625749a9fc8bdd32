"""A caseworker reads the notes that a provider shared: asked for by a task, done by a button, not by opening a page."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select

from victim_gateway.access.permissions import Permission
from victim_gateway.database.transaction import as_service
from victim_gateway.models import ProgressNote, Referral
from victim_gateway.services.shared import tasks
from victim_gateway.services.shared.case_action import ActionEffect, EventDetails
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import (
    OnwardReferralAction,
    onward_referral_action,
)
from victim_gateway.services.shared.tasks import NewTask, progress_note_key
from victim_gateway.vocabulary import Risk, TaskKind

READ = "onward_referral.progress_read"


def ask_to_read_note(action: OnwardReferralAction, note_id: UUID) -> None:
    """Ask a caseworker to read a note that was shared just now; today where the person is at high risk."""
    action.note_queue_change()
    with as_service(action.session):
        risk = action.session.scalar(select(Referral.risk).where(Referral.id == action.referral_id))
        task = NewTask(
            kind=TaskKind.PROGRESS_UNREAD,
            referral_id=action.referral_id,
            dedupe_key=progress_note_key(note_id),
            onward_referral_id=action.onward.id,
            details={"note_id": str(note_id)},
            is_urgent=risk is Risk.HIGH,
        )
        tasks.open_task(action.session, task, at=action.at)


def read_progress_notes(command: Command, onward_referral_id: UUID, *, note_ids: Collection[UUID]) -> int:
    """Note that these shared notes were read; gives how many were new.

    Those that the page showed and no others: one that came meanwhile stays unread. Raises NotFound.
    """
    with onward_referral_action(
        command, onward_referral_id, Permission.EDIT_CASEWORK, READ, effect=ActionEffect.NOTHING
    ) as action:
        # As the reader: a note that was not shared is not there.
        shared = action.session.scalars(
            select(ProgressNote.id).where(
                ProgressNote.onward_referral_id == action.onward.id, ProgressNote.id.in_(note_ids)
            )
        ).all()
        read = [
            note_id
            for note_id in shared
            if tasks.finish_task(action.session, progress_note_key(note_id), at=action.at)
        ]
        if read:
            action.note_queue_change()
            action.add_timeline_entry(READ, EventDetails(codes={"notes": len(read)}))
    return len(read)
