"""The table of columns that a person can put right."""

from __future__ import annotations

from datetime import date

import pytest

from victim_gateway.rules.contact_stops import FIELD_OF_STOP, ContactStop, contact_stops
from victim_gateway.rules.recorded_fields import (
    CONTACT_FIELDS,
    PROTECTIVE_FIELDS,
    RECORDED_FIELDS,
    display_value,
    field_label,
    recorded_day,
)


def test_every_protective_answer_and_every_number_can_be_put_right() -> None:
    assert PROTECTIVE_FIELDS <= RECORDED_FIELDS.keys()
    assert CONTACT_FIELDS <= RECORDED_FIELDS.keys()
    assert set(FIELD_OF_STOP.values()) <= PROTECTIVE_FIELDS


@pytest.mark.parametrize(
    ("column", "value", "shown"),
    [
        ("children_present", False, "No"),
        ("children_present", None, None),
        ("risk_assessment", "high", "High"),
        ("alias", "", None),
        ("alias", "Nia", "Nia"),
        ("sex", "X", "Another"),
    ],
)
def test_a_recorded_value_is_shown_in_words(column: str, value: object, shown: str | None) -> None:
    assert display_value(column, value) == shown


def test_a_column_that_is_not_in_the_table_is_named_after_itself() -> None:
    assert field_label("transferred_at") == "Transferred at"
    assert field_label("given_name") == "First name"


@pytest.mark.parametrize(
    ("recorded", "day"),
    [
        ("2026-03-01", date(2026, 3, 1)),
        ("2026-07-01T23:30:00+00:00", date(2026, 7, 2)),
        ("2026-01-31T23:30:00+00:00", date(2026, 1, 31)),
    ],
)
def test_the_day_of_a_moment_is_the_day_in_london(recorded: str, day: date) -> None:
    assert recorded_day(recorded) == day


def test_a_death_counts_before_a_withdrawal_and_neither_is_assumed() -> None:
    both = contact_stops({"deceased": True}, {"withdrawn": True})
    assert both == (ContactStop.PERSON_DIED, ContactStop.WITHDRAWN_BY_FORCE)
    assert contact_stops({"deceased": False}, {}) == ()
