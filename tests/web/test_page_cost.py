"""What a page costs: one transaction and few statements for a referral; files sent compressed, pages never."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, func, select

from tests.factories import casework as make
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import leave_transaction_open, transaction
from victim_gateway.extensions import db
from victim_gateway.models import AuditEntry, User, WebSession
from victim_gateway.vocabulary import Role


@contextmanager
def counted() -> Iterator[dict[str, int]]:
    """Statements and commits of the block, on the app's database."""
    found = {"statements": 0, "commits": 0}

    def on_statement(*_: Any) -> None:
        found["statements"] += 1

    def on_commit(*_: Any) -> None:
        found["commits"] += 1

    event.listen(db.engine, "before_cursor_execute", on_statement)
    event.listen(db.engine, "commit", on_commit)
    try:
        yield found
    finally:
        event.remove(db.engine, "before_cursor_execute", on_statement)
        event.remove(db.engine, "commit", on_commit)


def test_a_referral_page_is_read_in_one_transaction_and_few_statements(
    committed_client: FlaskClient, committed_owner: Owner, committed_make_actor: MakeActor
) -> None:
    caseworker = committed_make_actor(Role.CASEWORKER)
    address = f"/referrals/{make.assigned(caseworker)}"
    sign_in(committed_client, committed_owner, caseworker)
    assert committed_client.get(address).status_code == 200
    with counted() as found:
        assert committed_client.get(address).status_code == 200
    # The page itself in one, and the count of the bell in one of its own.
    assert found["commits"] == 2
    assert found["statements"] <= 15
    with committed_owner() as session:
        seen = select(func.count()).where(AuditEntry.action == "referral.viewed")
        assert session.scalar(seen) == 2

    # What ends a session or an account ends it at the next request, whatever was read together before.
    with committed_owner() as session:
        session.get_one(User, caseworker.user_id).disabled_at = times.now()
    assert committed_client.get(address).status_code == 302


def test_a_page_that_finds_nothing_keeps_its_session_and_opens_no_case(
    committed_client: FlaskClient, committed_owner: Owner, committed_make_actor: MakeActor
) -> None:
    admin = committed_make_actor(Role.ADMIN)
    sign_in(committed_client, committed_owner, admin)
    assert (
        committed_client.get(f"/referrals/{make.assigned(committed_make_actor(Role.CASEWORKER))}").status_code
        == 403
    )
    assert "/sign-in" not in committed_client.get("/").headers["Location"]
    with committed_owner() as session:
        assert (
            session.scalar(select(func.count()).select_from(WebSession).where(WebSession.ended_at.is_(None)))
            == 1
        )


def test_the_next_transaction_takes_its_own_role_in_the_one_that_was_left_open(committed_app: Flask) -> None:
    with transaction(Actor.signing_in(None)) as session:
        session.scalars(select(User)).all()
        leave_transaction_open(session)
    with counted() as found, transaction(Actor.worker("tests")) as session:
        role = session.scalar(select(func.current_setting("role")))
    assert role == "gateway_worker" and found["commits"] == 1


def test_a_transaction_that_was_left_open_is_kept_all_the_same_where_it_wrote_to_the_audit(
    committed_app: Flask, committed_owner: Owner
) -> None:
    with transaction(Actor.worker("tests")) as session:
        leave_transaction_open(session)
        record_audit(session, "test.written")
    db.session.remove()
    with committed_owner() as session:
        assert session.scalars(select(AuditEntry.action)).all() == ["test.written"]


@pytest.mark.parametrize(("accepted", "coding"), [("gzip, br", "br"), ("gzip", "gzip"), ("", None)])
def test_files_are_sent_as_the_build_compressed_them_and_pages_never_are(
    app: Flask, client: FlaskClient, accepted: str, coding: str | None
) -> None:
    page = client.get("/sign-in", headers={"Accept-Encoding": accepted})
    assert "Content-Encoding" not in page.headers
    style = page.text.partition('rel="stylesheet" href="')[2].partition('"')[0]

    with client.get(style, headers={"Accept-Encoding": accepted}) as answer:
        sent = answer.data

    assert answer.headers.get("Content-Encoding") == coding
    assert answer.mimetype == "text/css" and "Accept-Encoding" in answer.headers["Vary"]
    assert "immutable" in answer.headers["Cache-Control"] and answer.headers["Content-Security-Policy"]
    plain = Path(str(app.static_folder), style.removeprefix("/static/"))
    assert len(sent) < plain.stat().st_size / 5 if coding else sent == plain.read_bytes()


def test_a_first_page_with_all_its_files_weighs_under_150_kb(client: FlaskClient) -> None:
    compressed = {"Accept-Encoding": "gzip"}
    page = client.get("/sign-in", headers=compressed)
    folder = page.text.partition("/static/built/")[2].partition("/")[0]
    files = ("app.css", "app.js", "govuk-frontend.min.js", "moj-frontend.min.js", "images/favicon.svg")
    weight = len(page.data)
    for name in files:
        with client.get(f"/static/built/{folder}/{name}", headers=compressed) as part:
            assert part.status_code == 200
            weight += len(part.data)
    assert weight < 150_000
