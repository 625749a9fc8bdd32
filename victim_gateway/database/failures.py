"""Explain a database failure in one line, without secrets.

By SQLSTATE where the server gave one. While a connection is being made the driver passes on no SQLSTATE, so
the text of the server or of the network decides. Addresses and passwords are never repeated, only the names
of accounts and databases. It imports no driver: `gateway` asks it before anything heavy is loaded.
"""

from __future__ import annotations

import re
from typing import Any

_QUOTED = r'["\u201c\u00ab](?P<name>[^"\u201d\u00bb]+)["\u201d\u00bb]'
# What a connection fails with, and what to say of it; `{name}` is the account or the database.
_CONNECTING: tuple[tuple[str, str], ...] = (
    (rf"password authentication failed for user {_QUOTED}", "wrong password for the account {name}"),
    (r"no password supplied", "the account needs a password, and its URL has none"),
    (rf"database {_QUOTED} does not exist", "there is no database {name} on this server"),
    (rf"role {_QUOTED} does not exist", "there is no account {name} on this server"),
    (rf"role {_QUOTED} is not permitted to log in", "the account {name} may not sign in"),
    (rf"permission denied for database {_QUOTED}", "the account may not connect to the database {name}"),
    (r"no pg_hba.conf entry", "the server's pg_hba.conf lets this account not in from this machine"),
    (r"too many (clients|connections)|remaining connection slots", "the server has no connection left"),
    (r"starting up|shutting down|in recovery mode", "the server is starting or stopping: try again"),
    (r"resolve host|translate host name|Name or service not known", "the name of the server is not known"),
    (r"Connection refused", "not reachable: nothing answers at that address"),
    (r"timeout|timed out", "not reachable: no answer in time"),
    (r"No route to host|unreachable|No such file", "not reachable: there is no way to that address"),
    (r"\bSSL\b|\bTLS\b|certificate", "the server and the URL do not agree about TLS (sslmode)"),
    (r"server closed the connection|connection (was )?closed|is closed", "the server ended the connection"),
)
_STATES = {
    "25006": "it is read-only: a standby, or locked for maintenance",
    "53300": "the server has no connection left",
    "57P01": "the server was stopped",
    "57P02": "the server was stopped",
    "57P03": "the server is starting or stopping: try again",
    "53100": "its disk is full",
}
_NO_RIGHT = "42501"
_RIGHTS: tuple[tuple[str, str], ...] = (
    (r"permission denied to create role", "the account that migrates (DATABASE_OWNER_URL) needs CREATEROLE"),
    (
        rf"permission denied to grant role {_QUOTED}",
        "the account that migrates (DATABASE_OWNER_URL) may not grant the role {name}, which another account"
        " made: GRANT {name} TO it WITH ADMIN OPTION",
    ),
    (
        rf"permission denied to set role {_QUOTED}",
        "the account may not become {name}: sign in as gateway_app, or GRANT gateway_app TO it",
    ),
)
# Refused by our own guards: a defect of the program, not of the account.
_OWN_GUARDS = re.compile(r"row-level security|append-only")
_UNAVAILABLE = {"OperationalError", "InterfaceError"}
_LAYERS = {"sqlalchemy", "psycopg"}


def explain_database_failure(error: BaseException) -> str | None:
    """The reason as the rest of a sentence; None for a defect, which shows its traceback."""
    if not _is_of_the_database(error):
        return None
    cause: Any = getattr(error, "orig", None) or error
    state = getattr(cause, "sqlstate", None)
    said = _primary_message(cause)
    if state == _NO_RIGHT:
        return _explain_missing_right(said)
    if state == "22023" and "gateway_" in said:
        return f"{said}: run gateway db upgrade first"
    if state in _STATES:
        return _STATES[state]
    if not any(kind.__name__ in _UNAVAILABLE for kind in type(cause).__mro__):
        return None
    if state is not None and not state.startswith(("08", "28", "3D")):
        return said
    return _first_match(_CONNECTING, str(cause)) or "the connection failed"


def _explain_missing_right(said: str) -> str | None:
    if _OWN_GUARDS.search(said):
        return None
    return _first_match(_RIGHTS, said) or (
        f"the account lacks a right ({said}): gateway db upgrade signs in with DATABASE_OWNER_URL, the account"
        " that owns the tables; everything else with DATABASE_URL, best as gateway_app"
    )


def _first_match(patterns: tuple[tuple[str, str], ...], text: str) -> str | None:
    for pattern, explanation in patterns:
        found = re.search(pattern, text, re.IGNORECASE)
        if found:
            return explanation.format(name=found.groupdict().get("name", ""))
    return None


def _primary_message(cause: Any) -> str:
    """The server's message without DETAIL, which repeats rows."""
    primary = getattr(getattr(cause, "diag", None), "message_primary", None)
    return str(primary or str(cause).strip().partition("\n")[0] or type(cause).__name__)


def _is_of_the_database(error: BaseException) -> bool:
    return any(kind.__module__.partition(".")[0] in _LAYERS for kind in type(error).__mro__)
