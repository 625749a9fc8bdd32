"""What the victim's basis settles (contract 6.3), and that it settles nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from victim_gateway.compliance.answer import answer_documents
from victim_gateway.compliance.facts import SETTLED_BY_BASIS, VictimBasis

BASES = [None, *VictimBasis]
STARTS = {
    "business_impact_statement_offered": "reported_to_police",
    "bereaved_cps_meeting_after_conviction_offered": "defendant_convicted",
}
CONDITIONS = {
    "business_impact_statement_offered": "victim_is_business_with_named_contact",
    "bereaved_cps_meeting_after_conviction_offered": "bereaved_close_relative",
}


def statuses(start: str, **facts: Any) -> dict[str, str]:
    event = {"event": start, "occurred_at": "2026-03-02T10:00"}
    document = {"as_at": "2026-03-02T12:00", "facts": facts, "events": [event]}
    return {str(clock["entitlement_id"]): str(clock["status"]) for clock in answer_documents(document).clocks}  # type: ignore[call-overload]


def is_applicable(duty: str, basis: VictimBasis | None, **conditions: bool) -> bool:
    found = statuses(STARTS[duty], victim_basis=basis and basis.value, conditions=conditions)
    return found[duty] != "not_applicable"


@pytest.mark.parametrize("duty", sorted(STARTS))
@pytest.mark.parametrize("basis", BASES)
def test_a_basis_settles_what_holds_for_another_basis_only(duty: str, basis: VictimBasis | None) -> None:
    expected = basis in (None, SETTLED_BY_BASIS[CONDITIONS[duty]])

    assert is_applicable(duty, basis) is expected


@pytest.mark.parametrize("duty", sorted(STARTS))
@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("holds", [True, False])
def test_what_is_said_of_the_condition_wins_over_the_basis(
    duty: str, basis: VictimBasis | None, holds: bool
) -> None:
    assert is_applicable(duty, basis, **{CONDITIONS[duty]: holds}) is holds


@pytest.mark.parametrize("basis", BASES)
def test_no_other_duty_depends_on_the_basis(basis: VictimBasis | None) -> None:
    for start in sorted(set(STARTS.values())):
        without = statuses(start)
        found = statuses(start, victim_basis=basis and basis.value)
        assert {duty for duty in found if found[duty] != without[duty]} <= set(STARTS)


@pytest.mark.parametrize("said", [True, None])
def test_a_business_without_a_named_contact_has_no_clock_that_applies(said: bool | None) -> None:
    about = {} if said is None else {"victim_is_business_with_named_contact": said}
    found = statuses("reported_to_police", victim_basis="business_contact",
                     conditions={"named_contact": False, **about})  # fmt: skip

    assert set(found.values()) == {"not_applicable"}


@pytest.mark.parametrize("basis", [basis for basis in BASES if basis is not VictimBasis.BUSINESS_CONTACT])
def test_a_missing_contact_name_matters_to_a_business_only(basis: VictimBasis | None) -> None:
    found = statuses("reported_to_police", victim_basis=basis and basis.value)
    named = statuses(
        "reported_to_police", victim_basis=basis and basis.value, conditions={"named_contact": False}
    )

    assert found == named
