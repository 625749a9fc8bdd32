"""One run of the bench: the volumes it compares, started once, and what every measure is given."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from types import TracebackType
from typing import Self

from bench.browsing import CostSummary, PageCost, VolumeApp
from bench.volumes import Volume, build_volume, running_volume

SMALL = 10_000


@dataclass
class BenchRun:
    """The large volume and the one of 10,000 referrals that it is held against."""

    large: Volume
    small: Volume
    turns: int = 30
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
        return VolumeApp(*self._open.enter_context(running_volume(volume)))

    def compare(
        self, ask: Callable[[VolumeApp, int], PageCost], *, turns: int | None = None
    ) -> tuple[CostSummary, CostSummary]:
        """Ask both volumes turn about, so that a busy moment of the machine falls on both; the large one first.

        `ask` is given the number of the turn. The first answer of each is not counted: it fills caches.
        """
        wanted = turns or self.turns
        large, small = [], []
        for turn in range(wanted + 1):
            large.append(ask(self.large_app, turn))
            small.append(ask(self.small_app, turn))
        return CostSummary(large[1:]), CostSummary(small[1:])
