"""Receipts move a message forward only, tell nothing to whoever sends one, and need their token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from flask import Flask

from config import Settings
from tests.factories import casework as make
from tests.factories import victim_messages as messages
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner, publish_to
from tests.plumbing.notify import StandIn, with_notify
from victim_gateway import create_app, times
from victim_gateway.actors import Actor
from victim_gateway.extensions import db
from victim_gateway.services.victim_messages import sending
from victim_gateway.victim_message_vocabulary import VictimMessageState
from victim_gateway.vocabulary import Role, TaskKind

STATE = VictimMessageState
TOKEN = "a-token-of-thirty-two-characters-and-more"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def receiving_app(committed_settings: Settings, stand_in: StandIn) -> Iterator[Flask]:
    app = create_app(with_notify(committed_settings, stand_in, notify_receipts_token=TOKEN))
    publish_to("memory://")
    with app.app_context():
        try:
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()


def test_receipts_move_forward_only(
    receiving_app: Flask, committed_make_actor: MakeActor, stand_in: StandIn, committed_owner: Owner
) -> None:
    texter = committed_make_actor(Role.CASEWORKER)
    delivered_id, failed_id = (messages.asked(texter, at=times.now()) for _ in range(2))
    sending.send_due_victim_messages(actor=Actor.worker("tests"), at=times.now())
    client = receiving_app.test_client()
    with receiving_app.app_context():
        rows = {each: messages.message(each, committed_owner) for each in (delivered_id, failed_id)}

    def post(message_id: object, status: str, **changed: object) -> int:
        row = rows[message_id]  # type: ignore[index]
        receipt = {
            "id": str(row.notify_id),
            "reference": row.reference,
            "status": status,
            "to": "07700900123",
        }
        return client.post("/notify/receipts", json={**receipt, **changed}, headers=BEARER).status_code

    assert post(delivered_id, "sending") == 204
    assert messages.state_of(delivered_id, committed_owner) is STATE.ACCEPTED
    assert post(delivered_id, "permanent-failure", reference="unknown") == 204
    assert post(delivered_id, "permanent-failure", id=str(uuid4())) == 204
    assert messages.state_of(delivered_id, committed_owner) is STATE.ACCEPTED, "of another message"
    assert post(delivered_id, "delivered") == 204
    for late in ("permanent-failure", "sending", "delivered", "nonsense"):
        assert post(delivered_id, late) == 204
    assert messages.state_of(delivered_id, committed_owner) is STATE.DELIVERED
    assert post(failed_id, "permanent-failure") == 204
    assert post(failed_id, "delivered") == 204
    assert messages.state_of(failed_id, committed_owner) is STATE.FAILED
    with receiving_app.app_context():
        tasks = make.open_tasks(messages.referral_of(failed_id, committed_owner).id, texter)
    assert TaskKind.MESSAGE_TO_PERSON in tasks


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": TOKEN}, 401),
        ({"Authorization": "Bearer "}, 401),
        ({"Authorization": f"Bearer {TOKEN}x"}, 401),
        ({"Authorization": "Bearer \u00e9"}, 401),
        (BEARER, 204),
    ],
)
def test_only_the_token_opens_it(receiving_app: Flask, headers: dict[str, str], status: int) -> None:
    receipt = {"id": str(uuid4()), "reference": "unknown", "status": "delivered"}
    assert (
        receiving_app.test_client().post("/notify/receipts", json=receipt, headers=headers).status_code
        == status
    )


def test_what_is_no_receipt_is_refused_quickly(receiving_app: Flask) -> None:
    client = receiving_app.test_client()
    for content in (
        b"",
        b"[]",
        b"[1]",
        b"{",
        b"null",
        b'{"id": 1}',
        b"\xff",
        b'{"id": "x", "status": "delivered"}',
    ):
        assert client.post("/notify/receipts", data=content, headers=BEARER).status_code == 400, content
    assert client.post("/notify/receipts", data=b"x" * 20_000, headers=BEARER).status_code == 413


def test_without_a_token_in_the_settings_none_is_taken(committed_settings: Settings) -> None:
    app = create_app(replace(committed_settings, notify_receipts_token=None))
    answer = app.test_client().post("/notify/receipts", json={}, headers={"Authorization": "Bearer "})
    assert answer.status_code == 401
