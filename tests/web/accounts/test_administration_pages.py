"""The administrator's and the auditor's pages, and who may not open them."""

from __future__ import annotations

import re

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text

from tests.factories import casework as make
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.sign_in import form_token, sign_in
from victim_gateway.actors import Actor
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import transaction
from victim_gateway.models import AuditEntry, Referral, User
from victim_gateway.vocabulary import Role

ADMIN_PAGES = ("/system/users", "/system/users/new", "/system/state")
AUDITOR_PAGES = ("/audit", "/audit/who-saw", "/audit/chain")


@pytest.fixture
def admin(client: FlaskClient, owner: Owner, administrator_actor: Actor) -> FlaskClient:
    sign_in(client, owner, administrator_actor)
    return client


@pytest.fixture
def reader(client: FlaskClient, owner: Owner, auditor: Actor) -> FlaskClient:
    sign_in(client, owner, auditor)
    return client


@pytest.mark.parametrize("role", list(Role))
def test_each_page_opens_for_its_role_alone(
    client: FlaskClient, owner: Owner, make_actor: MakeActor, role: Role
) -> None:
    sign_in(client, owner, make_actor(role))
    opened = {path for path in (*ADMIN_PAGES, *AUDITOR_PAGES) if client.get(path).status_code == 200}
    assert opened == set({Role.ADMIN: ADMIN_PAGES, Role.AUDITOR: AUDITOR_PAGES}.get(role, ()))


def test_an_account_is_added_and_its_starting_password_shown_once(admin: FlaskClient, owner: Owner) -> None:
    fields = {"name": "Ben Okri", "email": "ben@test.example", "role": "caseworker", "organisation": ""}
    answer = admin.post(
        "/system/users/new", data={"csrf_token": form_token(admin, "/system/users/new"), **fields}
    )
    shown = re.search(r'vg-secret">([a-z0-9-]{23})<', answer.text)
    assert answer.status_code == 200 and shown is not None
    assert "no-store" in answer.headers["Cache-Control"]
    with owner() as session:
        user = session.scalars(select(User).where(User.email == "ben@test.example")).one()
    assert shown[1] not in admin.get(f"/system/users/{user.id}").text
    assert "Ben Okri" in admin.get("/system/users").text


def test_an_account_with_mistakes_comes_back_with_what_was_typed(admin: FlaskClient) -> None:
    fields = {"name": "Ben Okri", "email": "nothing", "role": "provider", "organisation": ""}
    answer = admin.post(
        "/system/users/new", data={"csrf_token": form_token(admin, "/system/users/new"), **fields}
    )
    assert answer.status_code == 422
    assert "like name@example.com" in answer.text and "Ben Okri" in answer.text


def test_somebody_who_leaves_is_disabled_and_may_come_back(
    admin: FlaskClient, app: Flask, owner: Owner, manager: Actor
) -> None:
    theirs = app.test_client()
    sign_in(theirs, owner, manager)
    page = f"/system/users/{manager.user_id}"
    admin.post(f"{page}/disable", data={"csrf_token": form_token(admin, page)})
    assert "Nobody can sign in with this account" in admin.get(page).text
    assert theirs.get("/account").status_code == 302
    admin.post(f"{page}/enable", data={"csrf_token": form_token(admin, page)})
    assert "Disable the account" in admin.get(page).text


def test_nobody_is_offered_to_disable_themselves(admin: FlaskClient, administrator_actor: Actor) -> None:
    assert "Disable the account" not in admin.get(f"/system/users/{administrator_actor.user_id}").text


@pytest.mark.parametrize("step", ["reset-codes", "new-password"])
def test_what_cannot_be_undone_is_explained_first(
    admin: FlaskClient, owner: Owner, manager: Actor, step: str
) -> None:
    path = f"/system/users/{manager.user_id}/{step}"
    assert "sure that it is really them" in admin.get(path).text
    with owner() as session:
        assert session.scalars(select(AuditEntry.action)).all() == []
    admin.post(path, data={"csrf_token": form_token(admin, path)})
    with owner() as session:
        assert session.scalars(select(AuditEntry.action)).all() == [
            {"reset-codes": "second_factor.reset", "new-password": "password.reset"}[step]
        ]


