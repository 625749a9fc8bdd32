"""A committed database with a mail server beside it, for tests with real worker processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from config import Settings
from tests.plumbing.apps import publish_to
from tests.plumbing.smtp import Sink
from victim_gateway import create_app
from victim_gateway.extensions import db


@pytest.fixture
def mailing_settings(committed_settings: Settings, smtp: Sink) -> Settings:
    """`committed_settings` with the mail server `smtp`."""
    return replace(committed_settings, smtp_url=smtp.url)


@pytest.fixture
def mailing_app(mailing_settings: Settings) -> Iterator[Flask]:
    """The app of these settings, in an app context."""
    app = create_app(mailing_settings)
    publish_to(str(mailing_settings.redis_url))
    with app.app_context():
        try:
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()
