"""Import batches: opening, progress, leases and the summary."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, BinaryIO
from uuid import UUID, uuid4

from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.session_limits import set_local
from victim_gateway.database.transaction import transaction
from victim_gateway.models import ImportBatch
from victim_gateway.services.compliance import stored_clocks
from victim_gateway.vocabulary import ImportKind, ImportState

# A worker renews its lease with every piece of work; one that died is replaced after this.
LEASE = timedelta(minutes=2)
# One import at a time decides what is new: two files that overlap wait for each other, piece by piece.


@dataclass(frozen=True, slots=True)
class RunningBatch:
    """The batch at work. `imported_at` is its start: the moment at which all it tells was learned."""

    id: UUID
    number: int
    kind: ImportKind
    history: bool
    imported_at: datetime
    key_id: UUID
    key: bytes
    sha256: bytes | None = None
    resume_after: int = 0


@dataclass
class RowCounts:
    """What became of the rows: imported + updated + unchanged + set_aside = rows."""

    rows: int = 0
    imported: int = 0
    updated: int = 0
    unchanged: int = 0
    set_aside: int = 0
    warnings: int = 0

    def add(self, other: RowCounts) -> None:
        for part in fields(RowCounts):
            setattr(self, part.name, getattr(self, part.name) + getattr(other, part.name))


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """The contract's summary of one import; `batch` is its number, None for a trial run."""

    batch: int | None
    rows: int
    imported: int
    updated: int
    unchanged: int
    set_aside: int
    warnings: int
    repeat_victims: int
    seconds: float
    unknown_columns: tuple[str, ...] = field(default=())

    def document(self) -> dict[str, Any]:
        """As JSON prints it."""
        document = asdict(self)
        if not document.pop("unknown_columns"):
            return document
        return {**document, "unknown_columns": list(self.unknown_columns)}


def open_batch(
    session: Session,
    *,
    kind: ImportKind,
    state: ImportState,
    file_name: str,
    size: int,
    history: bool,
    actor: Actor,
    at: datetime,
    sha256: bytes | None = None,
    columns: Sequence[str] = (),
    unknown_columns: Sequence[str] = (),
) -> RunningBatch:
    """Record a new batch and the key under which its rows set aside are sealed."""
    batch_id = uuid4()
    key_id, key = encrypted_rows.new_key(session, "batch", batch_id, at)
    number = session.execute(
        insert(ImportBatch)
        .values(
            id=batch_id,
            kind=kind,
            state=state,
            file_name=file_name,
            file_sha256=sha256,
            columns=list(columns),
            unknown_columns=list(unknown_columns),
            bytes_total=size,
            history=history,
            key_id=key_id,
            by_id=actor.user_id,
            by_name=actor.name,
            created_at=at,
            started_at=at if state is ImportState.RUNNING else None,
            leased_until=at + LEASE if state is ImportState.RUNNING else None,
        )
        .returning(ImportBatch.number)
    ).scalar_one()
    record_audit(
        session, "import.opened", subject_type="import_batch", subject_id=batch_id, kind=kind, number=number
    )
    return RunningBatch(batch_id, number, kind, history, at, key_id, key, sha256)


def file_digest(stream: BinaryIO) -> bytes:
    """By what a file is known again. Leaves the stream at its start."""
    stream.seek(0)
    found = hashlib.sha256()
    for piece in iter(lambda: stream.read(1 << 20), b""):
        found.update(piece)
    stream.seek(0)
    return found.digest()


def save_progress(session: Session, batch: RunningBatch, piece: RowCounts, bytes_read: int) -> None:
    """Add a piece's counts and renew the lease, in the transaction that holds the piece's rows."""
    added = {name: getattr(ImportBatch, name) + value for name, value in asdict(piece).items()}
    session.execute(
        update(ImportBatch)
        .where(ImportBatch.id == batch.id)
        .values(bytes_read=bytes_read, leased_until=text("clock_timestamp() + interval '2 minutes'"), **added)
    )


def finish_batch(
    session: Session, batch: RunningBatch, state: ImportState, *, problem: str | None = None
) -> None:
    """End a batch; its file, if it was uploaded, is deleted by the caller in the same transaction."""
    session.execute(
        update(ImportBatch)
        .where(ImportBatch.id == batch.id)
        .values(state=state, problem=problem, finished_at=text("clock_timestamp()"), leased_until=None)
    )
    record_audit(session, "import.ended", subject_type="import_batch", subject_id=batch.id, state=state)


def refresh_chunk_clocks(session: Session, referral_ids: Collection[UUID], at: datetime) -> None:
    """The clocks of a whole piece at once.

    The planner expects a handful of rows from what the transaction has only just written, and would join
    thousands of events row by row.
    """
    set_local(session, "enable_nestloop", "off")
    stored_clocks.refresh_clocks(session, sorted(referral_ids), at=at)
    set_local(session, "enable_nestloop", "on")


def mark_interrupted_batches(*, actor: Actor, at: datetime) -> int:
    """Batches whose command died while it ran: say so. Their rows are kept; the file can be sent again."""
    with transaction(actor) as session:
        ended = session.execute(
            update(ImportBatch)
            .where(
                ImportBatch.state == ImportState.RUNNING,
                ImportBatch.leased_until < at,
                ~select(1)
                .where(text("import_file.batch_id = import_batch.id"))
                .select_from(text("import_file"))
                .exists(),
            )
            .values(state=ImportState.INTERRUPTED, finished_at=at, leased_until=None)
            .returning(ImportBatch.id)
        ).all()
    return len(ended)
