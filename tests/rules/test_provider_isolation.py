"""A provider sees nothing but its own: every route it may use, on every record, list, filter, count, export and file.

`tests/data/provider_isolation.csv` has a row for each route that an account of a provider may use, or that anybody may:
`record` (its address names a record: another's must answer as an absent one does), `list` (it must answer the same
before and after there is something that is not the reader's), `own` (of the account itself, held as a list),
`sign_in`, `by_secret` and `machine` (they show no referral). `queries` and `forms` are separated by `|`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, text, update
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.plumbing import ROOT
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.sign_in import sign_in
from tests.rules.isolation_world import IsolationWorld, Reader, Target
from tests.rules.test_routes import counted_queries, fingerprint
from victim_gateway.access.permissions import MATRIX
from victim_gateway.models import WebSession
from victim_gateway.vocabulary import PROVIDER_ROLES, Role
from victim_gateway.web.permissions import permission_of

TABLE = ROOT / "tests" / "data" / "provider_isolation.csv"
METHODS = ("GET", "POST")
SECTIONS = {"name": ("answer", "contact", "support"), "shown": ("mine", "team")}
# What differs from answer to answer and says nothing of a record.
_PASSING = re.compile(
    r'(name="(?:csrf_token|submission_id)" value="|nonce="|nonce-)[^"\']*|[0-9]{4}-[0-9]{2}-[0-9]{2}\.csv'
)
LEAST_CASES = 600
NAMES_OF_PERSON = ("Wilma", "Ashdown")


@dataclass(frozen=True)
class RouteRow:
    endpoint: str
    kind: str
    queries: tuple[str, ...]
    forms: tuple[str, ...]


@dataclass(frozen=True)
class Answered:
    """An answer as a reader can tell it from another: status, where it leads, its body, and the work behind it."""

    status: int
    leads_to: str | None
    body: str
    statements: int


def read_table(path: Path = TABLE) -> dict[str, RouteRow]:
    with path.open(newline="") as file:
        rows = [
            RouteRow(
                row["endpoint"],
                row["kind"],
                ("", *filter(None, row["queries"].split("|"))),
                tuple(row["form"].split("|")),
            )
            for row in csv.DictReader(file)
        ]
    assert len({row.endpoint for row in rows}) == len(rows)
    return {row.endpoint: row for row in rows}


def rules_of(app: Flask, role: Role | None = None) -> Iterator[tuple[Rule, str]]:
    """Each rule with each of its methods; of a role those that it may use, public ones among them."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.endpoint, rule.rule)):
        permission = None if rule.endpoint == "static" else permission_of(app, rule.endpoint)
        if rule.endpoint == "static" or (role and permission and permission not in MATRIX[role]):
            continue
        for method in METHODS:
            if method in (rule.methods or ()):
                yield rule, method


def test_every_route_that_a_provider_may_use_says_how_it_is_isolated(app: Flask) -> None:
    usable = {rule.endpoint for role in PROVIDER_ROLES for rule, _ in rules_of(app, role)}
    table = read_table()
    assert usable == table.keys()
    by_record = {rule.endpoint for rule, _ in rules_of(app) if record_parts(rule)}
    assert {endpoint for endpoint, row in table.items() if row.kind == "record"} == by_record & usable


def record_parts(rule: Rule) -> set[str]:
    """The parts of an address that name a record; the others are parts of the service, such as a tab."""
    return {name for name in rule.arguments if name.endswith("_id")}


