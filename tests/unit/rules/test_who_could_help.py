"""The table of cases that people can judge: which services fit, in which order, and why the others do not."""

from __future__ import annotations

import pytest

from tests.data.who_could_help import (
    DIRECTORIES,
    DOCUMENT,
    MatchingCase,
    read_cases,
    render_document,
    shipped_services,
)
from victim_gateway.rules.eligibility import is_for_harmers
from victim_gateway.rules.harms import HARM_PHRASES, harms_of_referral

CASES = read_cases()
FORBIDDEN = ("perpetrator", "offender")


def test_the_table_is_long_and_tells_of_both_areas() -> None:
    assert len(CASES) >= 60
    assert {case.row["area"] for case in CASES} == set(DIRECTORIES)
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_is_found_the_services_that_could_help_in_order_and_told_why_others_can_not(
    case: MatchingCase,
) -> None:
    row, fits = case.row, case.fits()

    assert [harm.value for harm in harms_of_referral(case.harm_facts())] == row["harms"]
    assert [fit.service.key for fit in fits if fit.fits] == row["services"]
    assert [fit.service.key for fit in fits if fit.fits and fit.needs_senior_yes] == row["senior_first"]
    folded = {fit.service.key: fit for fit in fits if not fit.fits}
    for key, fit in folded.items():
        if key in row["not_these"]:
            assert " ".join(fit.reasons) == row["not_these"][key]
        else:
            # What the table does not name is folded away because it is for another harm.
            assert not fit.harms
            assert fit.service.harms
            assert any(HARM_PHRASES[fit.service.harms[0]] in reason for reason in fit.reasons)
    assert set(row["not_these"]) <= set(folded)
    cautions = {fit.service.key: fit.cautions for fit in fits}
    for key, expected in row["check_first"].items():
        assert set(expected) <= set(cautions[key])
    # A caution about age or residence stands only where the table says so.
    for fit in fits:
        unchecked = [text for text in fit.cautions if fit.fits and (": check " in text)]
        assert set(unchecked) <= set(row["check_first"].get(fit.service.key, ())), fit.service.key


@pytest.mark.parametrize("area", DIRECTORIES)
def test_no_shipped_service_is_for_people_who_have_harmed_others(area: str) -> None:
    for service in shipped_services(area):
        named = f"{service.key} {service.name} {service.provider_name}".casefold()
        assert not is_for_harmers(service)
        assert not any(word in named for word in FORBIDDEN)


@pytest.mark.parametrize("area", DIRECTORIES)
def test_every_shipped_service_but_restorative_justice_says_its_harms(area: str) -> None:
    assert [service.is_restorative for service in shipped_services(area) if not service.harms] == [True]


def test_the_document_is_made_from_the_table() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == render_document(CASES)
