"""The audit under load, and how long its verification takes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile

from bench.bench_run import BenchRun
from bench.import_timing import GATEWAY, command_environment, owner_connection
from bench.measurement import Measurement, Target, measured
from bench.server_cpu import ServerCpu
from bench.volumes import Volume, running_volume
from config import Settings
from config.celery import SOFT_TIME_LIMIT_S
from victim_gateway.database.upgrade import upgrade_database

WRITERS, SECONDS, ROUNDS = 8, 4.0, 2
ENTRIES = 10_000_000
PROJECT = Path(__file__).resolve().parents[2]
_TABLE = (
    "CREATE TABLE IF NOT EXISTS bench_entry (LIKE audit_entry INCLUDING ALL)",
    "CREATE SEQUENCE IF NOT EXISTS bench_entry_sequence",
    "GRANT ALL ON bench_entry, bench_entry_sequence TO PUBLIC",
)


def measure_commits(run: BenchRun) -> Iterator[Measurement]:
    """Count the commits of eight writers with an audit entry each, turn about with the same without the lock."""
    volume = Volume(run.large.folder.with_name("writers"), 0, 1)
    shutil.rmtree(volume.folder, ignore_errors=True)
    volume.folder.mkdir(parents=True)
    rates: dict[str, list[float]] = {"plain": [], "audited": []}
    with running_volume(volume) as (settings, _):
        upgrade_database(settings)
        with owner_connection(settings) as connection:
            for statement in _TABLE:
                connection.execute(statement)
        for _ in range(ROUNDS):
            for kind, found in rates.items():
                found.append(_commits(settings, kind) / SECONDS)
    shutil.rmtree(volume.folder)
    audited, plain = max(rates["audited"]), max(rates["plain"])
    yield measured(
        f"commits a second of {WRITERS} writers, each with an audit entry",
        audited,
        "commits/s",
        anchor=f"the same without the chain and its lock: {plain:.0f}",
        ratio=audited / plain,
        target=Target(least_ratio=0.6),
    )


def measure_verification(run: BenchRun) -> Iterator[Measurement]:
    """Walk the whole chain by the command, and say how long ten million entries would take at that pace."""
    app = run.large_app
    server = ServerCpu(app.settings)
    before = server.seconds()
    with TemporaryFile() as said:
        child = subprocess.Popen(
            [sys.executable, "-c", GATEWAY, "audit", "verify", "--json"],
            stdout=said,
            stderr=subprocess.DEVNULL,
            env=command_environment(app.settings),
        )
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        found = json.loads(said.read())
    if not found["whole"]:
        raise RuntimeError("the audit of the volume is broken")
    cpu = server.seconds() - before + usage.ru_utime + usage.ru_stime
    yield measured(
        f"audit verification of {ENTRIES:,} entries at the pace of {found['entries']:,}",
        cpu / found["entries"] * ENTRIES,
        "s",
        target=Target(most=SOFT_TIME_LIMIT_S),
        measured_s=round(cpu, 1),
        memory_mb=round(usage.ru_maxrss / 1000),
    )


def _commits(settings: Settings, kind: str) -> int:
    """What all writers together committed. They begin at one moment, when each is ready."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-m", "bench.audit_writers", kind, str(SECONDS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=command_environment(settings),
            cwd=PROJECT,
            text=True,
        )
        for _ in range(WRITERS)
    ]
    for writer in writers:
        if writer.stdout is None or writer.stdout.readline().strip() != "ready":
            raise RuntimeError("a writer did not start")
    for writer in writers:
        if writer.stdin is not None:
            writer.stdin.write("go\n")
            writer.stdin.flush()
    return sum(int(writer.communicate()[0]) for writer in writers)
