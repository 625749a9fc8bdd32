"""Writes docs/performance.md from the kept results."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from bench.measurement import ResultFile
from bench.measures import GROUPS
from bench.volumes import Volume

PAGE = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
_HEAD = """# Performance

Measured by `make bench`, which writes this page; what each line is held against was measured in the same run. Times are
processor time of the program and of the database together, so that they hold on a busy machine too; on quiet cores the
clock on the wall shows about the same. Ratios decide: they change little from one machine to another.

- `make bench` builds two databases through the real import commands (10,000 referrals and {count:,}, reported over two
  years, about five case events each, one in twenty open), keeps them in `var/bench`, and compares them.
- `make bench ARGS="--only queues search"` measures some of it again, `ARGS="--resume"` only what was not measured on
  this very code, `BENCH_SIZE=2190920 make bench` another size. Building takes {build} minutes, measuring {minutes}.
- Machine: {machine}. Commit {commit}.
- Why a target is missed, and what would meet it: [performance-profiles.md](performance-profiles.md).
"""
_TITLES = {
    "imports": "Imports",
    "queues": "Work queues, inbox, reminders",
    "search": "Search",
    "slips": "Search with a slip",
    "import-page": "Page of an import",
    "compliance": "Compliance and service pages",
    "reports": "Reports",
    "recompute": "Nightly recompute",
    "reminders": "Reminders pass",
    "requests": "Requests",
    "commits": "Audit under load",
    "verify": "Audit verification",
    "memory": "Memory",
    "pages": "Every page of every role",
}


def write_document(results: ResultFile, volume: Volume, commit: str) -> None:
    """Write the page anew."""
    PAGE.write_text("\n".join(_lines(results, volume, commit)) + "\n", encoding="utf-8")


def _lines(results: ResultFile, volume: Volume, commit: str) -> Iterator[str]:
    groups = {name: results.groups[name] for name in GROUPS if name in results.groups}
    every = [found for name, group in groups.items() if name != "pages" for found in group["found"]]
    built = sum(
        value for name, value in volume.record.items() if name.endswith("_s") and isinstance(value, float)
    )
    yield _HEAD.format(
        count=volume.count,
        build=max(1, round(built / 60)),
        minutes=max(1, round(sum(group["seconds"] for group in groups.values()) / 60)),
        machine=_machine(),
        commit=commit or "unknown",
    )
    missed = [found for found in every if found["met"] is False]
    yield f"{sum(found['met'] is True for found in every)} targets are met, {len(missed)} are not."
    for name, group in groups.items():
        yield f"\n## {_TITLES[name]}\n"
        yield from _pages(group["found"]) if name == "pages" else _table(group["found"])


def _table(found: list[dict[str, Any]]) -> Iterator[str]:
    yield "| what | value | held against | ratio | target | met | statements | on the wall, p50 and p95 |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for each in found:
        more: Mapping[str, Any] = each["more"]
        wall = f"{more['wall_p50_ms']:.0f}, {more['wall_p95_ms']:.0f} ms" if "wall_p50_ms" in more else ""
        cells = (
            each["measure"],
            f"{_number(each['value'])} {each['unit']}",
            each["anchor"],
            "" if each["ratio"] is None else f"{each['ratio']:.3g}",
            each["target"],
            {True: "yes", False: "**no**", None: ""}[each["met"]],
            str(more.get("statements", "")),
            wall,
        )
        yield f"| {' | '.join(cells)} |"


def _pages(found: list[dict[str, Any]]) -> Iterator[str]:
    yield "Processor time in milliseconds, the median at each size; a page that grows by more than 1.3 and takes 100 ms"
    yield "or more is marked.\n"
    yield "| page | 10,000 | large | ratio | statements | transactions | kB | |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for each in found:
        more = each["more"]
        small = more["cpu_p50_ms"] / each["ratio"] if each["ratio"] else 0
        mark = "**grows**" if each["met"] is False else ""
        yield (
            f"| {each['measure']} | {small:.1f} | {more['cpu_p50_ms']:.1f} | {each['ratio']:.2f}"
            f" | {more['statements']} | {more['transactions']} | {more['kilobytes']:.0f} | {mark} |"
        )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _machine() -> str:
    memory = psutil.virtual_memory().total / 1024**3
    system = f"{platform.system()} on {platform.machine()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {memory:.0f} GB, {system}"
