"""An uploaded file and the processes that read it: read once, whatever dies while it is read."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID

from flask import Flask
from sqlalchemy import func, select, update

from config import Settings
from tests.factories.feeds import feed_file, feed_row
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.forked_programs import ForkedProgram
from tests.plumbing.programs import environment_of, forked_code, kill_group, wait_until
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.models import ImportBatch, ImportFile, Outbox, Person, Referral
from victim_gateway.services.imports import uploads
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import ImportKind, ImportState, Role, TaskName

# Two chunks, of which the second takes long enough to be killed in it.
ROWS = 4_000 if os.environ.get("CI") else 2_000


def send(senior: Actor, rows: int) -> UUID:
    return uploads.upload_file(
        Command(senior, times.now()),
        feed_file(*(feed_row() for _ in range(rows))),
        kind=ImportKind.POLICE_FEED,
        file_name="feed.csv",
        history=False,
    )


def start_task(settings: Settings, batch_id: UUID, log: Path) -> ForkedProgram:
    """The task itself, as a worker's child runs it, in a process of its own."""
    code = f"from workers.imports import run_import; run_import(batch_id='{batch_id}')"
    return forked_code(code, environment=environment_of(settings), log=log)


def test_a_worker_that_is_killed_while_reading_leaves_nothing_half_done(
    committed_app: Flask,
    committed_settings: Settings,
    committed_owner: Owner,
    committed_make_actor: MakeActor,
    tmp_path: Path,
) -> None:
    def referrals() -> int:
        with committed_owner() as session:
            return session.scalar(select(func.count()).select_from(Referral)) or 0

    def state() -> ImportState:
        with committed_owner() as session:
            return session.scalars(select(ImportBatch.state)).one()

    log = tmp_path / "worker.log"
    batch_id = send(committed_make_actor(Role.SENIOR), ROWS)
    first = start_task(committed_settings, batch_id, log)
    try:
        wait_until(lambda: 0 < referrals() < ROWS, 150, log)
    finally:
        kill_group(first)
    read = referrals()
    assert 0 < read < ROWS
    assert state() is ImportState.RUNNING

    # two minutes later, as the sweep sees it: the file is handed out again
    with committed_owner() as session:
        session.execute(update(ImportBatch).values(leased_until=times.now()))
    assert uploads.requeue_abandoned_batches(actor=Actor.worker("sweep"), at=times.now()) == 1
    with committed_owner() as session:
        assert set(session.scalars(select(Outbox.task))) == {TaskName.RUN_IMPORT}
    second = start_task(committed_settings, batch_id, log)
    assert second.wait(150) == 0, log.read_text()

    assert state() is ImportState.FINISHED
    with committed_owner() as session:
        batch = session.get_one(ImportBatch, batch_id)
        assert (batch.rows, batch.imported, batch.unchanged, batch.attempts) == (ROWS, ROWS, 0, 2)
        assert session.scalar(select(func.count()).select_from(Person)) == ROWS
        assert session.scalar(select(func.count()).select_from(ImportFile)) == 0
    assert referrals() == ROWS
