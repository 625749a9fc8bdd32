"""An uploaded file and real workers: read once, whatever dies while it is read."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import redis
from flask import Flask
from sqlalchemy import func, select, update

from config import Settings
from tests.factories.feeds import feed_file, feed_row
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.programs import kill_group, start_worker, wait_until
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.models import ImportBatch, ImportFile, Person, Referral
from victim_gateway.services import outbox
from victim_gateway.services.imports import uploads
from victim_gateway.vocabulary import ImportKind, ImportState, Role

ROWS = 4000


def send(senior: Actor, rows: int) -> UUID:
    return uploads.upload(
        feed_file(*(feed_row() for _ in range(rows))),
        kind=ImportKind.POLICE_FEED,
        file_name="feed.csv",
        history=False,
        actor=senior,
        at=times.now(),
    )


def sweep() -> None:
    """What the scheduler does each minute: a nudge that found the broker too busy is given again."""
    outbox.sweep(actor=Actor.worker("sweep"), at=times.now() + timedelta(minutes=1))


def test_a_worker_that_is_killed_while_reading_leaves_nothing_half_done(
    committed_app: Flask,
    committed_settings: Settings,
    committed_owner: Owner,
    committed_make_actor: MakeActor,
    empty_broker: redis.Redis,
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
    sweep()
    first = start_worker(committed_settings, log, "-Q", "imports")
    try:
        wait_until(lambda: 0 < referrals() < ROWS, 150, log)
    finally:
        kill_group(first)
    read = referrals()
    assert 0 < read < ROWS
    assert state() is ImportState.RUNNING

    # two minutes later, as the sweep sees it
    with committed_owner() as session:
        session.execute(update(ImportBatch).values(leased_until=times.now()))
    empty_broker.flushall()
    assert uploads.requeue_abandoned(actor=Actor.worker("sweep"), at=times.now()) == 1
    sweep()
    second = start_worker(committed_settings, log, "-Q", "imports")
    try:
        wait_until(lambda: state() is ImportState.FINISHED, 150, log)
    finally:
        second.terminate()
        second.wait(30)

    with committed_owner() as session:
        batch = session.get_one(ImportBatch, batch_id)
        assert (batch.rows, batch.imported, batch.unchanged, batch.attempts) == (ROWS, ROWS, 0, 2)
        assert session.scalar(select(func.count()).select_from(Person)) == ROWS
        assert session.scalar(select(func.count()).select_from(ImportFile)) == 0
    assert referrals() == ROWS
