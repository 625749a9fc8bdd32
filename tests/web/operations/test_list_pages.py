"""The lists that administrators keep, and the note that starts from a template."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

from tests.factories import casework as make
from tests.factories.imports import IMPORTER
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import hidden_of, send, text_of
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.blueprints.referrals.value_fields import read_harms
from victim_gateway.database.kept_wordings import use_wordings
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, TransitionNotAllowed
from victim_gateway.models import AuditEntry, ListEntry, ListEntryChange
from victim_gateway.queries.people.identity_weighing import proposing_weights
from victim_gateway.queries.people.search import likely_same_people
from victim_gateway.services.operations import kept_lists
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import CloseOutcome, Harm, Role
from victim_gateway.web.labels import label_of

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
        assert set(session.scalars(select(ListEntry.code))) == {"first_call", "court_day"}
    first, court = "first_call", "court_day"
    opened = client.get(f"{PAGE}/entries/{first}")
    reworded = {**typed, "label": "First call made"}
    assert send(client, f"{PAGE}/entries/{first}", reworded).status_code == 302
    stale = client.post(
        f"{PAGE}/entries/{first}", data={**dict(hidden_of(opened)), **typed, "submission_id": ""}
    )
    assert stale.status_code == 409
    history = text_of(client.get(f"{PAGE}/entries/{first}"))
    assert "Reworded by" in history and "Before: First call." in history

    def step(entry: str, name: str) -> None:
        token = dict(hidden_of(client.get(PAGE)))["csrf_token"]
        assert client.post(f"{PAGE}/entries/{entry}/{name}", data={"csrf_token": token}).status_code == 302

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
    kept_lists.restore_list_entry(Command(admin, times.now()), "note_templates", first)
    assert "First call made" in text_of(client.get(notes))


def test_reasons_harms_and_what_people_want_follow_their_lists_and_keep_their_codes(
    client: FlaskClient, make_actor: MakeActor, owner: Owner, caseworker: Actor
) -> None:
    admin, at = make_actor(Role.ADMIN), times.now()
    referral_id = make.assigned(caseworker, at=at)
    command = Command(admin, at)
    with pytest.raises(TransitionNotAllowed, match="always offered"):
        kept_lists.retire_list_entry(command, "attempt_outcomes", "someone_else_answered")
    with pytest.raises(TransitionNotAllowed, match="none can be added"):
        kept_lists.add_list_entry(command, "close_outcomes", label="Moved away")
    with pytest.raises(InvalidInput, match="stands for"):
        kept_lists.add_list_entry(command, "harms", label="Machines", stands_for="hate_crime")
    kept_lists.retire_list_entry(command, "close_outcomes", "referred_on")
    kept_lists.reword_list_entry(command, "close_outcomes", "out_of_area", label="Moved out", body=None)
    kept_lists.add_list_entry(
        command, "harms", label="Farm machinery stolen", stands_for="rural_crime", protects_enough=True
    )
    # What reads like another entry is refused: its code, what it ships as, what it is called now, in any case.
    for label in ("no  contact", "COULD NOT REACH THE PERSON", "moved-out"):
        with pytest.raises(InvalidInput, match="An entry has or had this name"):
            kept_lists.reword_list_entry(command, "close_outcomes", "declined", label=label, body=None)
    kept_lists.reword_list_entry(command, "close_outcomes", "out_of_area", label="Moved Out", body=None)
    kept_lists.reword_list_entry(command, "close_outcomes", "out_of_area", label="Moved out", body=None)
    kept_lists.add_list_entry(command, "wants", label="A letter to read later")
    kept_lists.retire_list_entry(command, "wants", "money")
    kept_lists.move_list_entry_up(command, "needs", "finance_and_benefits")
    kept_lists.add_list_entry(command, "activity_kinds", label="Walked through the court")
    kept_lists.add_list_entry(command, "venues", label="Burton video link")

    sign_in(client, owner, admin)
    page = text_of(client.get("/system/lists/close_outcomes"))
    assert "Moved out" in page and "Always offered" in page and "Add an entry" not in page
    assert "Moved out Lives outside the area" in page
    assert "Farm machinery stolen Rural crime. No protection of its own" in text_of(
        client.get("/system/lists/harms")
    )
    history = text_of(client.get("/system/lists/close_outcomes/entries/out_of_area"))
    assert "Before: Lives outside the area" in history and "The rules understand it as: Lives" in history
    assert client.get("/system/lists/close_outcomes/new").status_code == 404
    assert "Choose what the new entry stands for" in text_of(
        send(client, "/system/lists/harms/new", {"label": "Machines"})
    )
    # A kind of harm loses its protections only where the administrator confirmed which ones it loses.
    threats = {"label": "Threats by an ex-partner", "stands_for": "anti_social_behaviour"}
    silent = send(client, "/system/lists/harms/new", threats)
    assert silent.status_code == 422 and "say that it protects the person enough" in text_of(silent)
    protected = {**threats, "stands_for": "domestic_abuse"}
    assert send(client, "/system/lists/harms/new", protected).status_code == 302

    sign_in(client, owner, caseworker)
    here = f"/referrals/{referral_id}"
    closing = client.get(f"{here}/close").text
    assert "Moved out" in closing and 'value="referred_on"' not in closing
    assert "Counts as: Lives outside the area" in closing
    recording = text_of(client.get("/record/new"))
    assert "Threats by an ex-partner Counts as: Domestic abuse" in recording
    assessing = client.get(f"{here}/assessment/new").text
    assert "A letter to read later" in assessing and 'value="money"' not in assessing
    support = client.get(f"{here}/support/activities/new").text
    assert "Walked through the court" in support and "Burton video link" in support
    with client.application.test_request_context("/"), owner() as session:
        use_wordings(
            session, session.scalar(select(ListEntryChange.id).order_by(ListEntryChange.id.desc()).limit(1))
        )
        assert read_harms(["farm_machinery_stolen"]) == (
            frozenset({Harm.RURAL_CRIME}),
            ("Farm machinery stolen",),
        )
        assert label_of(CloseOutcome.OUT_OF_AREA) == "Moved out"


def test_weights_are_kept_with_their_history_and_decide_who_is_proposed_from_then_on(
    client: FlaskClient, make_actor: MakeActor, owner: Owner, caseworker: Actor
) -> None:
    known = make.person_document(given_name="Orla", family_name="Quist", postcode="ST16 3AB")
    make.recorded(caseworker, person=known)
    # Name and postcode: 2.1 by the weights that ship, where 0 proposes.
    same = {"given_name": "Orla", "family_name": "Quist", "postcode": "ST16 3AB"}

    def is_proposed() -> bool:
        with transaction(caseworker) as session:
            return bool(likely_same_people(session, same))

    assert is_proposed()
    sign_in(client, owner, make_actor(Role.ADMIN))
    weights = "/system/lists/duplicate_weights"
    listed = text_of(client.get(weights))
    assert "same postcode: 6.9" in listed and "Move up" not in listed and "proposed from: 0" in listed
    postcode, threshold = f"{weights}/entries/postcode", f"{weights}/entries/threshold"
    assert "Ships as 6.9" in text_of(client.get(postcode)) and "the weights that ship" in text_of(
        client.get(postcode)
    )
    alone = send(client, postcode, {"exact_match": "20", "else": "-1.3"})
    assert alone.status_code == 422 and "the same postcode alone would propose a person" in text_of(alone)
    assert "Enter a number" in text_of(send(client, postcode, {"exact_match": "much", "else": "-1.3"}))
    opened = dict(hidden_of(client.get(threshold)))
    assert send(client, threshold, {"likely_from": "5"}).status_code == 302
    assert client.post(threshold, data={**opened, "likely_from": "1", "submission_id": ""}).status_code == 409
    history = text_of(client.get(threshold))
    assert "Before: proposed from: 0. After: proposed from: 5" in history
    assert not is_proposed()
    with transaction(IMPORTER) as session:
        assert proposing_weights(session).likely_from == 5
    with pytest.raises(TransitionNotAllowed, match="Nothing but the numbers"):
        kept_lists.reword_list_entry(
            Command(make_actor(Role.ADMIN), times.now()), "duplicate_weights", "phone", label="X", body="{}"
        )
    sign_in(client, owner, caseworker)
    assert client.get(threshold).status_code == 403
