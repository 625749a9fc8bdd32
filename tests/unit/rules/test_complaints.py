"""By when a complaint is owed its next step, by the Code where it binds the service, else by the area."""

from __future__ import annotations

from datetime import date

import pytest

from victim_gateway.rules.complaints import (
    COMPLAINT_STEPS,
    acknowledge_by,
    answer_by,
    is_recorded_complaint,
    next_step_by,
)
from victim_gateway.vocabulary import ComplaintState, ComplaintSubject


@pytest.mark.parametrize(
    ("about", "due_on"),
    [
        # Ten working days of the Code, over Easter; the area's three for a service that the Code does not bind.
        (ComplaintSubject.POLICE, date(2024, 4, 15)),
        (ComplaintSubject.GATEWAY, date(2024, 4, 15)),
        (ComplaintSubject.PROVIDER, date(2024, 4, 4)),
        (ComplaintSubject.OTHER, date(2024, 4, 4)),
    ],
)
def test_the_codes_limit_binds_the_codes_services_and_the_areas_the_rest(
    about: ComplaintSubject, due_on: date
) -> None:
    assert acknowledge_by(about, date(2024, 3, 28), area_days=3) == due_on


def test_an_answer_and_what_follows_it_are_due_on_working_days() -> None:
    assert answer_by(date(2024, 3, 28), area_days=2) == date(2024, 4, 3)
    assert next_step_by(date(2024, 3, 28)) == date(2024, 4, 2)


def test_every_state_has_its_steps_and_what_is_over_has_none() -> None:
    assert set(COMPLAINT_STEPS) == set(ComplaintState)
    over = {state for state, steps in COMPLAINT_STEPS.items() if not steps}
    assert over == {ComplaintState.CLOSED, ComplaintState.WITHDRAWN}


def test_a_suspect_is_no_complaint() -> None:
    assert [is_recorded_complaint(subject) for subject in ("complaint 1", "s1", None)] == [True, False, False]
