"""Every page of every role at both sizes."""

from __future__ import annotations

from collections.abc import Iterator

from bench.bench_run import BenchRun
from bench.browsing import CostSummary, VolumeApp
from bench.measurement import Measurement, Target
from bench.measures.lists import compared
from bench.page_addresses import ACCOUNTS, page_addresses

ROUNDS, FORBIDDEN = 5, 403
_PAGE = Target(most=100, most_ratio=1.3, either=True)


def measure_every_page(run: BenchRun) -> Iterator[Measurement]:
    """Ask for each page that each role may see: what it costs, and how that grows with the volume."""
    large = page_addresses(run.large_app.settings, run.large_app.app)
    small = page_addresses(run.small_app.settings, run.small_app.app)
    for role, email in ACCOUNTS.items():
        for title in sorted(large):
            first = _answering(run.large_app, email, large[title])
            second = _answering(run.small_app, email, small[title]) if first else None
            if first is not None and second is not None:
                costs: tuple[list[object], list[object]] = ([], [])
                for _ in range(ROUNDS):
                    costs[0].append(run.large_app.request(email, first))
                    costs[1].append(run.small_app.request(email, second))
                yield compared(f"{role}: {title}", CostSummary(costs[0]), CostSummary(costs[1]), _PAGE)  # type: ignore[arg-type]


def _answering(app: VolumeApp, email: str, addresses: list[str]) -> str | None:
    """The first of the addresses that shows a page to this account; none where its role may not see such pages."""
    for path in addresses:
        status = app.request(email, path).status
        if status in (200, FORBIDDEN):
            return path if status != FORBIDDEN else None
    return None
