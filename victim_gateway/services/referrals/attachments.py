"""Files of a referral: stored sealed, kept closed until they are checked, fetched and removed with an audit entry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO
from uuid import UUID

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.database.outbox import enqueue_task
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.documents.kinds import FIRST_BYTES, MEDIA_TYPES, recognize_kind
from victim_gateway.documents.problems import EXPLANATIONS, DocumentProblem, UnusableDocument
from victim_gateway.errors import InvalidInput, NotFound, TransitionNotAllowed
from victim_gateway.models import Attachment, AttachmentChunk, Consent, Referral, SharedFile
from victim_gateway.row_ids import new_row_id
from victim_gateway.services.shared import case_locks
from victim_gateway.services.shared.case_action import (
    ActionEffect,
    EventDetails,
    ReferralAction,
    referral_action,
)
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.stored_files import (
    CHUNK_BYTES,
    end_shared_files,
    is_fetchable,
    stored_content,
)
from victim_gateway.vocabulary import AttachmentKind, AttachmentState, ReferralState, TaskName

MOST_FILES = 100
NO_SCANNER = "Files can't be added: no virus scanner is set up. Ask whoever runs this service."


@dataclass(frozen=True, slots=True)
class NewAttachment:
    """A file as it was chosen: what it is, in a caseworker's words, its bytes, and the name it came with.

    `stays_here`: no copy of it may ever go to a provider.
    """

    title: str
    stream: BinaryIO
    file_name: str
    stays_here: bool = False


@dataclass(frozen=True, slots=True)
class FetchedAttachment:
    """A file to be saved: its name is the referral's reference and its number, and tells nothing of the person."""

    file_name: str
    media_type: str
    content: bytes


def add_attachment(command: Command, referral_id: UUID, new: NewAttachment) -> UUID:
    """Store a file sealed and leave its check to a worker; it can't be fetched before.

    Raises InvalidInput for one that is empty, too large, of another type than is taken or than its name says, and
    TransitionNotAllowed where no scanner is set up in production or the referral is over or full.
    """
    if not is_taking_files():
        raise TransitionNotAllowed(NO_SCANNER)
    title = new.title.strip()
    if not title:
        raise InvalidInput("Enter what the file is", fields={"title": "Enter what the file is"})
    kind, size = _look_at(new)
    with referral_action(command, referral_id, effect=ActionEffect.NOTHING) as action:
        if action.referral.state is ReferralState.ENTERED_IN_ERROR:
            raise TransitionNotAllowed("This referral was entered in error, so nothing can be added to it.")
        attachment_id = new_row_id()
        action.session.execute(
            insert(Attachment).values(
                id=attachment_id,
                referral_id=referral_id,
                number=_next_number(action),
                kind=kind,
                size=size,
                state=AttachmentState.WAITING,
                stays_here=new.stays_here,
                sealed=encrypted_rows.seal_row(action.key, "attachment", attachment_id, {"title": title}),
                added_at=action.at,
                added_by_id=action.actor.user_id,
            )
        )
        _store_content(action, attachment_id, new.stream)
        enqueue_task(action.session, TaskName.CHECK_ATTACHMENT, action.at, attachment_id=attachment_id)
        _record(action, "added", attachment_id, EventDetails(text=title))
    return attachment_id


def fetch_attachment(attachment_id: UUID, referral_id: UUID, *, actor: Actor) -> FetchedAttachment:
    """Read a checked file, with its audit entry. Raises NotFound for another referral's, TransitionNotAllowed before
    it is checked and once it is gone, and where an unscanned one was brought into production.
    """
    with transaction(actor) as session:
        attachment = session.get(Attachment, attachment_id)
        referral = session.get(Referral, referral_id)
        if attachment is None or referral is None or attachment.referral_id != referral_id:
            raise NotFound
        if not is_fetchable(attachment.state):
            raise TransitionNotAllowed("This file can't be opened: it is not checked yet, or was not kept.")
        _, key = case_locks.open_person(session, referral.person_id)
        record_audit(
            session,
            "attachment.fetched",
            subject_type="referral",
            subject_id=referral_id,
            person_id=referral.person_id,
            attachment_id=attachment_id,
        )
        return FetchedAttachment(
            file_name=f"{referral.reference}-file-{attachment.number}.{_ending(attachment.kind)}",
            media_type=MEDIA_TYPES[attachment.kind],
            content=b"".join(stored_content(session, attachment_id, key)),
        )


