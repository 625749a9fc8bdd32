"""Every duty and every condition has wording that can be printed to a reader."""

from __future__ import annotations

import re

import pytest

from config.area_profile import load_area
from victim_gateway.compliance.editions import code_editions, condition_names
from victim_gateway.compliance.plain_rights import plain_rights
from victim_gateway.compliance.plain_wording import (
    duty_wording,
    plain_conditions,
    plain_duties,
    reason_left_out,
)

DUTIES = [duty for edition in code_editions() for duty in edition.entitlements]
OF_THE_AREAS = {
    name
    for area in ("staffordshire", "cleveland")
    for standard in load_area(area).standards
    for name in standard.applies_when
}
NEGATIVE = re.compile(r"\b(?:not|no|none|never|nothing|nobody|without|unless)\b|n't\b")
LEGAL = re.compile(r"unjustified|where applicable|where practicable|specified|qualifying|[;_~]")


def test_every_replaced_duty_is_one_of_the_table() -> None:
    assert set(plain_duties()) <= {duty.entitlement for duty in DUTIES}


def test_no_duty_is_printed_with_a_double_negative_or_the_wording_of_the_law() -> None:
    for duty in DUTIES:
        wording = duty_wording(duty)
        assert not LEGAL.search(wording), wording
        assert len(NEGATIVE.findall(wording)) <= 1, wording


def test_every_condition_of_the_code_and_of_both_areas_has_a_reason_and_no_other() -> None:
    assert set(plain_conditions()) == condition_names() | OF_THE_AREAS


@pytest.mark.parametrize("name", sorted(condition_names() | OF_THE_AREAS))
def test_a_reason_is_one_clause_with_one_negative_at_most(name: str) -> None:
    reason = reason_left_out(name)

    assert not re.search(r"[;._]", reason) and reason[0].islower()
    assert len(NEGATIVE.findall(reason)) <= 1


def test_a_condition_that_only_an_area_knows_is_explained_in_general() -> None:
    assert reason_left_out("moon_is_full") == "this case was recorded as outside it"


def test_every_promise_to_a_person_has_a_plain_sentence_and_a_question() -> None:
    between_services = {
        "court_informs_wcu_of_hearing_outcome",
        "court_informs_wcu_of_case_outcome",
        "court_informs_wcu_of_appeal_leave",
        "court_informs_wcu_of_appeal_outcome",
    }
    assert {duty.entitlement_id for duty in DUTIES} - between_services == set(plain_rights())
    for name, right in plain_rights().items():
        assert right.promise.endswith(".") and right.question.endswith("?"), name
        assert not LEGAL.search(right.promise + right.question), name
        sentences = re.split(r"[.?] ", f"{right.promise} {right.question}")
        assert all(len(sentence.split()) <= 26 for sentence in sentences), name
