"""Import batches: opening, progress, leases and the summary."""

from __future__ import annotations

import hashlib
import time
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any, BinaryIO
from uuid import UUID

from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.feeds.problems import Problem, problem_documents
from victim_gateway.models import ImportBatch
from victim_gateway.row_ids import new_row_id
from victim_gateway.vocabulary import ImportKind, ImportState

# A worker renews its lease with every chunk; one that died is replaced after this.
LEASE = timedelta(minutes=2)
_LONGEST_IMPORT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RunningBatch:
    """A batch that is being imported.

    `imported_at` is the moment at which what is written counts as learned: for the reader the start of the
    batch, for the writer of a chunk the moment at which its transaction has the locks (`at_present`). `number`
    is also the order of the files: a batch is numbered when its file is handed in, and what a later file said
    is never overwritten by an earlier one that is resumed.
    """

    id: UUID
    number: int
    kind: ImportKind
    history: bool
    imported_at: datetime
    key_id: UUID
    key: bytes
    sha256: bytes | None = None
    resume_after: int = 0
    put_back: bool = False
    # With `history`: the cases of the file are over.
    leave_closed: bool = False
    # The force that a row without one is from.
    own_force: str = ""
    claimed_at: datetime | None = None
    claimed_tick: float = field(default_factory=time.monotonic)

    def moment(self) -> datetime:
        """Now, by the clock of whoever claimed the batch; never before its start.

        An import that is told another moment than the present, as demonstration data are, stays at that moment.
        """
        claimed_at = self.claimed_at or self.imported_at
        if abs(times.now() - claimed_at) > _LONGEST_IMPORT:
            return claimed_at
        return claimed_at + timedelta(seconds=time.monotonic() - self.claimed_tick)

    def at_present(self) -> RunningBatch:
        """The batch as a chunk is written: what it writes is learned now, not when the import began.

        A caseworker may have acted since the import began, and a report may have been made.
        """
        return replace(self, imported_at=self.moment())


@dataclass
class RowCounts:
    """How many rows had which outcome: imported + updated + unchanged + set_aside = rows."""

    rows: int = 0
    imported: int = 0
    updated: int = 0
    unchanged: int = 0
    set_aside: int = 0
    warnings: int = 0
    held: int = 0
    changed_since: int = 0
    unread_protective: int = 0

    def add(self, other: RowCounts) -> None:
        for count in fields(RowCounts):
            setattr(self, count.name, getattr(self, count.name) + getattr(other, count.name))


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """The contract's summary of one import; `batch` is its number, None for a dry run."""

    batch: int | None
    rows: int
    imported: int
    updated: int
    unchanged: int
    set_aside: int
    held: int
    warnings: int
    repeat_victims: int
    seconds: float
    changed_since: int = 0
    unread_protective: int = 0
    unknown_columns: tuple[str, ...] = ()
    # About the file as a whole, such as columns that are never kept; `warnings` counts them too.
    file_warnings: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """As JSON prints it."""
        document = asdict(self)
        for name in ("changed_since", "unread_protective", "unknown_columns", "file_warnings"):
            if not document[name]:
                del document[name]
        return document


@dataclass(frozen=True, slots=True)
class NewImportBatch:
    """A file that is about to be imported. `sha256` is that of its bytes, by which it is known again."""

    kind: ImportKind
    state: ImportState
    file_name: str
    history: bool
    size: int
    put_back: bool = False
    sha256: bytes | None = None
    columns: tuple[str, ...] = ()
    unknown_columns: tuple[str, ...] = ()
    file_warnings: tuple[Problem, ...] = ()
    reopen_published: bool = False
    """Whether published figures may change: noted in the audit."""
    leave_closed: bool = False
    """Whether new referrals are left closed: noted in the audit too."""


def open_batch(session: Session, new: NewImportBatch, *, actor: Actor, at: datetime) -> RunningBatch:
    """Record a new batch and the key under which its rows set aside are sealed."""
    batch_id = new_row_id()
    key_id, key = encrypted_rows.new_key(session, "batch", batch_id, at)
    is_running = new.state is ImportState.RUNNING
    number = session.execute(
        insert(ImportBatch)
        .values(
            id=batch_id,
            kind=new.kind,
            state=new.state,
            file_name=new.file_name,
            file_sha256=new.sha256,
            columns=list(new.columns),
            unknown_columns=list(new.unknown_columns),
            file_warnings=problem_documents(new.file_warnings),
            warnings=len(new.file_warnings),
            bytes_total=new.size,
            history=new.history,
            put_back=new.put_back,
            key_id=key_id,
            by_id=actor.user_id,
            by_name=actor.name,
            created_at=at,
            started_at=at if is_running else None,
            leased_until=at + LEASE if is_running else None,
        )
        .returning(ImportBatch.number)
    ).scalar_one()
    record_audit(
        session,
        "import.opened",
        subject_type="import_batch",
        subject_id=batch_id,
        kind=new.kind,
        number=number,
        history=new.history,
        reopen_published=new.reopen_published,
        leave_closed=new.leave_closed,
    )
    return RunningBatch(
        batch_id,
        number,
        new.kind,
        new.history,
        at,
        key_id,
        key,
        new.sha256,
        put_back=new.put_back,
        leave_closed=new.leave_closed,
        own_force=current_settings().area.force,
    )


def file_digest(stream: BinaryIO) -> bytes:
    """The SHA-256 by which a file is known again. Leaves the stream at its start."""
    stream.seek(0)
    found = hashlib.sha256()
    for chunk in iter(lambda: stream.read(1 << 20), b""):
        found.update(chunk)
    stream.seek(0)
    return found.digest()


def save_progress(session: Session, batch: RunningBatch, chunk: RowCounts, bytes_read: int) -> None:
    """Add a chunk's counts and renew the lease, in the transaction that holds the chunk's rows."""
    added = {name: getattr(ImportBatch, name) + value for name, value in asdict(chunk).items()}
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


def mark_interrupted_batches(*, actor: Actor, at: datetime) -> int:
    """Mark the batches whose command died while it ran. Their rows are kept; the file can be sent again."""
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
