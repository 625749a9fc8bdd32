"""Requests to the app inside this process, with what each cost: time, processor time, statements."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median, quantiles
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import Engine

from bench.server_cpu import ServerCpu, own_seconds
from config import Settings
from victim_gateway.actors import DATABASE_ROLES, Actor
from victim_gateway.demo import DEMO_PASSWORD
from victim_gateway.extensions import db
from victim_gateway.vocabulary import Role

SIGN_IN_AGAIN_S = 600.0
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@dataclass(frozen=True, slots=True)
class PageCost:
    """One request. `cpu_ms` is processor time of the app and of the database together."""

    status: int
    wall_ms: float
    cpu_ms: float
    server_ms: float
    statements: int
    transactions: int
    size: int


class StatementCount:
    """Counts the statements and transactions of one app's engine."""

    def __init__(self, engine: Engine) -> None:
        self.statements = self.transactions = 0
        event.listen(engine, "before_cursor_execute", self._statement)
        event.listen(engine, "begin", self._begin)

    def _statement(self, *_: Any) -> None:
        self.statements += 1

    def _begin(self, *_: Any) -> None:
        self.transactions += 1


class VolumeApp:
    """The app of one running volume, with the meters on it."""

    def __init__(self, settings: Settings, app: Flask) -> None:
        self.settings, self.app, self.server = settings, app, ServerCpu(settings)
        with app.app_context():
            self.count = StatementCount(db.engine)
        self._clients: dict[str, tuple[float, FlaskClient]] = {}
        self._owner = create_engine(str(settings.database_owner_url), isolation_level="AUTOCOMMIT")

    def browser(self, email: str) -> FlaskClient:
        """A browser in which the account is signed in; the same one until its session grows old."""
        signed_in_at, known = self._clients.get(email, (0.0, None))
        if known is None or time.monotonic() - signed_in_at > SIGN_IN_AGAIN_S:
            client = self.app.test_client()
            token = form_token(client, "/sign-in")
            form = {"email": email, "password": DEMO_PASSWORD, "csrf_token": token}
            if client.post("/sign-in", data=form).status_code != 302:
                raise RuntimeError(f"{email} can't sign in")
            self._clients[email] = (time.monotonic(), client)
            return client
        return known

    def actor(self, email: str) -> Actor:
        """The account as the services are given it."""
        user_id, name, organisation_id, role = self.row(
            "SELECT id, name, organisation_id, role FROM app_user WHERE email = :email", email=email
        )
        return Actor(DATABASE_ROLES[Role(role)], name, user_id, organisation_id, Role(role))

    def row(self, statement: str, **values: Any) -> Any:
        """The first row of a statement, read with the owner's rights."""
        with self._owner.connect() as connection:
            return connection.execute(text(statement), values).one()

    def column(self, statement: str, **values: Any) -> list[Any]:
        """The first column of every row."""
        with self._owner.connect() as connection:
            return list(connection.scalars(text(statement), values))

    def one(self, statement: str, **values: Any) -> Any:
        """The first column of the first row."""
        return self.row(statement, **values)[0]

    def request(self, email: str, path: str, form: Mapping[str, str] | None = None) -> PageCost:
        """Ask for a page, or send a form with its token, and say what it cost."""
        client = self.browser(email)
        data = {**form, "csrf_token": form_token(client, path)} if form is not None else None
        answers = []

        def ask() -> None:
            answers.append(client.post(path, data=data) if data is not None else client.get(path))
            answers[0].get_data()

        cost = self.cost_of(ask)
        return replace(cost, status=answers[0].status_code, size=len(answers[0].get_data()))

    def cost_of(self, call: Callable[[], None]) -> PageCost:
        """What a call costs that uses this app."""
        statements, transactions = self.count.statements, self.count.transactions
        # The reading of the server costs time too: it stays outside.
        server, own, began = self.server.seconds(), own_seconds(), time.perf_counter()
        call()
        wall = time.perf_counter() - began
        used, served = own_seconds() - own, self.server.seconds() - server
        return PageCost(
            200,
            wall * 1000,
            (used + served) * 1000,
            served * 1000,
            self.count.statements - statements,
            self.count.transactions - transactions,
            0,
        )


def form_token(client: FlaskClient, path: str) -> str:
    """The token against forged forms of the page at `path`."""
    return token_of(client.get(path).get_data(as_text=True))


def token_of(page: str) -> str:
    """The token that a page holds; empty where there is none."""
    found = _TOKEN.search(page)
    return found.group(1) if found else ""


@dataclass(frozen=True, slots=True)
class CostSummary:
    """Many requests of one page."""

    costs: Sequence[PageCost]

    @property
    def cpu_p50(self) -> float:
        return median(cost.cpu_ms for cost in self.costs)

    @property
    def cpu_p95(self) -> float:
        return _p95([cost.cpu_ms for cost in self.costs])

    @property
    def wall_p50(self) -> float:
        return median(cost.wall_ms for cost in self.costs)

    @property
    def wall_p95(self) -> float:
        return _p95([cost.wall_ms for cost in self.costs])

    @property
    def statements(self) -> int:
        return max(cost.statements for cost in self.costs)

    def figures(self) -> dict[str, Any]:
        """What is told beside the value."""
        return {
            "cpu_p50_ms": round(self.cpu_p50, 1),
            "cpu_p95_ms": round(self.cpu_p95, 1),
            "wall_p50_ms": round(self.wall_p50, 1),
            "wall_p95_ms": round(self.wall_p95, 1),
            "database_p50_ms": round(median(cost.server_ms for cost in self.costs), 1),
            "statements": self.statements,
            "transactions": max(cost.transactions for cost in self.costs),
            "kilobytes": round(max(cost.size for cost in self.costs) / 1000, 1),
        }


def _p95(values: list[float]) -> float:
    return quantiles(values, n=20, method="inclusive")[18] if len(values) > 1 else values[0]
