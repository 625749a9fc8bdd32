"""A service on a committed database that sends to people by the stand-in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from config import Settings
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import publish_to
from tests.plumbing.notify import StandIn, with_notify
from victim_gateway import create_app
from victim_gateway.actors import Actor
from victim_gateway.extensions import db
from victim_gateway.vocabulary import Role


@pytest.fixture
def texting_settings(committed_settings: Settings, stand_in: StandIn) -> Settings:
    return with_notify(committed_settings, stand_in)


@pytest.fixture
def texting_app(texting_settings: Settings) -> Iterator[Flask]:
    app = create_app(texting_settings)
    publish_to("memory://")
    with app.app_context():
        try:
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def worker(texting_app: Flask) -> Actor:
    return Actor.worker("tests")


@pytest.fixture
def texter(texting_app: Flask, committed_make_actor: MakeActor) -> Actor:
    """A caseworker who asks for messages."""
    return committed_make_actor(Role.CASEWORKER)


@pytest.fixture
def committed_senior(texting_app: Flask, committed_make_actor: MakeActor) -> Actor:
    return committed_make_actor(Role.SENIOR)
