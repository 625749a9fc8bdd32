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
        ({"date_of_birth": "1984-03-01"}, "no longer a child", REASON),
        ({"date_of_birth": None}, "no longer known that the person is a child", REASON),
        ({"date_of_birth": "2013-03-01"}, None, NEITHER),
        ({"recorded_as": "non_crime"}, "its time limits close", REASON),
        ({"recorded_as": "asb"}, "its time limits close", REASON),
        ({"domestic_abuse": False}, "The warning of domestic abuse goes", SENIOR),
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
            REASON,
        ),
        ({"guardian_safe_to_contact": "unknown"}, "Nobody may contact this adult", NEITHER),
        ({"risk_assessment": "standard"}, "The officer's grade changes", REASON),
        ({"risk_assessment": None}, "The officer's grade changes", REASON),
        ({"reported_at": "2026-07-03"}, "counted again from the new day", NEITHER),
        ({"occurred_from": "2026-06-30"}, "How old the person was", NEITHER),
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
