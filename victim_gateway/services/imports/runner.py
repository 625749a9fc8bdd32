"""Runs an import: a file in, pieces written one transaction each, a summary out. Safe to kill at any point."""

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
from victim_gateway.database.session_limits import set_timeouts
from victim_gateway.database.transaction import transaction
from victim_gateway.feeds.case_events import CASE_EVENTS_FEED
from victim_gateway.feeds.problems import RejectedRow
from victim_gateway.feeds.reading import FeedFile, FeedFormat, RawRow, examine_file, read_rows
from victim_gateway.feeds.referrals import REFERRAL_FEED, parse_referral_row
from victim_gateway.models import ImportBatch
from victim_gateway.services.imports import case_events, police_feed
from victim_gateway.services.imports.batches import (
    ImportSummary,
    RowCounts,
    RunningBatch,
    file_digest,
    finish_batch,
    mark_interrupted_batches,
    open_batch,
    save_progress,
)
from victim_gateway.services.imports.prepared_row import prepare_row
from victim_gateway.vocabulary import ImportKind, ImportState

Progress = Callable[[int, int], None]
FORMATS: dict[ImportKind, FeedFormat] = {
    ImportKind.POLICE_FEED: REFERRAL_FEED,
    ImportKind.CASE_EVENTS: CASE_EVENTS_FEED,
}
# Large enough that a piece's fixed queries don't count, small enough that a page never waits long for its locks.
PIECE_ROWS = {ImportKind.POLICE_FEED: 2000, ImportKind.CASE_EVENTS: 5000}
# So that the database is not kept waiting for the first.
FIRST_PIECE_ROWS = 250


class LeaseLost(Exception):
    """Somebody else has gone on with this batch: its lease ran out while this one waited."""


class _RollBackDryRun(Exception):
    """Ends a trial run, so that everything it did is rolled back."""


@dataclass
class _Source:
    """A file that was examined, and how far it has been read."""

    stream: BinaryIO
    file: FeedFile
    kind: ImportKind


def import_file(
    stream: BinaryIO,
    *,
    kind: ImportKind,
    file_name: str,
    history: bool,
    dry_run: bool,
    actor: Actor,
    at: datetime,
    progress: Progress | None = None,
) -> ImportSummary:
    """Import a file from a command. `progress` is told bytes read and bytes in all after each piece.

    Raises UnusableFile, with nothing changed, when the file is not such a feed.
    """
    started = time.perf_counter()
    source = _Source(
        stream, examine_file(stream, FORMATS[kind], max_bytes=current_settings().max_upload_bytes), kind
    )
    opening: dict[str, Any] = {
        "kind": kind,
        "file_name": file_name,
        "size": source.file.size,
        "history": history,
        "sha256": file_digest(stream),
        "columns": source.file.columns,
        "unknown_columns": source.file.unknown_columns,
    }
    if dry_run:
        return _trial(source, opening, actor, at, started, progress)
    mark_interrupted_batches(actor=actor, at=at)
    with transaction(actor) as session:
        batch = open_batch(session, state=ImportState.RUNNING, actor=actor, at=at, **opening)
    try:
        return run_batch(batch, source.stream, source.file, actor=actor, started=started, progress=progress)
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
    """Work through the pieces of an open batch from where it stands, and end it."""
    source = _Source(stream, file, batch.kind)
    with transaction(actor) as session:
        index = current_blind_index(session)
    done = batch.resume_after
    with _collector_waits():
        for piece, bytes_read in _pieces(source, batch, index):
            with transaction(actor) as session:
                _prepare(session)
                _check_ours(session, batch, done)
                counts = _import_piece(session, batch, piece)
                save_progress(session, batch, counts, bytes_read)
            done += len(piece)
            if progress:
                progress(bytes_read, file.size)
    with transaction(actor) as session:
        _prepare(session)
        _check_ours(session, batch, done)
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
        warnings=total.warnings,
        repeat_victims=repeats,
        seconds=round(time.perf_counter() - started, 3),
        unknown_columns=file.unknown_columns,
    )


@contextmanager
def _collector_waits() -> Iterator[None]:
    """A piece makes some hundred thousand objects that die with it; looking through them all again and again
    for cycles takes a sixth of the time of an import.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _trial(
    source: _Source,
    opening: dict[str, Any],
    actor: Actor,
    at: datetime,
    started: float,
    progress: Progress | None,
) -> ImportSummary:
    """Do everything in one transaction and take it all back: the figures are those of a real run."""
    total, repeats = RowCounts(), 0
    try:
        with transaction(actor) as session:
            batch = open_batch(session, state=ImportState.RUNNING, actor=actor, at=at, **opening)
            _prepare(session)
            for piece, bytes_read in _pieces(source, batch, current_blind_index(session)):
                total.add(_import_piece(session, batch, piece))
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
    )


def _pieces(source: _Source, batch: RunningBatch, index: BlindIndex) -> Iterator[tuple[list[Any], int]]:
    """The file's rows in pieces, each with the bytes read by its end; the next is read while one is written."""
    pieces = _read_pieces(source, batch, index)
    with ThreadPoolExecutor(1, "feed") as reader:
        coming = reader.submit(next, pieces, None)
        while (piece := coming.result()) is not None:
            coming = reader.submit(next, pieces, None)
            yield piece


def _read_pieces(source: _Source, batch: RunningBatch, index: BlindIndex) -> Iterator[tuple[list[Any], int]]:
    """From the row after those that an earlier try has committed."""
    source.stream.seek(0)
    rows = islice(read_rows(source.stream, source.file, FORMATS[source.kind]), batch.resume_after, None)
    read = (_read(source.kind, row, batch, index) for row in rows)
    wanted = FIRST_PIECE_ROWS
    while piece := list(islice(read, wanted)):
        yield piece, min(source.stream.tell(), source.file.size)
        wanted = PIECE_ROWS[source.kind]


def _read(kind: ImportKind, row: RawRow | RejectedRow, batch: RunningBatch, index: BlindIndex) -> Any:
    """A row as the importer of its kind takes it."""
    if kind is ImportKind.CASE_EVENTS:
        if isinstance(row, RejectedRow):
            return row
        return case_events.parse_event(row.values, row.number, batch, row.cells)
    if isinstance(row, RejectedRow):
        return prepare_row(row, batch, index)
    parsed = parse_referral_row(
        row.values, number=row.number, imported_at=batch.imported_at, cells_given=row.cells
    )
    return prepare_row(parsed, batch, index)


def _import_piece(session: Session, batch: RunningBatch, piece: list[Any]) -> RowCounts:
    importer = (
        police_feed.import_referral_chunk
        if batch.kind is ImportKind.POLICE_FEED
        else case_events.import_case_event_chunk
    )
    return importer(session, batch, piece)


def _check_ours(session: Session, batch: RunningBatch, done: int) -> None:
    """Under the lock: what was worked through is what this run has worked through. Raises TakenOver."""
    rows = session.scalar(select(ImportBatch.rows).where(ImportBatch.id == batch.id).with_for_update())
    if rows != done:
        raise LeaseLost(f"batch {batch.number} stands at row {rows}, not {done}")


def _prepare(session: Session) -> None:
    """Longer statements than a page may run, and one import at a time."""
    set_timeouts(session, statement="10min", lock="5min")
    lock_until_commit(session, AdvisoryLock.IMPORT)


def count_repeat_victims(session: Session, batch: RunningBatch) -> int:
    """People with a new referral in this batch who have another within the area's number of months of it.

    Counted by us from the records, whatever the feed's flags say.
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
