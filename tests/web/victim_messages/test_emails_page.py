"""The page with e-mails that were sent to nobody: only beside the stand-in, only for those of the page Outbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import main_of, text_of
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.kept_mail import MailFolder
from victim_gateway.models import AuditEntry
from victim_gateway.vocabulary import Role

Browse = Callable[[Actor], FlaskClient]
PAGE = "/outbox/emails"


@pytest.fixture
def browse(client: FlaskClient, owner: Owner) -> Browse:
    def open_for(actor: Actor) -> FlaskClient:
        browser = client.application.test_client()
        sign_in(browser, owner, actor)
        return browser

    return open_for


@pytest.fixture
def kept(app: Flask, tmp_path: Path) -> Iterator[MailFolder]:
    """The app beside a stand-in for a mail server, and the folder that it fills."""
    usual = app.extensions["settings"]
    app.extensions["settings"] = replace(usual, home=tmp_path, smtp_url="smtp://127.0.0.1:1", keeps_mail=True)
    yield MailFolder(tmp_path)
    app.extensions["settings"] = usual


def keep(folder: MailFolder, subject: str, body: str) -> None:
    content = f"Subject: {subject}\r\n\r\n{body}".encode()
    folder.keep_mail("newera@demo.example", content, at=times.now())


def test_emails_stand_newest_first_with_links_into_this_service(
    app: Flask, kept: MailFolder, browse: Browse, senior: Actor, owner: Owner
) -> None:
    keep(kept, "First", "Hello <b>you</b>")
    address = app.extensions["settings"].public_url
    keep(kept, "Second", f"Sign in to see what:\r\n{address}/inbox\r\nhttps://elsewhere.example/inbox")
    browser = browse(senior)
    answer = browser.get(PAGE)
    page, shown = main_of(answer), text_of(answer)
    assert shown.index("Second") < shown.index("First")
    assert "To newera@demo.example" in shown
    assert "only for trying the service out" in shown
    assert f'<a class="govuk-link" href="/inbox">{address}/inbox</a>' in page
    assert "https://elsewhere.example/inbox" in shown and 'href="https://elsewhere' not in page
    assert "<b>" not in page and "&lt;b&gt;" in page
    assert answer.headers["Cache-Control"] == "no-store"
    assert f'href="{PAGE}"' in main_of(browser.get("/outbox"))
    with owner() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "outbox.emails_seen")).one()
    assert entry.actor_id == senior.user_id and '"rows": 2' in entry.entry


def test_without_an_email_the_page_says_what_brings_one(
    kept: MailFolder, browse: Browse, senior: Actor
) -> None:
    assert "No e-mail yet" in text_of(browse(senior).get(PAGE))


def test_they_are_for_those_who_may_read_the_outbox(
    kept: MailFolder, browse: Browse, make_actor: MakeActor, client: FlaskClient
) -> None:
    keep(kept, "Secret", "x")
    for role in Role:
        expected = 200 if role in (Role.ADMIN, Role.SENIOR) else 403
        answer = browse(make_actor(role)).get(PAGE)
        assert (role, answer.status_code) == (role, expected)
        assert ("Secret" in text_of(answer)) is (expected == 200)
    assert client.get(PAGE).status_code == 302


@pytest.mark.parametrize("changed", [{"keeps_mail": False}, {"env": "production", "require_mfa": False}])
def test_with_a_real_mail_server_or_in_production_it_is_not_there(
    app: Flask, kept: MailFolder, browse: Browse, senior: Actor, changed: dict[str, object]
) -> None:
    keep(kept, "Secret", "x")
    app.extensions["settings"] = replace(app.extensions["settings"], **changed)
    browser = browse(senior)
    if "env" in changed:
        # where it is safe for browsers only
        session = browser.get_cookie("session")
        assert session is not None
        browser.set_cookie("__Host-session", session.value, secure=True)
    opened = {"base_url": "https://localhost"} if "env" in changed else {}
    assert browser.get(PAGE, **opened).status_code == 404
    listed = browser.get("/outbox", **opened)
    assert listed.status_code == 200 and PAGE not in listed.get_data(as_text=True)
