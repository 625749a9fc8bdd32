"""Reading figures from a replica of the database, so that a report takes nothing from those who save."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import structlog
from flask import current_app
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from victim_gateway.database.roles import take_actor_role
from victim_gateway.database.session_limits import set_local, set_timeouts
from victim_gateway.database.state import actor_of
from victim_gateway.extensions import db

REPLICA_BIND = "replica"
# Longer than the longest report takes.
IDLE_WHILE_READING = "30min"

log = structlog.get_logger()


@contextmanager
def figures_session(
    session: Session, *, statement_timeout: str | None = None, known_until: datetime | None = None
) -> Iterator[Session]:
    """The session to read figures with: one on the replica where DATABASE_REPLICA_URL names one, else the same.

    It has the same actor, so the same row-level security holds. Audit entries belong to `session`, which commits
    them before the answer leaves. Where the replica is away, or has not yet reached `known_until`, the same session
    is given: figures that name a moment must hold all that was known then.
    """
    if statement_timeout is not None:
        set_timeouts(session, statement=statement_timeout)
    reading = _open_replica(session, known_until)
    if reading is None:
        yield session
        return
    # The transaction of the audit entry waits meanwhile, for longer than a page would.
    set_local(session, "idle_in_transaction_session_timeout", IDLE_WHILE_READING)
    try:
        if statement_timeout is not None:
            set_timeouts(reading, statement=statement_timeout)
        yield reading
    finally:
        reading.close()


def replica_delay_s() -> float | None:
    """Seconds by which the replica is behind, 0 where it has everything. None: there is none, or it is away."""
    engine = db.engines.get(REPLICA_BIND)
    if engine is None:
        return None
    try:
        with engine.connect() as connection:
            return float(connection.scalar(_DELAY))
    except OperationalError:
        return None


def has_replica() -> bool:
    """Whether a replica is named."""
    return current_app.extensions["settings"].database_replica_url is not None


_REACHED = text(
    "SELECT NOT pg_is_in_recovery() OR coalesce(pg_last_xact_replay_timestamp() > :moment, false)"
)
# A replica that has replayed all it received is not behind, however long ago the last change was.
_DELAY = text(
    "SELECT CASE WHEN NOT pg_is_in_recovery() OR pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0"
    " ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END"
)


def _open_replica(session: Session, known_until: datetime | None) -> Session | None:
    if not has_replica():
        return None
    reading = Session(db.engines[REPLICA_BIND], autoflush=False)
    try:
        take_actor_role(reading, actor_of(session))
        if known_until is None or _has_reached(reading, known_until):
            return reading
    except OperationalError:
        log.warning("replica.away")
    reading.close()
    return None


def _has_reached(reading: Session, moment: datetime) -> bool:
    """Whether the replica has replayed what was committed after the moment, and so all that was before it."""
    return bool(reading.scalar(_REACHED, {"moment": moment}))
