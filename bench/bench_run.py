"""One run of the bench: the volumes it compares, started once, and what every measure is given."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from types import TracebackType
from typing import Self

from bench.browsing import CostSummary, PageCost, VolumeApp
from bench.import_timing import owner_connection
from bench.volumes import Volume, build_volume, running_volume

SMALL = 10_000
# What autovacuum does beside a page would be counted as the page's; a volume was vacuumed when it was built.
_QUIET = (
    "ALTER SYSTEM SET autovacuum = off",
    "SELECT pg_reload_conf()",
    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'",
)


@dataclass
class BenchRun:
    """The large volume and the one of 10,000 referrals that it is held against."""

    large: Volume
    small: Volume
    rounds: int = 30
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @cached_property
    def large_app(self) -> VolumeApp:
        """The app of the large volume, its servers running until the end."""
        return self._start(self.large)

    @cached_property
    def small_app(self) -> VolumeApp:
        """The app of the small volume, its servers running until the end."""
        return self._start(self.small)

    def _start(self, volume: Volume) -> VolumeApp:
        build_volume(volume)
        settings, app = self._open.enter_context(running_volume(volume))
        with owner_connection(settings) as connection:
            for statement in _QUIET:
                connection.execute(statement)
        return VolumeApp(settings, app)

    def compare(
        self, ask: Callable[[VolumeApp, int], PageCost], *, rounds: int | None = None
    ) -> tuple[CostSummary, CostSummary]:
        """Ask both volumes turn about, so that a busy moment of the machine falls on both; the large one first.

        `ask` is given the number of the round. The first answer of each is not counted: it fills caches.
        """
        wanted = rounds or self.rounds
        large, small = [], []
        for round_number in range(wanted + 1):
            large.append(ask(self.large_app, round_number))
            small.append(ask(self.small_app, round_number))
        return CostSummary(large[1:]), CostSummary(small[1:])
