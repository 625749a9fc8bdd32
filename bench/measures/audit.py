"""The audit under load, and how long its verification takes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.bench_run import BenchRun
from bench.browsing import VolumeApp
from bench.import_timing import command_environment, owner_connection
from bench.measurement import Measurement, Target, measured
from bench.volumes import Volume, running_volume
from config import Settings
from config.celery import SOFT_TIME_LIMIT_S
from victim_gateway.database.upgrade import upgrade_database

WRITERS, SECONDS, ROUNDS = 8, 4.0, 2
ENTRIES = 10_000_000
_START = "from workers.celery_app import flask_app; flask_app()"
# A night that goes on from a checkpoint of an earlier run would tell of less than everything.
_FORGET = (
    "DO $$ BEGIN IF to_regclass('audit_checkpoint') IS NOT NULL THEN DELETE FROM audit_checkpoint; END IF; END $$",
)
_NIGHTLY = "import workers; from workers.privacy import verify_audit; verify_audit()"
PROJECT = Path(__file__).resolve().parents[2]
# What an entry weighs, with as many indexes as the audit has.
_TABLE = (
    "CREATE TABLE bench_entry (sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz, actor_id uuid,"
    " action text, subject_type text, subject_id uuid, person_id uuid, entry text, key_id text, previous_hash bytea,"
    " hash bytea)",
    *(
        f"CREATE INDEX ON bench_entry ({name})"
        for name in ("at", "actor_id", "action", "subject_id", "person_id")
    ),
    "GRANT ALL ON bench_entry TO PUBLIC",
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
    """Run the nightly check twice: what ten million entries would take at the first one's pace, and what a night
    takes that finds little new.
    """
    app = run.large_app
    entries = app.one("SELECT count(*) FROM audit_entry")
    with owner_connection(app.settings) as connection:
        for statement in _FORGET:
            connection.execute(statement)
    start, _ = _program_cost(app, _START)
    first, memory = _program_cost(app, _NIGHTLY)
    second, _ = _program_cost(app, _NIGHTLY)
    first, second = max(first - start, 0.01), max(second - start, 0.01)
    yield measured(
        f"audit verification of {ENTRIES:,} entries, at the pace of {entries:,}",
        first / entries * ENTRIES,
        "s",
        target=Target(most=SOFT_TIME_LIMIT_S),
        measured_s=round(first, 1),
        memory_mb=round(memory / 1e6),
    )
    yield measured(
        "audit verification, the night after",
        second,
        "s",
        anchor=f"the night before, which walked everything: {first:.1f} s",
        ratio=second / first,
        target=Target(most_ratio=0.3),
    )


def _program_cost(app: VolumeApp, program: str) -> tuple[float, int]:
    """Processor seconds of a program of ours and of the database, and the program's memory."""
    before = app.server.seconds()
    child = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=command_environment(app.settings),
        cwd=PROJECT,
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{program} ended with {child.returncode}")
    used = usage.ru_utime + usage.ru_stime + app.server.seconds() - before
    return used, usage.ru_maxrss * 1024


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
