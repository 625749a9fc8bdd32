"""Advisory locks: one number for each thing that only one process at a time may do."""

from __future__ import annotations

from enum import IntEnum

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session


class AdvisoryLock(IntEnum):
    """The keys of the service's locks. Never renumbered: releases that run side by side must agree."""

    # Lane 0 of the audit; lane n is the pair (7301001, n). Both are taken by claim_audit_lane() of the database.
    AUDIT_CHAIN = 7_301_001
    MIGRATION = 7_301_002
    BEAT_LEADER = 7_301_003
    IMPORT = 7_301_004
    REMINDER_PASS = 7_301_005
    KEPT_LISTS = 7_301_006
    POPULATION_PASS = 7_301_007
    REMINDER_RULES = 7_301_045


def lock_until_commit(session: Session, key: AdvisoryLock | int) -> None:
    """Wait for the lock and keep it until the transaction ends. A plain number locks one thing of many."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": int(key)})


def lock_connection(connection: Connection, key: AdvisoryLock) -> None:
    """Wait for the lock and keep it, over several transactions, until `unlock_connection`."""
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": int(key)})
    connection.commit()


def unlock_connection(connection: Connection, key: AdvisoryLock) -> None:
    """Let go of a lock that `lock_connection` took."""
    connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": int(key)})
    connection.commit()
