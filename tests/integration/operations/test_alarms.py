"""An alarm: one line in the log and one e-mail when it begins, and once more when it has ended. A real mail server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask, current_app
from sqlalchemy import select, update

from tests.plumbing.apps import Owner
from tests.plumbing.smtp import Sink
from victim_gateway.actors import Actor
from victim_gateway.models import Message, ServiceAlarm
from victim_gateway.services.operations.alarms import look_for_alarms
from victim_gateway.services.operations.beats import record_beat
from victim_gateway.services.operations.delivery_state import read_delivery_state
from victim_gateway.vocabulary import AlarmCause, MessageState, ProcessPart

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
WATCHER = Actor.worker("tests")
Look = Callable[[float], int]


@pytest.fixture
def mail(app: Flask, smtp: Sink) -> Iterator[Sink]:
    usual = app.extensions["settings"]
    app.extensions["settings"] = replace(usual, smtp_url=smtp.url, operations_email="operations@test.example")
    yield smtp
    app.extensions["settings"] = usual


@pytest.fixture
def look(mail: Sink) -> Look:
    """A look so many minutes after the start, by a program that has looked for long."""

    def at(minutes: float) -> int:
        return look_for_alarms(
            current_app.extensions["settings"],
            watched_since=START - timedelta(days=1),
            actor=WATCHER,
            at=START + timedelta(minutes=minutes),
        )

    return at


def beat(minutes: float, *parts: ProcessPart) -> None:
    for part in parts or tuple(ProcessPart):
        record_beat(part, actor=WATCHER, at=START + timedelta(minutes=minutes))


def a_message(owner: Owner, reader: Actor, **values: object) -> None:
    usual = {"state": MessageState.QUEUED, "next_attempt_at": START, "created_at": START, "attempts": 0}
    with owner() as session:
        session.add(Message(recipient_user_id=reader.user_id, digest_on=START.date(), **(usual | values)))


def test_a_silent_scheduler_is_said_once_within_five_minutes_and_its_return_once(
    owner: Owner, mail: Sink, look: Look
) -> None:
    beat(0)
    for half in range(13):
        look(half / 2)
    (began,) = mail.received
    assert began["To"] == "operations@test.example"
    assert began["Subject"] == "Victim Gateway: the scheduler does not answer"
    assert "docs/runbooks/reminders-are-late.md" in began.get_content()
    assert began["Date"].datetime <= START + timedelta(minutes=5)
    beat(7)
    for minute in range(7, 9):
        look(minute)
    assert mail.received[1]["Subject"] == "Victim Gateway: ended, the scheduler does not answer"
    assert len(mail.received) == 2
    with owner() as session:
        alarm = session.scalars(select(ServiceAlarm)).one()
    assert (alarm.cause, alarm.ended_at) == (AlarmCause.SCHEDULER_SILENT, START + timedelta(minutes=7))


def test_a_second_time_is_another_alarm(mail: Sink, look: Look) -> None:
    for round_number in range(2):
        begun = round_number * 20
        beat(begun)
        look(begun)
        look(begun + 5)
        beat(begun + 6)
        look(begun + 6)
    assert len(mail.received) == 4


def test_a_silent_worker_is_told_from_a_silent_scheduler(mail: Sink, look: Look) -> None:
    beat(0)
    for minute in range(6):
        beat(minute, ProcessPart.SCHEDULER)
        look(minute)
    assert mail.subjects() == ["Victim Gateway: no worker answers"]


def test_late_and_parked_and_failing_e_mails_are_three_causes(
    owner: Owner, mail: Sink, look: Look, caseworker: Actor, make_actor: Callable[..., Actor]
) -> None:
    a_message(owner, caseworker)
    beat(5)
    assert look(5) == 1
    with owner() as session:
        session.execute(update(Message).values(state=MessageState.PARKED))
    assert look(5.5) == 1
    assert mail.subjects() == [
        "Victim Gateway: e-mails or queue items wait for a person",
        "Victim Gateway: e-mails to staff are late",
        "Victim Gateway: ended, e-mails to staff are late",
    ]
    assert caseworker.role is not None
    for _ in range(5):
        reader = make_actor(caseworker.role)
        a_message(
            owner,
            reader,
            problem="The mail server asked to try later (451)",
            attempts=1,
            next_attempt_at=START + timedelta(hours=1),
        )
    assert look(6) == 2


def test_mail_that_no_server_takes_is_late_though_it_is_put_back_every_minute(
    owner: Owner, mail: Sink, look: Look, caseworker: Actor
) -> None:
    a_message(
        owner,
        caseworker,
        problem="The mail server can't be reached (ConnectionRefusedError)",
        next_attempt_at=START + timedelta(minutes=6),
    )
    beat(5)
    assert look(5) == 1


def test_without_an_address_the_alarm_stands_on_the_page_and_in_the_log_alone(
    app: Flask, owner: Owner, mail: Sink, look: Look
) -> None:
    app.extensions["settings"] = replace(app.extensions["settings"], operations_email=None)
    beat(0)
    assert look(5) == 1
    assert mail.connections == 0
    with owner() as session:
        assert session.scalars(select(ServiceAlarm)).one().next_mail_at is None


def test_outside_production_no_real_address_is_told(app: Flask, mail: Sink, look: Look) -> None:
    settings = app.extensions["settings"]
    app.extensions["settings"] = replace(settings, operations_email="ops@staffordshire.police.uk")
    beat(0)
    assert look(5) == 1
    assert mail.connections == 0


def test_an_e_mail_about_an_alarm_waits_for_the_mail_server(mail: Sink, look: Look) -> None:
    beat(0)
    mail.behaviour.greeting = "421 too busy"
    look(5)
    look(5.5)
    assert mail.connections == 1
    mail.behaviour.greeting = "220 back"
    look(6.5)
    look(7)
    assert len(mail.received) == 1


def test_the_state_counts_by_reason_what_was_kept_back(
    owner: Owner, mail: Sink, caseworker: Actor, make_actor: Callable[..., Actor]
) -> None:
    a_message(owner, caseworker, state=MessageState.NOT_SENT, problem="It had been settled by then")
    assert caseworker.role is not None
    a_message(owner, make_actor(caseworker.role), state=MessageState.EXPIRED)
    state = read_delivery_state(
        current_app.extensions["settings"], actor=WATCHER, at=START + timedelta(hours=1)
    )
    counts = {(row.what, row.why): row.count for row in state.counts}
    assert counts["refused", "It had been settled by then"] == counts["expired", None] == 1
    assert (counts["due", None], state.late) == (0, 0)
