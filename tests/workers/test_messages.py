"""Real workers, broker, database and mail server: whatever dies or is away when, each e-mail leaves once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path
from threading import Barrier, Thread

import pytest
import redis
from flask import Flask
from sqlalchemy import select, text, update

from config import Settings
from tests.factories import casework
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.forked_programs import ForkedProgram
from tests.plumbing.programs import (
    environment_of,
    forked_code,
    gateway,
    kill_group,
    start_worker,
    wait_until,
)
from tests.plumbing.smtp import Sink, smtp_sink
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.extensions import celery, db
from victim_gateway.models import Message, Outbox, Reminder
from victim_gateway.rules.mail_times import MailTimes
from victim_gateway.services.messages import digests, mail_preferences, sending
from victim_gateway.services.operations import outbox
from victim_gateway.services.reminders import reminder_pass
from victim_gateway.services.shared.command import Command
from victim_gateway.times import from_london_wall
from victim_gateway.vocabulary import MessageState, Role, TaskName

WORKER = Actor.worker("tests")
PATIENCE_S = 20


@pytest.fixture
def overdue(
    mailing_app: Flask, committed_make_actor: MakeActor, committed_owner: Owner
) -> Callable[[int], None]:
    """So many urgent reminders of one caseworker's, who has no quiet hours; none has its e-mail yet."""
    caseworker = committed_make_actor(Role.CASEWORKER)
    without_quiet_hours(caseworker)

    def make(count: int = 1) -> None:
        for _ in range(count):
            casework.assigned(caseworker, at=times.now() - timedelta(days=10))
        reminder_pass.run_reminder_pass(actor=WORKER, at=times.now())
        mark_urgent(committed_owner)

    return make


def without_quiet_hours(reader: Actor) -> None:
    any_time = MailTimes(time(8), (0, 1, 2, 3, 4), None, None)
    mail_preferences.change_mail_times(Command(reader, times.now()), any_time)


def mark_urgent(owner: Owner) -> None:
    """As a rule does whose e-mails leave at once."""
    with owner() as session:
        session.execute(update(Reminder).values(is_urgent=True))


@pytest.fixture
def states(committed_owner: Owner) -> Callable[[], list[MessageState]]:
    def read() -> list[MessageState]:
        with committed_owner() as session:
            return list(session.scalars(select(Message.state)))

    return read


@contextmanager
def a_worker(settings: Settings, log: Path) -> Iterator[ForkedProgram]:
    """A worker for the block; killed after it, for it holds nothing that must not be lost."""
    with start_worker(settings, log) as worker:
        try:
            yield worker
        finally:
            if worker.poll() is None:
                kill_group(worker)


def sweep(*names: TaskName) -> None:
    """What the scheduler sends."""
    for name in names or (TaskName.SWEEP_REMINDERS, TaskName.SWEEP_OUTBOX):
        celery.send_task(name.value)


