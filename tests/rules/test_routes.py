"""Over the whole app: every route names its permission, and GET changes nothing but the audit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, event, text
from werkzeug.routing import Rule

from tests.plumbing.accounts import account_maker
from tests.plumbing.apps import Arranged, Owner, arranged_once, savepoint_of
from tests.plumbing.sign_in import sign_in
from tests.rules.world import World, build, first_service, offered
from victim_gateway.access.permissions import MATRIX
from victim_gateway.vocabulary import Role
from victim_gateway.web.permissions import permission_of

# What a view may leave behind: who saw what, and that the session is alive.
MAY_CHANGE = {"audit_entry", "notice_reading", "web_session"}
# Known by a token of its own and by no cookie, so that no form can be forged: without the token it is refused too.
BY_BEARER_TOKEN = {"notify.receipts": 401}


# To arrange the world takes as long as most of what is done in it.
@pytest.fixture(scope="module")
def arranged(_session_app: Flask) -> Iterator[Arranged[World]]:
    with arranged_once(_session_app, lambda owner: build(owner, account_maker(owner))) as arranged:
        yield arranged


@pytest.fixture
def connection(arranged: Arranged[World]) -> Iterator[Connection]:
    with savepoint_of(arranged) as connection:
        yield connection


@pytest.fixture
def world(app: Flask, arranged: Arranged[World]) -> World:
    return arranged.made


def rules_of(app: Flask, method: str) -> list[Rule]:
    return [
        rule
        for rule in app.url_map.iter_rules()
        if method in (rule.methods or ()) and rule.endpoint != "static"
    ]


def address(app: Flask, rule: Rule, parts: dict[str, object]) -> str:
    """The address of a rule in the world of the test; a part that nobody thought of fails."""
    unknown = rule.arguments - parts.keys()
    assert not unknown, f"{rule.endpoint} has parts that tests/rules/world.py does not know: {unknown}"
    return app.url_map.bind("localhost").build(rule.endpoint, {name: parts[name] for name in rule.arguments})


def test_every_route_names_its_permission_or_is_public(app: Flask) -> None:
    for endpoint in app.view_functions:
        permission_of(app, endpoint)


def test_the_public_routes_are_these_and_no_others(app: Flask) -> None:
    public = {name for name in app.view_functions if name != "static" and permission_of(app, name) is None}
    assert public == {
        "accounts.start",
        "accounts.sign_in",
        "accounts.code",
        "accounts.set_up_code",
        "accounts.new_password",
        "accounts.organisation",
        "accounts.sign_out",
        "answers.questions",
        "by_link.ask_code",
        "by_link.ask_link",
        "by_link.asked",
        "by_link.done",
        "by_link.enter",
        "by_link.leave",
        "by_link.start",
        "calendar.feed",
        "health.live",
        "health.ready",
        "health.metrics",
        "notify.receipts",
    }


def browsers_of(app: Flask, owner: Owner, world: World, roles: Iterable[Role]) -> dict[Role, FlaskClient]:
    """A browser for each role, in which its account is signed in."""
    browsers = {role: app.test_client() for role in roles}
    for role, browser in browsers.items():
        sign_in(browser, owner, world.actors[role])
    return browsers


def test_each_role_opens_what_the_matrix_gives_it_and_that_changes_nothing_but_the_audit(
    app: Flask, owner: Owner, world: World
) -> None:
    """One walk for all that holds of every answer: nothing is kept by a browser, no title or address has a name."""
    browsers = browsers_of(app, owner, world, Role)
    before = fingerprint(owner)
    for role, browser in browsers.items():
        _walk_as(role, browser, app, world)
        after = fingerprint(owner)
        assert {table for table in before if before[table] != after[table]} == set(), role


def _walk_as(role: Role, browser: FlaskClient, app: Flask, world: World) -> None:
    for rule in rules_of(app, "GET"):
        answer = browser.get(address(app, rule, world.parts))
        permission = permission_of(app, rule.endpoint)
        if permission is not None:
            expected = {200, 302, 303, 404, 409} if permission in MATRIX[role] else {403}
            assert answer.status_code in expected, (role, rule.endpoint, answer.status_code)
        assert answer.headers["Cache-Control"] == "no-store", rule.endpoint
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"], rule.endpoint
        assert "Testcase" not in titles_and_addresses(answer.text), rule.endpoint


def titles_and_addresses(page: str) -> str:
    """What of a page ends up in a browser's history and in logs: its title and where its links lead."""
    title = page.partition("<title>")[2].partition("</title>")[0]
    links = [part.partition('"')[0] for part in page.split('href="')[1:]]
    return "\n".join([title, *links])


