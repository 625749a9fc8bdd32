"""What a correction changes and brings with it, as a table."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from victim_gateway.rules.correction_consequences import (
    RecordedDocuments,
    plan_correction,
    recordable_changes,
)
from victim_gateway.rules.handover_changes import handover_changes

TODAY = date(2026, 7, 14)
NOW = datetime(2026, 7, 14, 9, tzinfo=UTC)
RECORDED = RecordedDocuments(
    person={
        "given_name": "Robin",
        "date_of_birth": "2012-03-01",
        "guardian_name": "Ines",
        "guardian_safe_to_contact": "no",
    },
    columns={
        "offence": "Assault",
        "offence_code": None,
        "victim_type": "person",
        "recorded_as": "crime",
        "domestic_abuse": True,
        "vulnerable": True,
        "intimidated": False,
        "persistently_targeted": False,
        "serious_crime": False,
        "hate_strand": "race",
        "chosen_harms": ["violence"],
        "occurred_from": datetime(2026, 7, 1, 22, 30, tzinfo=UTC),
        "reported_at": datetime(2026, 7, 2, 9, tzinfo=UTC),
    },
    details={"risk_assessment": "high"},
)
REASON, SENIOR, NEITHER = "reason", "senior", "neither"


@pytest.mark.parametrize(
    ("changes", "said", "asks"),
    [
        ({"date_of_birth": "1984-03-01"}, "no longer a child", SENIOR),
        ({"date_of_birth": None}, "no longer known that the person is a child", SENIOR),
        ({"date_of_birth": "2013-03-01"}, None, NEITHER),
        ({"recorded_as": "non_crime"}, "its time limits close", SENIOR),
        ({"recorded_as": "asb"}, "its time limits close", SENIOR),
        ({"victim_type": "parent_or_guardian"}, "from the report to the police", REASON),
        ({"victim_type": "bereaved_relative"}, "contact waits for their own yes", REASON),
        ({"domestic_abuse": False}, "The warning of domestic abuse goes", SENIOR),
        ({"domestic_abuse": False}, "Contact no longer waits for a yes", SENIOR),
        ({"domestic_abuse": False, "offence": "Rape"}, "Contact still waits for a yes", SENIOR),
        ({"domestic_abuse": False, "chosen_harms": ["domestic_abuse"]}, "contact still waits", SENIOR),
        ({"vulnerable": False}, "Vulnerable: the mark goes", REASON),
        ({"intimidated": True}, "Intimidated: the person has shorter time limits", NEITHER),
        ({"persistently_targeted": True}, "shorter time limits", NEITHER),
        ({"hate_strand": None}, "no longer counts as a hate crime", REASON),
        ({"hate_strand": "religion"}, "counts as a hate crime", NEITHER),
        ({"chosen_harms": ["violence", "road_crime"]}, "now counts as: road crime", NEITHER),
        ({"guardian_safe_to_contact": "yes"}, "This adult may be contacted", SENIOR),
        (
            {"guardian_safe_to_contact": "yes", "guardian_name": "Mara"},
            "This adult may be contacted",
            SENIOR,
        ),
        ({"guardian_safe_to_contact": "unknown"}, "no longer recorded that this adult is not safe", SENIOR),
        ({"guardian_safe_to_contact": None}, "no longer recorded that this adult is not safe", SENIOR),
        ({"guardian_name": "Mara"}, "Another name stands", REASON),
        ({"guardian_name": None}, "Another name stands", REASON),
        ({"risk_assessment": "standard"}, "The officer's grade changes", SENIOR),
        ({"risk_assessment": None}, "The officer's grade changes", SENIOR),
        ({"reported_at": "2026-07-03"}, "counted again from the new day", REASON),
        ({"occurred_from": "2026-06-30"}, "How old the person was", REASON),
        # 22:30 in UTC is half past eleven in London: the same day given again is no change.
        ({"occurred_from": "2026-07-01"}, None, NEITHER),
        ({"given_name": "Robyn"}, None, NEITHER),
    ],
)
def test_each_correction_says_what_it_brings_and_what_it_asks_for(
    changes: dict[str, Any], said: str | None, asks: str
) -> None:
    planned = plan_correction(RECORDED, recordable_changes(changes, now=NOW), today=TODAY)
    texts = [item.text for item in planned.consequences]
    assert any(said in text for text in texts) if said else texts == []
    loosened = {item.field for item in planned.consequences if item.needs_reason or item.needs_senior}
    assert bool(planned.fields_for_senior) is (asks == SENIOR)
    assert bool(loosened) is (asks != NEITHER)
    assert loosened <= set(planned.fields_with_reason)


@pytest.mark.parametrize(
    ("safe", "changes", "after", "asks"),
    [
        ("yes", {"guardian_name": "Bob"}, "unknown", REASON),
        ("yes", {"guardian_name": "Bob", "guardian_safe_to_contact": "yes"}, "unknown", REASON),
        ("yes", {"guardian_relationship": "stepfather"}, "unknown", NEITHER),
        ("yes", {"guardian_phone": "+447700900001"}, "unknown", NEITHER),
        ("yes", {"guardian_phone": None}, "unknown", NEITHER),
        ("yes", {"guardian_name": "Bob", "guardian_safe_to_contact": "no"}, "no", REASON),
        ("unknown", {"guardian_name": "Bob", "guardian_safe_to_contact": "yes"}, "yes", REASON),
        ("no", {"guardian_name": "Bob"}, "no", REASON),
        ("no", {"guardian_name": "Bob", "guardian_safe_to_contact": "yes"}, "yes", SENIOR),
        ("yes", {"given_name": "Robyn"}, "yes", NEITHER),
    ],
)
def test_safe_is_said_of_one_adult_and_not_safe_is_left_by_a_senior(
    safe: str, changes: dict[str, Any], after: str, asks: str
) -> None:
    adult = {"guardian_name": "Ines", "guardian_relationship": "aunt", "guardian_phone": "+447700900000"}
    person = {**RECORDED.person, **adult, "guardian_safe_to_contact": safe}
    planned = plan_correction(
        RecordedDocuments(person, RECORDED.columns, {}),
        recordable_changes(changes, now=NOW),
        today=TODAY,
    )
    changed = {change.field: change.after for change in planned.changes}
    assert {**person, **changed}["guardian_safe_to_contact"] == after
    loosened = {item.field for item in planned.consequences if item.needs_reason or item.needs_senior}
    assert (bool(planned.fields_for_senior), bool(loosened)) == (asks == SENIOR, asks != NEITHER)
    # What protects is never changed without a reason, even where it only tightens.
    assert bool(planned.fields_with_reason) is (asks != NEITHER or after != safe)


@pytest.mark.parametrize(
    "harm", ["female_genital_mutilation", "modern_slavery", "sexual_abuse", "harmful_sexual_behaviour"]
)
def test_a_grave_harm_is_taken_off_by_a_senior(harm: str) -> None:
    ticked = RecordedDocuments({}, {**RECORDED.columns, "chosen_harms": [harm, "violence"]}, {})
    wanted = recordable_changes({"chosen_harms": ["violence"]}, now=NOW)
    assert plan_correction(ticked, wanted, today=TODAY).fields_for_senior == ("chosen_harms",)


def test_a_day_that_was_not_known_is_recorded_without_a_reason() -> None:
    unknown = RecordedDocuments({}, {**RECORDED.columns, "occurred_from": None, "reported_at": None}, {})
    wanted = recordable_changes({"occurred_from": "2026-07-01", "reported_at": "2026-07-02"}, now=NOW)
    assert plan_correction(unknown, wanted, today=TODAY).fields_with_reason == ()


def test_a_harm_of_that_gravity_goes_only_with_a_senior_and_a_flag_that_still_says_it_keeps_it() -> None:
    ticked = RecordedDocuments(
        RECORDED.person, {**RECORDED.columns, "chosen_harms": ["domestic_abuse", "sexual_abuse"]}, {}
    )
    wanted = recordable_changes({"chosen_harms": ["domestic_abuse"]}, now=NOW)
    planned = plan_correction(ticked, wanted, today=TODAY)
    assert planned.fields_for_senior == ("chosen_harms",)
    wanted = recordable_changes({"chosen_harms": ["sexual_abuse"]}, now=NOW)
    # The flag says domestic abuse, ticked or not.
    assert plan_correction(ticked, wanted, today=TODAY).consequences == ()


def test_an_adult_who_turns_out_to_be_a_child_is_protected_without_being_asked_for_a_reason() -> None:
    adult = RecordedDocuments({**RECORDED.person, "date_of_birth": "1990-01-01"}, RECORDED.columns, {})
    planned = plan_correction(adult, {"date_of_birth": "2011-01-01"}, today=TODAY)
    assert "need a safe adult" in planned.consequences[0].text
    assert planned.fields_with_reason == ()


def test_a_handover_is_outdated_by_its_shared_fields_alone() -> None:
    shared = {"parts": ["name"], "shared_on": "2026-07-01", "name": "A", "words": "x", "language": None}
    current = {"parts": ["name"], "shared_on": "2026-07-14", "name": "B", "words": "y", "language": ""}
    assert [change.field for change in handover_changes(shared, current)] == ["name"]
