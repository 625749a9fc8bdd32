"""Stored files and copies of them: their sealed pieces, the virus scan, and the end of what was shared."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import actor_of, as_service
from victim_gateway.integrations.virus_scanner import ScannerUnavailable, scan_for_viruses
from victim_gateway.models import AttachmentChunk, SharedFile, SharedFileChunk
from victim_gateway.services.shared import tasks
from victim_gateway.vocabulary import AttachmentState, SharedFileState

CHUNK_BYTES = 1 << 20
FETCHABLE = (AttachmentState.CLEAN, AttachmentState.UNSCANNED)
# A check or a copy takes two minutes at most; one that was begun longer ago was killed.
FILE_LEASE = timedelta(minutes=3)


def is_fetchable(state: AttachmentState) -> bool:
    """Whether a file can be opened, or a copy of it made; one that was never scanned not in production."""
    return state in FETCHABLE and not (
        state is AttachmentState.UNSCANNED and current_settings().is_production
    )


def scan_content(content: bytes) -> AttachmentState:
    """What the scanner says of a file: clean or infected, and unscanned where there is none outside production.

    Raises ScannerUnavailable where it has to be asked again.
    """
    settings = current_settings()
    if settings.clamd_url is None:
        if settings.is_production:
            raise ScannerUnavailable("no virus scanner is set up")
        return AttachmentState.UNSCANNED
    found = scan_for_viruses(settings.clamd_url, content)
    return AttachmentState.CLEAN if found is None else AttachmentState.INFECTED


def stored_content(session: Session, attachment_id: UUID, key: bytes) -> Iterator[bytes]:
    """The pieces of a file in order, opened; as far as the reader's role may see them."""
    rows = session.execute(
        select(AttachmentChunk.chunk_number, AttachmentChunk.sealed)
        .where(AttachmentChunk.attachment_id == attachment_id)
        .order_by(AttachmentChunk.chunk_number)
    )
    for number, sealed in rows:
        yield encrypted_rows.unseal_bytes(key, "attachment_chunk", attachment_id, number, sealed)


def stored_copy(session: Session, shared_file_id: UUID, key: bytes) -> bytes:
    """What is in a copy; `key` is the handover's. As far as the reader's role may see it."""
    rows = session.execute(
        select(SharedFileChunk.chunk_number, SharedFileChunk.sealed)
        .where(SharedFileChunk.shared_file_id == shared_file_id)
        .order_by(SharedFileChunk.chunk_number)
    )
    return b"".join(
        encrypted_rows.unseal_bytes(key, "shared_file_chunk", shared_file_id, number, sealed)
        for number, sealed in rows
    )


def store_copy(session: Session, shared_file_id: UUID, key: bytes, content: bytes) -> None:
    """Seal a copy piece by piece under the handover's key; as the service."""
    for number, start in enumerate(range(0, len(content), CHUNK_BYTES)):
        part = content[start : start + CHUNK_BYTES]
        sealed = encrypted_rows.seal_bytes(key, "shared_file_chunk", shared_file_id, number, part)
        session.execute(
            insert(SharedFileChunk).values(shared_file_id=shared_file_id, chunk_number=number, sealed=sealed)
        )


def end_shared_files(session: Session, chosen: ColumnElement[bool], *, at: datetime) -> int:
    """End the sharing of files and delete their copies; how many. What was shared, and until when, stays.

    As the service: it follows from what an actor does whose role could not see them, such as a decline.
    """
    by = actor_of(session).user_id
    with as_service(session):
        ended = session.scalars(
            update(SharedFile)
            .where(chosen, SharedFile.state != SharedFileState.ENDED)
            .values(state=SharedFileState.ENDED, ended_at=at, ended_by_id=by)
            .returning(SharedFile.id)
        ).all()
        if ended:
            session.execute(delete(SharedFileChunk).where(SharedFileChunk.shared_file_id.in_(ended)))
        for shared_file_id in ended:
            tasks.finish_task(session, copy_refused_key(shared_file_id), at=at)
    return len(ended)


def copy_refused_key(shared_file_id: UUID) -> str:
    """The dedupe key of the task that says that no copy could be made."""
    return f"copy-refused:{shared_file_id}"
