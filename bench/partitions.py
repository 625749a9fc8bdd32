"""Whether yearly partitions pay for events and audit entries: `python -m bench.partitions --home FOLDER`.

Takes the case events of a database that holds some (a volume of `make bench`), multiplies them to `--rows` over
five years in two scratch tables, one whole and one with a partition a year, and measures what the service does
with them: loading, the events of one referral, leaving a year out. One JSON line for each. The scratch tables are
dropped at the end.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from config import load_settings
from victim_gateway import devservers

YEARS = range(2022, 2027)
LOOKUPS = 2000
_SCRATCH = "partition_bench"
# What differs between the copies of an event; all else is taken over.
_CHANGED = {
    "id": "gen_random_uuid()",
    "referral_id": "md5(c.referral_id::text || n)::uuid",
    "occurred_at": "make_timestamptz(2022 + n %% 5, 1 + extract(doy FROM c.occurred_at)::int %% 12, 15, 12, 0, 0)",
    "voids_id": "NULL",
}
_COPY = sql.SQL(
    "INSERT INTO {table} SELECT {columns} FROM case_event c"
    " CROSS JOIN generate_series(%(first)s::int, %(last)s::int) n"
)
_INDEXES = (
    sql.SQL("CREATE INDEX ON {table} (referral_id, occurred_at)"),
    sql.SQL("CREATE INDEX ON {table} (id)"),
    sql.SQL("CREATE INDEX ON {table} (onward_referral_id) WHERE onward_referral_id IS NOT NULL"),
)
_SIZE = """SELECT pg_total_relation_size({name}) + COALESCE(
  (SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree({name}) WHERE isleaf), 0)::bigint"""
_BY_REFERRAL = sql.SQL("SELECT * FROM {table} WHERE referral_id = %s ORDER BY occurred_at")
Connection = psycopg.Connection[Any]


def main() -> int:
    """Run the measurements."""
    parser = argparse.ArgumentParser(prog="python -m bench.partitions", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the home of a database with case events")
    parser.add_argument("--rows", type=int, default=10_950_000, help="events in each table (10,950,000)")
    options = parser.parse_args()
    settings = replace(load_settings(), home=options.home, database_url=None, redis_url=None)
    with devservers.embedded_servers(settings) as filled:
        url = str(filled.database_owner_url).replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_DROP)
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(_SCRATCH)))
            try:
                for name in ("whole", "by_year"):
                    _measure_table(connection, name, options.rows)
            finally:
                connection.execute(_DROP)
    return 0


_DROP = sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(_SCRATCH))


def _measure_table(connection: Connection, name: str, rows: int) -> None:
    table = sql.Identifier(_SCRATCH, name)
    is_partitioned = name == "by_year"
    _create(connection, name, is_partitioned=is_partitioned)
    loaded_s = _timed(lambda: _load(connection, table, rows))
    connection.execute(sql.SQL("ANALYZE {}").format(table))
    size = _scalar(connection, sql.SQL(_SIZE).format(name=sql.Literal(f"{_SCRATCH}.{name}")))
    counted = _scalar(connection, sql.SQL("SELECT count(*) FROM {}").format(table))
    _tell(name, "rows", counted, "rows")
    _tell(name, "load a million rows", loaded_s / counted * 1e6, "s")
    _tell(name, "a row with its indexes", size / counted, "bytes")
    sampled = sql.SQL("SELECT referral_id FROM {} TABLESAMPLE SYSTEM (1) LIMIT 20000").format(table)
    ids = [row[0] for row in connection.execute(sampled)]
    chosen = random.Random(1).sample(ids, min(LOOKUPS, len(ids)))  # noqa: S311  a sample, not a secret
    statement = _BY_REFERRAL.format(table=table)
    lookup_s = _timed(lambda: _look_up(connection, statement, chosen))
    _tell(name, "events of one referral", lookup_s / len(chosen) * 1000, "ms")
    _tell(name, "events of one referral, pages", _pages(connection, statement, chosen[:50]), "pages")
    _tell(name, "leave the first year out", _timed(lambda: _leave_out(connection, name, is_partitioned)), "s")


def _create(connection: Connection, name: str, *, is_partitioned: bool) -> None:
    table = sql.Identifier(_SCRATCH, name)
    split = sql.SQL(" PARTITION BY RANGE (occurred_at)" if is_partitioned else "")
    connection.execute(sql.SQL("CREATE TABLE {} (LIKE case_event INCLUDING DEFAULTS){}").format(table, split))
    for year in YEARS if is_partitioned else ():
        connection.execute(
            sql.SQL("CREATE TABLE {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})").format(
                sql.Identifier(_SCRATCH, f"{name}_{year}"), table, f"{year}-01-01", f"{year + 1}-01-01"
            )
        )
    for index in _INDEXES:
        connection.execute(index.format(table=table))


def _load(connection: Connection, table: sql.Identifier, rows: int) -> None:
    listed = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'case_event'::regclass AND attnum > 0"
        " AND NOT attisdropped ORDER BY attnum"
    ).fetchall()
    columns = sql.SQL(", ").join(sql.SQL(_CHANGED.get(name, f"c.{name}")) for (name,) in listed)
    times_over = -(-rows // _scalar(connection, sql.SQL("SELECT count(*) FROM case_event")))
    for number in range(0, times_over, 5):
        values = {"first": number, "last": min(number + 4, times_over - 1)}
        connection.execute(_COPY.format(table=table, columns=columns), values)


def _look_up(connection: Connection, statement: sql.Composed, chosen: list[Any]) -> None:
    for referral_id in chosen:
        connection.execute(statement, [referral_id]).fetchall()


def _pages(connection: Connection, statement: sql.Composed, chosen: list[Any]) -> float:
    explain = sql.SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT json) ") + statement
    plans = [connection.execute(explain, [own]).fetchall()[0][0][0]["Plan"] for own in chosen]
    return sum(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] for plan in plans) / len(plans)


def _leave_out(connection: Connection, name: str, is_partitioned: bool) -> None:
    table = sql.Identifier(_SCRATCH, name)
    if is_partitioned:
        connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(_SCRATCH, f"{name}_{YEARS[0]}")))
        return
    delete = sql.SQL("DELETE FROM {} WHERE occurred_at < {}")
    connection.execute(delete.format(table, f"{YEARS[1]}-01-01"))
    connection.execute(sql.SQL("VACUUM {}").format(table))


def _scalar(connection: Connection, statement: sql.SQL | sql.Composed) -> int:
    return int(connection.execute(statement).fetchall()[0][0])


def _timed(work: Callable[[], None]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _tell(table: str, measure: str, value: float, unit: str) -> None:
    print(json.dumps({"measure": f"{measure}, {table}", "value": round(value, 3), "unit": unit}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
