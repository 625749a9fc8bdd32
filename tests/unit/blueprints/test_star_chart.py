"""The star of an outcome reading: where its corners lie."""

from __future__ import annotations

import math

from config.area_profile import load_area
from victim_gateway.blueprints.referrals.star_chart import CENTRE, RADIUS, SIZE, draw_outcome_star

MEASURE = load_area("staffordshire").support.outcome_measure


def distance(corner: tuple[float, float]) -> float:
    return math.hypot(corner[0] - CENTRE, corner[1] - CENTRE)


def test_a_better_value_lies_further_out_and_the_worst_is_not_lost_in_the_centre() -> None:
    keys = [key for key, _ in MEASURE.areas]
    star = draw_outcome_star(MEASURE, dict.fromkeys(keys, 1), dict(zip(keys, range(1, 6), strict=True)))
    assert star.latest is not None
    lengths = [distance(corner) for corner in star.latest.corners]
    assert lengths == sorted(lengths)
    assert all(distance(corner) > 10 for corner in star.start.corners)
    assert abs(lengths[-1] - RADIUS) < 0.2


def test_axes_and_numbers_stay_within_the_drawing_and_are_told_apart() -> None:
    star = draw_outcome_star(MEASURE, dict.fromkeys((key for key, _ in MEASURE.areas), 5), None)
    assert star.latest is None
    assert len({(axis.x, axis.y) for axis in star.axes}) == len(MEASURE.areas) == len(star.rings)
    for axis in star.axes:
        assert 0 < axis.label_x < SIZE
        assert 0 < axis.label_y < SIZE
