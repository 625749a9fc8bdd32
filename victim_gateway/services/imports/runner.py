"""Run an import: read a file, write it in chunks of one transaction each, give a summary. Safe to kill at any point."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, BinaryIO

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.crypto import BlindIndex
from victim_gateway.database.advisory_locks import AdvisoryLock, lock_until_commit
from victim_gateway.database.current import current_blind_index, current_settings
from victim_gateway.database.session_limits import set_local, set_timeouts
from victim_gateway.database.transaction import transaction
from victim_gateway.feeds.case_events import CASE_EVENTS_FEED
from victim_gateway.feeds.columns import REFERRAL_FEED
from victim_gateway.feeds.places import PlaceNames, place_names_of
from victim_gateway.feeds.problems import RejectedRow
from victim_gateway.feeds.reading import FeedFile, FeedFormat, RawRow, examine_file, read_rows
from victim_gateway.models import ImportBatch
from victim_gateway.schemas.referral_rows import parse_referral_row
from victim_gateway.services.imports import case_events, police_feed
from victim_gateway.services.imports.batches import (
    ImportSummary,
    NewImportBatch,
    RowCounts,
    RunningBatch,
    file_digest,
    finish_batch,
    mark_interrupted_batches,
    open_batch,
    save_progress,
)
from victim_gateway.services.imports.prepared_row import prepare_row
from victim_gateway.services.imports.published_months import check_published_months
from victim_gateway.vocabulary import ImportKind, ImportState

Progress = Callable[[int, int], None]
FORMATS: dict[ImportKind, FeedFormat] = {
    ImportKind.POLICE_FEED: REFERRAL_FEED,
    ImportKind.CASE_EVENTS: CASE_EVENTS_FEED,
}
# Large enough that a chunk's fixed queries don't count, small enough that a page never waits long for its locks.
CHUNK_ROWS = {ImportKind.POLICE_FEED: 2000, ImportKind.CASE_EVENTS: 5000}
# Smaller, so that the database does not wait for the first chunk.
FIRST_CHUNK_ROWS = 250
_CHUNKS_BETWEEN_COLLECTIONS = 8
# Of a file that a command reads from this machine; an upload has a limit of its own. It is streamed, not held.
LARGEST_FILE_BYTES = 1 << 30


class LeaseLost(Exception):
    """Another worker has gone on with this batch: the lease ran out while this one waited."""


class _RollBackDryRun(Exception):
    """Ends a dry run, so that everything it did is rolled back."""


@dataclass
class _ExaminedFile:
    """A file whose head was examined, with the stream to read its rows from."""

    stream: BinaryIO
    file: FeedFile
    kind: ImportKind


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What to import, and how.

    With `history` rows count as learned when the feed says; `dry_run` keeps nothing; `put_back` makes the values of
    a file that was imported before the newest again.
    """

    kind: ImportKind
    file_name: str
    history: bool = False
    dry_run: bool = False
    put_back: bool = False
    reopen_published: bool = False
    """With `history`: load the file although it changes published figures."""
    leave_closed: bool = False
    """With `history`: the cases of the file are over, so nothing is to be done about them."""


def import_file(
    stream: BinaryIO,
    request: ImportRequest,
    *,
    actor: Actor,
    at: datetime,
    progress: Progress | None = None,
) -> ImportSummary:
    """Import a file from a command. `progress` is told bytes read and bytes in all after each chunk.

    Raises UnusableFile, with nothing changed, when the file is not such a feed.
    """
    started = time.perf_counter()
    most = max(LARGEST_FILE_BYTES, current_settings().max_upload_bytes)
    file = examine_file(stream, FORMATS[request.kind], max_bytes=most)
    source = _ExaminedFile(stream, file, request.kind)
    sha256 = file_digest(stream)
    if request.history and not request.reopen_published:
        check_published_months(stream, file, FORMATS[request.kind], actor=actor, sha256=sha256)
    new = NewImportBatch(
        kind=request.kind,
        state=ImportState.RUNNING,
        file_name=request.file_name,
        history=request.history,
        put_back=request.put_back,
        size=file.size,
        sha256=sha256,
        columns=file.columns,
        unknown_columns=file.unknown_columns,
        file_warnings=file.warnings,
        reopen_published=request.reopen_published,
        leave_closed=request.history and request.leave_closed,
    )
    if request.dry_run:
        return _dry_run(source, new, actor, at, started, progress)
    mark_interrupted_batches(actor=actor, at=at)
    with transaction(actor) as session:
        batch = open_batch(session, new, actor=actor, at=at)
    try:
        return run_batch(batch, stream, file, actor=actor, started=started, progress=progress)
    except BaseException:
        with transaction(actor) as session:
            finish_batch(session, batch, ImportState.INTERRUPTED)
        raise


