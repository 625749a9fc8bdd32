"""Whether two records are about one person: pairs with the right answer, and the laws that hold for all pairs."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.area_profile import load_area, shipped_areas
from config.identity_weights import COMPARISON_LEVELS
from tests.plumbing.property_tests import examples
from victim_gateway.rules.identity_explanations import (
    explain_levels,
    explain_match,
    level_codes,
    levels_of_codes,
)
from victim_gateway.rules.identity_match import (
    IdentityComparison,
    IdentityVerdict,
    compare_identities,
    contradicts,
    identity_record,
    without_leading_zeros,
)

WEIGHTS = load_area("staffordshire").identity
SAME, LIKELY, UNDECIDED, CONTRADICTED = IdentityVerdict
PHONE, OTHER_PHONE, EMAIL = "07700 900201", "07700 900388", "marta@example.org"
BORN = "1984-02-11"


def person(name: str = "", born: str | None = None, **more: Any) -> dict[str, Any]:
    """A document; `name` is `Given|Family`."""
    given_name, _, family_name = name.partition("|")
    values = {"given_name": given_name, "family_name": family_name, "date_of_birth": born, **more}
    return {key: value for key, value in values.items() if value}


def business(name: str, **more: Any) -> dict[str, Any]:
    return {"organisation_name": name, **more}


def compared(one: dict[str, Any], other: dict[str, Any]) -> IdentityComparison:
    return compare_identities(_record(one), _record(other), WEIGHTS)


def _record(document: dict[str, Any]) -> Any:
    document = dict(document)
    crimes = [document.pop("crime")] if "crime" in document else []
    reference = document.pop("reference", None)
    return identity_record(
        document, crime_numbers=crimes, force="Staffordshire Police", victim_reference=reference
    )


MARTA = person("Marta|Okafor", BORN)
PAIRS = [
    # certain
    (person("Marta|Okafor", BORN, phone=PHONE), person("MARTA|OKAFOR", BORN, phone="+447700900201"), SAME,
     "same phone, birth date and name"),
    (person("Marta|Okafor", BORN, email=EMAIL), person("Okafor|Marta", BORN, email=" Marta@Example.org"), SAME,
     "same email, birth date and name"),
    (person("Marta|Okafor", BORN, reference="V-7"), person("Marta|Okafor", BORN, reference="V-7"), SAME,
     "same police reference of the person, birth date and name"),
    (person("Marta|Okafor", BORN, crime="21/3201/26"), person("Marta|Okafor", BORN, crime="21 3201 26"), SAME,
     "same crime number, birth date and name"),
    (business("Moorland Bakery Ltd", phone=PHONE), business("Moorland Bakery", phone=PHONE, given_name="Jo"), LIKELY,
     "same phone and organisation"),
    (business("Moorland Bakery", phone=PHONE, postcode="ST16 1AA"),
     business("The Moorland Bakery", phone=PHONE, postcode="st161aa", email=EMAIL), LIKELY,
     "same phone, postcode and organisation"),
    # the same name however it is written
    (person("Siobhán|O'Brien", BORN), person("SIOBHAN|OBRIEN", BORN), LIKELY, "same birth date and name"),
    (person("Siobhan|O’Brien", BORN), person("Siobhan|O Brien", BORN), LIKELY, "same birth date and name"),
    (person("Ann-Marie|Smith-Jones", BORN), person("Ann Marie|Smith Jones", BORN), LIKELY,
     "same birth date and name"),
    (person("Łukasz|Wójcik", BORN), person("Lukasz|Wojcik", BORN), LIKELY, "same birth date and name"),
    (person("Søren|Ørsted", BORN), person("Soren|Orsted", BORN), LIKELY, "same birth date and name"),
    (person("Zbigniew|Żółć", BORN), person("Zbigniew|Zolc", BORN), LIKELY, "same birth date and name"),
    (person("Mr John|Smith", BORN), person("Smith, John", BORN), LIKELY, "same birth date and name"),
    (person("Đorđe|Þórsson", BORN), person("Dorde|Thorsson", BORN), LIKELY, "same birth date and name"),
    # nearly the same name
    (person("Marta|Okafor", BORN), person("Marta|Okafer", BORN), LIKELY,
     "same birth date, name one letter different"),
    (person("Marta|Okafor", BORN, phone=PHONE), person("Marta|Okafro", BORN, phone=PHONE), LIKELY,
     "same phone and birth date, name one letter different"),
    (person("Jon|Smyth", BORN), person("John|Smith", BORN), LIKELY, "same birth date, a similar name"),
    (person("Bob|Tweddle", BORN), person("Robert|Tweddle", BORN), LIKELY,
     "same birth date, a short or familiar form of the same name"),
    (person("R|Tweddle", BORN), person("Reginald|Tweddle", BORN), LIKELY,
     "same birth date, an initial in place of a name"),
    (person("John Peter|Marsh", BORN), person("J|Marsh", BORN), LIKELY,
     "same birth date, an initial in place of a name"),
    (person("John Peter|Marsh", BORN), person("John|Marsh", BORN), LIKELY,
     "same birth date, one name is part of the other"),
    (person("Ann|Smith", BORN), person("Ann|Smith-Jones", BORN), LIKELY,
     "same birth date, one name is part of the other"),
    (person("Ann|Marsh-Smith", BORN), person("Ann|Smith-Jones", BORN), LIKELY,
     "same birth date, one name is part of the other"),
    (person("Ann|Smith", BORN, phone=PHONE), person("Ann|Jones", BORN, phone=PHONE), LIKELY,
     "same phone and birth date, same given name, another family name"),
    (person("Kathleen|Marsh", BORN, alias="Kitty Doyle"), person("Kitty|Doyle", BORN), LIKELY,
     "same birth date, known by the other name"),
    # other evidence than the birth date
    (person("Marta|Okafor", phone=PHONE), person("Marta|Okafor", phone=PHONE), LIKELY, "same phone and name"),
    (person("Marta|Okafor", phone=PHONE), person("Marta|Okafer", phone=PHONE), LIKELY,
     "same phone, name one letter different"),
    (person("M|Okafor", crime="CR/1"), person("Marta|Okafor", crime="cr1"), LIKELY,
     "same crime number, an initial in place of a name"),
    (person("Marta|Okafor", phone=OTHER_PHONE, phone_2=PHONE), person("Marta|Okafor", phone=PHONE), LIKELY,
     "same phone and name"),
    (person("Marta|Okafor", reference="V00123"), person("Marta|Okafor", reference="V123"), LIKELY,
     "same name, police reference differs only by leading zeros"),
    (person(reference="000123"), person(reference="123"), LIKELY, "police reference differs only by leading zeros"),
    (person("Marta|Okafor", "1984-03-04", postcode="ST16 1AA"),
     person("Marta|Okafor", "1984-04-03", postcode="ST161AA"),
     LIKELY, "same postcode and name, day and month of the birth date swapped"),
    (person("Marta|Okafor", BORN, phone=PHONE), person("Marta|Okafor", "1984-02-17", phone=PHONE), LIKELY,
     "same phone and name, birth date one digit different"),
    (person("John|Marsh", "1950-01-07", phone=PHONE), person("John|Marsh", "1979-11-30", phone=PHONE), LIKELY,
     "same phone and name, another birth date"),
    # too little to say
    (MARTA, person("Marta|Okafor"), UNDECIDED, "same name"),
    (person("Marta|Okafor", "1984-02-11"), person("Marta|Okafor", "1961-07-30"), UNDECIDED,
     "same name, another birth date"),
    (person("Anna|Okafor", BORN), person("Beth|Okafor", BORN), UNDECIDED,
     "same birth date, same family name, another given name"),
    (person("Anna|Okafor", BORN, phone=PHONE, postcode="ST16 1AA"),
     person("Beth|Okafor", BORN, phone=PHONE, postcode="ST16 1AA"),
     UNDECIDED, "same phone, birth date and postcode, same family name, another given name"),
    (person("Anna|Okafor", BORN, reference="V-7"), person("Beth|Okafor", BORN, reference="V-7"), UNDECIDED,
     "same police reference of the person and birth date, same family name, another given name"),
    (person("Ann|Smith", BORN), person("Ann|Jones", BORN), UNDECIDED,
     "same birth date, same given name, another family name"),
    (person("Unknown|Unknown", BORN), person("Unknown|Unknown", BORN), UNDECIDED, "same birth date"),
    (person("Marta|Okafor", "1900-01-01"), person("Marta|Okafor", "1900-01-01"), UNDECIDED, "same name"),
    (person("Marta|", phone="07777777777"), person("Marta|", phone="07777777777"), UNDECIDED,
     "the one name that is known is the same"),
    (person("Marta|Okafor", email="none@example.org"), person("Marta|Okafor", email="none@example.org"), UNDECIDED,
     "same name"),
    # two people
    (person("Marta|Okafor", BORN, reference="NOM-55021"),
     person("Reginald|Tweddle", "1948-09-30", reference="NOM-55021"),
     CONTRADICTED, "same police reference of the person, another birth date, another name"),
    (person("Carys|Bowen", "1970-01-05", crime="21/3201/26"), person("Idris|Bowen", "1968-04-05", crime="21/3201/26"),
     CONTRADICTED, "same crime number, same family name, another given name, another birth date"),
    (person("Ann|Marsh", "1960-05-05", phone=PHONE, postcode="ST16 1AA"),
     person("Kelly|Marsh", "1988-09-12", phone=PHONE, postcode="ST16 1AA"), CONTRADICTED,
     "same phone and postcode, same family name, another given name, another birth date"),
    (person("Marta|Okafor", phone=PHONE), person("Joan|Pettifer", phone=PHONE), CONTRADICTED,
     "same phone, another name"),
    (person("Marta|Okafor", BORN), person("Joan|Pettifer", "1984-02-12"), CONTRADICTED,
     "birth date one digit different, another name"),
    (person("J|Smith", "1950-01-01"), person("Jane|Smith", "1990-05-07"), CONTRADICTED,
     "an initial in place of a name, another birth date"),
    (person("Mary Ann|Smith", "1950-01-01"), person("Mary Jane|Smith", "1952-06-09"), CONTRADICTED, None),
    (business("Moorland Bakery", phone=PHONE), business("Trent Cycles", phone=PHONE), CONTRADICTED,
     "same phone, another organisation"),
    (business("Moorland Bakery", phone=PHONE), person("Marta|Okafor", phone=PHONE), CONTRADICTED, "same phone"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other", "verdict", "why"), PAIRS)
def test_each_pair_gets_its_verdict_and_its_reason(
    one: dict[str, Any], other: dict[str, Any], verdict: IdentityVerdict, why: str | None
) -> None:
    comparison = compared(one, other)

    assert comparison.verdict is verdict, (comparison.match_weight, dict(comparison.levels))
    if why is not None:
        assert explain_match(comparison.levels) == why


def test_a_business_whose_number_and_crime_agree_is_certain() -> None:
    one = business("Moorland Bakery", phone=PHONE, crime="CR/1")
    assert compared(one, one).verdict is SAME


def test_a_number_that_many_people_have_says_nothing() -> None:
    one = identity_record(person("Marta|Okafor", phone=PHONE), shared_phones=[PHONE])
    assert compare_identities(one, one, WEIGHTS).levels["phone"] == "null"


@pytest.mark.parametrize(
    ("reference", "plain"),
    [("0012", "12"), ("P007", "p7"), ("V-0", "v-0"), ("A10", "a10"), ("1 002", "1002")],
)
def test_leading_zeros_and_only_those_are_left_out(reference: str, plain: str) -> None:
    assert without_leading_zeros(reference) == plain


@pytest.mark.parametrize(
    ("stored", "incoming", "expected"),
    [
        (MARTA, person("Reginald|Tweddle", "1948-09-30"), True),
        (MARTA, person("Reginald|Tweddle"), True),
        (person("Marta|Okafor"), person("Reginald|Tweddle", "1948-09-30"), True),
        (MARTA, person("Reginald|Tweddle", BORN), False),
        (MARTA, person("Marta|Okafor", "1948-09-30"), False),
        (MARTA, person("Marta|Okafer"), False),
        (MARTA, person("Marta|Okafor-Jones"), False),
        (MARTA, person("M|Okafor", "1984-02-12"), False),
        (MARTA, person("Marta|Okafer", "1948-09-30"), True),
        (MARTA, person("Joan|Okafor", "1984-11-02"), True),
        (MARTA, person(), False),
        (person(), MARTA, False),
        (MARTA, person("Unknown|Unknown", "1948-09-30"), False),
        (MARTA, person("Reginald|Tweddle", "1900-01-01"), True),
        (business("Moorland Bakery"), business("Trent Cycles"), True),
        (business("Moorland Bakery"), business("Moorland Bakery Ltd", given_name="Ann"), False),
        (business("Moorland Bakery"), MARTA, True),
        (business("Moorland Bakery", given_name="Marta", family_name="Okafor"), MARTA, False),
    ],
)
def test_what_contradicts_a_stored_person(
    stored: dict[str, Any], incoming: dict[str, Any], expected: bool
) -> None:
    assert contradicts(stored, incoming) is expected
    assert contradicts(incoming, stored) is expected


@pytest.mark.parametrize("area", shipped_areas())
def test_every_level_of_every_area_is_explained(area: str) -> None:
    weights = load_area(area).identity
    for field, levels in COMPARISON_LEVELS.items():
        for level in levels:
            assert explain_levels({field: level}), (field, level)
            assert levels_of_codes(level_codes({field: level})) == {field: level}
            assert level in weights.levels[field]


TOKENS = st.sampled_from(
    "Anna Ann Marie Marta Joan Jean J Bob Robert Smith Smyth Jones Okafor O'Brien Łukasz Lukasz Unknown Ahmed".split()
)
NAMES = st.lists(TOKENS, max_size=3).map(" ".join)
DATES = st.dates(date(1940, 1, 1), date(2015, 12, 31)).map(date.isoformat) | st.sampled_from(
    [BORN, "1984-11-02", "1984-02-12", "1900-01-01"]
)
# These say nothing, so two records that have them do not agree by them.
PLACEHOLDERS = {"07777777777", "1900-01-01"}
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "given_name": NAMES,
        "family_name": NAMES,
        "date_of_birth": DATES,
        "phone": st.sampled_from([PHONE, OTHER_PHONE, "07700 900202", "07777777777"]),
        "phone_2": st.sampled_from([PHONE, OTHER_PHONE]),
        "email": st.sampled_from([EMAIL, "marto@example.org", "joan@example.org"]),
        "postcode": st.sampled_from(["ST16 1AA", "B79 1AA"]),
        "alias": NAMES,
        "organisation_name": st.sampled_from(["Moorland Bakery", "Trent Cycles", "Moorland Bakery Leek"]),
        "crime": st.sampled_from(["CR/1", "CR/2"]),
        "reference": st.sampled_from(["V-7", "V-007", "V-8"]),
    },
)


@settings(max_examples=examples(1000))
@given(DOCUMENTS, DOCUMENTS)
def test_the_order_of_the_two_makes_no_difference(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert compared(one, other) == compared(other, one)


@settings(max_examples=examples(1000))
@given(DOCUMENTS, DOCUMENTS)
def test_two_names_with_two_birth_dates_are_never_the_same_person(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    comparison = compared(one, other)
    if comparison.levels["name"] != "exact_match" and comparison.levels["birth_date"] != "exact_match":
        assert comparison.verdict is not SAME or comparison.levels["organisation"] == "exact_match"


@settings(max_examples=examples(1000))
@given(
    DOCUMENTS,
    DOCUMENTS,
    st.sampled_from(["phone", "email", "postcode", "date_of_birth", "crime", "reference"]),
)
def test_more_agreement_never_lowers_the_weight(
    one: dict[str, Any], other: dict[str, Any], field: str
) -> None:
    agrees = field in one and one[field] not in PLACEHOLDERS
    agreeing = {**other, field: one[field]} if agrees else other
    assert compared(one, agreeing).match_weight >= compared(one, other).match_weight - 1e-9


@settings(max_examples=examples(1000))
@given(DOCUMENTS, DOCUMENTS)
def test_the_same_name_never_weighs_less_than_another(one: dict[str, Any], other: dict[str, Any]) -> None:
    if "given_name" not in one or "family_name" not in one or "organisation_name" in {*one, *other}:
        return
    renamed = {**other, "given_name": one["given_name"], "family_name": one["family_name"]}
    if compared(one, renamed).levels["name"] == "exact_match":
        assert compared(one, renamed).match_weight >= compared(one, other).match_weight - 1e-9
