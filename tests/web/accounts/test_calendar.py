"""The calendar of what is due: a link shown once, read without a session, and gone when it ends."""

from __future__ import annotations

import re
from datetime import timedelta

from flask.testing import FlaskClient
from sqlalchemy import select

from tests.factories import casework as make
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import hidden_of, send, text_of
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.models import AuditEntry, CalendarLink, User
from victim_gateway.services.accounts import administration
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role

PAGE = "/work/calendar"


def _new_link(browser: FlaskClient) -> str:
    page = send(browser, PAGE, {})
    assert page.status_code == 200
    found = re.search(r"https?://[^/]+(/calendar/[\w-]{43}\.ics)", page.text)
    assert found is not None
    return found[1]


def _rest(owner: Owner) -> None:
    """A minute passes for the link."""
    with owner() as session:
        for link in session.scalars(select(CalendarLink)):
            link.read_at = None


def test_a_calendar_shows_references_and_days_without_a_session_until_its_link_ends(
    client: FlaskClient, owner: Owner, caseworker: Actor, senior: Actor, make_actor: MakeActor
) -> None:
    own = make.referral(make.assigned(caseworker, at=times.now() - timedelta(hours=2)), caseworker)
    theirs = make.referral(make.assigned(senior, at=times.now() - timedelta(hours=2)), senior)
    sign_in(client, owner, caseworker)
    assert "You have no link" in text_of(client.get(PAGE))
    first = _new_link(client)
    secret = first.removeprefix("/calendar/").removesuffix(".ics")
    assert secret not in client.get(PAGE).text
    with owner() as session:
        kept = session.scalars(select(CalendarLink)).one()
        assert secret.encode() not in kept.secret_hash
        # Neither kept nor audited.
        assert all(secret not in entry for entry in session.scalars(select(AuditEntry.entry)))
    anybody = client.application.test_client()
    feed = anybody.get(first)
    assert (feed.status_code, feed.mimetype) == (200, "text/calendar")
    assert own.next_due_on is not None
    assert f"SUMMARY:{own.reference}: Contact the person\r\n" in feed.text
    assert f"DTSTART;VALUE=DATE:{own.next_due_on:%Y%m%d}\r\n" in feed.text
    assert theirs.reference not in feed.text
    for hidden in ("Testcase", own.offence, "victim", "Victim", "Stafford"):
        assert hidden not in feed.text
    assert anybody.get(first).status_code == 429
    _rest(owner)
    second = _new_link(client)
    assert anybody.get(first).status_code == 404
    assert anybody.get(second).status_code == 200
    _rest(owner)
    with owner() as session:
        session.get_one(User, caseworker.user_id).disabled_at = times.now()
    assert anybody.get(second).status_code == 404
    with owner() as session:
        session.get_one(User, caseworker.user_id).disabled_at = None
    page = client.get(PAGE)
    # A thief of the password may have made a link: it ends with the sessions.
    third = _new_link(client)
    assert caseworker.user_id is not None
    administration.give_second_factor(Command(make_actor(Role.ADMIN), times.now()), caseworker.user_id)
    assert anybody.get(third).status_code == 404
    sign_in(client, owner, caseworker)
    second = _new_link(client)
    page = client.get(PAGE)
    ended = client.post(f"{PAGE}/revoke", data=dict(hidden_of(page)))
    assert (ended.status_code, ended.headers["Location"]) == (302, PAGE)
    assert anybody.get(second).status_code == 404
    with owner() as session:
        actions = session.scalars(
            select(AuditEntry.action)
            .where(AuditEntry.actor_id == caseworker.user_id, AuditEntry.action.like("calendar%"))
            .order_by(AuditEntry.at)
        ).all()
    assert actions == [
        "calendar_link.made",
        "calendar.read",
        "calendar_link.made",
        "calendar.read",
        "calendar_link.made",
        "calendar_link.made",
        "calendar_link.revoked",
    ]


def test_a_link_is_its_accounts_own(
    client: FlaskClient, owner: Owner, caseworker: Actor, senior: Actor, manager: Actor
) -> None:
    sign_in(client, owner, caseworker)
    link = _new_link(client)
    sign_in(client, owner, senior)
    page = client.get(PAGE)
    assert "You have no link" in text_of(page)
    client.post(f"{PAGE}/revoke", data=dict(hidden_of(page)))
    with owner() as session:
        assert session.scalars(select(CalendarLink.user_id)).all() == [caseworker.user_id]
        session.get_one(User, caseworker.user_id).role = manager.role  # type: ignore[assignment]
    assert client.get(link).status_code == 404
    sign_in(client, owner, manager)
    assert client.get(PAGE).status_code == 403
