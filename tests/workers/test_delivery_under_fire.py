"""Workers that are killed, a queue that is emptied and stopped, garbage: each e-mail is accepted, and once.

With a mail server nobody can ask whether it has something. So what was being handed over in the very moment of a kill
leaves once more under the same Message-ID, and nothing else ever does.
"""

from __future__ import annotations

import time as clock
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import redis
from flask import Flask
from sqlalchemy import insert, select

from config import Settings
from tests.factories import casework
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner, publish_to
from tests.plumbing.forked_programs import ForkedProgram, run_scheduler
from tests.plumbing.own_servers import free_port
from tests.plumbing.programs import environment_of, kill_group, start_worker, wait_until
from tests.plumbing.smtp import Sink
from tests.workers.test_messages import without_quiet_hours
from victim_gateway import times
from victim_gateway.devservers.home import Home
from victim_gateway.devservers.valkey import Valkey, server_url
from victim_gateway.extensions import celery
from victim_gateway.models import Message, Reminder, ServiceAlarm
from victim_gateway.services.referrals import notes
from victim_gateway.services.referrals.notes import NewNote
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import MessageState, ReminderKind, Role, TaskName

READERS, EACH = 40, 5
PATIENCE_S = 30
# On a machine that does nothing else it takes a tenth of this.
LONG_PATIENCE_S = 150


def urgent_messages(owner: Owner, make_actor: MakeActor, readers: int, each: int) -> UUID:
    """So many e-mails to each of so many readers, due now; gives the referral that they are about."""
    accounts = [make_actor(Role.CASEWORKER) for _ in range(readers)]
    referral_id = casework.assigned(accounts[0], at=times.now() - timedelta(days=10))
    now = times.now()
    reminders = [
        {
            "id": uuid4(),
            "kind": ReminderKind.TASK_WAITING,
            "dedupe_key": str(uuid4()),
            "referral_id": referral_id,
            "recipient_user_id": account.user_id,
            "about": "test",
            "reference": f"SG-26-{number:06}",
            "is_urgent": True,
            "created_at": now,
        }
        for number, account in enumerate(accounts * each)
    ]
    messages = [
        {
            "id": uuid4(),
            "reminder_id": row["id"],
            "recipient_user_id": row["recipient_user_id"],
            "state": MessageState.QUEUED,
            "attempts": 0,
            "uncertain_sends": 0,
            "next_attempt_at": now,
            "created_at": now,
        }
        for row in reminders
    ]
    for account in accounts:
        without_quiet_hours(account)
    with owner() as session:
        session.execute(insert(Reminder), reminders)
        session.execute(insert(Message), messages)
    return referral_id


def sweep() -> None:
    celery.send_task(TaskName.SWEEP_OUTBOX.value)


def rows(owner: Owner) -> list[Message]:
    with owner() as session:
        return list(session.scalars(select(Message)))


def test_of_200_e_mails_each_is_accepted_while_workers_are_killed_and_only_what_was_in_the_air_twice(
    mailing_settings: Settings,
    mailing_app: Flask,
    empty_broker: redis.Redis,
    smtp: Sink,
    committed_make_actor: MakeActor,
    committed_owner: Owner,
    tmp_path: Path,
) -> None:
    urgent_messages(committed_owner, committed_make_actor, READERS, EACH)
    quick = replace(mailing_settings, mail_lease_s=2)
    smtp.behaviour.hesitates_s = 0.02
    kills, log = 0, tmp_path / "worker.log"
    while kills < 4:
        with start_worker(quick, log) as worker:
            for _ in range(2):
                celery.send_task(TaskName.SEND_MESSAGE.value)
            clock.sleep(1.0)
            kill_group(worker)
        log.unlink()
        # what the queue holds for the dead is of no use: the rows are enough
        empty_broker.flushdb()
        kills += 1
    assert 0 < len(smtp.received) < READERS * EACH, "some were sent while workers died, and not all"
    with start_worker(quick, log) as worker:
        ends = clock.monotonic() + LONG_PATIENCE_S
        while clock.monotonic() < ends and any(row.sent_at is None for row in rows(committed_owner)):
            sweep()
            clock.sleep(1.0)
        kill_group(worker)
    settled = rows(committed_owner)
    assert {row.state for row in settled} == {MessageState.SENT}
    accepted = Counter(str(mail["Message-ID"]).strip("<>").partition("@")[0] for mail in smtp.received)
    assert set(accepted) == {str(row.id) for row in settled}
    twice = {message_id for message_id, count in accepted.items() if count > 1}
    assert twice <= {str(row.id) for row in settled if row.uncertain_sends}
    assert max(accepted.values()) <= 2
    assert len(twice) <= 2 * kills


