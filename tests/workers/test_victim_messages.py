"""Real workers, broker, database and a stand-in for Notify: whatever dies or is away when, each message leaves once."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from uuid import UUID

import pytest
import redis
from flask import Flask
from sqlalchemy import select, text

from config import Settings
from tests.factories import casework as make
from tests.factories import victim_messages as messages
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner, publish_to
from tests.plumbing.notify import StandIn, with_notify
from tests.plumbing.programs import kill_group, start_worker, wait_until
from victim_gateway import create_app, times
from victim_gateway.actors import Actor
from victim_gateway.extensions import celery, db
from victim_gateway.models import VictimMessage
from victim_gateway.services.shared.command import Command
from victim_gateway.services.victim_messages import asking, sending
from victim_gateway.victim_message_vocabulary import VictimMessageState
from victim_gateway.vocabulary import Role, SafeAnswer, TaskName

STATE = VictimMessageState
MANY = 200
PATIENCE_S = 150
WORKER = Actor.worker("tests")


@pytest.fixture
def texting_settings(committed_settings: Settings, stand_in: StandIn) -> Settings:
    return with_notify(committed_settings, stand_in)


@pytest.fixture
def texting_app(texting_settings: Settings) -> Iterator[Flask]:
    app = create_app(texting_settings)
    publish_to(str(texting_settings.redis_url))
    with app.app_context():
        try:
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def texter(texting_app: Flask, committed_make_actor: MakeActor) -> Actor:
    return committed_make_actor(Role.CASEWORKER)


def states(owner: Owner) -> dict[VictimMessageState, int]:
    with owner() as session:
        found: dict[VictimMessageState, int] = {}
        for state in session.scalars(select(VictimMessage.state)):
            found[state] = found.get(state, 0) + 1
        return found


def sweep() -> None:
    """What the scheduler sends each minute."""
    for name in (TaskName.SWEEP_OUTBOX, TaskName.SWEEP_VICTIM_MESSAGES):
        celery.send_task(name.value)


def let_time_pass(owner: Owner, *, is_worker_dead: bool = False) -> None:
    """Minutes go by: the pace lets more leave, what was put off is due, and a dead worker's lease is over.

    What a worker has locked is left out, so that neither waits for the other.
    """
    steps = [
        ("state <> 'sending'", "claimed_at = claimed_at - interval '2 minutes'"),
        ("state = 'queued'", "next_try_at = now() - interval '1 second'"),
    ]
    if is_worker_dead:
        over = "leased_until = now() - interval '1 second', claimed_at = claimed_at - interval '20 minutes',"
        steps += [("state = 'sending'", f"{over} missing_since = missing_since - interval '20 minutes'")]
    with owner() as session:
        for condition, change in steps:
            free = f"SELECT id FROM victim_message WHERE {condition} FOR UPDATE SKIP LOCKED"
            session.execute(text(f"UPDATE victim_message SET {change} WHERE id IN ({free})"))


def try_parked_again(texter: Actor, owner: Owner) -> None:
    """A person looks at what a worker died over: Notify has said twice that it does not have it."""
    with owner() as session:
        parked = session.execute(
            select(VictimMessage.id, VictimMessage.referral_id).where(VictimMessage.state == STATE.PARKED)
        ).all()
    for row in parked:
        asking.try_message_again(Command(texter, times.now()), row.referral_id, row.id)


def test_200_messages_are_accepted_once_each_while_workers_are_killed(
    texting_settings: Settings,
    empty_broker: redis.Redis,
    texter: Actor,
    stand_in: StandIn,
    committed_owner: Owner,
    tmp_path: Path,
) -> None:
    for _ in range(MANY):
        messages.asked(texter, at=times.now())
    empty_broker.flushdb()
    log, kills, ends = tmp_path / "worker.log", 0, time.monotonic() + PATIENCE_S
    while states(committed_owner).get(STATE.ACCEPTED, 0) < MANY:
        assert time.monotonic() < ends, (states(committed_owner), log.read_text()[-3000:])
        # Some answers are lost on top of it.
        delays = {"delay_before_s": 0.1} if kills % 2 else {"delay_s": 0.1}
        stand_in.behave(**delays, **({"cut_after": True} if kills % 3 == 1 else {}))
        with start_worker(texting_settings, log) as worker:
            for _ in range(8):
                let_time_pass(committed_owner)
                sweep()
                time.sleep(0.5)
            kill_group(worker)
        kills += 1
        empty_broker.flushdb()
        let_time_pass(committed_owner, is_worker_dead=True)
        try_parked_again(texter, committed_owner)
    assert kills >= 3
    assert sum(stand_in.gone()) >= 1, "no kill hit an open request"
    taken = stand_in.references()
    with committed_owner() as session:
        asked = session.scalars(select(VictimMessage.reference)).all()
    assert len(taken) == len(set(taken)) == MANY
    assert set(taken) == set(asked)


def test_with_the_broker_stopped_and_emptied_pages_save_and_nothing_is_lost(
    texting_settings: Settings,
    empty_broker: redis.Redis,
    texter: Actor,
    stand_in: StandIn,
    committed_owner: Owner,
    tmp_path: Path,
) -> None:
    referral_ids = [messages.missed(texter, at=times.now()) for _ in range(5)]
    publish_to("redis://127.0.0.1:1")
    for referral_id in referral_ids:
        messages.ask(referral_id, texter, at=times.now())
    assert states(committed_owner) == {STATE.QUEUED: 5}
    publish_to(str(texting_settings.redis_url))
    empty_broker.flushdb()
    log = tmp_path / "worker.log"
    with start_worker(texting_settings, log) as worker:
        celery.send_task("nothing.of-ours", ["\x00", {"a": 1}])
        empty_broker.lpush("messages", b"\xff\xfe not a task")
        sweep()
        wait_until(lambda: states(committed_owner) == {STATE.ACCEPTED: 5}, 60, log)
        sweep()
        sweep()
        time.sleep(1)
        kill_group(worker)
    assert len(stand_in.taken()) == len(set(stand_in.references())) == 5


def test_no_request_begins_after_a_change_of_the_plan_was_confirmed(
    texting_app: Flask, texter: Actor, stand_in: StandIn, committed_owner: Owner
) -> None:
    publish_to("memory://")
    message_ids = [messages.asked(texter, at=times.now()) for _ in range(16)]
    referrals = {each: messages.referral_of(each, committed_owner).id for each in message_ids}
    stop, confirmed = Event(), {}

    def send_again_and_again() -> None:
        with texting_app.app_context():
            while not stop.is_set():
                sending.send_due_victim_messages(actor=WORKER, at=times.now())
            db.session.remove()

    def change(those: list[UUID]) -> None:
        with texting_app.app_context():
            for message_id in those:
                time.sleep(random.random() / 5)
                unsafe = messages.safe_to_text(channels={"phone": SafeAnswer.YES})
                make.record_plan(referrals[message_id], texter, unsafe, at=times.now())
                confirmed[message_id] = time.time()
            db.session.remove()

    senders = [Thread(target=send_again_and_again) for _ in range(3)]
    changers = [Thread(target=change, args=(message_ids[part::2],)) for part in range(2)]
    for thread in (*changers, *senders):
        thread.start()
    for thread in changers:
        thread.join(120)
    time.sleep(4)
    stop.set()
    for thread in senders:
        thread.join(60)
    begun = {each["reference"]: each["begun"] for each in stand_in.taken()}
    assert len(confirmed) == len(message_ids)
    for message_id in message_ids:
        row = messages.message(message_id, committed_owner)
        assert row.state in (STATE.ACCEPTED, STATE.CANCELLED), row.state
        assert (row.reference in begun) is (row.state is STATE.ACCEPTED)
        if row.reference in begun:
            assert begun[row.reference] < confirmed[message_id]
