"""The drawing of outcome readings: one axis for each area, one outline for a reading, told apart without colour."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from config.area_support import OutcomeMeasure

SIZE = 340
CENTRE = SIZE / 2
RADIUS = 120.0


@dataclass(frozen=True, slots=True)
class StarAxis:
    """One area: where its axis ends, and where its number stands."""

    number: int
    label: str
    x: float
    y: float
    label_x: float
    label_y: float


@dataclass(frozen=True, slots=True)
class StarOutline:
    """One reading as a closed line with its corners."""

    points: str
    corners: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class OutcomeStar:
    """Axes, the rings of the scale, and the outlines of the reading at the start and of the last one since."""

    axes: tuple[StarAxis, ...]
    rings: tuple[str, ...]
    start: StarOutline
    latest: StarOutline | None


def draw_outcome_star(
    measure: OutcomeMeasure, start: Mapping[str, int], latest: Mapping[str, int] | None
) -> OutcomeStar:
    """Lay out the star. The lowest value stands a step out from the centre, so that it is not lost in it."""
    count = len(measure.areas)
    axes = []
    for place, (_, label) in enumerate(measure.areas):
        x, y = _point(place, count, RADIUS)
        label_x, label_y = _point(place, count, RADIUS + 22)
        axes.append(StarAxis(place + 1, label, x, y, label_x, label_y))
    steps = range(measure.least, measure.most + 1)
    rings = tuple(_outline(measure, dict.fromkeys(dict(measure.areas), step)).points for step in steps)
    return OutcomeStar(
        axes=tuple(axes),
        rings=rings,
        start=_outline(measure, start),
        latest=None if latest is None else _outline(measure, latest),
    )


def _outline(measure: OutcomeMeasure, values: Mapping[str, int]) -> StarOutline:
    steps = measure.most - measure.least + 1
    corners = tuple(
        _point(
            place, len(measure.areas), RADIUS * (values.get(key, measure.least) - measure.least + 1) / steps
        )
        for place, (key, _) in enumerate(measure.areas)
    )
    return StarOutline(" ".join(f"{x},{y}" for x, y in corners), corners)


def _point(place: int, count: int, distance: float) -> tuple[float, float]:
    """The point at a distance along an axis; the first axis points up, the others follow as a clock goes."""
    angle = 2 * math.pi * place / count
    return round(CENTRE + distance * math.sin(angle), 1), round(CENTRE - distance * math.cos(angle), 1)
