"""What Notify says late, or not at all, and what changes meanwhile: nothing leaves twice, nothing is lost unseen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from config import Settings
from tests.factories import casework as make
from tests.factories import victim_messages as messages
from tests.integration.victim_messages.test_sending import STATE, due_now, lease_over, send
from tests.plumbing.apps import Owner
from tests.plumbing.notify import StandIn
from victim_gateway import create_app, times
from victim_gateway.actors import Actor
from victim_gateway.extensions import db
from victim_gateway.models import Task
from victim_gateway.rules.task_due_dates import task_due_on
from victim_gateway.schemas.notify_receipts import NotifyReceipt
from victim_gateway.services.victim_messages import sending
from victim_gateway.services.victim_messages.receipts import record_receipt
from victim_gateway.vocabulary import Channel, SafeAnswer, TaskKind

WORKER = Actor.worker("tests")


@contextmanager
def round_in_another_thread(app: Flask) -> Iterator[None]:
    """A round of sending that runs while the block does."""

    def run() -> None:
        with app.app_context():
            send(WORKER)
            db.session.remove()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join(60)


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.EMAIL])
def test_one_empty_answer_of_notify_sends_nothing_twice(
    texter: Actor, worker: Actor, stand_in: StandIn, committed_owner: Owner, channel: Channel
) -> None:
    referral_id = messages.missed(texter, at=times.now())
    message_id = messages.ask(referral_id, texter, at=times.now(), channel=channel)
    stand_in.behave(cut_after=True, forget=True)
    send(worker)
    for minutes in (1, 16):
        lease_over(committed_owner, minutes=minutes)
        stand_in.behave(forget=True)
        send(worker)
        due_now(committed_owner)
        send(worker)
        assert messages.state_of(message_id, committed_owner) is STATE.SENDING
    stand_in.behave()
    lease_over(committed_owner)
    send(worker)
    assert messages.state_of(message_id, committed_owner) is STATE.ACCEPTED
    assert len(stand_in.taken()) == 1


def test_after_two_empty_answers_a_person_decides_about_a_text(
    texter: Actor, worker: Actor, stand_in: StandIn, committed_owner: Owner
) -> None:
    message_id = messages.asked(texter, at=times.now())
    stand_in.behave(cut_before=True)
    send(worker)
    stand_in.behave()
    for _ in range(2):
        lease_over(committed_owner, minutes=20)
        send(worker)
    assert messages.state_of(message_id, committed_owner) is STATE.PARKED
    assert stand_in.taken() == []
    referral_id = messages.referral_of(message_id, committed_owner).id
    assert TaskKind.MESSAGE_TO_PERSON in make.open_tasks(referral_id, texter)


@pytest.mark.parametrize("forgets", [False, True])
def test_a_worker_whose_clock_is_ahead_does_not_send_it_again(
    texting_app: Flask, texter: Actor, worker: Actor, stand_in: StandIn, committed_owner: Owner, forgets: bool
) -> None:
    message_id = messages.asked(texter, at=times.now())
    stand_in.behave(delay_s=2, forget=forgets)
    with round_in_another_thread(texting_app):
        time.sleep(1)
        for seconds in (70, 200):
            send(worker, later=timedelta(seconds=seconds))
    assert len(stand_in.taken()) == 1
    assert messages.state_of(message_id, committed_owner) is STATE.ACCEPTED


def betraying_template(settings: Settings) -> dict[str, dict[str, object]]:
    """What an administrator at Notify makes of the text that says that we tried to call."""
    template_id = settings.area.messages.template_id("tried_to_reach.sms")
    assert template_id is not None
    content = {"version": 2, "subject": None, "body": "This is Victim Gateway. Call us."}
    return {template_id: {"id": template_id, "type": "sms", **content}}


def wait_for(is_so: Callable[[], bool]) -> None:
    ends = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_a_template_that_changes_within_a_round_is_seen_before_the_next_message(
    texting_settings: Settings,
    texting_app: Flask,
    texter: Actor,
    stand_in: StandIn,
    committed_owner: Owner,
) -> None:
    both = [messages.asked(texter, at=times.now()) for _ in range(2)]
    stand_in.behave(delay_s=1.5)
    with round_in_another_thread(texting_app):
        wait_for(lambda: len(stand_in.taken()) == 1)
        stand_in.behave(templates=betraying_template(texting_settings))
    states = sorted(messages.state_of(each, committed_owner) for each in both)
    assert states == [STATE.ACCEPTED, STATE.REFUSED]
    assert len(stand_in.taken()) == 1


def test_other_words_that_left_are_an_urgent_task_and_end_the_round(
    texting_settings: Settings,
    texting_app: Flask,
    texter: Actor,
    stand_in: StandIn,
    committed_owner: Owner,
) -> None:
    both = [messages.asked(texter, at=times.now()) for _ in range(2)]
    stand_in.behave(delay_before_s=1.5)
    with round_in_another_thread(texting_app):
        wait_for(lambda: len(stand_in.begun()) == 1)
        stand_in.behave(templates=betraying_template(texting_settings))
    assert [each["body"] for each in stand_in.taken()] == ["This is Victim Gateway. Call us."]
    found = {messages.state_of(each, committed_owner): each for each in both}
    assert set(found) == {STATE.ACCEPTED, STATE.QUEUED}
    assert_urgent_task(found[STATE.ACCEPTED], committed_owner, because="other_template")


def assert_urgent_task(message_id: UUID, owner: Owner, *, because: str) -> None:
    """A task about the message that is due the same day, or on the next working day."""
    with owner() as session:
        due = session.scalars(
            select(Task.due_on).where(
                Task.kind == TaskKind.MESSAGE_TO_PERSON,
                Task.details["message"].astext == str(message_id),
                Task.details["because"].astext == because,
            )
        ).all()
    assert due == [task_due_on(TaskKind.MESSAGE_TO_PERSON, times.now(), is_urgent=True)]


def test_a_receipt_for_what_we_called_cancelled_is_an_urgent_task(
    texter: Actor, worker: Actor, stand_in: StandIn, committed_owner: Owner
) -> None:
    message_id = messages.asked(texter, at=times.now())
    referral_id = messages.referral_of(message_id, committed_owner).id
    make.record_plan(
        referral_id, texter, messages.safe_to_text(channels={"phone": SafeAnswer.YES}), at=times.now()
    )
    reference = messages.message(message_id, committed_owner).reference
    for _ in range(2):
        record_receipt(NotifyReceipt(uuid4(), reference, "delivered"), actor=WORKER, at=times.now())
    row = messages.message(message_id, committed_owner)
    assert (row.state, row.notify_status) == (STATE.CANCELLED, "delivered")
    assert_urgent_task(message_id, committed_owner, because="left_after_all")
    assert make.events_of(referral_id, texter, "story").count("message_to_person.left_after_all") == 1


def test_what_is_asked_for_while_a_round_runs_is_not_refused_for_its_wording(
    texting_app: Flask, texter: Actor, stand_in: StandIn, committed_owner: Owner
) -> None:
    messages.asked(texter, at=times.now())
    referral_id = messages.missed(texter, at=times.now())
    stand_in.behave(delay_s=1.5)
    with round_in_another_thread(texting_app):
        time.sleep(0.7)
        second = messages.ask(referral_id, texter, at=times.now(), channel=Channel.EMAIL)
    row = messages.message(second, committed_owner)
    assert row.state in (STATE.QUEUED, STATE.ACCEPTED), row.refusal


def test_without_a_key_what_nobody_can_ask_about_is_a_persons_task(
    texting_settings: Settings,
    texting_app: Flask,
    texter: Actor,
    worker: Actor,
    stand_in: StandIn,
    committed_owner: Owner,
) -> None:
    message_id = messages.asked(texter, at=times.now())
    stand_in.behave(cut_before=True)
    send(worker)
    assert messages.state_of(message_id, committed_owner) is STATE.SENDING
    lease_over(committed_owner)
    without_key = replace(texting_settings, notify_api_key=None)
    with create_app(without_key).app_context():
        sending.send_due_victim_messages(actor=worker, at=times.now())
        db.session.remove()
        db.engine.dispose()
    assert messages.state_of(message_id, committed_owner) is STATE.PARKED
    referral_id = messages.referral_of(message_id, committed_owner).id
    assert TaskKind.MESSAGE_TO_PERSON in make.open_tasks(referral_id, texter)


def test_a_nul_in_a_receipt_is_of_no_message(texting_app: Flask) -> None:
    assert not record_receipt(NotifyReceipt(uuid4(), "a\x00b", "delivered"), actor=WORKER, at=times.now())
