"""Measures an import against a bare COPY of the very rows it wrote, and its first tenth against its last.

`python -m bench.imports --rows 219092` prints one JSON document a line. Server time is that of all processes of the
cluster, write-ahead log and checkpoints included; both sides run on the same cluster with its production settings.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from bench.feed import FeedPlan, write_events, write_referrals
from bench.processes import cluster_cpu_s, process_use
from config import Settings, load_settings
from victim_gateway import devservers, times
from victim_gateway.database.upgrade import upgrade_database
from victim_gateway.devservers.home import Home

_GATEWAY = "from victim_gateway.cli import main; main(prog_name='gateway')"
_ANCHOR_DATABASE = "bench_anchor"
REFERRALS_RATIO, EVENTS_RATIO, STEADINESS, MOST_MEMORY_MB = 3.0, 2.5, 0.9, 300
# The log an import may write, against the size of what it wrote.
WAL_RATIO = 3.0
# Where the events go: new events, the clocks they open or change, and the audit of both.
_EVENT_TABLES = ("case_event", "entitlement_clock", "audit_entry")
# Tables that others name without a foreign key (models/keys.py).
_CHECKED_BY_TRIGGERS = {"wrapped_key", "import_batch"}
_PAUSE_S = 0.25


@dataclass(frozen=True, slots=True)
class ProgressSample:
    """How far an import was at one moment, and what it had used by then."""

    at_s: float
    rows: int
    cpu_s: float


@dataclass(slots=True)
class ImportUse:
    """What one import used. `written` are the rows of each table that it wrote."""

    rows: int = 0
    client_s: float = 0.0
    server_s: float = 0.0
    peak_mb: float = 0.0
    wal_bytes: int = 0
    from_transaction: int = 0
    samples: list[ProgressSample] = field(default_factory=list)

    @property
    def cpu_s(self) -> float:
        return self.client_s + self.server_s

    def tenth(self, number: int) -> tuple[float, float]:
        """Rows a second, and CPU seconds a row, of one tenth of the file, the first being 0."""
        begins, ends = self.rows * number // 10, self.rows * (number + 1) // 10
        inside = [sample for sample in self.samples if begins <= sample.rows <= ends]
        if len(inside) < 2 or inside[-1].rows == inside[0].rows:
            return float("nan"), float("nan")
        rows = inside[-1].rows - inside[0].rows
        return rows / (inside[-1].at_s - inside[0].at_s), (inside[-1].cpu_s - inside[0].cpu_s) / rows


class BenchCluster:
    """An embedded cluster in a folder of its own, with the service's database and an empty copy of it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.data_folder = Home(settings.home).postgres_data

    def connect(self, database: str | None = None) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection as the owner, past row-level security."""
        url = str(self.settings.database_owner_url).replace("+psycopg", "")
        return psycopg.connect(url, autocommit=True, **({"dbname": database} if database else {}))

    def make_anchor_database(self) -> None:
        """Make an empty database with the same tables, indexes and constraints."""
        with self.connect() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_ANCHOR_DATABASE)).as_string()
            )
        owner = str(self.settings.database_owner_url).rpartition("/")[0]
        app = str(self.settings.database_url).rpartition("/")[0]
        upgrade_database(
            replace(
                self.settings,
                database_url=f"{app}/{_ANCHOR_DATABASE}",
                database_owner_url=f"{owner}/{_ANCHOR_DATABASE}",
            )
        )

    def empty_again(self, tables: Sequence[str]) -> None:
        """Empty tables of the anchor database, those too that refuse to forget anything."""
        with self.connect(_ANCHOR_DATABASE) as anchor:
            anchor.execute("SET session_replication_role = replica")
            anchor.execute(
                sql.SQL("TRUNCATE {} CASCADE").format(sql.SQL(", ").join(map(sql.Identifier, tables)))
            )

    def run_import(self, kind: str, file: Path, rows: int) -> ImportUse:
        """Run the command as a user would, and note what it uses while it goes on."""
        use = ImportUse(rows=rows)
        with self.connect() as connection:
            use.from_transaction = _scalar(connection, "SELECT pg_current_xact_id()::text::bigint")
            wal_before = _scalar(connection, "SELECT pg_current_wal_lsn() - '0/0'")
            server_before, client_before = cluster_cpu_s(self.data_folder), _children_cpu_s()
            process = subprocess.Popen(
                [sys.executable, "-c", _GATEWAY, "import", kind, str(file), "--json"],
                env=self._environment(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            while process.poll() is None:
                self._sample(connection, process.pid, use, server_before)
                time.sleep(_PAUSE_S)
            if process.returncode not in (0, 3):
                raise SystemExit(f"gateway import {kind} ended with {process.returncode}")
            # What the import left to be written out belongs to it.
            connection.execute("CHECKPOINT")
            use.client_s = _children_cpu_s() - client_before
            use.server_s = cluster_cpu_s(self.data_folder) - server_before
            use.wal_bytes = int(_scalar(connection, "SELECT pg_current_wal_lsn() - '0/0'") - wal_before)
        return use

    def copy_again(self, tables: Sequence[str], from_transaction: int, folder: Path) -> tuple[float, int]:
        """COPY what these tables got since a transaction into the other database: CPU seconds, bytes on disk."""
        for table in tables:
            self._copy_out(table, from_transaction, folder / f"{table}.copy")
        with self.connect(_ANCHOR_DATABASE) as anchor:
            server_before, client_before = cluster_cpu_s(self.data_folder), _own_cpu_s()
            for table in tables:
                _copy_in(anchor, table, folder / f"{table}.copy")
            anchor.execute("CHECKPOINT")
            used = cluster_cpu_s(self.data_folder) - server_before + _own_cpu_s() - client_before
            size = _scalar(
                anchor,
                "SELECT sum(pg_total_relation_size(name::regclass)) FROM unnest(%s::text[]) AS name",
                [list(tables)],
            )
        return used, int(size)

    def written_tables(self, from_transaction: int) -> list[str]:
        """The tables with rows of the import, those first that others refer to."""
        with self.connect() as connection:
            names = [
                name
                for (name,) in connection.execute(
                    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
                    " AND relname <> 'alembic_version'"
                )
                if connection.execute(
                    _written_rows(name, "1", from_transaction) + sql.SQL(" LIMIT 1")
                ).fetchone()
            ]
            references = connection.execute(
                "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint WHERE contype = 'f'"
            ).fetchall()
        return list(_in_order_of_references(names, references))

    def _copy_out(self, table: str, from_transaction: int, file: Path) -> None:
        with self.connect() as connection, connection.cursor() as cursor, file.open("wb") as target:
            select = _written_rows(table, "*", from_transaction)
            with cursor.copy(sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(select)) as copy:
                for block in copy:
                    target.write(block)

    def _sample(
        self, connection: psycopg.Connection[tuple[Any, ...]], pid: int, use: ImportUse, before: float
    ) -> None:
        rows = _scalar(
            connection, "SELECT coalesce((SELECT rows FROM import_batch ORDER BY number DESC LIMIT 1), 0)"
        )
        used = process_use(pid)
        if used is None:
            return
        cpu_s = used.own_s + cluster_cpu_s(self.data_folder) - before
        use.peak_mb = max(use.peak_mb, used.peak_mb)
        # Only where a chunk ended: between two of them the rows stand still and time goes on.
        if not use.samples or rows > use.samples[-1].rows:
            use.samples.append(ProgressSample(time.perf_counter(), rows, cpu_s))

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "GATEWAY_HOME": str(self.settings.home),
            "DATABASE_URL": str(self.settings.database_url),
            "DATABASE_OWNER_URL": str(self.settings.database_owner_url),
            "REDIS_URL": str(self.settings.redis_url),
        }


def measure_imports(rows: int, folder: Path) -> Iterator[dict[str, Any]]:
    """Import so many referrals and their events into an empty database; yields one measure after another."""
    settings = replace(load_settings(), home=folder / "home", database_url=None, redis_url=None)
    referrals, events = folder / "referrals.csv", folder / "events.csv"
    until = times.now() - timedelta(hours=2)
    first_day = (until - timedelta(days=730)).date()
    plan = FeedPlan(rows, first_day, until, settings.area.force, settings.area.districts)
    write_referrals(referrals, plan)
    write_events(events, plan)
    with devservers.embedded_servers(settings) as filled:
        upgrade_database(filled)
        cluster = BenchCluster(filled)
        cluster.make_anchor_database()
        for kind, file, count, most in (
            ("police-feed", referrals, rows, REFERRALS_RATIO),
            ("case-events", events, rows * 5, EVENTS_RATIO),
        ):
            use = cluster.run_import(kind, file, count)
            if kind == "police-feed":
                tables = cluster.written_tables(use.from_transaction)
            else:
                tables = ["wrapped_key", "import_batch", *_EVENT_TABLES]
                cluster.empty_again(_EVENT_TABLES)
            anchor_s, size = cluster.copy_again(tables, use.from_transaction, folder)
            yield from _measures(kind, use, anchor_s, size, most)


def _measures(kind: str, use: ImportUse, anchor_s: float, size: int, most: float) -> Iterator[dict[str, Any]]:
    name = f"import {kind} {use.rows}"
    yield _line(f"{name}, CPU against COPY", use.cpu_s, "s", anchor_s, use.cpu_s / anchor_s, most)
    yield _line(f"{name}, CPU a row, client", use.client_s / use.rows * 1e6, "us")
    yield _line(f"{name}, CPU a row, server", use.server_s / use.rows * 1e6, "us")
    wal_mb, size_mb = use.wal_bytes / 2**20, size / 2**20
    yield _line(f"{name}, log against size", wal_mb, "MB", size_mb, wal_mb / size_mb, WAL_RATIO)
    (first_rows, first_cpu), (last_rows, last_cpu) = use.tenth(0), use.tenth(9)
    steadiness = last_rows / first_rows
    yield _line(
        f"{name}, rows/s, last tenth", last_rows, "rows/s", first_rows, steadiness, STEADINESS, least=True
    )
    yield _line(
        f"{name}, rows a CPU second, last tenth", 1 / last_cpu, "rows/s", 1 / first_cpu, first_cpu / last_cpu,
        STEADINESS, least=True,
    )  # fmt: skip
    yield _line(f"{name}, memory", use.peak_mb, "MB", None, use.peak_mb, MOST_MEMORY_MB)


def _line(
    measure: str,
    value: float,
    unit: str,
    anchor: float | None = None,
    ratio: float | None = None,
    target: float | None = None,
    *,
    least: bool = False,
) -> dict[str, Any]:
    met = None if target is None or ratio is None else (ratio >= target if least else ratio <= target)
    return {
        "measure": measure,
        "value": round(value, 2),
        "unit": unit,
        "anchor": None if anchor is None else round(anchor, 2),
        "ratio": None if ratio is None else round(ratio, 3),
        "target": target,
        "met": met,
    }


def _written_rows(table: str, columns: str, from_transaction: int) -> sql.Composed:
    return sql.SQL("SELECT {} FROM {} WHERE xmin::text::bigint >= {}").format(
        sql.SQL(columns), sql.Identifier(table), sql.Literal(from_transaction)
    )


def _in_order_of_references(names: Sequence[str], references: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Give a table after those it refers to."""
    waiting = {
        name: {to for by, to in references if by == name and to != name and to in names}
        | (set() if name in _CHECKED_BY_TRIGGERS else _CHECKED_BY_TRIGGERS)
        for name in names
    }
    while waiting:
        ready = sorted(name for name, needed in waiting.items() if not needed & waiting.keys())
        if not ready:
            raise SystemExit(f"these tables refer to each other: {', '.join(waiting)}")
        for name in ready:
            del waiting[name]
            yield name


def _copy_in(connection: psycopg.Connection[tuple[Any, ...]], table: str, file: Path) -> None:
    statement = sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(sql.Identifier(table))
    with connection.cursor() as cursor, cursor.copy(statement) as copy, file.open("rb") as source:
        while block := source.read(1 << 18):
            copy.write(block)


def _scalar(
    connection: psycopg.Connection[tuple[Any, ...]], statement: str, values: Sequence[Any] = ()
) -> Any:
    row = connection.execute(statement, values).fetchone()
    return row[0] if row else None


def _own_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Run the measurement; exit status 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.imports", description=__doc__)
    parser.add_argument("--rows", type=int, default=219_092, help="referrals (219092)")
    parser.add_argument(
        "--folder", type=Path, help="where to keep the database; removed afterwards if not given"
    )
    arguments = parser.parse_args()
    met = True
    with tempfile.TemporaryDirectory(prefix="victim-gateway-bench-") as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for line in measure_imports(arguments.rows, folder):
            print(json.dumps(line), flush=True)
            met = met and line["met"] is not False
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
