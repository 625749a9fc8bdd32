"""What a command runs in: settings, servers, an up-to-date schema, the app."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from config import Settings, load_settings
from config.logging import configure_logging
from victim_gateway import create_app_without_pages, devservers
from victim_gateway.cli import Failed
from victim_gateway.database import upgrade
from victim_gateway.database.area_record import check_area


@contextmanager
def gateway_settings() -> Iterator[Settings]:
    """The settings; where no servers are named, embedded ones run while the block lasts."""
    settings = load_settings()
    configure_logging(settings)
    with devservers.embedded_servers(settings) as filled:
        yield filled


@contextmanager
def gateway_app() -> Iterator[Flask]:
    """An app context on a database whose schema is current.

    An embedded database is brought up to date by itself. Any other is changed only by
    `gateway db upgrade`: until then this raises Failed. Raises WrongArea for another area's database.
    """
    is_embedded = load_settings().database_url is None
    with gateway_settings() as settings:
        check_area(settings)
        if not upgrade.is_schema_current(settings):
            if not is_embedded:
                raise Failed("the database schema is not current: run gateway db upgrade")
            upgrade.upgrade_database(settings)
        app = create_app_without_pages(settings)
        with app.app_context():
            yield app
