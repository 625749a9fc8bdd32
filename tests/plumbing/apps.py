"""The app on a database of its own: rolled back after each test, or committed for real."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import pytest
from flask import Flask, current_app, has_app_context
from flask.testing import FlaskClient
from flask_sqlalchemy.session import _app_ctx_id
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from sqlalchemy.pool import NullPool
from werkzeug.test import TestResponse

from config import Settings
from victim_gateway import create_app
from victim_gateway.extensions import celery, db

Made = TypeVar("Made")
Owner = Callable[[], AbstractContextManager[Session]]
_OWNER_ROLE = "vg"
_APP_ROLE = "gateway_app"
_JOINING: dict[str, Any] = {"join_transaction_mode": "create_savepoint", "expire_on_commit": False}


def publish_to(broker_url: str) -> None:
    """From now on this process gives its tasks to this broker.

    One process stands here for many, and Celery keeps the connections of the first broker it spoke to.
    """
    celery.conf.broker_url = broker_url
    if has_app_context():
        # A broker that an earlier test found away is not this one.
        current_app.extensions.pop("broker_away_until", None)
    celery._pool = None
    celery.amqp._producer_pool = None


class _CompiledTemplates(BytecodeCache):
    """What Jinja compiled, for the other apps of this process: compiling the pages takes a second for each app."""

    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._compiled:
            bucket.bytecode_from_string(self._compiled[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._compiled[bucket.key] = bucket.bytecode_to_string()


COMPILED_TEMPLATES = _CompiledTemplates()


class _Client(FlaskClient):
    """Each request has an app context of its own, as it has in production: nothing in `g` outlives it."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        with self.application.app_context():
            return super().open(*args, **kwargs)


def _create_test_app(settings: Settings) -> Flask:
    app = create_app(settings)
    app.testing = True
    app.test_client_class = _Client
    app.jinja_env.bytecode_cache = COMPILED_TEMPLATES
    return app


@pytest.fixture(scope="session")
def _session_app(settings: Settings) -> Iterator[Flask]:
    # signed in as the owner, so that `owner` can take its role back on the same connection
    app = _create_test_app(replace(settings, database_url=settings.database_owner_url))
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def connection(_session_app: Flask) -> Iterator[Connection]:
    """The one connection of a rolled-back test; nothing that happens on it outlives the test."""
    with _session_app.app_context():
        engine = db.engine
    with engine.connect() as opened:
        outer = opened.begin()
        yield opened
        outer.rollback()


@contextmanager
def joined_app(app: Flask, connection: Connection) -> Iterator[Flask]:
    """The app in an app context, all of whose sessions work on `connection` and commit to a savepoint of it."""
    publish_to("memory://")
    with app.app_context():
        usual = db.session
        # a plain session: Flask-SQLAlchemy's own ignores a bind
        db.session = scoped_session(sessionmaker(connection, **_JOINING), scopefunc=_app_ctx_id)
        try:
            yield app
        finally:
            db.session.remove()
            db.session = usual


@pytest.fixture
def app(_session_app: Flask, connection: Connection) -> Iterator[Flask]:
    """The app in an app context; what it commits is seen by this test and taken back after it.

    Quick. Not for tests of locks, crashes or other processes: see `committed_app`.
    """
    with joined_app(_session_app, connection) as joined:
        yield joined


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without a screen, signed out."""
    return app.test_client()


def owner_on(connection: Connection) -> Owner:
    """`with owner() as session:` on this connection, which works as the program between the blocks."""

    @contextmanager
    def as_owner() -> Iterator[Session]:
        with Session(connection, **_JOINING) as session:
            session.execute(text("SELECT set_config('role', :role, true)"), {"role": _OWNER_ROLE})
            yield session
            session.flush()
            session.execute(text("SELECT set_config('role', :role, true)"), {"role": _APP_ROLE})
            session.commit()

    return as_owner


@pytest.fixture
def owner(app: Flask, connection: Connection) -> Owner:
    """`with owner() as session:` arranges and checks past row-level security; kept if the block ends well."""
    return owner_on(connection)


@dataclass(frozen=True)
class Arranged(Generic[Made]):
    """What was arranged once for the tests of a module, on a connection that keeps it until the last of them."""

    connection: Connection
    made: Made


@contextmanager
def arranged_once(app: Flask, arrange: Callable[[Owner], Made]) -> Iterator[Arranged[Made]]:
    """Arrange for several tests; each works on a savepoint (`savepoint_of`) and leaves nothing to the next one.

    For tests that ask for no time of the database's: `now()` is when the first of them began.
    """
    with app.app_context():
        engine = db.engine
    with engine.connect() as opened:
        outer = opened.begin()
        with joined_app(app, opened):
            made = arrange(owner_on(opened))
        yield Arranged(opened, made)
        outer.rollback()


@contextmanager
def savepoint_of(arranged: Arranged[Any]) -> Iterator[Connection]:
    """The connection of one test on what was arranged; nothing that happens on it outlives the test."""
    savepoint = arranged.connection.begin_nested()
    yield arranged.connection
    savepoint.rollback()


@pytest.fixture
def committed_app(committed_settings: Settings) -> Iterator[Flask]:
    """The app in an app context, signed in to a database of its own as in production; commits are real."""
    app = _create_test_app(committed_settings)
    publish_to(str(committed_settings.redis_url))
    with app.app_context():
        try:
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def committed_client(committed_app: Flask) -> FlaskClient:
    """A browser without a screen on `committed_app`, signed out."""
    return committed_app.test_client()


@pytest.fixture
def committed_owner(committed_settings: Settings) -> Iterator[Owner]:
    """Like `owner`, on the database of `committed_settings`, on connections of its own."""
    engine = create_engine(str(committed_settings.database_owner_url), poolclass=NullPool)

    @contextmanager
    def as_owner() -> Iterator[Session]:
        with Session(engine, expire_on_commit=False) as session:
            yield session
            session.commit()

    yield as_owner
    engine.dispose()
