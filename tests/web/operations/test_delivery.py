"""The watching page: counts without a case, and parked e-mails that are tried again or given up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.factories import casework
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.sign_in import form_token, sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.models import AuditEntry, Message, Reminder, Task
from victim_gateway.services.reminders import reminder_pass
from victim_gateway.vocabulary import MessageState, Role, TaskKind

PAGE = "/system/delivery"


@pytest.fixture
def mail_is_set(app: Flask) -> Iterator[None]:
    usual = app.extensions["settings"]
    app.extensions["settings"] = replace(usual, smtp_url="smtp://127.0.0.1:9")
    yield
    app.extensions["settings"] = usual


@pytest.fixture
def parked(owner: Owner, caseworker: Actor, worker_actor: Actor) -> UUID:
    """A parked e-mail about a reminder of the caseworker's."""
    casework.assigned(caseworker, at=times.now() - timedelta(days=10))
    now = times.now()
    reminder_pass.run_reminder_pass(actor=worker_actor, at=now)
    message_id = uuid4()
    with owner() as session:
        session.add(
            Message(
                id=message_id,
                reminder_id=session.scalars(select(Reminder.id)).one(),
                recipient_user_id=caseworker.user_id,
                state=MessageState.PARKED,
                attempts=5,
                problem="The mail server asked to try later (451)",
                next_attempt_at=now,
                created_at=now,
            )
        )
    return message_id


def post(browser: FlaskClient, address: str, submission_id: UUID | None = None) -> str:
    sent = {"csrf_token": form_token(browser, PAGE), "submission_id": str(submission_id or uuid4())}
    return browser.post(address, data=sent, follow_redirects=True).text


def state_of(owner: Owner, message_id: UUID) -> tuple[MessageState, int]:
    with owner() as session:
        message = session.get_one(Message, message_id)
        return message.state, message.attempts


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MANAGER])
def test_administrators_and_managers_see_counts_and_nothing_of_a_case(
    client: FlaskClient, owner: Owner, make_actor: MakeActor, parked: UUID, caseworker: Actor, role: Role
) -> None:
    sign_in(client, owner, make_actor(role))
    page = client.get(PAGE).text
    assert "E-mails that wait for a person" in page
    assert "The mail server asked to try later (451)" in page
    with owner() as session:
        reference = session.scalars(select(Reminder.reference)).one()
    assert reference not in page and caseworker.name not in page
    assert ("/retry" in page) is (role is Role.ADMIN)
    metrics = client.get("/metrics").text
    assert 'gateway_delivery_count{what="parked",why=""} 1.0' in metrics
    assert 'gateway_alarm{cause="scheduler_silent"} 0.0' in metrics


@pytest.mark.parametrize("role", [Role.CASEWORKER, Role.SENIOR, Role.AUDITOR])
def test_others_do_not_see_it(client: FlaskClient, owner: Owner, make_actor: MakeActor, role: Role) -> None:
    sign_in(client, owner, make_actor(role))
    assert client.get(PAGE).status_code == 403


def test_it_is_tried_again_once_and_audited(
    client: FlaskClient, owner: Owner, administrator_actor: Actor, parked: UUID, mail_is_set: None
) -> None:
    sign_in(client, owner, administrator_actor)
    address, submission_id = f"{PAGE}/{parked}/retry", uuid4()
    assert client.get(address).status_code == 405
    assert "The e-mail is tried again" in post(client, address, submission_id)
    assert state_of(owner, parked) == (MessageState.QUEUED, 0)
    assert "already saved" in post(client, address, submission_id)
    assert "has dealt with this e-mail" in post(client, address)
    with owner() as session:
        assert session.scalars(select(AuditEntry.action)).all().count("message.tried_again") == 1


def test_given_up_it_is_a_task_to_tell_the_reader_otherwise(
    client: FlaskClient, owner: Owner, administrator_actor: Actor, parked: UUID
) -> None:
    sign_in(client, owner, administrator_actor)
    assert "given up" in post(client, f"{PAGE}/{parked}/give-up")
    assert state_of(owner, parked)[0] is MessageState.FAILED
    with owner() as session:
        task = session.scalars(select(Task).where(Task.kind == TaskKind.MESSAGE_FAILED)).one()
    assert task.details["messages"] == [str(parked)]


def test_without_a_mail_server_nothing_is_tried_and_a_manager_may_not(
    client: FlaskClient, owner: Owner, administrator_actor: Actor, make_actor: MakeActor, parked: UUID
) -> None:
    sign_in(client, owner, administrator_actor)
    assert "No way to send e-mail is set up" in post(client, f"{PAGE}/{parked}/retry")
    sign_in(client, owner, make_actor(Role.MANAGER))
    sent = {"csrf_token": form_token(client, PAGE)}
    assert client.post(f"{PAGE}/{parked}/retry", data=sent).status_code == 403
    assert state_of(owner, parked) == (MessageState.PARKED, 5)
