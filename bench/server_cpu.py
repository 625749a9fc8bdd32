"""Processor time and memory of an embedded PostgreSQL and of other processes, which hold on a busy machine too."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from config import Settings


class ServerCpu:
    """Reads the processor seconds of a PostgreSQL: of the processes that run and of those that have ended."""

    def __init__(self, settings: Settings) -> None:
        engine = create_engine(str(settings.database_owner_url), poolclass=NullPool)
        with engine.connect() as connection:
            backend = psutil.Process(connection.scalar(text("SELECT pg_backend_pid()")))
            parent = backend.parent()
        engine.dispose()
        if parent is None:
            raise RuntimeError("PostgreSQL's first process was not found")
        self._postmaster = parent

    def seconds(self) -> float:
        """Seconds of processor time so far."""
        ended = self._postmaster.cpu_times()
        living = [self._postmaster.pid, *_children(self._postmaster)]
        return float(ended.children_user + ended.children_system) + run_seconds(living)

    def private_memory(self) -> int:
        """Bytes of the largest process's own memory, without what all share."""
        return max((_anonymous(pid) for pid in _children(self._postmaster)), default=0)


def run_seconds(pids: Iterable[int]) -> float:
    """Seconds that the processes have run, to the nanosecond; those that have ended count nothing."""
    total = 0
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                total += int(thread.read_text().split()[0])
            except (OSError, ValueError):
                continue
    return total / 1e9


def proportional_memory(pids: Iterable[int]) -> int:
    """Bytes of memory of the processes, each shared page divided among those that share it."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def family(pid: int) -> list[int]:
    """A process and all below it."""
    first = psutil.Process(pid)
    return [first.pid, *(child.pid for child in first.children(recursive=True))]


def _children(parent: psutil.Process) -> list[int]:
    """The processes that this one started, asked of the kernel where it can say so: psutil looks through all."""
    try:
        listed = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text()
    except OSError:
        return [child.pid for child in parent.children()]
    return [int(pid) for pid in listed.split()]


def _anonymous(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))


class MemoryWatch:
    """Notes the largest private memory of a PostgreSQL process while a block runs."""

    def __init__(self, server: ServerCpu) -> None:
        self._server, self._ended = server, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.peak = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.05):
            self.peak = max(self.peak, self._server.private_memory())


def own_seconds() -> float:
    """Seconds of processor time of this process so far, all its threads."""
    return time.process_time()