class Walk:
    """Asks as one reader after another, and counts what it asked."""

    def __init__(self, app: Flask, owner: Owner, connection: Connection, table: dict[str, RouteRow]) -> None:
        self.app, self.owner, self.connection, self.table = app, owner, connection, table
        self.browsers: dict[str, FlaskClient] = {}
        self.cases = 0

    def enter(self, reader: Reader) -> None:
        browser = self.browsers[reader.name] = self.app.test_client()
        sign_in(browser, self.owner, reader.actor)
        with self.owner() as session:
            # When a session was seen is noted once a minute: that would fall into one answer and not into another.
            later = {"last_seen_at": text("now() + interval '1 hour'")}
            session.execute(update(WebSession).values(**later))
            if reader.works_for is not None:
                own = WebSession.user_id == reader.actor.user_id
                session.execute(update(WebSession).where(own).values(organisation_id=reader.works_for))

    def ask(
        self, reader: Reader, method: str, address: str, form: str = "", typed: tuple[object, ...] = ()
    ) -> Answered:
        """One answer without what passes; `typed` is what the reader itself named, and learns nothing from."""
        browser = self.browsers[reader.name]
        with counted_queries(self.connection) as sent:
            data = dict(parse_qsl(form)) if method == "POST" else None
            answer: TestResponse = browser.open(address, method=method, data=data)
        with browser.session_transaction() as kept:
            kept.pop("_flashes", None)
        return Answered(
            answer.status_code,
            _plain(answer.headers.get("Location", ""), typed),
            _plain(answer.text, typed),
            len(sent),
        )

    def lists(self, reader: Reader, target: Target) -> dict[tuple[str, ...], Answered]:
        """Every list with each of its filters; what is typed into them names the target where there is one."""
        role, answers = reader.actor.role, {}
        typed = (target.reference, target.parts["service_id"])
        for rule, method in rules_of(self.app, role):
            row = self.table[rule.endpoint]
            if row.kind not in ("list", "own") or record_parts(rule):
                continue
            for address in self._addresses(rule):
                for query in row.queries if method == "GET" else ("",):
                    for form in row.forms if method == "POST" else ("",):
                        asked = [
                            each.format(reference=typed[0], service_id=typed[1], organisation_id=UUID(int=1))
                            for each in (query, form)
                        ]
                        answers[rule.endpoint, method, address, query, form] = self.ask(
                            reader, method, f"{address}?{asked[0]}", asked[1], typed
                        )
        return answers

    def differing_records(self, reader: Reader, target: Target) -> list[object]:
        """The routes on which a record of the target answers otherwise than one that is not there."""
        found: list[object] = []
        for rule, method in rules_of(self.app, reader.actor.role):
            row, parts = self.table[rule.endpoint], record_parts(rule)
            if row.kind != "record" or parts & _own_parts(reader):
                continue
            for form in row.forms if method == "POST" else ("",):
                absent = {name: uuid4() for name in parts}
                here = self._compare(reader, method, rule, {name: target.parts[name] for name in parts}, form)
                there = self._compare(reader, method, rule, absent, form)
                if here.statements != there.statements:
                    # What a process reads once and keeps was read by the first of the two.
                    here = self._compare(
                        reader, method, rule, {name: target.parts[name] for name in parts}, form
                    )
                self.cases += 1
                if here != there or here.status not in (404, 302):
                    found.append(
                        (reader.name, method, rule.endpoint, here.status, there.status, here.statements)
                    )
        return found

    def opened_records(self, reader: Reader, target: Target) -> list[object]:
        """The routes that show anything of a record to which the reader's access has ended.

        That it is no longer theirs is said where they open it: they knew of it. Nothing else is.
        """
        found: list[object] = []
        for rule, method in rules_of(self.app, reader.actor.role):
            row, parts = self.table[rule.endpoint], record_parts(rule)
            if row.kind != "record" or parts & {*_own_parts(reader), "own_service_id"}:
                continue
            for form in row.forms if method == "POST" else ("",):
                own = {name: target.parts[name] for name in parts}
                answer = self._compare(reader, method, rule, own, form)
                self.cases += 1
                if answer.status not in (404, 302) or any(name in answer.body for name in NAMES_OF_PERSON):
                    found.append((reader.name, method, rule.endpoint, answer.status))
        return found

    def _compare(
        self, reader: Reader, method: str, rule: Rule, parts: dict[str, object], form: str
    ) -> Answered:
        return self.ask(reader, method, self._address(rule, parts), form, tuple(parts.values()))

    def _addresses(self, rule: Rule) -> list[str]:
        if not rule.arguments:
            return [self._address(rule, {})]
        (part,) = rule.arguments
        return [self._address(rule, {part: value}) for value in SECTIONS[part]]

    def _address(self, rule: Rule, parts: dict[str, object]) -> str:
        return self.app.url_map.bind("localhost").build(rule.endpoint, parts)


def _own_parts(reader: Reader) -> set[str]:
    """The parts of an address by which a reader may know what is of its organisation."""
    own = {"user_id"} if reader.is_colleague else set()
    return own | ({"membership_id", "own_service_id"} if reader.keeps_organisation else set())


def _plain(body: str, typed: tuple[object, ...]) -> str:
    for value in typed:
        body = body.replace(str(value), "TYPED").replace(str(value).replace("-", ""), "TYPED")
    return _PASSING.sub(r"\1", body)


@pytest.fixture
def no_tokens(app: Flask) -> Iterator[None]:
    """Forms are sent as they would be by a browser that has the token: what comes after it is what is tested."""
    app.config["WTF_CSRF_ENABLED"] = False
    yield
    app.config["WTF_CSRF_ENABLED"] = True


def test_not_yours_and_not_there_are_one_and_lists_do_not_change(
    app: Flask,
    owner: Owner,
    connection: Connection,
    make_actor: MakeActor,
    no_tokens: None,
    record_property: pytest.FixtureRequest,
) -> None:
    world, walk = IsolationWorld(owner, make_actor), Walk(app, owner, connection, read_table())
    for reader in (*world.readers, world.left):
        walk.enter(reader)
    nothing = Target({"service_id": uuid4()}, "SG-00-000000/1")
    watching = [reader for reader in world.readers if reader.sees_lists]
    for reader in watching:
        walk.lists(reader, nothing)
    before = {reader.name: walk.lists(reader, nothing) for reader in watching}

    live, ended = world.hide()

    for reader in watching:
        after = walk.lists(reader, live)
        walk.cases += len(after)
        for key, answer in before[reader.name].items():
            assert after[key] == answer, (reader.name, key)
    kept = fingerprint(owner)
    differing = [found for reader in world.readers for found in walk.differing_records(reader, live)]
    assert not differing, "\n".join(map(str, differing))
    opened = walk.opened_records(world.left, ended)
    assert not opened, "\n".join(map(str, opened))
    assert fingerprint(owner) == kept
    # A provider's role opens no page of the Gateway, whatever is asked for.
    refused = {(rule.endpoint, method) for rule, method in rules_of(app) if rule.endpoint not in walk.table}
    walk.cases += len(refused) * len(PROVIDER_ROLES)
    print(f"{walk.cases} isolation cases")
    assert walk.cases >= LEAST_CASES
