"""Limits and planner settings that one transaction sets for itself; the connection's own hold for all others."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

_SET_LOCAL = text("SELECT set_config(:name, :value, true)")


def set_timeouts(session: Session, *, statement: str, lock: str | None = None) -> None:
    """For this transaction: how long a statement may run and, where given, wait for a lock ("10min", "15s")."""
    set_local(session, "statement_timeout", statement)
    if lock is not None:
        set_local(session, "lock_timeout", lock)


def set_local(session: Session, name: str, value: str) -> None:
    """Change one setting of PostgreSQL until the transaction ends."""
    session.execute(_SET_LOCAL, {"name": name, "value": value})
