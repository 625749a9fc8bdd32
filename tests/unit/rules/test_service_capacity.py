"""What a provider says of how many people it can take, and what that means for a choice."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import product

import pytest

from victim_gateway.compliance.calendar import england_and_wales
from victim_gateway.provider_vocabulary import AnswerUnit, ServiceCapacity
from victim_gateway.rules.response_standard import (
    answer_due_by_standard,
    describe_standard,
    find_standard_mistake,
)
from victim_gateway.rules.service_capacity import (
    CapacityStatement,
    agrees_with_older_columns,
    capacity_of_older_columns,
    capacity_order,
    describe_capacity,
    describe_confirmation,
    find_capacity_mistakes,
    take_one_place,
)

OPEN, PLACES, LIST, CLOSED, LATER = (
    ServiceCapacity.OPEN,
    ServiceCapacity.PLACES,
    ServiceCapacity.WAITING_LIST,
    ServiceCapacity.CLOSED,
    ServiceCapacity.AFTER_ASSESSMENT,
)
TODAY = date(2026, 7, 14)
SAYS = [
    (CapacityStatement(OPEN), "Open", False, 0),
    (CapacityStatement(PLACES, 3), "3 places", False, 0),
    (CapacityStatement(PLACES, 1, wait_days=2), "1 place, people wait about 2 days", False, 0),
    (CapacityStatement(PLACES, 0), "Full: no places left", True, 3),
    (CapacityStatement(LIST), "Waiting list, its length is not known", False, 2),
    (CapacityStatement(LIST, None, 12, 20), "Waiting list: 12 people, about 20 days", False, 2),
    (CapacityStatement(LIST, None, 1), "Waiting list: 1 person", False, 2),
    (CapacityStatement(LIST, None, None, 1), "Waiting list: about 1 day", False, 2),
    (CapacityStatement(LATER), "Known only after their assessment", False, 1),
    (CapacityStatement(CLOSED), "Closed to new people", True, 3),
    (CapacityStatement(CLOSED, wait_days=60), "Closed to new people, people wait about 60 days", True, 3),
]


@pytest.mark.parametrize(("statement", "said", "is_full", "order"), SAYS, ids=[line[1] for line in SAYS])
def test_each_statement_says_what_it_means(
    statement: CapacityStatement, said: str, is_full: bool, order: int
) -> None:
    assert describe_capacity(statement) == said
    assert statement.is_full is is_full
    assert capacity_order(statement) == order
    assert find_capacity_mistakes(statement) == {}


@pytest.mark.parametrize(
    ("confirmed_on", "stale", "said"),
    [
        (TODAY, False, "Last confirmed today"),
        (date(2026, 7, 13), False, "Last confirmed yesterday"),
        (date(2026, 6, 30), False, "Last confirmed 14 days ago"),
        (date(2026, 6, 29), True, "Last confirmed 15 days ago, ask them"),
        (date(2026, 6, 24), True, "Last confirmed 20 days ago, ask them"),
        (None, True, "Nobody has confirmed this: ask them"),
        (date(2026, 7, 15), False, "Last confirmed today"),
    ],
)
def test_a_statement_is_old_after_the_days_of_the_area(
    confirmed_on: date | None, stale: bool, said: str
) -> None:
    statement = CapacityStatement(confirmed_on=confirmed_on)

    assert statement.is_stale(TODAY, 14) is stale
    assert describe_confirmation(statement, TODAY, 14) == said


@pytest.mark.parametrize(("places", "left"), [(3, 2), (1, 0), (0, 0), (None, None)])
def test_an_acceptance_takes_one_place_and_never_one_that_is_not_there(
    places: int | None, left: int | None
) -> None:
    kind = OPEN if places is None else PLACES

    assert take_one_place(CapacityStatement(kind, places)).places == left


@pytest.mark.parametrize(
    ("statement", "parts"),
    [
        (CapacityStatement(PLACES), {"places"}),
        (CapacityStatement(PLACES, -1), {"places"}),
        (CapacityStatement(PLACES, 10_000), {"places"}),
        (CapacityStatement(OPEN, 3), {"places"}),
        (CapacityStatement(OPEN, wait_days=3), {"wait_days"}),
        (CapacityStatement(OPEN, waiting_people=3), {"waiting_people"}),
        (CapacityStatement(LIST, 3, -1, 4_000), {"places", "waiting_people", "wait_days"}),
    ],
)
def test_what_does_not_fit_together_is_named_by_its_part(
    statement: CapacityStatement, parts: set[str]
) -> None:
    assert set(find_capacity_mistakes(statement)) == parts


@pytest.mark.parametrize(("is_open", "wait_days"), list(product([True, False], [None, 0, 12])))
def test_open_and_a_wait_have_one_meaning_with_the_capacity(is_open: bool, wait_days: int | None) -> None:
    statement = capacity_of_older_columns(is_open, wait_days)

    assert statement.is_full is not is_open
    assert statement.wait_days == wait_days
    assert agrees_with_older_columns(statement, is_open, wait_days)
    assert not agrees_with_older_columns(statement, not is_open, wait_days)
    assert find_capacity_mistakes(statement) == {}


def test_a_number_of_places_agrees_with_open_and_none_with_closed() -> None:
    assert agrees_with_older_columns(CapacityStatement(PLACES, 3), True, None)
    assert agrees_with_older_columns(CapacityStatement(PLACES, 0), False, None)
    assert not agrees_with_older_columns(CapacityStatement(PLACES, 0), True, None)


@pytest.mark.parametrize(
    ("offered_at", "amount", "unit", "due_on"),
    [
        (datetime(2026, 7, 14, 9, tzinfo=UTC), 2, AnswerUnit.WORKING_DAYS, date(2026, 7, 16)),
        # Over Christmas.
        (datetime(2026, 12, 24, 9, tzinfo=UTC), 1, AnswerUnit.WORKING_DAYS, date(2026, 12, 29)),
        (datetime(2026, 7, 14, 9, tzinfo=UTC), 24, AnswerUnit.HOURS, date(2026, 7, 15)),
        # Half past midnight in London.
        (datetime(2026, 7, 14, 21, 30, tzinfo=UTC), 2, AnswerUnit.HOURS, date(2026, 7, 15)),
        (datetime(2026, 7, 14, 9, tzinfo=UTC), None, None, None),
    ],
)
def test_a_service_answers_by_its_own_standard(
    offered_at: datetime, amount: int | None, unit: AnswerUnit | None, due_on: date | None
) -> None:
    assert answer_due_by_standard(offered_at, amount, unit, england_and_wales()) == due_on


def test_a_standard_has_a_number_and_a_unit() -> None:
    assert describe_standard(1, AnswerUnit.WORKING_DAYS) == "1 working day"
    assert describe_standard(4, AnswerUnit.HOURS) == "4 hours"
    assert describe_standard(None, None) is None
    assert [find_standard_mistake(*each) is None for each in ((None, None), (2, AnswerUnit.HOURS))] == [
        True
    ] * 2
    wrong = ((2, None), (None, AnswerUnit.HOURS), (0, AnswerUnit.HOURS), (61, AnswerUnit.WORKING_DAYS))
    assert all(find_standard_mistake(*each) for each in wrong)