def test_an_account_that_does_not_exist_is_a_plain_not_found(admin: FlaskClient) -> None:
    assert admin.get("/system/users/00000000-0000-4000-8000-000000000000").status_code == 404


def test_the_state_page_says_what_is_wrong_in_words(admin: FlaskClient, empty_broker: redis.Redis) -> None:
    page = admin.get("/system/state").text
    assert "Something is wrong" in page and "Not running: it has not been heard of" in page
    assert "Bank holidays are known until" in page


def test_the_audit_is_filtered_by_action_person_and_reference(
    reader: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    referral_id = make.recorded(caseworker)
    with owner() as session:
        reference = session.get_one(Referral, referral_id).reference
    with transaction(caseworker) as session:
        record_audit(session, "referral.viewed", subject_type="referral", subject_id=referral_id)
        record_audit(session, "search.made", results=3)
    table = "<tbody"
    by_action = reader.get("/audit?action=search.made").text.partition(table)[2]
    assert "Search: made" in by_action and "Referral: viewed" not in by_action
    by_reference = reader.get(f"/audit?reference={reference.lower()}").text.partition(table)[2]
    assert "Referral: viewed" in by_reference and "Search: made" not in by_reference
    by_user = reader.get(f"/audit?user={caseworker.user_id}").text.partition(table)[2]
    assert "Referral: viewed" in by_user and "Audit: viewed" not in by_user
    assert "There is no referral with this reference" in reader.get("/audit?reference=SG-99-000001").text


def test_who_saw_a_referral_is_answered_by_name_with_no_case_in_it(
    reader: FlaskClient, caseworker: Actor, senior: Actor, owner: Owner
) -> None:
    person = make.person_document(family_name="Unmistakable")
    referral_id = make.recorded(caseworker, person=person)
    with owner() as session:
        reference = session.get_one(Referral, referral_id).reference
    for actor in (caseworker, senior, senior):
        with transaction(actor) as session:
            record_audit(session, "referral.viewed", subject_type="referral", subject_id=referral_id)
    page = reader.get(f"/audit/who-saw?reference={reference}").text
    assert senior.name in page and caseworker.name in page
    assert "Unmistakable" not in page and "Burglary" not in page


def test_reading_the_audit_is_in_the_audit(reader: FlaskClient, owner: Owner) -> None:
    for path in ("/audit", "/audit/chain", "/audit/who-saw?reference=SG-26-000001"):
        reader.get(path)
    with owner() as session:
        actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.sequence)).all()
    assert actions == ["audit.viewed", "audit.chain_viewed", "audit.looked_up"]


def test_long_audits_go_on_from_where_the_page_ended(reader: FlaskClient, worker_actor: Actor) -> None:
    with transaction(worker_actor) as session:
        for number in range(60):
            record_audit(session, "test.written", number=number)
    page = reader.get("/audit").text
    older = re.search(r'href="(/audit\?before=\d+)"', page)
    assert older is not None
    assert "Entry 10<" in reader.get(older[1]).text and "Entry 10<" not in page


def test_nonsense_in_the_address_is_no_error(reader: FlaskClient) -> None:
    for query in ("before=x", "before=99999999999999999999", "user=x", "action=<b>", "reference=%00"):
        assert reader.get(f"/audit?{query}").status_code == 200


def test_a_broken_chain_is_an_alarm_on_the_page(
    committed_client: FlaskClient, committed_owner: Owner, committed_make_actor: MakeActor
) -> None:
    sign_in(committed_client, committed_owner, committed_make_actor(Role.AUDITOR))
    committed_client.get("/audit")
    assert "follow from each other" in committed_client.get("/audit/chain").text
    with committed_owner() as session:
        session.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_append_only"))
        session.execute(text("UPDATE audit_entry SET entry = entry || ' ' WHERE sequence = 1"))
    assert "The audit is broken at entry 1" in committed_client.get("/audit/chain").text