def run_batch(
    batch: RunningBatch,
    stream: BinaryIO,
    file: FeedFile,
    *,
    actor: Actor,
    started: float,
    progress: Progress | None = None,
) -> ImportSummary:
    """Work through the chunks of an open batch from where it stands, and end it."""
    source = _ExaminedFile(stream, file, batch.kind)
    with transaction(actor) as session:
        index = current_blind_index(session)
    done = batch.resume_after
    with _gc_paused() as collect_cycles:
        for chunk, bytes_read in _prefetched_chunks(source, batch, index):
            with transaction(actor) as session:
                _begin_chunk(session)
                _check_lease(session, batch, done)
                counts = _import_chunk(session, batch.at_present(), chunk)
                save_progress(session, batch, counts, bytes_read)
            done += len(chunk)
            collect_cycles()
            if progress:
                progress(bytes_read, file.size)
    with transaction(actor) as session:
        _begin_chunk(session)
        _check_lease(session, batch, done)
        repeats = count_repeat_victims(session, batch)
        session.execute(
            update(ImportBatch)
            .where(ImportBatch.id == batch.id)
            .values(repeat_victims=repeats, bytes_read=file.size)
        )
        finish_batch(session, batch, ImportState.FINISHED)
        session.execute(text("DELETE FROM import_file WHERE batch_id = :batch"), {"batch": batch.id})
        total = session.get_one(ImportBatch, batch.id)
    return ImportSummary(
        batch=total.number,
        rows=total.rows,
        imported=total.imported,
        updated=total.updated,
        unchanged=total.unchanged,
        set_aside=total.set_aside,
        held=total.held,
        changed_since=total.changed_since,
        unread_protective=total.unread_protective,
        warnings=total.warnings,
        repeat_victims=repeats,
        seconds=round(time.perf_counter() - started, 3),
        unknown_columns=file.unknown_columns,
        file_warnings=tuple(problem.message for problem in file.warnings),
    )


@contextmanager
def _gc_paused() -> Iterator[Callable[[], None]]:
    """Turn the cycle collector off during an import; gives what to call after each chunk.

    A chunk makes some hundred thousand objects that die with it; searching them for cycles again and again
    takes a sixth of the time of an import. The few cycles among them are collected between chunks, or memory
    would grow with the file: of what was there before the import none is looked at.
    """
    was_on = gc.isenabled()
    gc.disable()
    gc.freeze()
    chunks = 0

    def collect_cycles() -> None:
        nonlocal chunks
        chunks += 1
        if chunks % _CHUNKS_BETWEEN_COLLECTIONS == 0:
            gc.collect()

    try:
        yield collect_cycles
    finally:
        gc.unfreeze()
        if was_on:
            gc.enable()


def _dry_run(
    source: _ExaminedFile,
    new: NewImportBatch,
    actor: Actor,
    at: datetime,
    started: float,
    progress: Progress | None,
) -> ImportSummary:
    """Do everything in one transaction and roll it back: the figures are those of a real run."""
    total, repeats = RowCounts(warnings=len(source.file.warnings)), 0
    try:
        with transaction(actor) as session:
            batch = open_batch(session, new, actor=actor, at=at)
            _begin_chunk(session)
            for chunk, bytes_read in _prefetched_chunks(source, batch, current_blind_index(session)):
                total.add(_import_chunk(session, batch.at_present(), chunk))
                if progress:
                    progress(bytes_read, source.file.size)
            repeats = count_repeat_victims(session, batch)
            raise _RollBackDryRun
    except _RollBackDryRun:
        pass
    return ImportSummary(
        batch=None,
        **vars(total),
        repeat_victims=repeats,
        seconds=round(time.perf_counter() - started, 3),
        unknown_columns=source.file.unknown_columns,
        file_warnings=tuple(problem.message for problem in source.file.warnings),
    )


