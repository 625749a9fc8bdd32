"""Which wordings and codes of an offence are sexual or among the most serious."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from victim_gateway.compliance.crime_taxonomy import (
    CrimeCategory,
    crime_categories,
    is_most_serious,
    is_sexual_offence,
)
from victim_gateway.compliance.offence_marks import fold_offence

SEXUAL = [
    "Rape of a female aged 16 or over",
    "RAPE OF A FEMALE AGED 16 AND OVER",
    "Attempted rape",
    "Rape or sexual assault",
    "Sexual assault",
    "Sexual  Assault on a female",
    "sexual-assault on a male aged 13 and over",
    "Assault by penetration",
    "Indecent assault",
    "Causing a person to engage in sexual activity without consent",
    "Sexual grooming",
    "Meeting a child following grooming",
    "Exposure",
    "Exposure and voyeurism",
    "Incest or familial sexual offences",
    "Taking indecent photographs of a child",
    "Sharing an intimate image without consent",
    "Trafficking for sexual exploitation",
    "Sexual assault (hate: sexual orientation)",
    "Violence and sexual offences - rape",
]
SERIOUS_BUT_NOT_SEXUAL = {
    "Attempted murder": CrimeCategory.ATTEMPTED_MURDER,
    "Murder - attempted": CrimeCategory.ATTEMPTED_MURDER,
    "Attempt murder": CrimeCategory.ATTEMPTED_MURDER,
    "Wounding with intent (s18)": CrimeCategory.WOUNDING_WITH_INTENT,
    "Wounding with intent to do grievous bodily harm": CrimeCategory.WOUNDING_WITH_INTENT,
    "Wounding/GBH with intent": CrimeCategory.WOUNDING_WITH_INTENT,
    "Section 18": CrimeCategory.WOUNDING_WITH_INTENT,
    "S.18 assault": CrimeCategory.WOUNDING_WITH_INTENT,
    "GBH with intent": CrimeCategory.WOUNDING_WITH_INTENT,
    "Causing grievous bodily harm with intent": CrimeCategory.WOUNDING_WITH_INTENT,
    "Assault with intent to cause serious harm": CrimeCategory.WOUNDING_WITH_INTENT,
    "Arson with intent to endanger life": CrimeCategory.ARSON_WITH_INTENT_TO_ENDANGER_LIFE,
    "Arson endangering life": CrimeCategory.ARSON_WITH_INTENT_TO_ENDANGER_LIFE,
    "Arson or criminal damage with intent to endanger life": CrimeCategory.ARSON_WITH_INTENT_TO_ENDANGER_LIFE,
    "Kidnapping": CrimeCategory.KIDNAP_AND_FALSE_IMPRISONMENT,
    "Kidnap": CrimeCategory.KIDNAP_AND_FALSE_IMPRISONMENT,
    "False imprisonment": CrimeCategory.KIDNAP_AND_FALSE_IMPRISONMENT,
    "Modern slavery": CrimeCategory.TRAFFICKING_AND_SLAVERY,
    "Human trafficking": CrimeCategory.TRAFFICKING_AND_SLAVERY,
    "Holding a person in slavery or servitude": CrimeCategory.TRAFFICKING_AND_SLAVERY,
    "Forced or compulsory labour": CrimeCategory.TRAFFICKING_AND_SLAVERY,
    "Terrorism": CrimeCategory.TERRORISM,
    "Preparation of terrorist acts": CrimeCategory.TERRORISM,
}
NEITHER = [
    "",
    "Violence and sexual offences",
    "VIOLENCE AND SEXUAL OFFENCES",
    "Violence & sexual offences",
    "Wounding",
    "Wounding (s20)",
    "Wounding or inflicting GBH without intent",
    "Inflicting grievous bodily harm without intent",
    "Assault occasioning actual bodily harm",
    "Arson not endangering life",
    "Arson",
    "Arson with intent to damage property",
    "Criminal damage and arson",
    "Harassment because of sexual orientation",
    "Non-sexual assault",
    "Theft of oilseed rape",
    "Drapery theft",
    "Drug trafficking",
    "Trafficking in controlled drugs",
    "Stirring up racial hatred, Public Order Act section 18",
    "Section 18 PACE search",
    "Burglary with intent to cause GBH",
    "Possession of a firearm with intent to cause GBH",
    "Section 180 notice",
    "Threats to kill",
    "Anti-social behaviour",
    "Burglary",
]


@pytest.mark.parametrize("offence", SEXUAL)
def test_a_sexual_offence_is_known_by_its_wording(offence: str) -> None:
    assert is_sexual_offence(offence)
    assert is_most_serious(offence)


@pytest.mark.parametrize(("offence", "category"), SERIOUS_BUT_NOT_SEXUAL.items())
def test_a_most_serious_crime_is_known_by_its_wording(offence: str, category: CrimeCategory) -> None:
    assert crime_categories(offence) == {category}
    assert not is_sexual_offence(offence)


@pytest.mark.parametrize("offence", NEITHER)
def test_other_wordings_and_the_street_level_category_are_neither(offence: str) -> None:
    assert crime_categories(offence) == frozenset()


@pytest.mark.parametrize(
    ("code", "categories"),
    [
        ("019/08", {CrimeCategory.SEXUAL_OFFENCE}),
        ("19/8", {CrimeCategory.SEXUAL_OFFENCE}),
        ("19C", {CrimeCategory.SEXUAL_OFFENCE}),
        (" 020/05 ", {CrimeCategory.SEXUAL_OFFENCE}),
        ("088A", {CrimeCategory.SEXUAL_OFFENCE}),
        ("SX03001", {CrimeCategory.SEXUAL_OFFENCE}),
        ("sx03001a", {CrimeCategory.SEXUAL_OFFENCE}),
        ("MS15001", {CrimeCategory.TRAFFICKING_AND_SLAVERY}),
        ("106/01", {CrimeCategory.TRAFFICKING_AND_SLAVERY}),
        ("002/00", {CrimeCategory.ATTEMPTED_MURDER}),
        ("2", {CrimeCategory.ATTEMPTED_MURDER}),
        ("036/01", {CrimeCategory.KIDNAP_AND_FALSE_IMPRISONMENT}),
        ("005/01", {CrimeCategory.WOUNDING_WITH_INTENT}),
        ("5D", {CrimeCategory.WOUNDING_WITH_INTENT}),
        ("05-Jan", {CrimeCategory.WOUNDING_WITH_INTENT}),
        ("56A", {CrimeCategory.ARSON_WITH_INTENT_TO_ENDANGER_LIFE}),
        ("008/01", set()),
        ("008/06", set()),
        ("8/6", set()),
        ("08-Jun", set()),
        ("005/02", set()),
        ("5E", set()),
        ("56B", set()),
        ("190/08", set()),
        ("003/01", set()),
        ("TH68010", set()),
        ("OF61102", set()),
        ("SX", set()),
        ("", set()),
        ("not known", set()),
    ],
)
def test_a_code_marks_an_offence_whatever_its_spelling(code: str, categories: set[CrimeCategory]) -> None:
    assert crime_categories("Violence and sexual offences", code) == categories


def test_code_and_wording_are_each_enough() -> None:
    assert is_sexual_offence("Assault", "019/08")
    assert is_sexual_offence("Rape", "008/06")


@given(
    some.sampled_from([*SEXUAL, *SERIOUS_BUT_NOT_SEXUAL, *NEITHER]),
    some.sampled_from([" ", "  ", " - ", "/"]),
)
def test_case_and_punctuation_between_words_change_nothing(offence: str, between: str) -> None:
    respelled = between.join(fold_offence(offence).split()).upper()

    assert crime_categories(respelled) == crime_categories(offence)


@given(some.text(max_size=60), some.text(max_size=12))
def test_any_text_gives_an_answer_and_a_marked_phrase_beside_it_still_counts(text: str, code: str) -> None:
    crime_categories(text, code)

    assert is_most_serious(f"{text} ; attempted murder")
