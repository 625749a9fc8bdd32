"""The audit under load: commits a second of eight writers, and how long the verification takes for an entry.

The anchor of the writers is the same program on the same database with a function that takes no lock, where each
writer has a chain to itself: nothing that a lock could cost is in it. The kinds of chaining alternate, in one run.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from bench.measurement import compared_line
from config import Settings, load_settings
from config.celery import SOFT_TIME_LIMIT_S
from victim_gateway import create_app, devservers, times
from victim_gateway.actors import Actor
from victim_gateway.audit_chain import AuditRecord, audit_entry_text, chain_digest, chain_key, lane_start
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_keyring
from victim_gateway.database.transaction import transaction
from victim_gateway.database.upgrade import upgrade_database
from victim_gateway.extensions import db
from victim_gateway.services.privacy.audit_verification import Verifier, verify_whole_audit

WRITERS = 8
ROUNDS = 3
LARGE = 10_000_000
_HEAD = """CREATE OR REPLACE FUNCTION claim_audit_lane() RETURNS TABLE (sequence bigint, hash bytea, now timestamptz)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    DECLARE lane bigint := {lane}; BEGIN {lock}
    RETURN QUERY SELECT coalesce(last.sequence, lane * 1000000000000), coalesce(last.hash, ''::bytea),
        clock_timestamp() FROM (SELECT) one LEFT JOIN LATERAL (SELECT e.sequence, e.hash FROM audit_entry e
        WHERE e.sequence > lane * 1000000000000 AND e.sequence < (lane + 1) * 1000000000000
        ORDER BY e.sequence DESC LIMIT 1) last ON true; END $$"""
_WITHOUT_LOCK = _HEAD.format(lane="100000 + pg_backend_pid()", lock="")
_WITH_ONE_LOCK = _HEAD.format(lane="0", lock="PERFORM pg_advisory_xact_lock(7301001);")


def main() -> int:
    """Print one JSON line for each measure; exit status 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.audit", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="for each chaining and round (4)")
    parser.add_argument("--entries", type=int, default=1_000_000, help="to verify (1,000,000)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="victim-gateway-bench-") as folder:
        settings = replace(load_settings(), home=Path(folder) / "home", database_url=None, redis_url=None)
        with devservers.embedded_servers(settings) as filled:
            upgrade_database(filled)
            lines = []
            for measured in (
                _measure_writers(filled, chosen.seconds),
                _measure_verification(filled, chosen.entries),
            ):
                for line in measured:
                    print(json.dumps(line), flush=True)
                    lines.append(line)
    return 0 if all(line["met"] is not False for line in lines) else 1


def _measure_writers(settings: Settings, seconds: float) -> Iterator[dict[str, Any]]:
    owner = create_engine(str(settings.database_owner_url), poolclass=NullPool)
    with owner.connect() as connection:
        lanes = connection.scalar(text("SELECT pg_get_functiondef('claim_audit_lane'::regproc)"))
    chainings = {"lanes": str(lanes), "one lock": _WITH_ONE_LOCK, "no lock": _WITHOUT_LOCK}
    rates: dict[str, list[float]] = {chaining: [] for chaining in chainings}
    context = multiprocessing.get_context("spawn")
    begin, ended = context.Barrier(WRITERS + 1), context.Queue()
    rounds = len(chainings) * ROUNDS
    writers = [
        context.Process(target=_write_in_rounds, args=(settings, seconds, rounds, begin, ended))
        for _ in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    for chaining in [*chainings] * ROUNDS:
        with owner.begin() as connection:
            connection.exec_driver_sql(chainings[chaining].replace("%", "%%"))
        begin.wait()
        rates[chaining].append(sum(ended.get() for _ in writers) / seconds)
    for writer in writers:
        writer.join()
    with owner.begin() as connection:
        connection.exec_driver_sql(chainings["lanes"].replace("%", "%%"))
        connection.exec_driver_sql("TRUNCATE audit_checkpoint")
        connection.exec_driver_sql("ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_append_only")
        connection.exec_driver_sql("TRUNCATE audit_entry")
        connection.exec_driver_sql("ALTER TABLE audit_entry ENABLE TRIGGER audit_entry_append_only")
    owner.dispose()
    middle = {chaining: statistics.median(found) for chaining, found in rates.items()}
    anchor = middle["no lock"]
    yield from (
        compared_line("commits a second, 8 writers with audit", middle["lanes"], "1/s", anchor, 0.6),
        compared_line("the same under one lock, as releases before", middle["one lock"], "1/s", anchor, None),
    )


def _write_in_rounds(settings: Settings, seconds: float, rounds: int, begin: Any, ended: Any) -> None:
    """Write one entry a transaction for some seconds, as often as there are rounds."""
    app, actor = create_app(settings), Actor.worker("bench")
    with app.app_context():
        for _ in range(rounds):
            begin.wait()
            written, ends = 0, time.monotonic() + seconds
            while time.monotonic() < ends:
                with transaction(actor) as session:
                    record_audit(session, "bench.written", subject_type="referral", number=written)
                written += 1
            ended.put(written)


def _measure_verification(settings: Settings, entries: int) -> Iterator[dict[str, Any]]:
    app = create_app(settings)
    with app.app_context():
        _fill(settings, entries)
        before, begun = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        verifier = Verifier(Actor.worker("bench"), current_keyring(), times.now())
        done = verify_whole_audit(verifier)
        seconds = time.perf_counter() - begun
        after = resource.getrusage(resource.RUSAGE_SELF)
        db.engine.dispose()
    if not done.is_whole or done.entries != entries:
        raise RuntimeError(f"the chain that was filled does not verify: {done.broken}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    for_large = seconds / entries * LARGE
    yield from (
        compared_line(
            "audit verify, an entry, processor time of the verifier", cpu / entries * 1e6, "us", None, None
        ),
        compared_line("audit verify, an entry", seconds / entries * 1e6, "us", None, None),
        {
            **compared_line(
                f"audit verify, {LARGE:,} entries, extrapolated from {entries:,}", for_large, "s", None, None
            ),
            "anchor": SOFT_TIME_LIMIT_S,
            "ratio": round(for_large / SOFT_TIME_LIMIT_S, 3),
            "target": 1.0,
            "met": for_large <= SOFT_TIME_LIMIT_S,
        },
    )


def _fill(settings: Settings, entries: int) -> None:
    """Write a chain of this length, four fifths of it in lane 0 as a quiet service has it, by COPY."""
    keyring, actor = current_keyring(), Actor.worker("bench")
    key = chain_key(keyring, keyring.current_id)
    record = AuditRecord(
        "referral.viewed", "referral", actor.correlation_id, actor.correlation_id, {"tab": "notes"}
    )
    owner = create_engine(settings.database_owner_url or "", poolclass=NullPool)
    with owner.begin() as connection:
        driver = connection.connection.driver_connection
        if driver is None:
            raise RuntimeError("there is no connection")
        with driver.cursor() as cursor, cursor.copy("COPY audit_entry FROM STDIN") as copy:
            for lane, count in enumerate((entries - entries // 20 * 4, *[entries // 20] * 4)):
                sequence, previous = lane_start(lane)
                for _ in range(count):
                    sequence, at = sequence + 1, times.now()
                    entry = audit_entry_text(sequence, at, actor, record)
                    digest = chain_digest(key, previous, entry)
                    found = (
                        actor.user_id,
                        record.action,
                        record.subject_type,
                        record.subject_id,
                        record.person_id,
                    )
                    copy.write_row((sequence, at, *found, entry, keyring.current_id, previous, digest))
                    previous = digest
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM (ANALYZE) audit_entry")
    owner.dispose()


if __name__ == "__main__":
    sys.exit(main())
