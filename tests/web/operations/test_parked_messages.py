"""Parked queue items on the administrator's page: shown, counted, discarded after a question, audited."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError, ProgrammingError

from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import send
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import AlreadyDone, NotFound
from victim_gateway.models import AuditEntry, ParkedMessage
from victim_gateway.services.operations.parked_messages import discard_parked_message
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import ParkReason, Role


@pytest.fixture
def admin(client: FlaskClient, owner: Owner, administrator_actor: Actor) -> FlaskClient:
    sign_in(client, owner, administrator_actor)
    return client


def parked(owner: Owner, *, at: datetime | None = None, queue: str = "imports") -> UUID:
    message_id = uuid4()
    values = {
        "id": message_id,
        "queue": queue,
        "reason": ParkReason.NOT_JSON,
        "size": 5_000_000,
        "first_bytes_hash": bytes(range(32)),
        "parked_at": at or times.now() - timedelta(minutes=1),
    }
    with owner() as session:
        session.execute(insert(ParkedMessage).values(**values))
    return message_id


def open_ids(owner: Owner) -> set[UUID]:
    with owner() as session:
        return set(session.scalars(select(ParkedMessage.id).where(ParkedMessage.discarded_at.is_(None))))


def metric(client: FlaskClient) -> str:
    return next(
        line
        for line in client.get("/metrics").text.splitlines()
        if line.startswith("gateway_parked_messages")
    )


def test_a_parked_item_is_shown_with_what_it_looked_like_and_counted(
    admin: FlaskClient, owner: Owner
) -> None:
    assert "There are none" in admin.get("/system/state").text
    parked(owner)
    page = admin.get("/system/state").text
    assert all(shown in page for shown in ("Not JSON", "5,000,000", "imports", "000102030405"))
    assert metric(admin) == "gateway_parked_messages 1.0"


def test_discarding_asks_first_and_is_audited(
    admin: FlaskClient, owner: Owner, administrator_actor: Actor
) -> None:
    message_id, other_id = parked(owner), parked(owner)
    address = f"/system/parked-messages/{message_id}/discard"
    assert "Discard this queue item?" in admin.get(address).text
    assert open_ids(owner) == {message_id, other_id}

    assert send(admin, address, {}).status_code == 302

    assert open_ids(owner) == {other_id}
    assert metric(admin) == "gateway_parked_messages 1.0"
    with owner() as session:
        message = session.get_one(ParkedMessage, message_id)
        assert message.discarded_by_id == administrator_actor.user_id
        audited = select(AuditEntry.subject_id).where(AuditEntry.action == "parked_message.discarded")
        assert session.scalars(audited).all() == [message_id]
    assert admin.get(address).status_code == 404


def test_all_are_discarded_that_were_there_when_the_question_was_asked(
    admin: FlaskClient, owner: Owner
) -> None:
    for _ in range(3):
        parked(owner)
    later_id = parked(owner, at=times.now() + timedelta(minutes=5))
    assert "4 queue items" in admin.get("/system/parked-messages/discard").text
    assert send(admin, "/system/parked-messages/discard", {}).status_code == 302
    assert open_ids(owner) == {later_id}
    wrong = send(admin, "/system/parked-messages/discard", {"parked_until": "whenever"})
    assert wrong.status_code == 422


def test_a_form_sent_twice_and_an_item_that_is_not_there_are_refused(
    app: object, owner: Owner, administrator_actor: Actor
) -> None:
    command = Command(administrator_actor, times.now(), submission_id=uuid4())
    message_id = parked(owner)
    discard_parked_message(command, message_id)
    with pytest.raises(AlreadyDone):
        discard_parked_message(command, message_id)
    with pytest.raises(NotFound):
        discard_parked_message(Command(administrator_actor, times.now(), submission_id=uuid4()), uuid4())


@pytest.mark.parametrize("role", [Role.CASEWORKER, Role.MANAGER, Role.PROVIDER, Role.AUDITOR])
def test_nobody_else_sees_or_discards_them(owner: Owner, make_actor: MakeActor, role: Role) -> None:
    message_id, actor = parked(owner), make_actor(role)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction(actor) as session:
        session.scalars(select(ParkedMessage.id)).all()
    with pytest.raises(ProgrammingError, match="permission denied"):
        discard_parked_message(Command(actor, times.now()), message_id)


def test_an_administrator_changes_nothing_else_about_them(owner: Owner, administrator_actor: Actor) -> None:
    message_id = parked(owner)
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction(administrator_actor) as session,
    ):
        session.get_one(ParkedMessage, message_id).size = 1
        session.flush()
    with (
        pytest.raises(IntegrityError, match="discarded_by_an_account"),
        transaction(administrator_actor) as session,
    ):
        session.get_one(ParkedMessage, message_id).discarded_at = times.now()
        session.flush()
