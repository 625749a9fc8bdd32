"""The lists that administrators keep, and the note that starts from a template."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

from tests.factories import casework as make
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import hidden_of, send, text_of
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.models import AuditEntry, ListEntry
from victim_gateway.services.operations import kept_lists
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role

PAGE = "/system/lists/note_templates"


def test_a_template_is_offered_for_new_notes_until_it_is_retired_and_its_code_never_changes(
    client: FlaskClient, make_actor: MakeActor, owner: Owner, caseworker: Actor
) -> None:
    referral_id = make.assigned(caseworker, at=times.now())
    admin = make_actor(Role.ADMIN)
    sign_in(client, owner, admin)
    assert "Note templates" in text_of(client.get("/system/lists"))
    assert client.get("/system/lists/people").status_code == 404
    empty = text_of(send(client, f"{PAGE}/new", {}))
    assert "Enter the name" in empty
    assert "with letters or numbers" in text_of(send(client, f"{PAGE}/new", {"label": "!!", "body": "x"}))
    assert "Enter the text" in text_of(send(client, f"{PAGE}/new", {"label": "First call"}))
    typed = {"label": "First call", "body": "Asked whether it is safe to talk."}
    assert send(client, f"{PAGE}/new", typed).status_code == 302
    assert "had this name before" in text_of(send(client, f"{PAGE}/new", {**typed, "label": "first  CALL"}))
    assert send(client, f"{PAGE}/new", {"label": "Court day", "body": "Went along."}).status_code == 302
    with owner() as session:
        first, court = session.scalars(select(ListEntry).order_by(ListEntry.position)).all()
    opened = client.get(f"{PAGE}/{first.id}")
    reworded = {**typed, "label": "First call made"}
    assert send(client, f"{PAGE}/{first.id}", reworded).status_code == 302
    stale = client.post(f"{PAGE}/{first.id}", data={**dict(hidden_of(opened)), **typed, "submission_id": ""})
    assert stale.status_code == 409
    history = text_of(client.get(f"{PAGE}/{first.id}"))
    assert "Reworded by" in history and "Before: First call." in history

    def step(entry: ListEntry, name: str) -> None:
        token = dict(hidden_of(client.get(PAGE)))["csrf_token"]
        assert client.post(f"{PAGE}/{entry.id}/{name}", data={"csrf_token": token}).status_code == 302

    step(court, "move-up")
    step(first, "retire")
    with owner() as session:
        entries = session.execute(
            select(
                ListEntry.code, ListEntry.label, ListEntry.position, ListEntry.retired_at.is_(None)
            ).order_by(ListEntry.position)
        ).all()
        assert [tuple(entry) for entry in entries] == [
            ("court_day", "Court day", 1, True),
            ("first_call", "First call made", 2, False),
        ]
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.action.like("list_entry.%")))
        assert set(actions) == {f"list_entry.{done}" for done in ("added", "reworded", "moved", "retired")}
    with pytest.raises(ProgrammingError), transaction(admin) as session:
        session.execute(text("DELETE FROM list_entry"))
    with pytest.raises(ProgrammingError), transaction(admin) as session:
        session.execute(text("UPDATE list_entry SET code = 'other'"))

    sign_in(client, owner, caseworker)
    notes = f"/referrals/{referral_id}/notes"
    page = client.get(f"{notes}?template=court_day")
    assert 'value="Court day"' in page.text and "Went along." in page.text
    assert "First call made" not in client.get(f"{notes}?template=first_call").text
    assert client.get(PAGE).status_code == 403
    kept_lists.restore_list_entry(Command(admin, times.now()), "note_templates", first.id)
    assert "First call made" in text_of(client.get(notes))