def together(app: Flask, count: int, action: Callable[[], object]) -> None:
    """The same act by several at the same moment, each on a connection of its own."""
    start = Barrier(count)

    def one() -> None:
        with app.app_context():
            start.wait()
            action()
            db.session.remove()

    threads = [Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def test_sweeps_again_and_again_send_one_email_each(
    mailing_settings: Settings,
    empty_broker: redis.Redis,
    smtp: Sink,
    overdue: Callable[[int], None],
    states: Callable[[], list[MessageState]],
    tmp_path: Path,
) -> None:
    overdue(2)
    log = tmp_path / "worker.log"
    with a_worker(mailing_settings, log):
        sweep()
        sweep()
        wait_until(lambda: len(smtp.received) == 2, PATIENCE_S, log)
        sweep(TaskName.SWEEP_REMINDERS, TaskName.SEND_MESSAGE, TaskName.SWEEP_OUTBOX, TaskName.SEND_MESSAGE)
        wait_until(lambda: broker_is_idle(empty_broker), PATIENCE_S, log)
    assert len(smtp.received) == 2
    assert states() == [MessageState.SENT] * 2
    assert len({received["Message-ID"] for received in smtp.received}) == 2


def broker_is_idle(broker: redis.Redis) -> bool:
    waiting = sum(int(broker.llen(queue)) for queue in ("default", "reminders", "messages"))  # type: ignore[arg-type]
    return waiting + int(broker.hlen("unacked")) == 0  # type: ignore[arg-type]


def test_a_worker_killed_while_sending_loses_nothing_and_doubles_nothing(
    mailing_settings: Settings,
    empty_broker: redis.Redis,
    smtp: Sink,
    overdue: Callable[[int], None],
    states: Callable[[], list[MessageState]],
    committed_owner: Owner,
    tmp_path: Path,
) -> None:
    overdue(1)
    smtp.behaviour.hesitates_s = 60
    log = tmp_path / "worker.log"
    with a_worker(mailing_settings, log) as worker:
        sweep()
        wait_until(lambda: states() == [MessageState.SENDING] and smtp.connections == 1, PATIENCE_S, log)
        kill_group(worker)
    smtp.behaviour.hesitates_s = 0
    # what stands in the broker for the dead worker is of no use to anybody: the row is enough
    empty_broker.flushdb()
    with a_worker(mailing_settings, log):
        sweep()
        wait_until(lambda: broker_is_idle(empty_broker), PATIENCE_S, log)
        assert smtp.received == [], "the lease of the dead worker still holds"
        with committed_owner() as session:
            session.execute(text("UPDATE message SET leased_until = now() - interval '1 second'"))
        sweep()
        wait_until(lambda: states() == [MessageState.SENT], PATIENCE_S, log)
    assert len(smtp.received) == 1


def test_what_the_broker_forgot_and_what_the_mail_server_put_off_is_swept_up(
    mailing_settings: Settings,
    empty_broker: redis.Redis,
    overdue: Callable[[int], None],
    states: Callable[[], list[MessageState]],
    committed_owner: Owner,
    tmp_path: Path,
) -> None:
    overdue(1)
    reminder_pass.run_reminder_pass(actor=WORKER, at=times.now())
    assert empty_broker.llen("messages") == 1
    empty_broker.flushdb()

    with smtp_sink() as gone:
        port = gone.port
    away = replace(mailing_settings, smtp_url=gone.url)
    log = tmp_path / "worker.log"
    with a_worker(away, log):
        sweep(TaskName.SWEEP_OUTBOX)
        wait_until(lambda: problem_of(committed_owner) is not None, PATIENCE_S, log)
        assert states() == [MessageState.QUEUED]
        with smtp_sink(port=port) as back:
            sweep(TaskName.SWEEP_OUTBOX)
            wait_until(lambda: broker_is_idle(empty_broker), PATIENCE_S, log)
            assert back.received == [], "it is not time yet"
            with committed_owner() as session:
                session.execute(text("UPDATE message SET next_attempt_at = now()"))
            sweep(TaskName.SWEEP_OUTBOX)
            wait_until(lambda: states() == [MessageState.SENT], PATIENCE_S, log)
            sweep(TaskName.SWEEP_OUTBOX, TaskName.SEND_MESSAGE)
            wait_until(lambda: broker_is_idle(empty_broker), PATIENCE_S, log)
            assert len(back.received) == 1


def problem_of(owner: Owner) -> str | None:
    with owner() as session:
        return session.scalar(select(Message.problem))


_SAVES_TWICE = """
import time
from victim_gateway import create_app, times
from victim_gateway.actors import Actor
from victim_gateway.database.outbox import enqueue_task
from victim_gateway.database.transaction import transaction
from victim_gateway.vocabulary import TaskName
with create_app().app_context():
    for _ in range(2):
        begun = time.monotonic()
        with transaction(Actor.worker("tests")) as session:
            enqueue_task(session, TaskName.SEND_MESSAGE, times.now())
        print(time.monotonic() - begun)
"""


def test_a_broker_that_is_away_stops_no_commit_holds_nobody_up_twice_and_the_sweep_publishes(
    mailing_settings: Settings,
    mailing_app: Flask,
    empty_broker: redis.Redis,
    committed_owner: Owner,
    tmp_path: Path,
) -> None:
    log = tmp_path / "saves.log"
    environment = environment_of(replace(mailing_settings, redis_url="redis://127.0.0.1:1"))
    assert forked_code(_SAVES_TWICE, environment=environment, log=log).wait() == 0, log.read_text()
    lines = log.read_text().splitlines()
    seconds = [float(line) for line in lines if line[:1].isdigit() and " " not in line]
    assert seconds[1] < 1.0 < seconds[0]
    assert published_at(committed_owner) == [None, None]

    at = times.now() + timedelta(minutes=1)
    assert [outbox.sweep_outbox(actor=WORKER, at=at).published for _ in range(2)] == [2, 0]
    assert empty_broker.llen("messages") == 2
    assert None not in published_at(committed_owner)


def published_at(owner: Owner) -> list[datetime | None]:
    with owner() as session:
        return list(session.scalars(select(Outbox.published_at)))


def test_what_no_broker_would_take_is_parked_where_it_is_seen_and_holds_nothing_up(
    mailing_app: Flask, empty_broker: redis.Redis, committed_owner: Owner
) -> None:
    at = times.now()
    with committed_owner() as session:
        for arguments in (["damaged"], {}):
            row = Outbox(task=TaskName.SEND_MESSAGE, created_at=at - timedelta(minutes=1))
            row.arguments = arguments  # type: ignore[assignment]
            session.add(row)
    swept = [outbox.sweep_outbox(actor=WORKER, at=at) for _ in range(outbox.MAX_ATTEMPTS + 1)]
    assert [one.published for one in swept] == [1, 0, 0, 0, 0, 0]
    assert [one.parked for one in swept] == [0, 0, 0, 0, 1, 0]
    with committed_owner() as session:
        parked = session.scalars(select(Outbox).where(Outbox.parked_at.is_not(None))).one()
    assert (parked.arguments, parked.problem) == (["damaged"], "TypeError")


def test_yesterdays_outbox_is_cleared_and_what_waits_is_kept(
    mailing_app: Flask, empty_broker: redis.Redis, committed_owner: Owner
) -> None:
    at = times.now()
    with committed_owner() as session:
        for hours in (1, 25):
            then = at - timedelta(hours=hours)
            session.add(Outbox(task="x", arguments={}, created_at=then, published_at=then))
        session.add(Outbox(task="x", arguments={}, created_at=at - timedelta(days=3), parked_at=at))
    assert outbox.sweep_outbox(actor=WORKER, at=at).removed == 1


def test_passes_at_the_same_moment_say_everything_once(
    mailing_app: Flask, empty_broker: redis.Redis, overdue: Callable[[int], None], committed_owner: Owner
) -> None:
    overdue(3)
    together(mailing_app, 4, lambda: reminder_pass.run_reminder_pass(actor=WORKER, at=times.now()))
    with committed_owner() as session:
        assert len(session.scalars(select(Reminder)).all()) == 3
        assert len(session.scalars(select(Message)).all()) == 3


def test_senders_at_the_same_moment_share_the_work(
    mailing_app: Flask,
    empty_broker: redis.Redis,
    smtp: Sink,
    committed_make_actor: MakeActor,
    committed_owner: Owner,
    states: Callable[[], list[MessageState]],
) -> None:
    for _ in range(4):
        caseworker = committed_make_actor(Role.CASEWORKER)
        without_quiet_hours(caseworker)
        for _ in range(2):
            casework.assigned(caseworker, at=times.now() - timedelta(days=10))
    at = times.now()
    reminder_pass.run_reminder_pass(actor=WORKER, at=at)
    mark_urgent(committed_owner)
    reminder_pass.run_reminder_pass(actor=WORKER, at=at)
    smtp.behaviour.thinks_s = 0.05
    together(mailing_app, 4, lambda: sending.send_due_messages(actor=WORKER, at=at))
    assert states() == [MessageState.SENT] * 8
    assert len(smtp.received) == len({received["Message-ID"] for received in smtp.received}) == 8


def test_the_command_runs_one_pass_and_foresees_nothing_new_a_day_later(
    mailing_settings: Settings,
    mailing_app: Flask,
    empty_broker: redis.Redis,
    smtp: Sink,
    committed_make_actor: MakeActor,
    committed_owner: Owner,
) -> None:
    caseworker = committed_make_actor(Role.CASEWORKER)
    without_quiet_hours(caseworker)
    casework.assigned(caseworker, at=times.now() - timedelta(days=10))
    tomorrow = (times.now() + timedelta(days=1)).isoformat()
    environment = environment_of(mailing_settings)

    foreseen = gateway("reminders", "run", "--dry-run", "--json", environment=environment)
    made = gateway("reminders", "run", "--json", environment=environment)
    mark_urgent(committed_owner)
    assert len(smtp.received) == 0
    sent = gateway("reminders", "run", "--json", environment=environment)
    later = gateway("reminders", "run", "--dry-run", "--at", tomorrow, "--json", environment=environment)

    answers = (foreseen, made, sent, later)
    assert [answer.returncode for answer in answers] == [0] * 4, [answer.stderr for answer in answers]
    before, first, now, after = (json.loads(answer.stdout) for answer in answers)
    assert (before["created"], before["messages"]) == (first["created"], first["messages"]) == (1, 0)
    assert (now["created"], now["messages"], now["sent"]) == (0, 1, 1)
    assert (after["created"], after["messages"], after["messages_to_send"]) == (0, 0, 0)
    assert (before["dry_run"], after["dry_run"]) == (True, True)
    assert len(smtp.received) == 1


def test_digests_asked_for_at_the_same_moment_are_one_a_reader(
    mailing_app: Flask,
    empty_broker: redis.Redis,
    committed_make_actor: MakeActor,
    committed_owner: Owner,
    states: Callable[[], list[MessageState]],
) -> None:
    """Two schedulers, and more, do no harm."""
    at = from_london_wall(datetime(2026, 3, 5, 7, 0))
    for _ in range(3):
        casework.assigned(committed_make_actor(Role.CASEWORKER), at=at - timedelta(days=3))
    reminder_pass.run_reminder_pass(actor=WORKER, at=at)
    for hours in (0, 1):
        moment = at + timedelta(hours=hours)
        together(mailing_app, 4, lambda when=moment: digests.queue_due_digests(actor=WORKER, at=when))
    assert states() == [MessageState.QUEUED] * 3
