"""Imports a file with the real command, and says what that cost, tenth by tenth, and what a bare COPY would have."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import psycopg

from bench.server_cpu import ServerCpu
from config import Settings
from victim_gateway.vocabulary import ImportKind

GATEWAY = "from victim_gateway.cli import main; main(prog_name='gateway')"
DONE, SET_ASIDE = 0, 3
_COMMANDS = {ImportKind.POLICE_FEED: "police-feed", ImportKind.CASE_EVENTS: "case-events"}
_OF_KIND = "IN (SELECT id FROM import_batch WHERE kind = '{kind}')"
_STARTED = "start_event_id IN (SELECT id FROM case_event WHERE import_batch_id {batch})"
_STOPPED = "stop_event_id IN (SELECT id FROM case_event WHERE import_batch_id {batch})"
# The rows that an import of each kind writes, by table; `{batch}` is a condition on a batch's id.
_WRITTEN: Mapping[ImportKind, Mapping[str, str]] = {
    ImportKind.POLICE_FEED: {
        **dict.fromkeys(
            ("wrapped_key", "person", "safe_contact_plan", "consent", "referral", "case_facts"), "true"
        ),
        "task": "true",
        "case_event": "import_batch_id {batch}",
        "import_row": "batch_id {batch}",
        "audit_entry": "action <> 'case_events.imported'",
        "entitlement_clock": _STARTED,
    },
    ImportKind.CASE_EVENTS: {
        "case_event": "import_batch_id {batch}",
        "import_row": "batch_id {batch}",
        "audit_entry": "action = 'case_events.imported'",
        "entitlement_clock": f"{_STARTED} OR {_STOPPED}",
    },
}


def command_environment(settings: Settings) -> dict[str, str]:
    """What a command needs to work on a volume's servers."""
    return {
        **os.environ,
        "DATABASE_URL": str(settings.database_url),
        "DATABASE_OWNER_URL": str(settings.database_owner_url),
        "REDIS_URL": str(settings.redis_url),
        "GATEWAY_HOME": str(settings.home),
        "GATEWAY_MAX_UPLOAD_MB": "2048",
    }


def owner_connection(settings: Settings) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection with the owner's rights, each statement its own transaction."""
    address = str(settings.database_owner_url).replace("postgresql+psycopg://", "postgresql://")
    return psycopg.connect(address, autocommit=True)


def time_import(path: Path, kind: ImportKind, settings: Settings) -> dict[str, Any]:
    """Import a file as history; gives the summary, seconds, processor seconds by tenths, memory and log written."""
    server = ServerCpu(settings)
    with owner_connection(settings) as connection, tempfile.TemporaryFile() as said:
        wal, before, began = _wal_bytes(connection), server.seconds(), time.perf_counter()
        # The demo and an earlier import left batches that were read to their end.
        earlier = _newest_batch(connection)
        child = subprocess.Popen(
            [sys.executable, "-c", GATEWAY, "import", _COMMANDS[kind], str(path), "--history", "--json"],
            stdout=said,
            stderr=subprocess.DEVNULL,
            env=command_environment(settings),
        )
        process, marks = psutil.Process(child.pid), list[tuple[float, float]]()
        while True:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            # Of the whole process: the thread that reads the file ends before the last chunk is written.
            own_times = process.cpu_times()
            used = server.seconds() - before + own_times.user + own_times.system
            share = _share_read(connection, earlier)
            # The first mark is the first chunk: what the start of the program takes is no part of the first tenth.
            if share and share * 10 >= len(marks):
                marks.append((share, used))
            time.sleep(0.2)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in (DONE, SET_ASIDE):
            raise RuntimeError(f"the import ended with {child.returncode}")
        said.seek(0)
        own, served = usage.ru_utime + usage.ru_stime, server.seconds() - before
        return {
            **json.loads(said.read()),
            "wall_s": round(time.perf_counter() - began, 1),
            "own_cpu_s": round(own, 2),
            "server_cpu_s": round(served, 2),
            "wal_bytes": _wal_bytes(connection) - wal,
            "peak_memory": usage.ru_maxrss * 1024,
            "tenths": [(round(share, 4), round(used, 2)) for share, used in marks],
        }


def time_copy(kind: ImportKind, settings: Settings) -> dict[str, float]:
    """Write what the import wrote once more, table by table with its indexes, by COPY alone.

    Gives rows and processor seconds of the server. The copies are dropped.
    """
    server, rows, used = ServerCpu(settings), 0, 0.0
    folder = settings.home / "pg" / "bench"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.chown(folder, user=(settings.home / "pg").stat().st_uid)
    batch = _OF_KIND.format(kind=kind.value)
    with owner_connection(settings) as connection:
        # Which rows an import wrote is told by sets of a million ids, which have to fit into memory.
        connection.execute("SET work_mem = '512MB'")
        connection.execute("DROP SCHEMA IF EXISTS bench_copy CASCADE")
        connection.execute("CREATE SCHEMA bench_copy")
        for table, condition in _WRITTEN[kind].items():
            file, where = folder / table, condition.format(batch=batch)
            kept = ", ".join(_plain_columns(connection, table))
            connection.execute(f"CREATE TABLE bench_copy.{table} (LIKE public.{table} INCLUDING ALL)")
            chosen = f"SELECT {kept} FROM public.{table} WHERE {where}"
            connection.execute(f"COPY ({chosen}) TO '{file}' (FORMAT binary)")
            before = server.seconds()
            done = connection.execute(f"COPY bench_copy.{table} ({kept}) FROM '{file}' (FORMAT binary)")
            used += server.seconds() - before
            rows += done.rowcount
            file.unlink()
        connection.execute("DROP SCHEMA bench_copy CASCADE")
    shutil.rmtree(folder)
    return {"rows": rows, "cpu_s": round(used, 2)}


def _plain_columns(connection: psycopg.Connection[tuple[Any, ...]], table: str) -> list[str]:
    found = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
        " AND attgenerated = '' ORDER BY attnum",
        [f"public.{table}"],
    )
    return [str(row[0]) for row in found]


def _newest_batch(connection: psycopg.Connection[tuple[Any, ...]]) -> int:
    row = connection.execute("SELECT coalesce(max(number), 0) FROM import_batch").fetchone()
    return int(row[0]) if row else 0


def _share_read(connection: psycopg.Connection[tuple[Any, ...]], earlier: int) -> float:
    """How much of its file the import has written: the one batch that is newer than `earlier`."""
    row = connection.execute(
        "SELECT bytes_read::float / bytes_total FROM import_batch WHERE number > %s", [earlier]
    ).fetchone()
    return float(row[0]) if row else 0.0


def _wal_bytes(connection: psycopg.Connection[tuple[Any, ...]]) -> int:
    row = connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')").fetchone()
    return int(row[0]) if row else 0