def test_each_role_may_post_only_what_the_matrix_gives_it(app: Flask, owner: Owner, world: World) -> None:
    browsers = browsers_of(app, owner, world, Role)
    app.config["WTF_CSRF_ENABLED"] = False
    try:
        for rule in rules_of(app, "POST"):
            permission = permission_of(app, rule.endpoint)
            for role, browser in browsers.items():
                if permission is not None and permission not in MATRIX[role]:
                    answer = browser.post(address(app, rule, world.parts))
                    assert answer.status_code == 403, (role, rule.endpoint, answer.status_code)
    finally:
        app.config["WTF_CSRF_ENABLED"] = True


def test_a_post_without_the_token_against_forged_forms_is_refused(
    app: Flask, client: FlaskClient, owner: Owner, world: World
) -> None:
    before = fingerprint(owner)
    for role in Role:
        sign_in(client, owner, world.actors[role])
        for rule in rules_of(app, "POST"):
            permission = permission_of(app, rule.endpoint)
            if permission is None or permission in MATRIX[role]:
                answer = client.post(address(app, rule, world.parts))
                refused = BY_BEARER_TOKEN.get(rule.endpoint, 400)
                assert answer.status_code == refused, (role, rule.endpoint, answer.status_code)
    assert fingerprint(owner) == before


def test_strangers_are_asked_to_sign_in_and_learn_nothing(
    app: Flask, client: FlaskClient, world: World
) -> None:
    for rule in rules_of(app, "GET"):
        if permission_of(app, rule.endpoint) is not None:
            answer = client.get(address(app, rule, world.parts))
            assert answer.status_code == 302, rule.endpoint
            assert answer.headers["Location"].startswith("/sign-in"), rule.endpoint


def fingerprint(owner: Owner) -> dict[str, str]:
    """What each table holds, in short."""
    with owner() as session:
        names = session.scalars(
            text("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
        ).all()
        return {
            name: session.scalar(
                text(
                    f"SELECT count(*) || md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) FROM \"{name}\" t"
                )
            )
            or ""
            for name in names
            if name not in MAY_CHANGE
        }


@contextmanager
def counted_queries(connection: Connection) -> Iterator[list[str]]:
    """The statements that a block sends to the database."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    yield sent
    event.remove(connection, "before_cursor_execute", note)


def test_no_page_runs_more_queries_when_there_are_more_rows(
    app: Flask, owner: Owner, connection: Connection, world: World
) -> None:
    roles = (Role.SENIOR, Role.PROVIDER, Role.MANAGER, Role.ADMIN, Role.AUDITOR)
    browsers = browsers_of(app, owner, world, roles)
    # That a session is alive is noted once a minute: by the speed of the machine that would fall into one of the walks.
    with owner() as session:
        session.execute(text("UPDATE web_session SET last_seen_at = now() + interval '1 hour'"))
    # A senior opens every page of a caseworker.
    assert MATRIX[Role.CASEWORKER] <= MATRIX[Role.SENIOR]
    # The first walk also reads what a process keeps, such as the search key: fewer statements than a query for each of
    # the referrals that are added.
    few = {role: _queries(app, browser, connection, world, role) for role, browser in browsers.items()}
    for _ in range(6):
        offered(world.actors[Role.CASEWORKER], first_service(owner, world))
    many = {role: _queries(app, browser, connection, world, role) for role, browser in browsers.items()}
    grown = {
        (role, endpoint): (number, many[role][endpoint])
        for role, counts in few.items()
        for endpoint, number in counts.items()
        if many[role][endpoint] > number
    }
    assert grown == {}


def _queries(
    app: Flask, client: FlaskClient, connection: Connection, world: World, role: Role
) -> dict[str, int]:
    counts = {}
    for rule in rules_of(app, "GET"):
        permission = permission_of(app, rule.endpoint)
        if permission is None or permission not in MATRIX[role]:
            continue
        where = address(app, rule, world.parts)
        with counted_queries(connection) as sent:
            client.get(where)
        counts[rule.endpoint] = len(sent)
    return counts
