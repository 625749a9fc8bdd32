"""Files sent through the web: stored sealed until a worker has imported them, however often workers die.

The request only stores the file. A worker looks at it: a file that is no feed ends as refused, with the
reason on its page. Files are ordered by `ImportBatch.created_at`: the moment at which the whole file had
been received, or at which a command was started.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import BinaryIO
from uuid import UUID

import structlog
from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_settings
from victim_gateway.database.outbox import enqueue_task
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import UnusableFile
from victim_gateway.feeds.problems import problem_documents
from victim_gateway.feeds.reading import FeedFile, examine_file
from victim_gateway.models import ImportBatch, ImportFile
from victim_gateway.services.imports.batches import (
    LEASE,
    ImportSummary,
    NewImportBatch,
    RunningBatch,
    finish_batch,
    open_batch,
)
from victim_gateway.services.imports.published_months import check_published_months
from victim_gateway.services.imports.runner import FORMATS, LeaseLost, run_batch
from victim_gateway.services.shared import submissions
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import ImportKind, ImportState, TaskName

log = structlog.get_logger()

CHUNK_BYTES = 1 << 20
# A file that ends its worker this often is parked for a person to look at.
MAX_ATTEMPTS = 5


def upload_file(
    command: Command,
    stream: BinaryIO,
    *,
    kind: ImportKind,
    file_name: str,
    history: bool,
    put_back: bool = False,
) -> UUID:
    """Store a file and leave its import to a worker; gives the batch's id.

    Raises UnusableFile, with nothing kept, for a file over the limit, and AlreadyDone for a form that was
    sent before. What is in the file is not looked at here.
    """
    size, digest = _measure(stream)
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        new = NewImportBatch(
            kind=kind,
            state=ImportState.WAITING,
            file_name=file_name,
            history=history,
            put_back=put_back,
            size=size,
            sha256=digest,
        )
        batch = open_batch(session, new, actor=command.actor, at=command.at)
        stream.seek(0)
        for number, chunk in enumerate(iter(lambda: stream.read(CHUNK_BYTES), b"")):
            sealed = encrypted_rows.seal_bytes(batch.key, "import_file", batch.id, number, chunk)
            session.execute(insert(ImportFile).values(batch_id=batch.id, chunk_number=number, sealed=sealed))
        enqueue_task(session, TaskName.RUN_IMPORT, command.at, batch_id=batch.id)
    return batch.id


def _measure(stream: BinaryIO) -> tuple[int, bytes]:
    """The size, and the SHA-256 by which the file is known again. Raises UnusableFile over the limit."""
    most = current_settings().max_upload_bytes
    size, found = 0, hashlib.sha256()
    stream.seek(0)
    for chunk in iter(lambda: stream.read(CHUNK_BYTES), b""):
        size += len(chunk)
        if size > most:
            raise UnusableFile(f"The file is larger than the limit of {most >> 20:,} MB; send it in parts.")
        found.update(chunk)
    return size, found.digest()


def run_uploaded_batch(batch_id: UUID, *, actor: Actor, at: datetime) -> ImportSummary | None:
    """Import an uploaded file, from where an earlier worker left off. None when there is nothing to do.

    Safe to call at any time and twice at once: one caller holds the lease, the other finds nothing to do.
    """
    started = time.perf_counter()
    with transaction(actor) as session:
        batch = _claim_batch(session, batch_id, at)
    if batch is None:
        return None
    with _stored_file(batch, actor) as stream:
        try:
            file = examine_file(stream, FORMATS[batch.kind], max_bytes=current_settings().max_upload_bytes)
            if batch.history and not batch.resume_after:
                feed = FORMATS[batch.kind]
                check_published_months(stream, file, feed, actor=actor, sha256=batch.sha256)
        except UnusableFile as refusal:
            _refuse_file(batch, refusal, actor)
            return None
        _record_columns(batch, file, actor)
        try:
            return run_batch(batch, stream, file, actor=actor, started=started)
        except LeaseLost as over:
            log.warning("import.taken_over", batch=batch.number, problem=str(over))
            return None


def requeue_abandoned_batches(*, actor: Actor, at: datetime) -> int:
    """Queue again every uploaded file that no worker has a lease on, and park those that kill workers."""
    with transaction(actor) as session:
        waiting = session.scalars(
            select(ImportBatch)
            .where(
                or_(
                    (ImportBatch.state == ImportState.RUNNING) & (ImportBatch.leased_until < at),
                    (ImportBatch.state == ImportState.WAITING) & (ImportBatch.created_at < at - LEASE),
                ),
                select(ImportFile.chunk_number).where(ImportFile.batch_id == ImportBatch.id).exists(),
            )
            .order_by(ImportBatch.number)
            .with_for_update(skip_locked=True)
        ).all()
        for batch in waiting:
            if batch.attempts >= MAX_ATTEMPTS:
                batch.state, batch.leased_until = ImportState.PARKED, None
                batch.problem = "Reading this file has failed several times. Nothing more is tried by itself."
            else:
                enqueue_task(session, TaskName.RUN_IMPORT, at, batch_id=batch.id)
    return len(waiting)


def _claim_batch(session: Session, batch_id: UUID, at: datetime) -> RunningBatch | None:
    row = session.scalars(
        select(ImportBatch)
        .where(
            ImportBatch.id == batch_id,
            or_(
                ImportBatch.state == ImportState.WAITING,
                (ImportBatch.state == ImportState.RUNNING) & (ImportBatch.leased_until < at),
            ),
        )
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if row is None:
        return None
    row.state, row.attempts, row.leased_until = ImportState.RUNNING, row.attempts + 1, at + LEASE
    # What the file tells was learned when its import first began, however often it is taken up again.
    row.started_at = row.started_at or at
    session.flush()
    return RunningBatch(
        id=row.id,
        number=row.number,
        kind=row.kind,
        history=row.history,
        imported_at=row.started_at,
        key_id=row.key_id,
        key=encrypted_rows.open_key(session, row.key_id),
        sha256=row.file_sha256,
        resume_after=row.rows,
        put_back=row.put_back,
        own_force=current_settings().area.force,
        claimed_at=at,
    )


@contextmanager
def _stored_file(batch: RunningBatch, actor: Actor) -> Iterator[BinaryIO]:
    """The file's bytes. In memory while small, else in a temporary file that has no name and goes with us."""
    with tempfile.SpooledTemporaryFile(max_size=current_settings().max_upload_bytes) as stream:
        with transaction(actor) as session:
            chunks = session.execute(
                select(ImportFile.chunk_number, ImportFile.sealed)
                .where(ImportFile.batch_id == batch.id)
                .order_by(ImportFile.chunk_number)
                .execution_options(yield_per=8)
            )
            for number, sealed in chunks:
                stream.write(encrypted_rows.unseal_bytes(batch.key, "import_file", batch.id, number, sealed))
        stream.seek(0)
        yield stream  # type: ignore[misc]


def _record_columns(batch: RunningBatch, file: FeedFile, actor: Actor) -> None:
    with transaction(actor) as session:
        session.execute(
            update(ImportBatch)
            .where(ImportBatch.id == batch.id)
            .values(
                columns=list(file.columns),
                unknown_columns=list(file.unknown_columns),
                file_warnings=problem_documents(file.warnings),
                # Again where a dead worker's batch is taken up: counted once.
                warnings=ImportBatch.warnings
                - func.jsonb_array_length(ImportBatch.file_warnings)
                + len(file.warnings),
            )
        )


def _refuse_file(batch: RunningBatch, refusal: UnusableFile, actor: Actor) -> None:
    with transaction(actor) as session:
        finish_batch(session, batch, ImportState.REFUSED, problem=refusal.message)
        session.execute(delete(ImportFile).where(ImportFile.batch_id == batch.id))


def plain_file_name(given: str | None) -> str:
    """A file's name without its folders and odd characters, for showing."""
    last = (given or "").replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in last if letter.isprintable())[:200] or "file.csv"
