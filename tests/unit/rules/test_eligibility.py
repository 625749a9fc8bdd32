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

from victim_gateway.provider_vocabulary import ServiceCapacity, ServiceKind
from victim_gateway.rules.eligibility import (
    VICTIM_TYPE_PHRASES,
    DirectoryService,
    EligibilityFacts,
    ServiceFit,
    assess_service_fit,
    harms_without_service,
    is_for_harmers,
    rank_service_fits,
)
from victim_gateway.rules.harms import order_harms
from victim_gateway.rules.service_capacity import CapacityStatement, capacity_of_older_columns
from victim_gateway.vocabulary import Harm, Risk

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
)
CLOSED = CapacityStatement(ServiceCapacity.CLOSED)
LIST_OF_UNKNOWN_LENGTH = CapacityStatement(ServiceCapacity.WAITING_LIST)
PERSON = EligibilityFacts(harms=(Harm.VIOLENCE,), residence="Stafford", victim_type="person", age=36)


def subsets(items: tuple[str, ...], most: int | None = None) -> list[tuple[str, ...]]:
    sizes = range((len(items) if most is None else most) + 1)
    return [chosen for size in sizes for chosen in combinations(items, size)]


def waits(days: int) -> CapacityStatement:
    return capacity_of_older_columns(True, days)


def fit_of(service: dict[str, Any], person: dict[str, Any], on: date = TODAY) -> ServiceFit:
    return assess_service_fit(replace(SERVICE, **service), replace(PERSON, **person), on)


@pytest.mark.parametrize("victim_type", TYPES)
@pytest.mark.parametrize("age", [None, 0, 17, 18, 120])
@pytest.mark.parametrize("district", [None, *DISTRICTS])
def test_a_service_without_limits_fits_everybody(
    district: str | None, age: int | None, victim_type: str
) -> None:
    fit = fit_of({}, {"residence": district, "age": age, "victim_type": victim_type})

    assert (fit.fits, fit.reasons, fit.cautions) == (True, (), ())


@pytest.mark.parametrize("served", subsets(DISTRICTS, most=2)[1:], ids="+".join)
@pytest.mark.parametrize("district", DISTRICTS)
def test_a_service_for_some_districts_fits_those_who_live_there(
    district: str, served: tuple[str, ...]
) -> None:
    fit = fit_of({"districts": served}, {"residence": district})

    lives_there = district in served
    assert fit.reasons == (
        () if lives_there else (f"It is for people who live in {' and '.join(served)} only.",)
    )
    assert fit.cautions == ()


@pytest.mark.parametrize("served", subsets(DISTRICTS, most=2)[1:], ids="+".join)
@pytest.mark.parametrize("district", [None, ""])
def test_an_unknown_district_is_a_caution_and_no_refusal(
    district: str | None, served: tuple[str, ...]
) -> None:
    fit = fit_of({"districts": served}, {"residence": district})

    assert fit.fits
    assert fit.cautions == (
        f"It is for people who live in {' and '.join(served)} only: check where they live, it is not recorded.",
    )


