"""Time limits and display settings that hold in every transaction, whoever shares the server's connections."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from victim_gateway.database.plain_cursor import PlainCursor

# The statement timeout of pages. Imports and recomputes set their own, per transaction.
OPTIONS = {
    "statement_timeout": "60s",
    "lock_timeout": "15s",
    "idle_in_transaction_session_timeout": "120s",
    "timezone": "UTC",
    "jit": "off",
}
# A server that drops packets would otherwise keep a page waiting for minutes.
CONNECT_TIMEOUT_S = 10
TRANSACTION_POOLING = "transaction"
# Plans that a connection keeps. The driver keeps a hundred, but the pages of a working day send more than twice as many
# statements, so that each was analysed and planned again and again.
PREPARED_STATEMENTS = 250
_ALWAYS: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT_S, "cursor_factory": PlainCursor}

_SET_OPTIONS = text(
    "SELECT " + ", ".join(f"set_config('{name}', '{value}', true)" for name, value in OPTIONS.items())
)


def connect_arguments(pooling: str) -> dict[str, Any]:
    """Arguments of a new psycopg connection, by DATABASE_POOLING.

    A pooler that gives each transaction another server connection passes no options on and loses prepared
    statements: with it nothing is prepared, and `set_transaction_options` sets the options in each transaction.
    """
    if pooling == TRANSACTION_POOLING:
        return {**_ALWAYS, "prepare_threshold": None}
    options = " ".join(f"-c {name}={value}" for name, value in OPTIONS.items())
    return {**_ALWAYS, "options": options}


def set_transaction_options(session: Session) -> None:
    """Set the options until the transaction ends."""
    session.execute(_SET_OPTIONS)
