"""The plan of a demonstration: repeatable, in the published proportions, with nobody real in it."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date

import pytest

from config.area_profile import load_area, shipped_areas
from victim_gateway import times
from victim_gateway.demo import mix, scenario_catalogue
from victim_gateway.demo.example_cases import EXAMPLE_CASES
from victim_gateway.demo.plan import PlannedReferral, plan_referrals
from victim_gateway.demo.random_choice import random_stream
from victim_gateway.demo.scenarios.alone import ALONE
from victim_gateway.demo.scenarios.with_provider import WITH_PROVIDER
from victim_gateway.errors import InvalidInput

ON = date(2026, 3, 10)
STAFFORDSHIRE = load_area("staffordshire")


def planned(count: int = 300, *, seed: int = 1, area: str = "staffordshire") -> tuple[PlannedReferral, ...]:
    profile = load_area(area)
    return plan_referrals(count, seed=seed, force=profile.force, districts=profile.districts, on=ON)


def shares(counts: Counter[str]) -> dict[str, float]:
    return {name: count / counts.total() for name, count in counts.items()}


def test_the_same_seed_plans_the_same_and_another_seed_other_people() -> None:
    assert planned(120) == planned(120)
    names = [
        {case.victim.family_name + case.victim.given_name for case in planned(120, seed=n)} for n in (1, 2)
    ]
    assert len(names[0] & names[1]) < len(names[0]) / 4


@pytest.mark.parametrize("area", shipped_areas())
@pytest.mark.parametrize("column", ["crime_type", "district"])
def test_crimes_and_districts_come_in_the_published_proportions(area: str, column: str) -> None:
    published: Counter[str] = Counter()
    for crime, count in mix.published_crimes(load_area(area).force):
        published[getattr(crime, column)] += count
    drawn = Counter(
        getattr(case.crime, column)
        for case in planned(600, area=area)
        if case.scenario.name not in EXAMPLE_CASES
    )
    expected, found = shares(published), shares(drawn)
    assert set(found) <= set(expected)
    for name, share in expected.items():
        assert found.get(name, 0) == pytest.approx(share, abs=0.03), name


def test_every_district_of_the_area_is_there_and_no_other() -> None:
    assert {case.crime.district for case in planned()} == set(STAFFORDSHIRE.districts)


def test_every_story_is_planned_and_can_be_told() -> None:
    found = Counter(case.scenario for case in planned())
    assert all(found[scenario] >= scenario.least for scenario in scenario_catalogue.CATALOGUE)
    for scenario in scenario_catalogue.CATALOGUE:
        name, _, to = scenario.name.partition(":")
        assert name in (WITH_PROVIDER if to else ALONE), scenario.name


@pytest.mark.parametrize("count", [1, 7, 91, 92, 93, 1000])
def test_there_are_exactly_as_many_as_were_asked_for(count: int) -> None:
    cases = planned(count)
    assert [case.number for case in cases] == list(range(1, count + 1))
    assert [case.age for case in cases] == sorted((case.age for case in cases), reverse=True)


def test_nobody_can_be_called_or_written_to() -> None:
    for case in planned(500):
        who = case.victim
        assert re.fullmatch(r"07700 900\d{3}|01632 960\d{3}|", who.phone), who.phone
        assert who.email == "" or who.email.endswith("@mail.example")
        # no inward code in use begins with a digit and Z
        assert re.fullmatch(r"[A-Z]{1,2}\d{1,2} \dZ[XYZ]|", who.postcode), who.postcode


def test_names_are_of_every_kind() -> None:
    names = {name for case in planned() for name in (case.victim.given_name, case.victim.family_name)}
    assert any("'" in name for name in names)
    assert any("-" in name for name in names)
    assert any(not name.isascii() for name in names)


def test_people_are_of_every_kind() -> None:
    cases = planned()
    people = [case.victim for case in cases]
    assert {who.victim_type for who in people} >= {"person", "business", "bereaved_relative"}
    assert any(who.interpreter_needed and who.language for who in people)
    assert any(who.born and (ON - who.born).days < 17 * 365 for who in people)
    assert any(case.police_account.domestic_abuse for case in cases)
    assert any(case.police_account.hate_strand for case in cases)
    assert {case.police_account.safe for case in cases} == {"yes", "no", "unknown"}
    assert all(who.born is None for who in people if who.victim_type == "business")


def test_some_people_are_harmed_more_than_once_and_one_three_times() -> None:
    times = Counter(case.victim.reference for case in planned())
    assert sum(count > 1 for count in times.values()) >= 2
    assert max(times.values()) >= 3
    again = [case for case in planned() if case.is_again]
    assert all(case.police_account.consent == "yes" for case in again)


def test_a_namesake_has_the_name_and_birth_date_of_somebody_else_and_no_more() -> None:
    cases = planned()
    namesake = next(case.victim for case in cases if case.scenario.name == "namesake")
    same = [
        case.victim
        for case in cases
        if (case.victim.given_name, case.victim.family_name, case.victim.born)
        == (namesake.given_name, namesake.family_name, namesake.born)
    ]
    assert len({who.reference for who in same}) == len({who.phone for who in same}) == 2


@pytest.mark.parametrize("area", shipped_areas())
def test_each_example_case_is_there_once_as_it_is_described(area: str) -> None:
    found = {case.scenario.name: case for case in planned(area=area) if case.scenario.name in EXAMPLE_CASES}
    assert set(found) == set(EXAMPLE_CASES)
    for name, example in EXAMPLE_CASES.items():
        case = found[name]
        assert example.offence in (None, case.crime.crime_type)
        if example.age is not None:
            assert case.victim.born is not None and times.age_on(case.victim.born, ON) == example.age
    first, second = (found[name].victim for name in ("first_spelling", "second_spelling"))
    assert (first.born, first.phone, first.given_name) == (second.born, second.phone, second.given_name)
    assert first.family_name != second.family_name and first.reference != second.reference


def test_an_area_without_figures_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no published figures"):
        mix.draw_crimes(10, force="Elsewhere Police", districts=("Elsewhere",), chance=random_stream(1))


def test_one_more_draw_for_one_question_changes_no_other() -> None:
    assert random_stream(1, "a").random() == random_stream(1, "a").random()
    assert random_stream(1, "a").random() != random_stream(1, "b").random()
