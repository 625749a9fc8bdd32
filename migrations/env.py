"""Runs migrations on the connection it is given, or on the owner's database of the settings."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

import victim_gateway.models  # noqa: F401  the tables register themselves
from config import load_settings
from victim_gateway.extensions import Base

# Waiting behind a long read would block everybody who comes after: give up soon and be run again.
LOCK_TIMEOUT = "2s"
STATEMENT_TIMEOUT = "10min"


def run(connection: Connection) -> None:
    """Run the migrations inside one transaction with short lock waits."""
    context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
    with context.begin_transaction():
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'"))
        context.run_migrations()


def write() -> None:
    """Write what the migrations would do as SQL, for the lint to read."""
    context.configure(dialect_name="postgresql", literal_binds=True)
    with context.begin_transaction():
        context.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        context.execute(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'")
        context.run_migrations()


given: Connection | None = context.config.attributes.get("connection")
if context.is_offline_mode():
    write()
elif given is not None:
    run(given)
else:
    engine = create_engine(load_settings().database_owner_url or "", poolclass=NullPool, hide_parameters=True)
    with engine.connect() as own:
        run(own)
