"""Reading figures from a replica of the database, so that a report takes nothing from those who save."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from flask import current_app
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from victim_gateway.database.roles import take_actor_role
from victim_gateway.database.session_limits import set_timeouts
from victim_gateway.database.state import actor_of
from victim_gateway.extensions import db

REPLICA_BIND = "replica"

log = structlog.get_logger()


@contextmanager
def figures_session(session: Session, *, statement_timeout: str | None = None) -> Iterator[Session]:
    """The session to read figures with: one on the replica where DATABASE_REPLICA_URL names one, else the same.

    It has the same actor, so the same row-level security holds. Audit entries belong to `session`, which commits
    them before the answer leaves. A replica that is away is replaced by the database itself.
    """
    if statement_timeout is not None:
        set_timeouts(session, statement=statement_timeout)
    reading = _open_replica(session)
    if reading is None:
        yield session
        return
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


# A replica that has replayed all it received is not behind, however long ago the last change was.
_DELAY = text(
    "SELECT CASE WHEN NOT pg_is_in_recovery() OR pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0"
    " ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END"
)


def _open_replica(session: Session) -> Session | None:
    if not has_replica():
        return None
    reading = Session(db.engines[REPLICA_BIND], autoflush=False)
    try:
        take_actor_role(reading, actor_of(session))
    except OperationalError:
        reading.close()
        log.warning("replica.away")
        return None
    return reading