@contextmanager
def own_queue(folder: Path, port: int) -> Iterator[str]:
    home = Home(folder)
    home.create_folders()
    valkey = Valkey(home, port)
    valkey.start()
    try:
        yield server_url(home, valkey.port)
    finally:
        valkey.stop()


def test_with_the_queue_emptied_stopped_and_full_of_garbage_nothing_is_lost_and_pages_save(
    mailing_settings: Settings,
    mailing_app: Flask,
    smtp: Sink,
    committed_make_actor: MakeActor,
    committed_owner: Owner,
    tmp_path: Path,
) -> None:
    referral_id = urgent_messages(committed_owner, committed_make_actor, 3, 2)
    writer = committed_make_actor(Role.CASEWORKER)
    port = free_port()
    with own_queue(tmp_path / "queue", port) as url:
        publish_to(url)
        celery.send_task(TaskName.SEND_MESSAGE.value)
        with redis.Redis.from_url(url) as broker:
            assert broker.llen("messages") == 1
            broker.flushall()
    # Stopped: what is saved stays saved, in a moment, and nothing is lost with it.
    began = clock.monotonic()
    for _ in range(2):
        notes.write_note(Command(writer, times.now()), referral_id, NewNote("s", "b"))
    assert clock.monotonic() - began < 5
    with own_queue(tmp_path / "queue", port) as url:
        publish_to(url)
        settings, log = replace(mailing_settings, redis_url=url), tmp_path / "worker.log"
        with redis.Redis.from_url(url) as broker:
            for queue in ("messages", "reminders"):
                broker.lpush(queue, b"\x80garbage", b"{}", b"[1, 2")
        with start_worker(settings, log) as worker:
            sweep()
            wait_until(lambda: len(smtp.received) == 6, PATIENCE_S, log)
            kill_group(worker)
    assert {row.state for row in rows(committed_owner)} == {MessageState.SENT}
    assert len({mail["Message-ID"] for mail in smtp.received}) == 6


@pytest.fixture
def watched(mailing_settings: Settings) -> Settings:
    """Alarms after three seconds, to an address of the tests."""
    return replace(mailing_settings, alarm_after_s=3, operations_email="operations@test.example")


@contextmanager
def a_scheduler(settings: Settings, home: Path) -> Iterator[ForkedProgram]:
    home.mkdir(exist_ok=True)
    environment = environment_of(settings, GATEWAY_HOME=str(home))
    with ForkedProgram(run_scheduler, [], environment=environment, output=home / "beat.log") as beat:
        try:
            yield beat
        finally:
            if beat.poll() is None:
                beat.kill()


def test_a_worker_notices_a_dead_scheduler_and_a_scheduler_a_dead_worker_each_says_so_once(
    watched: Settings,
    mailing_app: Flask,
    empty_broker: redis.Redis,
    smtp: Sink,
    committed_owner: Owner,
    tmp_path: Path,
) -> None:
    def said(text: str) -> Callable[[], bool]:
        return lambda: f"Victim Gateway: {text}" in smtp.subjects()

    log = tmp_path / "worker.log"
    with start_worker(watched, log) as worker:
        wait_until(said("the scheduler does not answer"), PATIENCE_S, log)
        kill_group(worker)
    with a_scheduler(watched, tmp_path / "beat"):
        wait_until(said("ended, the scheduler does not answer"), PATIENCE_S)
        wait_until(said("no worker answers"), PATIENCE_S)
        clock.sleep(2.5)
    assert smtp.subjects() == sorted(
        f"Victim Gateway: {text}"
        for text in (
            "the scheduler does not answer",
            "ended, the scheduler does not answer",
            "no worker answers",
        )
    )
    with committed_owner() as session:
        assert len(session.scalars(select(ServiceAlarm)).all()) == 2
