"""Processor time of this process and of an embedded PostgreSQL, which is right on a busy machine too."""

from __future__ import annotations

import time
from contextlib import suppress

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
        own = self._postmaster.cpu_times()
        total = own.user + own.system + own.children_user + own.children_system
        for child in self._postmaster.children():
            with suppress(psutil.NoSuchProcess):
                used = child.cpu_times()
                total += used.user + used.system
        return float(total)

    def peak_memory(self) -> int:
        """Bytes of the largest process of its own memory, without what all share."""
        sizes = [0]
        for child in self._postmaster.children():
            with suppress(psutil.NoSuchProcess):
                sizes.append(child.memory_info().rss - child.memory_info().shared)
        return max(sizes)


def own_seconds() -> float:
    """Seconds of processor time of this process so far, all its threads."""
    return time.process_time()
