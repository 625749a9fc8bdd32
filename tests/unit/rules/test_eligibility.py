"""Which services fit a person: every limit on its own, every combination of limits, and what always holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import combinations, product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from victim_gateway.rules.eligibility import (
    VICTIM_TYPE_PHRASES,
    DirectoryService,
    EligibilityFacts,
    ServiceFit,
    assess_service_fit,
    rank_service_fits,
)

TODAY = date(2026, 7, 14)
DISTRICTS = (
    "Stoke-on-Trent",
    "Newcastle-under-Lyme",
    "Stafford",
    "Cannock Chase",
    "Lichfield",
    "Tamworth",
    "East Staffordshire",
    "South Staffordshire",
    "Staffordshire Moorlands",
)
NEEDS = ("health", "home", "family", "work", "drink", "money", "outlook", "company")
TYPES = tuple(VICTIM_TYPE_PHRASES)
SERVICE = DirectoryService(
    id=UUID(int=1),
    key="new-era-support",
    name="Support",
    description="Support for people harmed by crime.",
    provider_id=UUID(int=2),
    provider_name="New Era",
    active_from=date(2016, 1, 1),
    active_until=None,
    districts=(),
    needs=(),
    victim_types=(),
    min_age=None,
    max_age=None,
    is_open=True,
)
PERSON = EligibilityFacts(district="Stafford", victim_type="person", age=36)


def subsets(items: tuple[str, ...], most: int | None = None) -> list[tuple[str, ...]]:
    sizes = range((len(items) if most is None else most) + 1)
    return [chosen for size in sizes for chosen in combinations(items, size)]


def fit_of(service: dict[str, Any], person: dict[str, Any], on: date = TODAY) -> ServiceFit:
    return assess_service_fit(replace(SERVICE, **service), replace(PERSON, **person), on)


@pytest.mark.parametrize("victim_type", TYPES)
@pytest.mark.parametrize("age", [None, 0, 17, 18, 120])
@pytest.mark.parametrize("district", [None, *DISTRICTS])
def test_a_service_without_limits_fits_everybody(
    district: str | None, age: int | None, victim_type: str
) -> None:
    fit = fit_of({}, {"district": district, "age": age, "victim_type": victim_type})

    assert (fit.fits, fit.reasons, fit.cautions) == (True, (), ())


@pytest.mark.parametrize("served", subsets(DISTRICTS, most=2)[1:], ids="+".join)
@pytest.mark.parametrize("district", DISTRICTS)
def test_a_service_for_some_districts_fits_those_who_live_there(
    district: str, served: tuple[str, ...]
) -> None:
    fit = fit_of({"districts": served}, {"district": district})

    lives_there = district in served
    assert fit.reasons == (() if lives_there else (f"It is for {' and '.join(served)} only.",))
    assert fit.cautions == ()


@pytest.mark.parametrize("served", subsets(DISTRICTS, most=2)[1:], ids="+".join)
@pytest.mark.parametrize("district", [None, ""])
def test_an_unknown_district_is_a_caution_and_no_refusal(
    district: str | None, served: tuple[str, ...]
) -> None:
    fit = fit_of({"districts": served}, {"district": district})

    assert fit.fits
    assert fit.cautions == (
        f"It is for {' and '.join(served)} only: check where they live, no district is recorded.",
    )


def test_three_districts_are_listed_as_a_sentence_lists_them() -> None:
    fit = fit_of({"districts": DISTRICTS[:3]}, {"district": "Tamworth"})

    assert fit.reasons == ("It is for Stoke-on-Trent, Newcastle-under-Lyme and Stafford only.",)


@pytest.mark.parametrize("served", subsets(TYPES)[1:], ids="+".join)
@pytest.mark.parametrize("victim_type", TYPES)
def test_a_service_for_some_kinds_of_victim_fits_those(victim_type: str, served: tuple[str, ...]) -> None:
    fit = fit_of({"victim_types": served}, {"victim_type": victim_type})

    assert fit.fits is (victim_type in served)
    for kind in served:
        assert fit.fits or VICTIM_TYPE_PHRASES[kind] in fit.reasons[0]


LIMITS = ((None, None), (18, None), (None, 17), (10, 17), (60, None), (18, 18), (0, 120))


@pytest.mark.parametrize(("least", "most"), LIMITS)
@pytest.mark.parametrize("age", [0, 9, 10, 11, 16, 17, 18, 19, 59, 60, 61, 119, 120])
def test_age_limits_include_the_ages_they_name(age: int, least: int | None, most: int | None) -> None:
    fit = fit_of({"min_age": least, "max_age": most}, {"age": age})

    expected = []
    if least is not None and age not in range(least, 121):
        expected.append(f"It is for people aged {least} or over.")
    if most is not None and age not in range(most + 1):
        expected.append(f"It is for people aged {most} or under.")
    assert (list(fit.reasons), fit.cautions) == (expected, ())


@pytest.mark.parametrize(("least", "most"), LIMITS)
@pytest.mark.parametrize("victim_type", TYPES)
def test_an_unknown_age_is_a_caution_where_there_is_a_limit_but_not_for_a_business(
    victim_type: str, least: int | None, most: int | None
) -> None:
    fit = fit_of({"min_age": least, "max_age": most}, {"age": None, "victim_type": victim_type})

    has_limit = (least, most) != (None, None)
    assert fit.fits
    assert len(fit.cautions) == (1 if has_limit and victim_type != "business" else 0)
    assert all("check their age" in caution for caution in fit.cautions)


@pytest.mark.parametrize(
    ("on", "reason"),
    [
        (date(2026, 3, 31), "New Era starts on 1 April 2026."),
        (date(2026, 4, 1), None),
        (date(2026, 7, 14), None),
        (date(2027, 3, 31), None),
        (date(2027, 4, 1), "New Era ended on 31 March 2027."),
    ],
)
@pytest.mark.parametrize("is_open", [True, False])
def test_a_provider_is_there_from_its_first_day_to_its_last(
    on: date, reason: str | None, is_open: bool
) -> None:
    limits = {"active_from": date(2026, 4, 1), "active_until": date(2027, 3, 31), "is_open": is_open}

    closed = () if is_open else ("It is not taking new people at the moment.",)
    assert fit_of(limits, {}, on).reasons == ((reason,) if reason else ()) + closed


@pytest.mark.parametrize("assessed", subsets(NEEDS), ids=lambda needs: "+".join(needs) or "none")
def test_the_needs_a_service_meets_are_those_it_shares_with_the_person_in_its_own_order(
    assessed: tuple[str, ...],
) -> None:
    offered = ("money", "health", "outlook", "home")

    fit = fit_of({"needs": offered}, {"needs": frozenset(assessed)})

    assert set(fit.needs) == set(offered) & set(assessed)
    assert list(fit.needs) == sorted(fit.needs, key=offered.index)
    # Needs rank services; they never rule one out.
    assert fit.fits


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "not begun": ({"active_from": date(2026, 7, 15)}, "New Era starts on 15 July 2026."),
    "closed": ({"is_open": False}, "It is not taking new people at the moment."),
    "elsewhere": ({"districts": ("Tamworth",)}, "It is for Tamworth only."),
    "businesses": ({"victim_types": ("business",)}, "It is for businesses only."),
    "too young": ({"min_age": 60}, "It is for people aged 60 or over."),
    "too old": ({"max_age": 17}, "It is for people aged 17 or under."),
}


@pytest.mark.parametrize("broken", subsets(tuple(BROKEN)), ids=lambda broken: ", ".join(broken) or "none")
def test_every_limit_that_is_broken_is_a_reason_of_its_own(broken: tuple[str, ...]) -> None:
    limits: dict[str, Any] = {}
    for name in broken:
        limits |= BROKEN[name][0]

    assert fit_of(limits, {}).reasons == tuple(BROKEN[name][1] for name in broken)


@pytest.mark.parametrize("victim_type", TYPES)
@pytest.mark.parametrize("age", [None, 9, 17, 18, 60])
@pytest.mark.parametrize("district", [None, "Stafford", "Tamworth"])
@pytest.mark.parametrize("needs", [(), ("home",), ("home", "work")], ids=len)
def test_limits_do_not_depend_on_each_other(
    district: str | None, age: int | None, victim_type: str, needs: tuple[str, ...]
) -> None:
    """A service fits exactly where each of its limits alone would let the person in."""
    person = EligibilityFacts(district, victim_type, age, frozenset(needs))
    by_district = [(), ("Stafford",), ("Stafford", "Lichfield")]
    by_type: list[tuple[str, ...]] = [(), ("person",), ("bereaved_relative", "parent_or_guardian")]
    by_age = [(None, None), (18, None), (10, 17)]

    for districts, types, (least, most) in product(by_district, by_type, by_age):
        alone: list[dict[str, Any]] = [
            {"districts": districts},
            {"victim_types": types},
            {"min_age": least},
            {"max_age": most},
        ]
        together = {key: value for limit in alone for key, value in limit.items()}
        expected = all(assess_service_fit(replace(SERVICE, **limit), person, TODAY).fits for limit in alone)
        assert assess_service_fit(replace(SERVICE, **together), person, TODAY).fits is expected


services = st.builds(
    lambda number, districts, needs, types, least, is_open: replace(
        SERVICE,
        id=UUID(int=number),
        districts=tuple(districts),
        needs=tuple(needs),
        victim_types=tuple(types),
        min_age=least,
        is_open=is_open,
    ),
    st.integers(1, 10**9),
    st.lists(st.sampled_from(DISTRICTS), unique=True, max_size=3),
    st.lists(st.sampled_from(NEEDS), unique=True),
    st.lists(st.sampled_from(TYPES), unique=True, max_size=2),
    st.none() | st.integers(0, 99),
    st.booleans(),
)
directories = st.lists(services, unique_by=lambda service: service.id, max_size=8)
people = st.builds(
    EligibilityFacts,
    district=st.none() | st.sampled_from(DISTRICTS),
    victim_type=st.sampled_from(TYPES),
    age=st.none() | st.integers(0, 110),
    needs=st.frozensets(st.sampled_from(NEEDS)),
)


@given(directory=directories, person=people)
def test_ranking_loses_no_service_and_assesses_each_as_alone(
    directory: list[DirectoryService], person: EligibilityFacts
) -> None:
    ranked = rank_service_fits(directory, person, TODAY)

    assert {fit.service.id: fit for fit in ranked} == {
        service.id: assess_service_fit(service, person, TODAY) for service in directory
    }
    assert len(ranked) == len(directory)


@given(directory=directories, person=people)
def test_what_fits_comes_first_then_what_meets_most_needs_else_the_order_of_the_directory(
    directory: list[DirectoryService], person: EligibilityFacts
) -> None:
    place = {service.id: number for number, service in enumerate(directory)}

    ranked = rank_service_fits(directory, person, TODAY)

    for better, worse in zip(ranked, ranked[1:], strict=False):
        assert better.fits or not worse.fits
        if better.fits is worse.fits:
            assert len(better.needs) >= len(worse.needs)
            if len(better.needs) == len(worse.needs):
                assert place[better.service.id] < place[worse.service.id]


@given(directory=directories, person=people, data=st.data())
def test_a_service_that_was_offered_already_does_not_fit_and_changes_no_other(
    directory: list[DirectoryService], person: EligibilityFacts, data: st.DataObject
) -> None:
    offered = {service.id for service in directory if data.draw(st.booleans())}
    before = {fit.service.id: fit for fit in rank_service_fits(directory, person, TODAY)}

    for fit in rank_service_fits(directory, person, TODAY, already_offered=offered):
        first = before[fit.service.id]
        if fit.service.id in offered:
            assert fit.reasons == (*first.reasons, "They are already referred on to it.")
            assert not fit.fits
        else:
            assert fit == first


@given(service=services, person=people)
def test_learning_more_about_a_person_never_adds_a_caution(
    service: DirectoryService, person: EligibilityFacts
) -> None:
    known = replace(person, district=person.district or "Stafford", age=person.age or 36)

    before = assess_service_fit(service, person, TODAY)

    assert set(assess_service_fit(service, known, TODAY).cautions) <= set(before.cautions)
    assert assess_service_fit(service, known, TODAY).cautions == ()