def test_three_districts_are_listed_as_a_sentence_lists_them() -> None:
    fit = fit_of({"districts": DISTRICTS[:3]}, {"residence": "Tamworth"})

    assert fit.reasons == (
        "It is for people who live in Stoke-on-Trent, Newcastle-under-Lyme and Stafford only.",
    )


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
    whose = "the age of the child" if victim_type == "parent_or_guardian" else "their age"
    assert fit.fits
    assert len(fit.cautions) == (1 if has_limit and victim_type != "business" else 0)
    assert all(f"check {whose}" in caution for caution in fit.cautions)


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
@pytest.mark.parametrize("capacity", [CapacityStatement(), CLOSED])
def test_a_provider_is_there_from_its_first_day_to_its_last(
    on: date, reason: str | None, capacity: CapacityStatement
) -> None:
    limits = {"active_from": date(2026, 4, 1), "active_until": date(2027, 3, 31), "capacity": capacity}

    fit = fit_of(limits, {}, on)

    # That a service is full rules nothing out: it asks for a reason.
    assert fit.reasons == ((reason,) if reason else ())
    assert fit.needs_override is (capacity is CLOSED)


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
    "wrong harm": ({"harms": (Harm.ROAD_CRIME,)}, "It is for road crime only."),
    "elsewhere": ({"districts": ("Tamworth",)}, "It is for people who live in Tamworth only."),
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
    person = replace(PERSON, residence=district, victim_type=victim_type, age=age, needs=frozenset(needs))
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
    lambda number, districts, needs, types, least, capacity: replace(
        SERVICE,
        id=UUID(int=number),
        key=str(number),
        districts=tuple(districts),
        needs=tuple(needs),
        victim_types=tuple(types),
        min_age=least,
        capacity=capacity,
    ),
    st.integers(1, 10**9),
    st.lists(st.sampled_from(DISTRICTS), unique=True, max_size=3),
    st.lists(st.sampled_from(NEEDS), unique=True),
    st.lists(st.sampled_from(TYPES), unique=True, max_size=2),
    st.none() | st.integers(0, 99),
    st.sampled_from([CapacityStatement(), CLOSED]),
)
directories = st.lists(services, unique_by=lambda service: service.id, max_size=8)
people = st.builds(
    EligibilityFacts,
    harms=st.lists(st.sampled_from(Harm), unique=True, min_size=1, max_size=3).map(order_harms),
    residence=st.none() | st.sampled_from(DISTRICTS),
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
def test_the_order_of_the_directory_never_decides(
    directory: list[DirectoryService], person: EligibilityFacts
) -> None:
    assert rank_service_fits(directory, person, TODAY) == rank_service_fits(directory[::-1], person, TODAY)


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
    known = replace(
        person,
        residence=person.residence or "Stafford",
        age=person.age or 36,
        victim_type="person" if person.victim_type == "parent_or_guardian" else person.victim_type,
    )

    before = assess_service_fit(service, person, TODAY)

    assert set(assess_service_fit(service, known, TODAY).cautions) <= set(before.cautions)
    assert assess_service_fit(service, known, TODAY).cautions == ()


def ranked(person: dict[str, Any], *services: dict[str, Any]) -> list[str]:
    directory = [replace(SERVICE, id=UUID(int=place), **made) for place, made in enumerate(services, start=1)]
    return [
        fit.service.name for fit in rank_service_fits(directory, replace(PERSON, **person), TODAY) if fit.fits
    ]


DA, SEXUAL, VIOLENCE = (Harm.DOMESTIC_ABUSE,), (Harm.SEXUAL_ABUSE,), (Harm.VIOLENCE,)
HATE, EVERY = (Harm.HATE_CRIME,), ()


def test_harm_comes_before_a_free_place_that_before_needs_the_wait_and_the_name() -> None:
    person = {"harms": (*DA, *VIOLENCE), "needs": frozenset({"home", "money"})}

    order = ranked(
        person,
        {"name": "every", "harms": EVERY, "needs": ("home", "money"), "capacity": waits(0)},
        {"name": "violence", "harms": VIOLENCE, "needs": ("home", "money"), "capacity": waits(0)},
        {"name": "free", "harms": DA, "needs": ()},
        {"name": "full", "harms": DA, "needs": ("home", "money"), "capacity": CLOSED},
        {"name": "no length", "harms": DA, "needs": ("home",), "capacity": LIST_OF_UNKNOWN_LENGTH},
        {"name": "b", "harms": DA, "needs": ("home",), "capacity": waits(3)},
        {"name": "a", "harms": DA, "needs": ("home",), "capacity": waits(3)},
        {"name": "long wait", "harms": DA, "needs": ("home",), "capacity": waits(30)},
        {"name": "two needs", "harms": DA, "needs": ("home", "money"), "capacity": waits(90)},
        {"name": "sexual", "harms": SEXUAL, "needs": ("home", "money"), "capacity": waits(0)},
    )

    assert order == ["free", "two needs", "a", "b", "long wait", "no length", "violence", "every", "full"]


@pytest.mark.parametrize("harm", Harm)
def test_a_service_for_one_harm_is_folded_for_every_other_with_a_plain_reason(harm: Harm) -> None:
    fit = fit_of({"harms": DA}, {"harms": (harm,)})

    assert fit.reasons == (() if harm in DA else ("It is for domestic abuse only.",))
    assert fit.harms == (DA if harm in DA else ())


def test_hate_crime_support_needs_a_strand() -> None:
    assert fit_of({"harms": HATE}, {"harms": HATE}).reasons == (
        "It needs to know the kind of hate crime, and none is recorded: record it first.",
    )
    assert fit_of({"harms": HATE}, {"harms": HATE, "hate_strand": "race"}).fits


@pytest.mark.parametrize(
    ("sex", "fits", "cautions"), [("F", True, 0), ("M", False, 0), ("X", True, 1), (None, True, 1)]
)
def test_only_a_known_other_sex_rules_a_service_out(sex: str | None, fits: bool, cautions: int) -> None:
    fit = fit_of({"sexes": ("F",)}, {"sex": sex})

    assert (fit.fits, len(fit.cautions)) == (fits, cautions)


def test_a_service_has_days_of_its_own_beside_those_of_its_provider() -> None:
    days = {"starts_on": date(2026, 4, 1), "ends_on": date(2026, 7, 1)}

    assert fit_of(days, {}, date(2026, 7, 1)).fits
    assert fit_of(days, {}, date(2026, 3, 31)).reasons == ("Support starts on 1 April 2026.",)
    assert fit_of(days, {}, date(2026, 7, 2)).reasons == ("Support ended on 1 July 2026.",)


def test_a_long_wait_is_a_caution_at_high_risk_only() -> None:
    high = fit_of({"capacity": waits(14)}, {"risk": Risk.HIGH})

    assert high.cautions == (
        "People wait about 14 days, and the risk is high: agree how they stay safe until then.",
    )
    assert fit_of({"capacity": waits(14)}, {"risk": Risk.MEDIUM}).cautions == ()
    assert fit_of({"capacity": waits(0)}, {"risk": Risk.HIGH}).cautions == ()


@pytest.mark.parametrize("harm", Harm)
def test_restorative_justice_waits_for_a_senior_after_domestic_or_sexual_abuse_only(harm: Harm) -> None:
    asked = {"harms": (harm,), "wants_restorative_justice": "yes"}
    fit, agreed = (
        fit_of({"kind": ServiceKind.RESTORATIVE_JUSTICE}, {**asked, "has_senior_yes": said})
        for said in (False, True)
    )

    is_abuse = harm in (Harm.DOMESTIC_ABUSE, Harm.SEXUAL_ABUSE, Harm.HARMFUL_SEXUAL_BEHAVIOUR)
    assert (fit.fits, fit.needs_senior_yes, fit.is_proposed) == (True, is_abuse, True)
    assert not agreed.needs_senior_yes
    assert [("only with a risk plan" in caution) for caution in (*fit.cautions, *agreed.cautions)] == (
        [True, True] if is_abuse else []
    )


@pytest.mark.parametrize(
    ("answer", "fits", "is_proposed"),
    [("yes", True, True), ("later", True, False), ("not_asked", True, False), ("no", False, False)],
)
def test_restorative_justice_is_proposed_to_whoever_asked_and_not_offered_after_a_no(
    answer: str, fits: bool, is_proposed: bool
) -> None:
    fit = fit_of({"kind": ServiceKind.RESTORATIVE_JUSTICE}, {"wants_restorative_justice": answer})

    assert (fit.fits, fit.is_proposed) == (fits, is_proposed)


@pytest.mark.parametrize(
    ("name", "description"),
    [
        ("Perpetrator programme", "Support."),
        ("Behaviour-change course", "Support."),
        ("Abuser support", "Support."),
        ("Offender management", "Support."),
        ("Caring Dads", "A course for fathers."),
        ("The DRIVE Project", "Support."),
        ("Support for people using abuse", "Support."),
        ("Change", "A programme for people who use violence at home."),
        ("Relationships", "Group work with perpetrators of domestic abuse."),
        ("Respect", "For people who have harmed a partner."),
    ],
)
def test_a_service_for_people_who_have_harmed_others_is_never_listed(name: str, description: str) -> None:
    service = replace(SERVICE, name=name, description=description)

    assert is_for_harmers(service)
    assert rank_service_fits([service, SERVICE], PERSON, TODAY)[0].service == SERVICE
    assert len(rank_service_fits([service, SERVICE], PERSON, TODAY)) == 1


@pytest.mark.parametrize(
    ("name", "description"),
    [
        ("Victim-offender mediation", "Restorative justice, led by the person who was harmed."),
        ("Independent adviser", "Keeps people safe from a perpetrator, through court and after."),
        ("Road crash support", "For people hurt by a driver who was using drugs."),
    ],
)
def test_support_for_victims_that_tells_of_perpetrators_is_listed(name: str, description: str) -> None:
    assert not is_for_harmers(replace(SERVICE, name=name, description=description))


def test_a_harm_that_no_fitting_service_names_is_said_plainly() -> None:
    facts = replace(PERSON, harms=(*DA, Harm.BUSINESS_CRIME))
    fits = rank_service_fits([replace(SERVICE, harms=DA), replace(SERVICE, id=UUID(int=9))], facts, TODAY)

    assert harms_without_service(fits, facts) == (Harm.BUSINESS_CRIME,)
