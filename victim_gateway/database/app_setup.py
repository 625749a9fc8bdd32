"""Binds settings, database, sign-in and queue to an app."""

from __future__ import annotations

import os
from typing import Any

from flask import Flask
from sqlalchemy import event

from config import AreaProfile, Settings, SettingsError, load_settings
from config.celery import celery_settings
from victim_gateway.crypto import Keyring
from victim_gateway.database.area_record import refuse_other_area
from victim_gateway.database.connection_options import (
    PREPARED_STATEMENTS,
    TRANSACTION_POOLING,
    connect_arguments,
)
from victim_gateway.database.replica import REPLICA_BIND
from victim_gateway.extensions import celery, csrf, db

APP_ROLE = "gateway_app"


def bind_settings(app: Flask, settings: Settings | None) -> None:
    """Read the settings once and keep them on the app, for all other code."""
    loaded = settings or load_settings()
    app.extensions["settings"] = loaded
    app.extensions["keyring"] = Keyring(loaded.data_keys)
    app.config.update(
        SECRET_KEY=loaded.secret_key,
        SQLALCHEMY_DATABASE_URI=loaded.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=_engine_options(loaded),
        SQLALCHEMY_BINDS=_replica_bind(loaded),
        TRUSTED_HOSTS=loaded.trusted_hosts,
        MAX_CONTENT_LENGTH=1024 * 1024,
        MAX_FORM_MEMORY_SIZE=512 * 1024,
        MAX_FORM_PARTS=500,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=loaded.is_production,
        SESSION_COOKIE_NAME="__Host-form" if loaded.is_production else "form",
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=loaded.is_production,
    )


def _engine_options(settings: Settings) -> dict[str, Any]:
    return {
        "pool_pre_ping": True,
        "pool_size": 5,
        "max_overflow": 5,
        "hide_parameters": True,
        "connect_args": connect_arguments(settings.database_pooling),
    }


def _replica_bind(settings: Settings) -> dict[str, Any]:
    if settings.database_replica_url is None:
        return {}
    return {REPLICA_BIND: {"url": settings.database_replica_url, **_engine_options(settings)}}


def _add_migration_commands(app: Flask) -> None:
    """Give Flask's own command line `flask db`; every other program spares itself Alembic's 10 MB."""
    if os.environ.get("FLASK_RUN_FROM_CLI") == "true":
        from flask_migrate import Migrate

        Migrate(app, db, render_as_batch=False)


def bind_extensions(app: Flask) -> None:
    """Bind database, forms and queue to the app; connections drop every right but the program's role."""
    import victim_gateway.models  # noqa: F401  the tables register themselves

    db.init_app(app)
    _add_migration_commands(app)
    csrf.init_app(app)
    settings: Settings = app.extensions["settings"]
    celery.config_from_object(celery_settings(settings))

    def prepare(connection: Any, _record: Any) -> None:
        connection.prepared_max = PREPARED_STATEMENTS
        try:
            _give_up_rights(connection, settings.database_pooling)
            _refuse_other_area(connection, settings.area)
        except BaseException:
            # the pool has not taken it yet, so nobody else would close it
            connection.close()
            raise

    with app.app_context():
        for engine in db.engines.values():
            event.listen(engine, "connect", prepare)


def _give_up_rights(connection: Any, pooling: str) -> None:
    """Change an owner's or superuser's connection to the program's role, which owns nothing.

    Raises SettingsError where a pooler shares the connection: its next client would have the owner's rights back.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        account = cursor.fetchone()[0]
        if account != APP_ROLE and pooling == TRANSACTION_POOLING:
            raise SettingsError(
                "DATABASE_URL", f"must sign in as {APP_ROLE} where DATABASE_POOLING is {pooling}"
            )
        if account != APP_ROLE:
            cursor.execute(f"SET ROLE {APP_ROLE}")
    connection.commit()


def _refuse_other_area(connection: Any, area: AreaProfile) -> None:
    """Check the area on every connection, because the database may have been away at the start."""
    try:
        with connection.cursor() as cursor:
            refuse_other_area(cursor, area)
    finally:
        connection.rollback()
