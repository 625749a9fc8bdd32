"""Notify and mail servers: what each failure means, and that nothing begins to leave too late."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from threading import Thread

import pytest
from flask import Flask
from sqlalchemy import func, select

from config import Settings, SettingsError, load_settings
from tests.factories import casework as make
from tests.factories import victim_messages as messages
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner, publish_to
from tests.plumbing.notify import StandIn
from tests.plumbing.smtp import Sink
from victim_gateway import create_app, times
from victim_gateway.actors import Actor
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.devservers.notify_stand_in import STAND_IN_KEY
from victim_gateway.extensions import db
from victim_gateway.integrations.notify import (
    NotifyClient,
    NotifyMessage,
    NotifyOutcomeUnknown,
    NotifyProblem,
    NotifyRefused,
    NotifyStartMissed,
    NotifyUnavailable,
    NotifyUnreachable,
)
from victim_gateway.services.operations import health
from victim_gateway.services.shared.command import Command
from victim_gateway.services.victim_messages import asking, sending
from victim_gateway.services.victim_messages.carriers import current_carriers
from victim_gateway.services.victim_messages.claims import claim_victim_message
from victim_gateway.services.victim_messages.sending import read_templates
from victim_gateway.victim_message_vocabulary import VictimMessageState
from victim_gateway.vocabulary import Channel, Role, SafeAnswer, TaskKind

STATE = VictimMessageState
WORKER = Actor.worker("tests")
TEMPLATE = load_settings({}).area.messages.template_id("tried_to_reach.sms") or ""


def text_message(**changed: object) -> NotifyMessage:
    return replace(NotifyMessage(Channel.SMS, "+447700900123", TEMPLATE, "a-reference", {}), **changed)  # type: ignore[arg-type]


def soon() -> float:
    return time.monotonic() + 60


@pytest.mark.parametrize(
    ("behaviour", "problem", "taken"),
    [
        ({"refuse": 429}, NotifyUnavailable, 0),
        ({"refuse": 400}, NotifyRefused, 0),
        ({"refuse": 403}, NotifyUnreachable, 0),
        ({"refuse": 500}, NotifyOutcomeUnknown, 0),
        ({"refuse": 302}, NotifyOutcomeUnknown, 0),
        ({"fault_after": 503}, NotifyOutcomeUnknown, 1),
        ({"cut_after": True}, NotifyOutcomeUnknown, 1),
        ({"cut_before": True}, NotifyOutcomeUnknown, 0),
        ({"delay_s": 2}, NotifyOutcomeUnknown, 1),
    ],
)
def test_failures_of_notify_are_told_apart_by_what_may_be_done(
    stand_in: StandIn, behaviour: dict[str, object], problem: type[NotifyProblem], taken: int
) -> None:
    client = NotifyClient(STAND_IN_KEY, stand_in.url, timeouts_s=(1, 1))
    stand_in.behave(**behaviour)
    with pytest.raises(NotifyProblem) as raised:
        client.send_message(text_message(), start_before=soon())
    assert type(raised.value) is problem
    assert "7700" not in str(raised.value)
    assert len(stand_in.taken()) == taken
    stand_in.behave()
    found = client.find_message("a-reference")
    assert (found is not None) is bool(taken)
    stand_in.behave(forget=True)
    assert client.find_message("a-reference") is None


def test_a_request_does_not_begin_after_its_moment_and_a_closed_port_is_known_as_such(
    stand_in: StandIn,
) -> None:
    client = NotifyClient(STAND_IN_KEY, stand_in.url)
    with pytest.raises(NotifyStartMissed):
        client.send_message(text_message(), start_before=time.monotonic())
    assert stand_in.begun() == []
    assert client.send_message(text_message(), start_before=soon()).template_version == 1
    with pytest.raises(NotifyStartMissed):
        client.send_message(text_message(), start_before=time.monotonic())
    assert len(stand_in.begun()) == 1
    stand_in.kill()
    with pytest.raises(NotifyProblem) as raised:
        NotifyClient(STAND_IN_KEY, stand_in.url).send_message(text_message(), start_before=soon())
    assert type(raised.value) is NotifyUnreachable
    with pytest.raises(NotifyUnavailable):
        client.find_message("a-reference")


def test_a_change_is_confirmed_only_once_nothing_can_begin_any_more(
    texting_app: Flask, texter: Actor, committed_owner: Owner
) -> None:
    message_id = messages.asked(texter, at=times.now())
    referral_id = messages.referral_of(message_id, committed_owner).id
    carriers = current_carriers(current_settings())
    assert carriers.notify is not None
    carriers = replace(carriers, templates=read_templates(carriers.notify, ["tried_to_reach.sms"]))
    with transaction(WORKER) as session:
        assert claim_victim_message(session, carriers, at=times.now()).message is not None
    begun = time.monotonic()
    make.record_plan(
        referral_id, texter, messages.safe_to_text(channels={"phone": SafeAnswer.YES}), at=times.now()
    )
    assert time.monotonic() - begun > 1
    with committed_owner() as session:
        now = session.scalar(select(func.clock_timestamp()))
    assert messages.message(message_id, committed_owner).start_before < now  # type: ignore[operator]


def test_a_message_that_has_left_keeps_nobody_waiting(
    texting_app: Flask, texter: Actor, worker: Actor, committed_owner: Owner, stand_in: StandIn
) -> None:
    """Settled while its moment is open, it is waited for no longer."""
    stand_in.behave(delay_s=0.5)
    message_id = messages.asked(texter, at=times.now())
    referral_id = messages.referral_of(message_id, committed_owner).id

    def send() -> None:
        with texting_app.app_context():
            sending.send_due_victim_messages(actor=worker, at=times.now())
            db.session.remove()

    sender = Thread(target=send)
    sender.start()
    while messages.state_of(message_id, committed_owner) is STATE.QUEUED:
        time.sleep(0.02)
    make.record_plan(
        referral_id, texter, messages.safe_to_text(channels={"phone": SafeAnswer.YES}), at=times.now()
    )
    sender.join(20)
    assert messages.state_of(message_id, committed_owner) is STATE.ACCEPTED


def test_the_doctor_names_each_template_that_differs(
    texting_app: Flask, texting_settings: Settings, stand_in: StandIn, worker: Actor
) -> None:
    def finding() -> health.HealthCheck:
        checks = health.check_health(texting_settings, actor=worker, at=times.now())
        return next(check for check in checks if check.name == "templates")

    assert (finding().is_right, finding().is_warning) == (True, False), finding().finding
    changed = {"id": TEMPLATE, "type": "sms", "version": 2, "subject": None, "body": "Call Victim Gateway"}
    stand_in.behave(templates={TEMPLATE: changed})
    assert not finding().is_right
    assert "tried_to_reach.sms: its words are not the approved ones" in finding().finding
    stand_in.kill()
    assert "can't be read" in finding().finding


@pytest.fixture
def mailing_people_app(committed_settings: Settings, smtp: Sink) -> Iterator[Flask]:
    app = create_app(
        replace(committed_settings, smtp_url=smtp.url, people_mail_from="Hello <hello@mail.example>")
    )
    publish_to("memory://")
    with app.app_context():
        try:
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()


def test_without_notify_e_mail_goes_by_the_mail_server_and_a_lost_answer_is_a_persons_decision(
    mailing_people_app: Flask, committed_make_actor: MakeActor, committed_owner: Owner, smtp: Sink
) -> None:
    texter = committed_make_actor(Role.CASEWORKER)
    first, second, third = (messages.missed(texter, at=times.now()) for _ in range(3))
    first_id = messages.ask(first, texter, at=times.now(), channel=Channel.EMAIL)
    assert sending.send_due_victim_messages(actor=WORKER, at=times.now()).accepted == 1
    (mail,) = smtp.received
    assert (mail["From"], mail["Subject"]) == ("Hello <hello@mail.example>", "We tried to call you")
    assert "ictim" not in mail.as_string() and "ateway" not in mail.as_string()
    assert messages.state_of(first_id, committed_owner) is STATE.ACCEPTED

    smtp.behaviour.hangs_up = True
    second_id = messages.ask(second, texter, at=times.now(), channel=Channel.EMAIL)
    third_id = messages.ask(third, texter, at=times.now(), channel=Channel.EMAIL)
    sending.send_due_victim_messages(actor=WORKER, at=times.now())
    smtp.behaviour.hangs_up = False
    sending.send_due_victim_messages(actor=WORKER, at=times.now())
    assert messages.state_of(second_id, committed_owner) is STATE.PERHAPS_SENT
    assert TaskKind.MESSAGE_TO_PERSON in make.open_tasks(second, texter)
    assert len(smtp.received) == 3, "none was sent again by itself"
    asking.give_message_up(Command(texter, times.now()), second, second_id, has_arrived=True)
    assert messages.state_of(second_id, committed_owner) is STATE.ACCEPTED
    assert TaskKind.MESSAGE_TO_PERSON not in make.open_tasks(second, texter)
    asking.try_message_again(Command(texter, times.now()), third, third_id)
    assert sending.send_due_victim_messages(actor=WORKER, at=times.now()).accepted == 1


def test_an_address_that_says_what_the_service_is_for_sends_no_person_anything(
    mailing_people_app: Flask, smtp: Sink
) -> None:
    betraying = replace(current_settings(), people_mail_from="Victim Gateway <help@mail.example>")
    assert current_carriers(betraying).mail is None
    assert current_carriers(replace(current_settings(), people_mail_from=None)).mail is None
    assert current_carriers(current_settings()).mail is not None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("NOTIFY_API_KEY", "no-key-of-notify"),
        ("NOTIFY_RECEIPTS_TOKEN", "short"),
        ("NOTIFY_RECEIPTS_TOKEN", "a" * 40),
    ],
)
def test_a_setting_of_notify_that_can_not_be_used_is_named(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        load_settings({variable: value})


def test_a_key_is_not_sent_over_the_network_unprotected() -> None:
    with pytest.raises(SettingsError, match="NOTIFY_BASE_URL"):
        load_settings({"NOTIFY_API_KEY": STAND_IN_KEY, "NOTIFY_BASE_URL": "http://notify.example"})
