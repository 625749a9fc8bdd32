"""When what the force sends is about another person."""

from __future__ import annotations

from typing import Any

import pytest

from victim_gateway.rules.feed_conflicts import may_take_over
from victim_gateway.rules.identity_match import contradicts

ANNA = {"given_name": "Anna", "family_name": "Nowak", "date_of_birth": "1984-03-27"}


@pytest.mark.parametrize(
    ("sent", "is_another"),
    [
        ({"given_name": "Tom", "family_name": "Baker", "date_of_birth": "1990-01-02"}, True),
        ({"given_name": "Tom", "family_name": "Baker"}, True),
        ({"given_name": "Ana", "family_name": "Nowak"}, False),
        ({"given_name": "Anna", "family_name": "Baker", "date_of_birth": "1984-03-27"}, False),
        ({"given_name": "ANNA", "family_name": "NOWAK", "date_of_birth": "1984-03-28"}, False),
        ({"date_of_birth": "1990-01-02"}, False),
        ({}, False),
    ],
)
def test_name_and_birth_date_that_both_differ_are_another_person(
    sent: dict[str, Any], is_another: bool
) -> None:
    assert contradicts(ANNA, sent) is is_another
    assert contradicts(sent, ANNA) is is_another


def test_another_persons_name_number_and_consent_are_not_offered_but_their_crime_is() -> None:
    sent = {"given_name": "Tom", "family_name": "Baker", "date_of_birth": "1990-01-02"}
    for column in ("given_name", "date_of_birth", "phone", "safe_to_contact", "guardian_phone"):
        assert not may_take_over(column, (), ANNA, sent)
    assert may_take_over("district", (), ANNA, sent)


def test_another_reference_of_the_victim_is_another_person() -> None:
    assert may_take_over("given_name", (), ANNA, {"given_name": "Ana", "family_name": "Nowak"})
    assert not may_take_over("given_name", ("victim_reference",), ANNA, {"given_name": "Ana"})


def test_a_column_that_nobody_can_correct_is_not_offered() -> None:
    assert not may_take_over("transferred_at", (), ANNA, {})
