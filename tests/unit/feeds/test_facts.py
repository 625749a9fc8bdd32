"""From a referral row to facts and events, as contract section 5 has it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from tests.unit.feeds.samples import IMPORTED_AT, accepted
from victim_gateway.feeds.facts import ReferralFacts, referral_facts


def facts(*, with_history: bool = False, **cells: str) -> ReferralFacts:
    row, warnings = accepted(**cells)
    assert warnings == []
    return referral_facts(row, imported_at=IMPORTED_AT, with_history=with_history)


@pytest.mark.parametrize(
    ("victim_type", "basis"),
    [
        ("", "direct"),
        ("person", "direct"),
        ("business", "business_contact"),
        ("bereaved_relative", "bereaved_relative"),
        ("parent_or_guardian", "parent_or_guardian"),
    ],
)
def test_the_victim_type_gives_the_basis(victim_type: str, basis: str) -> None:
    assert facts(victim_type=victim_type).victim_basis == basis


def test_only_a_business_has_or_lacks_a_named_contact() -> None:
    assert facts(victim_type="business").conditions == {"named_contact": False}
    assert facts(victim_type="business", organisation_contact="Zo").conditions == {"named_contact": True}
    assert facts(victim_type="person", organisation_contact="Zo").conditions == {}


def test_only_a_no_to_the_referral_is_an_opting_out() -> None:
    assert facts(consent_to_referral="no").conditions == {"not_opted_out": False}
    for answer in ("yes", "not_asked", ""):
        assert facts(consent_to_referral=answer).conditions == {}


@pytest.mark.parametrize(
    ("cells", "categories"),
    [
        ({}, []),
        ({"vulnerable": "no", "serious_crime": "no", "hate_strand": "none"}, []),
        ({"vulnerable": "yes"}, ["vulnerable_or_intimidated"]),
        ({"intimidated": "yes", "vulnerable": "yes"}, ["vulnerable_or_intimidated"]),
        ({"persistently_targeted": "yes"}, ["persistently_targeted"]),
        ({"serious_crime": "yes"}, ["most_serious_crime"]),
        ({"domestic_abuse": "yes"}, ["most_serious_crime"]),
        ({"hate_strand": "race"}, ["most_serious_crime"]),
        ({"victim_type": "bereaved_relative"}, ["most_serious_crime"]),
    ],
)
def test_flags_open_categories_of_enhanced_rights(cells: dict[str, str], categories: list[str]) -> None:
    assert [fact.category for fact in facts(**cells).enhanced] == categories


def test_enhanced_rights_begin_on_the_london_date_of_the_report() -> None:
    [fact] = facts(reported_at="2025-07-14T23:30Z", vulnerable="yes").enhanced
    assert fact.from_on == date(2025, 7, 15)


@pytest.mark.parametrize(
    ("born", "occurred", "under_17", "under_18"),
    [
        ("2008-02-01", "2026-01-31T23:59", False, True),
        ("2008-02-01", "2026-02-01T00:00", False, False),
        ("2009-02-01", "2026-01-31T23:59", True, True),
        ("2008-02-29", "2026-02-28T12:00", False, True),
        ("2008-02-29", "2026-03-01T00:30", False, False),
        ("2007-07-15", "2025-07-14T23:30Z", False, False),
        ("", "2026-02-01", None, None),
    ],
)
def test_age_is_that_on_the_london_date_of_the_offence(
    born: str, occurred: str, under_17: bool | None, under_18: bool | None
) -> None:
    found = facts(date_of_birth=born, occurred_from=occurred)
    assert (found.under_17, found.under_18) == (under_17, under_18)


def test_without_a_date_of_offence_the_report_stands_in() -> None:
    found = facts(date_of_birth="2008-03-01", reported_at="2026-03-01T00:00")
    assert (found.offence_on, found.under_18) == (date(2026, 3, 1), False)


def test_a_business_has_no_age() -> None:
    assert facts(victim_type="business", date_of_birth="2015-01-01").under_18 is None


@pytest.mark.parametrize(
    ("recorded_as", "opens"), [("", True), ("crime", True), ("asb", False), ("non_crime", False)]
)
def test_only_crimes_open_the_codes_clocks(recorded_as: str, opens: bool) -> None:
    assert facts(recorded_as=recorded_as).opens_code_clocks is opens


def test_the_events_of_a_row_are_recorded_at_the_import() -> None:
    events = facts(transferred_at="2026-03-02T10:00", acknowledged_at="2026-03-03T10:00").events
    assert [(event.event, event.occurred_at, event.recorded_at) for event in events] == [
        ("reported_to_police", datetime(2026, 3, 1, 10, tzinfo=UTC), IMPORTED_AT),
        ("referred_to_support_service", datetime(2026, 3, 2, 10, tzinfo=UTC), IMPORTED_AT),
        ("written_acknowledgement_sent", datetime(2026, 3, 3, 10, tzinfo=UTC), IMPORTED_AT),
    ]


def test_a_row_without_transfer_was_referred_at_the_import() -> None:
    events = {event.event: event.occurred_at for event in facts().events}
    assert events["referred_to_support_service"] == IMPORTED_AT
    assert "written_acknowledgement_sent" not in events


def test_with_history_everything_is_recorded_at_the_transfer_else_at_the_report() -> None:
    transferred = facts(with_history=True, transferred_at="2026-03-02T10:00")
    assert transferred.recorded_at == datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert {event.recorded_at for event in transferred.events} == {transferred.recorded_at}
    assert facts(with_history=True).recorded_at == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_with_history_nothing_is_recorded_before_it_happened() -> None:
    row, _ = accepted(acknowledged_at="2026-03-03T10:00", transferred_at="2026-03-02T10:00")
    found = referral_facts(
        replace(row, transferred_at=datetime(2026, 3, 1, 9, 55, tzinfo=UTC)),
        imported_at=IMPORTED_AT,
        with_history=True,
    )
    assert found.recorded_at == row.reported_at
    assert all(event.recorded_at >= event.occurred_at for event in found.events)
    assert found.events[-1].recorded_at == datetime(2026, 3, 3, 10, tzinfo=UTC)


def test_with_history_a_blank_transfer_is_not_known() -> None:
    events = [event.event for event in facts(with_history=True).events]
    assert events == ["reported_to_police"]


@pytest.mark.parametrize(
    ("born", "cells", "is_vulnerable"),
    [
        ("2008-03-02", {"vulnerable": "no"}, True),
        ("2008-03-02", {}, True),
        ("2008-03-01", {"vulnerable": "no"}, False),
        ("2008-03-02", {"victim_type": "business"}, False),
    ],
)
def test_a_child_is_vulnerable_whatever_the_cell_says(
    born: str, cells: dict[str, str], is_vulnerable: bool
) -> None:
    categories = [fact.category for fact in facts(date_of_birth=born, **cells).enhanced]
    assert ("vulnerable_or_intimidated" in categories) is is_vulnerable
