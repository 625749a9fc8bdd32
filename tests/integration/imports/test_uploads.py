"""Uploaded files: sealed until read, taken up again where a dead worker left them."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select, update

from tests.factories.feeds import feed_file, feed_row
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import AlreadyDone, UnusableFile
from victim_gateway.feeds.columns import REFERRAL_FEED
from victim_gateway.feeds.reading import examine_file
from victim_gateway.models import ImportBatch, ImportFile, ImportRow, Outbox, Referral
from victim_gateway.services.imports import uploads
from victim_gateway.services.imports.batches import RunningBatch
from victim_gateway.services.imports.runner import LeaseLost, run_batch
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import ImportKind, ImportState, Role, TaskName

AT = datetime(2026, 3, 10, 9, tzinfo=UTC)
WORKER = Actor.worker("test worker")


def send(senior: Actor, *rows: dict[str, str], submission_id: UUID | None = None) -> object:
    return uploads.upload_file(
        Command(senior, AT, submission_id=submission_id),
        feed_file(*rows),
        kind=ImportKind.POLICE_FEED,
        file_name="a.csv",
        history=False,
    )


@pytest.fixture
def senior(make_actor: MakeActor) -> Actor:
    return make_actor(Role.SENIOR)


def test_an_uploaded_file_waits_sealed_and_is_gone_once_read(app: Flask, senior: Actor) -> None:
    batch_id = send(senior, feed_row(), feed_row())
    with transaction(WORKER) as session:
        chunks = session.scalars(select(ImportFile.sealed)).all()
        tasks = session.scalars(select(Outbox.task)).all()
    assert len(chunks) == 1
    assert b"Robin" not in chunks[0]
    assert tasks == [TaskName.RUN_IMPORT]

    summary = uploads.run_uploaded_batch(batch_id, actor=WORKER, at=AT)  # type: ignore[arg-type]

    assert summary is not None
    assert summary.imported == 2
    with transaction(WORKER) as session:
        assert session.scalars(select(ImportFile.chunk_number)).all() == []
        batch = session.scalars(select(ImportBatch)).one()
    assert (batch.state, batch.by_id, batch.imported) == (ImportState.FINISHED, senior.user_id, 2)


def test_a_task_that_comes_twice_finds_nothing_to_do(app: Flask, senior: Actor) -> None:
    batch_id = send(senior, feed_row())
    assert uploads.run_uploaded_batch(batch_id, actor=WORKER, at=AT) is not None  # type: ignore[arg-type]
    assert uploads.run_uploaded_batch(batch_id, actor=WORKER, at=AT) is None  # type: ignore[arg-type]


def test_an_abandoned_file_is_taken_up_again_after_its_lease(app: Flask, senior: Actor, owner: Owner) -> None:
    batch_id = send(senior, feed_row(), feed_row())
    with owner() as session:
        session.execute(
            update(ImportBatch).values(state=ImportState.RUNNING, leased_until=AT, attempts=1, started_at=AT)
        )

    assert uploads.run_uploaded_batch(batch_id, actor=WORKER, at=AT - timedelta(seconds=1)) is None  # type: ignore[arg-type]
    assert uploads.requeue_abandoned_batches(actor=WORKER, at=AT + timedelta(minutes=3)) == 1
    summary = uploads.run_uploaded_batch(batch_id, actor=WORKER, at=AT + timedelta(minutes=3))  # type: ignore[arg-type]

    assert summary is not None
    assert summary.imported == 2


def test_who_lost_the_file_to_another_worker_goes_no_further(app: Flask, senior: Actor) -> None:
    rows = [feed_row(), feed_row()]
    batch_id = send(senior, *rows)
    stream = feed_file(*rows)
    file = examine_file(stream, REFERRAL_FEED, max_bytes=10_000_000)
    with transaction(WORKER) as session:
        row = session.get_one(ImportBatch, batch_id)
        slow = RunningBatch(
            id=row.id,
            number=row.number,
            kind=row.kind,
            history=False,
            imported_at=AT,
            key_id=row.key_id,
            key=encrypted_rows.open_key(session, row.key_id),
        )
    assert uploads.run_uploaded_batch(batch_id, actor=WORKER, at=AT) is not None  # type: ignore[arg-type]

    with pytest.raises(LeaseLost):
        run_batch(slow, stream, file, actor=WORKER, started=0.0)

    with transaction(WORKER) as session:
        batch = session.get_one(ImportBatch, batch_id)
        assert (batch.rows, batch.imported, batch.state) == (2, 2, ImportState.FINISHED)


def test_a_file_that_keeps_ending_its_worker_is_parked(app: Flask, senior: Actor, owner: Owner) -> None:
    send(senior, feed_row())
    with owner() as session:
        session.execute(update(ImportBatch).values(state=ImportState.RUNNING, leased_until=AT, attempts=5))

    uploads.requeue_abandoned_batches(actor=WORKER, at=AT + timedelta(minutes=3))

    with transaction(WORKER) as session:
        batch = session.scalars(select(ImportBatch)).one()
    assert batch.state is ImportState.PARKED
    assert batch.problem


def test_a_form_sent_twice_keeps_one_file(app: Flask, senior: Actor) -> None:
    submission_id = uuid4()
    send(senior, feed_row(), submission_id=submission_id)
    with pytest.raises(AlreadyDone):
        send(senior, feed_row(), submission_id=submission_id)
    with transaction(WORKER) as session:
        assert len(session.scalars(select(ImportBatch.id)).all()) == 1


def test_what_is_no_feed_is_refused_by_the_worker_with_the_reason(app: Flask, senior: Actor) -> None:
    batch_id = uploads.upload_file(
        Command(senior, AT),
        io.BytesIO(b"%PDF-1.7"),
        kind=ImportKind.POLICE_FEED,
        file_name="a.pdf",
        history=False,
    )

    assert uploads.run_uploaded_batch(batch_id, actor=WORKER, at=AT) is None

    with transaction(WORKER) as session:
        batch = session.get_one(ImportBatch, batch_id)
        assert (batch.state, batch.rows) == (ImportState.REFUSED, 0)
        assert "PDF" in str(batch.problem)
        assert session.scalars(select(ImportFile.chunk_number)).all() == []
        assert session.scalars(select(Referral.id)).all() == []


def test_five_million_empty_rows_are_refused_and_none_is_stored(app: Flask, senior: Actor) -> None:
    stream = feed_file(feed_row())
    stream.seek(0, io.SEEK_END)
    stream.write(b"\r\n" * 5_000_000)
    batch_id = uploads.upload_file(
        Command(senior, AT), stream, kind=ImportKind.POLICE_FEED, file_name="a.csv", history=False
    )

    assert uploads.run_uploaded_batch(batch_id, actor=WORKER, at=AT) is None

    with transaction(WORKER) as session:
        batch = session.get_one(ImportBatch, batch_id)
        assert batch.state is ImportState.REFUSED
        assert "empty rows" in str(batch.problem)
        assert session.scalars(select(ImportRow.row_number)).all() == []


def test_the_columns_are_known_once_a_worker_has_read_the_header(app: Flask, senior: Actor) -> None:
    batch_id = send(senior, feed_row(beat="NC12"))
    with transaction(WORKER) as session:
        assert session.scalars(select(ImportBatch.columns)).one() == []
    uploads.run_uploaded_batch(batch_id, actor=WORKER, at=AT)  # type: ignore[arg-type]
    with transaction(WORKER) as session:
        batch = session.scalars(select(ImportBatch)).one()
    assert "feed_reference" in batch.columns
    assert batch.unknown_columns == ["beat"]


def test_files_are_ordered_by_the_moment_at_which_they_were_handed_in(app: Flask, senior: Actor) -> None:
    batch_id = send(senior, feed_row())
    uploads.run_uploaded_batch(batch_id, actor=WORKER, at=AT + timedelta(hours=3))  # type: ignore[arg-type]
    with transaction(WORKER) as session:
        batch = session.scalars(select(ImportBatch)).one()
    assert (batch.created_at, batch.started_at) == (AT, AT + timedelta(hours=3))


class Endless(io.RawIOBase):
    """Zeros without an end."""

    def readinto(self, buffer: object, /) -> int:
        return len(buffer)  # type: ignore[arg-type]

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return offset


def test_a_file_over_the_limit_leaves_nothing_behind(app: Flask, senior: Actor) -> None:
    with pytest.raises(UnusableFile, match="larger than the limit of 100 MB"):
        uploads.upload_file(
            Command(senior, AT),
            Endless(),  # type: ignore[arg-type]
            kind=ImportKind.POLICE_FEED,
            file_name="a.csv",
            history=False,
        )
    with transaction(WORKER) as session:
        assert session.scalars(select(ImportBatch.id)).all() == []


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\in\\oct.csv", "oct.csv"),
        ("", "file.csv"),
        ("a\x00\nb.csv", "ab.csv"),
    ],
)
def test_a_file_name_is_shown_without_folders_and_odd_characters(given: str, shown: str) -> None:
    assert uploads.plain_file_name(given) == shown