def _prefetched_chunks(
    source: _ExaminedFile, batch: RunningBatch, index: BlindIndex
) -> Iterator[tuple[list[Any], int]]:
    """The file's rows in chunks, each with the bytes read by its end; the next is read while one is written."""
    chunks = _read_chunks(source, batch, index, place_names_of(current_settings().area))
    with ThreadPoolExecutor(1, "feed") as reader:
        next_chunk = reader.submit(next, chunks, None)
        while (chunk := next_chunk.result()) is not None:
            next_chunk = reader.submit(next, chunks, None)
            yield chunk


def _read_chunks(
    source: _ExaminedFile, batch: RunningBatch, index: BlindIndex, places: PlaceNames
) -> Iterator[tuple[list[Any], int]]:
    """Read the rows after those that an earlier attempt has committed."""
    source.stream.seek(0)
    rows = islice(read_rows(source.stream, source.file, FORMATS[source.kind]), batch.resume_after, None)
    read = (_read(source.kind, row, batch, index, places) for row in rows)
    wanted = FIRST_CHUNK_ROWS
    while chunk := list(islice(read, wanted)):
        yield chunk, min(source.stream.tell(), source.file.size)
        wanted = CHUNK_ROWS[source.kind]


def _read(
    kind: ImportKind, row: RawRow | RejectedRow, batch: RunningBatch, index: BlindIndex, places: PlaceNames
) -> Any:
    """A row as the importer of its kind takes it."""
    if isinstance(row, RejectedRow):
        return row
    if kind is ImportKind.CASE_EVENTS:
        return case_events.parse_event(row.values, row.number, batch, row.cells)
    parsed = parse_referral_row(
        row.values,
        number=row.number,
        imported_at=batch.imported_at,
        places=places,
        cells_given=row.cells,
    )
    return parsed if isinstance(parsed, RejectedRow) else prepare_row(parsed, batch, index)


def _import_chunk(session: Session, batch: RunningBatch, chunk: list[Any]) -> RowCounts:
    importer = (
        police_feed.import_referral_chunk
        if batch.kind is ImportKind.POLICE_FEED
        else case_events.import_case_event_chunk
    )
    return importer(session, batch, chunk)


def _check_lease(session: Session, batch: RunningBatch, done: int) -> None:
    """Check, under the lock, that no other worker has gone on with the batch. Raises LeaseLost."""
    rows = session.scalar(select(ImportBatch.rows).where(ImportBatch.id == batch.id).with_for_update())
    if rows != done:
        raise LeaseLost(f"batch {batch.number} stands at row {rows}, not {done}")


def _begin_chunk(session: Session) -> None:
    """Allow longer statements than a page may run, and wait until no other import is in a chunk.

    Two files that overlap must not both decide that a row is new.
    """
    set_timeouts(session, statement="10min", lock="5min")
    # A chunk asks for the rows of some thousand people and referrals: by index, however large the tables are. With the
    # price of a disk that has to seek, reading a whole table looks cheaper until it has some hundred thousand rows.
    set_local(session, "random_page_cost", "1.1")
    lock_until_commit(session, AdvisoryLock.IMPORT)


def count_repeat_victims(session: Session, batch: RunningBatch) -> int:
    """People with a new referral in this batch who have another within the area's number of months of it.

    Counted from the records, whatever the feed's flags say.
    """
    found: int = session.execute(
        text(
            """
            SELECT count(DISTINCT n.person_id) FROM referral n
            JOIN referral o ON o.person_id = n.person_id AND o.id <> n.id
            WHERE n.import_batch_id = :batch AND o.reported_at IS NOT NULL AND n.reported_at IS NOT NULL
                AND o.reported_at BETWEEN n.reported_at - make_interval(months => :months)
                    AND n.reported_at + make_interval(months => :months)
            """
        ),
        {"batch": batch.id, "months": current_settings().area.thresholds.repeat_victim_months},
    ).scalar_one()
    return found
