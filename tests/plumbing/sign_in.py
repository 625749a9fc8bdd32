"""Being signed in, without going through the pages each time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from tests.plumbing.apps import Owner
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.services.accounts import web_sessions

CSRF_MARK = 'name="csrf_token" value="'


def sign_in(client: FlaskClient, owner: Owner, actor: Actor, *, age: timedelta = timedelta()) -> str:
    """Give the client a whole session of the actor's account, begun `age` ago; its cookie's value."""
    assert actor.user_id is not None
    at = times.now() - age
    with owner() as session:
        token = web_sessions.start_session(session, actor.user_id, at, second_factor_at=at)
    client.set_cookie("session", token)
    return token


def form_token(client: FlaskClient, path: str) -> str:
    """The token against forged forms that the page at `path` holds."""
    page = client.get(path).text
    return page.partition(CSRF_MARK)[2].partition('"')[0]


@pytest.fixture
def caseworker_browser(client: FlaskClient, owner: Owner, caseworker: Actor) -> FlaskClient:
    """A browser in which the caseworker is signed in."""
    sign_in(client, owner, caseworker)
    return client
