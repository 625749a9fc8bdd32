"""What a goal, an activity and a reading must say."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.area_profile import load_area
from victim_gateway.rules.outcome_readings import (
    ReadingDay,
    measure_distance,
    refused_reading,
    refused_values,
)
from victim_gateway.rules.support import (
    CHANNEL_OF_MANNER,
    GoalFacts,
    explain_missing_attempt,
    explain_refused_state,
    format_minutes,
    refused_goal,
)
from victim_gateway.vocabulary import GoalState, ReadingStage, ReferralState

TODAY = date(2026, 3, 10)
DAY = timedelta(days=1)
MEASURE = load_area("staffordshire").support.outcome_measure
START = ReadingDay(ReadingStage.START, TODAY - 9 * DAY)
REVIEW = ReadingDay(ReadingStage.REVIEW, TODAY - 5 * DAY)
END = ReadingDay(ReadingStage.END, TODAY - 2 * DAY)


def test_the_measure_of_staffordshire_has_the_five_areas_of_its_commissioner() -> None:
    assert [label for _, label in MEASURE.areas] == [
        "Emotional wellbeing",
        "Money and practicalities",
        "Close relationships",
        "Safety at home",
        "Navigating the legal process",
    ]


@pytest.mark.parametrize(
    ("stage", "taken_on", "earlier", "field"),
    [
        (ReadingStage.END, TODAY, [], "stage"),
        (ReadingStage.REVIEW, TODAY, [], "stage"),
        (ReadingStage.START, TODAY, [START], "stage"),
        (ReadingStage.END, TODAY, [START, END], "stage"),
        (ReadingStage.START, TODAY + DAY, [], "taken_on"),
        (ReadingStage.REVIEW, START.taken_on - DAY, [START], "taken_on"),
        (ReadingStage.END, START.taken_on - DAY, [START], "taken_on"),
        (ReadingStage.END, REVIEW.taken_on - DAY, [START, REVIEW], "taken_on"),
        (ReadingStage.REVIEW, END.taken_on + DAY, [START, END], "taken_on"),
    ],
)
def test_a_reading_out_of_order_is_refused_at_its_field(
    stage: ReadingStage, taken_on: date, earlier: list[ReadingDay], field: str
) -> None:
    assert list(refused_reading(stage, taken_on, today=TODAY, earlier=earlier)) == [field]


def test_start_reviews_and_end_follow_each_other_on_one_day_too() -> None:
    assert not refused_reading(ReadingStage.START, TODAY, today=TODAY, earlier=[])
    on_start = START.taken_on
    for stage in (ReadingStage.REVIEW, ReadingStage.END):
        assert not refused_reading(stage, on_start, today=TODAY, earlier=[START])
    assert not refused_reading(ReadingStage.REVIEW, REVIEW.taken_on, today=TODAY, earlier=[START, END])


@pytest.mark.parametrize("wrong", [0, 6, -1, 2.5, "3", None, True])
def test_a_value_off_the_scale_is_refused_at_its_area(wrong: object) -> None:
    values: dict[str, object] = {key: 3 for key, _ in MEASURE.areas}
    assert not refused_values(MEASURE, values)
    refused = refused_values(MEASURE, {**values, "safety_at_home": wrong})
    assert list(refused) == ["area_safety_at_home"]
    assert refused_values(MEASURE, {**values, "another_area": 3})


@given(st.dictionaries(st.sampled_from([key for key, _ in MEASURE.areas]), st.integers(1, 5)))
def test_who_stays_where_they_are_has_come_no_distance(values: dict[str, int]) -> None:
    assert set(measure_distance(values, values).values()) <= {0}
    assert measure_distance(values, values).keys() == values.keys()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"text": "  "}, "goal_text"),
        ({"agreed_on": TODAY + DAY}, "agreed_on"),
        ({"target_on": TODAY - 2 * DAY}, "target_on"),
        ({"state": GoalState.REACHED, "remarks": "At last"}, "state"),
        ({"state": GoalState.DROPPED, "before": GoalState.OPEN}, "remarks"),
        ({"state": GoalState.NOT_REACHED, "before": GoalState.OPEN, "remarks": " "}, "remarks"),
    ],
)
def test_a_goal_that_says_too_little_is_refused_at_its_field(changed: dict[str, object], field: str) -> None:
    said: dict[str, object] = {
        "text": "To sleep again",
        "state": GoalState.OPEN,
        "agreed_on": TODAY - DAY,
        "target_on": None,
        "remarks": "",
        "before": None,
    }
    assert not refused_goal(GoalFacts(**said), TODAY)  # type: ignore[arg-type]
    assert list(refused_goal(GoalFacts(**(said | changed)), TODAY)) == [field]  # type: ignore[arg-type]


def test_support_is_recorded_for_those_who_were_reached_and_up_to_the_day_of_closing() -> None:
    for state in ReferralState:
        refused = explain_refused_state(state, closed_on=TODAY, on=TODAY)
        assert (refused is None) == (
            state.value in ("in_contact", "triaged", "supported", "reopened", "closed")
        )
    assert explain_refused_state(ReferralState.CLOSED, closed_on=TODAY, on=TODAY + DAY)
    assert explain_refused_state(ReferralState.CLOSED, closed_on=None, on=TODAY)


def test_every_manner_that_reaches_for_the_person_says_what_to_log_first() -> None:
    for manner in CHANNEL_OF_MANNER:
        assert "first" in explain_missing_attempt(manner)


@pytest.mark.parametrize(
    ("minutes", "shown"),
    [(0, "0 minutes"), (1, "1 minute"), (60, "1 hour"), (61, "1 hour 1 minute"), (150, "2 hours 30 minutes")],
)
def test_minutes_read_as_hours_and_minutes(minutes: int, shown: str) -> None:
    assert format_minutes(minutes) == shown
