"""Outcome readings: their order of start, reviews and end, values on the scale, and the distance between two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from victim_gateway.vocabulary import ReadingStage

if TYPE_CHECKING:
    from config.area_support import OutcomeMeasure


@dataclass(frozen=True, slots=True)
class ReadingDay:
    """A reading that stands: when in the support it was taken, and on which day."""

    stage: ReadingStage
    taken_on: date


def refused_reading(
    stage: ReadingStage, taken_on: date, *, today: date, earlier: Sequence[ReadingDay]
) -> Mapping[str, str]:
    """Why a reading can't be recorded beside those that stand, by field; empty where it can."""
    if taken_on > today:
        return {"taken_on": "When it was taken must be today or in the past"}
    start = _day_of(ReadingStage.START, earlier)
    end = _day_of(ReadingStage.END, earlier)
    if stage is ReadingStage.START and start is not None:
        return {"stage": "There is a reading at the start already. Take that one back, or record a review."}
    if stage is ReadingStage.END and end is not None:
        return {"stage": "There is a reading at the end already. Take that one back first."}
    if stage is not ReadingStage.START and start is None:
        return {"stage": "Record the reading at the start first: without it nobody can say what changed."}
    return _refused_day(stage, taken_on, start=start, end=end, earlier=earlier)


def _refused_day(
    stage: ReadingStage,
    taken_on: date,
    *,
    start: date | None,
    end: date | None,
    earlier: Sequence[ReadingDay],
) -> Mapping[str, str]:
    if stage is ReadingStage.START:
        return {}
    if start is not None and taken_on < start:
        return {"taken_on": "This must be on or after the day of the reading at the start"}
    if stage is ReadingStage.REVIEW and end is not None and taken_on > end:
        return {"taken_on": "This must be on or before the day of the reading at the end"}
    last = max(each.taken_on for each in earlier)
    if stage is ReadingStage.END and taken_on < last:
        return {"taken_on": "This must be on or after the day of the last review"}
    return {}


def _day_of(stage: ReadingStage, readings: Sequence[ReadingDay]) -> date | None:
    return next((each.taken_on for each in readings if each.stage is stage), None)


def refused_values(measure: OutcomeMeasure, values: Mapping[str, object]) -> Mapping[str, str]:
    """Why these values are not a reading of the measure, by field `area_<key>`; every area needs one on the scale."""
    refused = {
        f"area_{key}": f"Choose a number from {measure.least} to {measure.most} for {label[0].lower()}{label[1:]}"
        for key, label in measure.areas
        if not measure.allows(values.get(key))
    }
    if not refused and set(values) - {key for key, _ in measure.areas}:
        return {"stage": "This page is out of date. Open it again."}
    return refused


def measure_distance(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """By area, how far the person has come between two readings; areas that one of them lacks are left out."""
    return {key: after[key] - before[key] for key in before if key in after}
