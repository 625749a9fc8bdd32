"""The geometry of the charts: from numbers to coordinates on a drawing 340 units wide. No text, no colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from victim_gateway.blueprints.compliance.totals import StatusTally

LEFT, RIGHT = 10.0, 300.0
TOP, BOTTOM = 12.0, 150.0
_ROW = 40
_LIMITS = 3
"""How many standard deviations a month may lie off before it is more than chance."""


@dataclass(frozen=True, slots=True)
class RateBar:
    """A rate as a bar: its label above it, its width, and where its number stands."""

    label: str
    rate: float
    due: int
    y: float
    width: float


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """A month's rate on the line, and whether it lies outside what chance would give."""

    month: str
    rate: float
    due: int
    x: float
    y: float
    is_beyond_chance: bool


@dataclass(frozen=True, slots=True)
class RateTrend:
    """Rates by month, with the mean and the two limits of chance as lines of `x,y` pairs."""

    points: tuple[TrendPoint, ...]
    mean: float
    mean_y: float
    upper: str
    lower: str

    @property
    def line(self) -> str:
        return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in self.points)


def rate_bars(rates: Sequence[tuple[str, StatusTally]]) -> list[RateBar]:
    """One bar per tally in which something was due."""
    due = [(label, tally, tally.rate) for label, tally in rates if tally.rate is not None]
    return [
        RateBar(label, rate, tally.due, place * _ROW + 16, rate_offset(rate) - LEFT)
        for place, (label, tally, rate) in enumerate(due)
    ]


def rate_offset(rate: float) -> float:
    """The horizontal position of a rate."""
    return LEFT + (RIGHT - LEFT) * rate


def height_of(drawn: Sequence[RateBar]) -> int:
    """The height of a chart of these bars."""
    return len(drawn) * _ROW + 24


def rate_trend(months: Sequence[tuple[str, StatusTally]]) -> RateTrend | None:
    """A control chart of shares: limits are three standard deviations of that month's number about the mean.

    None with fewer than three months in which something was due: two points are no trend.
    """
    plotted = [(month, tally) for month, tally in months if tally.due]
    if len(plotted) < 3:
        return None
    mean = sum(tally.met for _, tally in plotted) / sum(tally.due for _, tally in plotted)
    points, upper, lower = [], [], []
    for place, (month, tally) in enumerate(plotted):
        rate = tally.met / tally.due
        spread = _LIMITS * sqrt(mean * (1 - mean) / tally.due)
        highest, lowest = min(mean + spread, 1), max(mean - spread, 0)
        x = LEFT + (RIGHT - LEFT) * place / (len(plotted) - 1)
        points.append(TrendPoint(month, rate, tally.due, x, _up(rate), not lowest <= rate <= highest))
        upper.append(f"{x:.1f},{_up(highest):.1f}")
        lower.append(f"{x:.1f},{_up(lowest):.1f}")
    return RateTrend(tuple(points), mean, _up(mean), " ".join(upper), " ".join(lower))


def _up(rate: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * rate
