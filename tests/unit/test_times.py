"""London dates and ages are computed in one place."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import uuid4

import pytest

from tests.unit.feeds.samples import parse
from victim_gateway import times
from victim_gateway.compliance.facts import Facts
from victim_gateway.feeds.facts import referral_facts
from victim_gateway.feeds.problems import Accepted
from victim_gateway.queries.people.decrypted_people import age_of
from victim_gateway.rules.handover import HandoverSource

# Born, on which day, and the age in whole years.
AGES = [
    (date(2005, 7, 15), date(2022, 7, 14), 16),
    (date(2005, 7, 15), date(2022, 7, 15), 17),
    (date(2005, 1, 1), date(2021, 12, 31), 16),
    (date(2005, 1, 1), date(2022, 1, 1), 17),
    (date(2004, 2, 29), date(2022, 2, 28), 17),
    (date(2004, 2, 29), date(2022, 3, 1), 18),
    (date(2004, 2, 29), date(2024, 2, 28), 19),
    (date(2004, 2, 29), date(2024, 2, 29), 20),
    (date(2022, 3, 1), date(2022, 3, 1), 0),
]


@pytest.mark.parametrize(("born_on", "day", "age"), AGES)
def test_a_person_is_a_year_older_on_the_birthday_and_on_1_march_without_a_29_february(
    born_on: date, day: date, age: int
) -> None:
    assert times.age_on(born_on, day) == age


@pytest.mark.parametrize(("born_on", "day", "age"), AGES)
def test_feed_clocks_handover_and_pages_give_the_same_age(born_on: date, day: date, age: int) -> None:
    reported = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    row = parse(date_of_birth=born_on.isoformat(), reported_at=reported.isoformat(), occurred_from="")
    assert isinstance(row, Accepted)
    of_feed = referral_facts(row.row, imported_at=reported, with_history=False)
    of_clocks = Facts(date_of_birth=born_on, offence_on=day)

    assert (of_feed.under_17, of_feed.under_18) == (age < 17, age < 18)
    assert (of_clocks.was_younger_than(17), of_clocks.was_younger_than(18)) == (age < 17, age < 18)
    assert _handover(born_on).age(day) == age
    assert age_of({"date_of_birth": born_on.isoformat()}, day) == age


def test_an_unknown_birth_date_gives_no_age() -> None:
    assert age_of({}, date(2026, 3, 10)) is None
    assert _handover(None).age(date(2026, 3, 10)) is None


def _handover(born_on: date | None) -> HandoverSource:
    return HandoverSource(
        person_id=uuid4(),
        name=None,
        born_on=born_on,
        victim_type="person",
        offence="Theft",
        recorded_as="crime",
        district=None,
        occurred_on=None,
        what_happened="",
        needs=(),
        risk="unknown",
        risk_grounds=(),
        language=None,
        interpreter_needed=False,
        communication_needs=None,
        safe_contact={},
    )