def remove_attachment(command: Command, referral_id: UUID, *, attachment_id: UUID, reason: str) -> None:
    """Take a file away for good: its content is deleted, that it was there and why it went stays.

    Raises InvalidInput without a reason, NotFound, and TransitionNotAllowed where it is gone already.
    """
    if not reason.strip():
        raise InvalidInput(
            "Enter why the file is removed", fields={"reason": "Enter why the file is removed"}
        )
    with referral_action(command, referral_id, effect=ActionEffect.EVENTS_ONLY) as action:
        attachment = action.session.get(Attachment, attachment_id, with_for_update=True)
        if attachment is None or attachment.referral_id != referral_id:
            raise NotFound
        if attachment.state is AttachmentState.REMOVED:
            raise TransitionNotAllowed("This file was removed already. Nothing was changed.")
        _check_not_consent(action, attachment_id)
        attachment.state, attachment.problem = AttachmentState.REMOVED, None
        attachment.removed_at, attachment.removed_by_id = action.at, action.actor.user_id
        with as_service(action.session):
            delete_content(action.session, attachment_id)
        end_shared_files(action.session, SharedFile.attachment_id == attachment_id, at=action.at)
        action.finish_task(refused_key(attachment_id))
        _record(action, "removed", attachment_id, EventDetails(text=reason.strip()))


def is_taking_files() -> bool:
    """Whether files can be added: in production only with a scanner that looks at them."""
    settings = current_settings()
    return settings.clamd_url is not None or not settings.is_production


def delete_content(session: Session, attachment_id: UUID) -> None:
    """Delete what is in a file; as the service."""
    session.execute(delete(AttachmentChunk).where(AttachmentChunk.attachment_id == attachment_id))


def refused_key(attachment_id: UUID) -> str:
    """The dedupe key of the task that says that a file could not be kept."""
    return f"attachment-refused:{attachment_id}"


def _check_not_consent(action: ReferralAction, attachment_id: UUID) -> None:
    in_force = select(Consent.id).where(
        Consent.attachment_id == attachment_id, Consent.withdrawn_at.is_(None)
    )
    if action.session.scalar(in_force) is not None:
        raise TransitionNotAllowed(
            "This file is the written answer of a consent in force. Record the consent again first."
        )


def _look_at(new: NewAttachment) -> tuple[AttachmentKind, int]:
    """The kind by the first bytes, and the size; what else is in it is for a worker."""
    most = current_settings().max_attachment_bytes
    try:
        new.stream.seek(0)
        first = new.stream.read(FIRST_BYTES)
        kind, size = recognize_kind(first, new.file_name), len(first)
        for chunk in iter(lambda: new.stream.read(CHUNK_BYTES), b""):
            size += len(chunk)
            if size > most:
                raise UnusableDocument(DocumentProblem.TOO_LARGE)
    except UnusableDocument as unusable:
        message = EXPLANATIONS[unusable.problem]
        if unusable.problem is DocumentProblem.TOO_LARGE:
            message += f". The limit is {most >> 20} MB"
        raise InvalidInput(message, fields={"file": message}) from unusable
    return kind, size


def _store_content(action: ReferralAction, attachment_id: UUID, stream: BinaryIO) -> None:
    stream.seek(0)
    for number, chunk in enumerate(iter(lambda: stream.read(CHUNK_BYTES), b"")):
        sealed = encrypted_rows.seal_bytes(action.key, "attachment_chunk", attachment_id, number, chunk)
        action.session.execute(
            insert(AttachmentChunk).values(attachment_id=attachment_id, chunk_number=number, sealed=sealed)
        )


def _next_number(action: ReferralAction) -> int:
    # The referral is locked: two files at once get two numbers.
    last = action.session.scalar(
        select(func.max(Attachment.number)).where(Attachment.referral_id == action.referral_id)
    )
    if (last or 0) >= MOST_FILES:
        raise TransitionNotAllowed(f"A referral can have {MOST_FILES} files, and this one had as many.")
    return (last or 0) + 1


def _record(action: ReferralAction, step: str, attachment_id: UUID, details: EventDetails) -> None:
    action.add_timeline_entry(f"attachment.{step}", details)
    action.record_audit(f"attachment.{step}", attachment_id=attachment_id)


def _ending(kind: AttachmentKind) -> str:
    return "jpg" if kind is AttachmentKind.JPEG else kind.value
