"""One of several writers to the audit: `python -m bench.audit_writers audited|plain SECONDS`; prints its commits.

An audited commit writes one entry to the audit; a plain one writes the same columns to a table of its own, without
the chain and its lock. Everything else of the two is the same.
"""

from __future__ import annotations

import sys
import time
from uuid import uuid4

from sqlalchemy import text

from config import load_settings
from victim_gateway import create_app
from victim_gateway.actors import Actor
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import transaction

PLAIN = """
INSERT INTO bench_entry (at, action, subject_type, subject_id, entry, key_id, previous_hash, hash)
VALUES (clock_timestamp(), 'bench.written', 'referral', :id, :entry, 'dev', :hash, :hash)
"""
_ENTRY = (
    '{"sequence":1,"at":"2026-01-01T00:00:00.000000Z","actor":{"name":"bench"},"action":"bench.written"}' * 2
)


def main() -> None:
    """Write until the time is over."""
    is_audited, seconds = sys.argv[1] == "audited", float(sys.argv[2])
    actor, done = Actor.worker("bench"), 0
    with create_app(load_settings()).app_context():
        with transaction(actor) as session:
            session.execute(text("SELECT 1"))
        print("ready", flush=True)
        sys.stdin.readline()
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            with transaction(actor) as session:
                if is_audited:
                    record_audit(session, "bench.written", subject_type="referral", subject_id=uuid4())
                else:
                    session.execute(text(PLAIN), {"id": uuid4(), "entry": _ENTRY, "hash": b"0" * 32})
            done += 1
    print(done, flush=True)


if __name__ == "__main__":
    main()
