"""Imports, by the real command, held against a bare COPY of the rows that they write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench.bench_run import BenchRun
from bench.measurement import Measurement, Target, measured
from bench.volumes import build_imports, build_volume, code_digest

# A tenth of fewer is over before it can be looked at.
ENOUGH_ROWS = 50_000
_FEED_CPU, _EVENTS_CPU = Target(most_ratio=3.0), Target(most_ratio=2.5)
_STEADY, _MEMORY = Target(least_ratio=0.9), Target(most=300)


def measure_imports(run: BenchRun) -> Iterator[Measurement]:
    """Import the large volume's files once more, unless it was built by this very code."""
    volume = build_volume(run.large)
    if (
        volume.record.get("code") != code_digest(without_pages=True)
        or "case_events_copy" not in volume.record
    ):
        volume = build_imports(volume)
    record = volume.record
    for kind, target in (("police_feed", _FEED_CPU), ("case_events", _EVENTS_CPU)):
        found, copied = record[kind], record[f"{kind}_copy"]
        name = kind.replace("_", " ")
        cpu = found["own_cpu_s"] + found["server_cpu_s"]
        yield measured(
            f"import of {found['rows']:,} rows of the {name}: processor time",
            cpu,
            "s",
            anchor=f"bare COPY of its {copied['rows']:,} rows: {copied['cpu_s']:.1f} s",
            ratio=cpu / copied["cpu_s"],
            target=target,
            own_cpu_s=found["own_cpu_s"],
            server_cpu_s=found["server_cpu_s"],
            rows_per_wall_s=round(found["rows"] / found["wall_s"]),
            log_gb=round(found["wal_bytes"] / 1e9, 2),
        )
        if found["rows"] >= ENOUGH_ROWS:
            first, last = tenth_rates(found)
            yield measured(
                f"import of the {name}: rows for a second of processor time, last tenth",
                last,
                "rows/s",
                anchor=f"first tenth: {first:.0f} rows/s",
                ratio=last / first,
                target=_STEADY,
            )
        yield measured(
            f"import of the {name}: memory of the command", found["peak_memory"] / 1e6, "MB", target=_MEMORY
        )


def tenth_rates(found: dict[str, Any]) -> tuple[float, float]:
    """Rows for a second of processor time in the first and the last tenth of the file."""
    marks = [*found["tenths"], (1.0, found["own_cpu_s"] + found["server_cpu_s"])]
    (started, started_used), rows = marks[0], found["rows"]
    share, used = next(mark for mark in marks if mark[0] >= 0.1)
    from_share, from_used = max(mark for mark in marks if mark[0] <= 0.91)
    ended, ended_used = next(mark for mark in marks if mark[0] >= 1)
    return (
        rows * (share - started) / (used - started_used),
        rows * (ended - from_share) / (ended_used - from_used),
    )
