"""Binds settings, database, sign-in and queue to an app."""

from __future__ import annotations

from typing import Any

from flask import Flask
from sqlalchemy import event

from config import Settings, load_settings
from config.celery import celery_settings
from victim_gateway.crypto import Keyring
from victim_gateway.extensions import celery, csrf, db, migrate

APP_ROLE = "gateway_app"
# The statement timeout of pages. Imports and recomputes set their own, per transaction.
CONNECTION_OPTIONS = (
    "-c statement_timeout=60s -c lock_timeout=15s -c idle_in_transaction_session_timeout=120s"
    " -c timezone=UTC -c jit=off"
)


def bind_settings(app: Flask, settings: Settings | None) -> None:
    """Read the settings once and keep them on the app, for all other code."""
    loaded = settings or load_settings()
    app.extensions["settings"] = loaded
    app.extensions["keyring"] = Keyring(loaded.data_keys)
    app.config.update(
        SECRET_KEY=loaded.secret_key,
        SQLALCHEMY_DATABASE_URI=loaded.database_url,
        SQLALCHEMY_ENGINE_OPTIONS={
            "pool_pre_ping": True,
            "pool_size": 5,
            "max_overflow": 5,
            "hide_parameters": True,
            "connect_args": {"options": CONNECTION_OPTIONS},
        },
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


def bind_extensions(app: Flask) -> None:
    """Bind database, forms and queue to the app; connections drop every right but the program's role."""
    import victim_gateway.models  # noqa: F401  the tables register themselves

    db.init_app(app)
    migrate.init_app(app, db)
    csrf.init_app(app)
    celery.config_from_object(celery_settings(app.extensions["settings"]))
    with app.app_context():
        event.listen(db.engine, "connect", _give_up_rights)


def _give_up_rights(connection: Any, _record: Any) -> None:
    """Change an owner's or superuser's connection to the program's role, which owns nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        if cursor.fetchone()[0] != APP_ROLE:
            cursor.execute(f"SET ROLE {APP_ROLE}")
    connection.commit()
