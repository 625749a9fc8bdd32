"""Imports a file as the command does, and notes what that cost, tenth by tenth."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from bench.server_cpu import ServerCpu, own_seconds
from config import Settings
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.services.imports.runner import ImportRequest, import_file
from victim_gateway.vocabulary import ImportKind


@dataclass
class _Tenths:
    """Processor seconds at each tenth of the file's bytes."""

    server: ServerCpu
    marks: list[tuple[float, float]] = field(default_factory=list)
    peak_memory: int = 0

    def note(self, done: int, total: int) -> None:
        self.peak_memory = max(self.peak_memory, psutil.Process().memory_info().rss)
        if done >= total * len(self.marks) / 10:
            self.marks.append((done / total, self.server.seconds() + own_seconds()))


def time_import(path: Path, kind: ImportKind, settings: Settings) -> dict[str, Any]:
    """Import a file as history; gives rows, seconds, processor seconds, their growth and the log written."""
    server = ServerCpu(settings)
    tenths = _Tenths(server)
    began, own, before = time.perf_counter(), own_seconds(), server.seconds()
    written = wal_bytes(settings)
    with path.open("rb") as stream:
        request = ImportRequest(kind, path.name, history=True)
        summary = import_file(
            stream, request, actor=Actor.worker("gateway import"), at=times.now(), progress=tenths.note
        )
    return {
        **summary.document(),
        "wall_s": round(time.perf_counter() - began, 1),
        "own_cpu_s": round(own_seconds() - own, 2),
        "server_cpu_s": round(server.seconds() - before, 2),
        "wal_bytes": wal_bytes(settings) - written,
        "peak_memory": tenths.peak_memory,
        "tenths": [(round(share, 3), round(cpu - own - before, 2)) for share, cpu in tenths.marks],
    }


def wal_bytes(settings: Settings) -> int:
    """Bytes of the write-ahead log since the cluster was made."""
    engine = create_engine(str(settings.database_owner_url), poolclass=NullPool)
    with engine.connect() as connection:
        found = connection.scalar(text("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"))
    engine.dispose()
    return int(found)
