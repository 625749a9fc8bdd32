"""Upgrade a database: the schema, the login role, the law's tables and the search key."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from config import Settings
from victim_gateway.crypto import Keyring, new_data_key
from victim_gateway.database.advisory_locks import AdvisoryLock, lock_connection, unlock_connection
from victim_gateway.database.area_record import record_area, require_area
from victim_gateway.database.reference_data import load_reference_data
from victim_gateway.database.schema_revision import MIGRATIONS

CONNECT_TIMEOUT_S = 10


def upgrade_database(settings: Settings, *, set_area: bool = False) -> None:
    """Migrate to the newest revision and load the data files. Safe to run at any time and twice at once.

    Raises WrongArea, before anything is changed, for a database that holds another area's data; `set_area`
    makes the settings' area that of a database which no referral contradicts.
    """
    engine = _engine(settings)
    try:
        with engine.connect() as connection:
            # Two migrations at once wait for each other here instead of colliding.
            lock_connection(connection, AdvisoryLock.MIGRATION)
            try:
                require_area(connection, settings.area, set_area=set_area)
                connection.rollback()
                config = _config()
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                connection.commit()
                load_reference_data(connection, settings.area)
                record_area(connection, settings.area)
                _ensure_search_key(connection, Keyring(settings.data_keys))
                connection.commit()
            finally:
                connection.rollback()
                unlock_connection(connection, AdvisoryLock.MIGRATION)
    finally:
        engine.dispose()


def is_schema_current(settings: Settings) -> bool:
    """Whether the database has the newest revision."""
    engine = _engine(settings)
    try:
        with engine.connect() as connection:
            applied = MigrationContext.configure(connection).get_current_heads()
        return set(applied) == set(ScriptDirectory.from_config(_config()).get_heads())
    finally:
        engine.dispose()


def _engine(settings: Settings) -> Engine:
    return create_engine(
        settings.database_owner_url or "",
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
    )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def _ensure_search_key(connection: Connection, keyring: Keyring) -> None:
    """The key of the search index, made once; without it no person can be found by name or number."""
    if connection.execute(text("SELECT 1 FROM wrapped_key WHERE purpose = 'index'")).first():
        return
    key_id = connection.execute(text("SELECT gen_random_uuid()")).scalar_one()
    keyring_id, wrapped = keyring.wrap_key(new_data_key(), f"wrapped_key:{key_id}")
    connection.execute(
        text(
            "INSERT INTO wrapped_key (id, purpose, keyring_id, wrapped, created_at)"
            " VALUES (:id, 'index', :keyring_id, :wrapped, now())"
        ),
        {"id": key_id, "keyring_id": keyring_id, "wrapped": wrapped},
    )
