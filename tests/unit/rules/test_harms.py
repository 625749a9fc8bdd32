"""Which harms a referral carries, the gravest first."""

from __future__ import annotations

import pytest

from victim_gateway.compliance.crime_taxonomy import crime_categories
from victim_gateway.compliance.harm_taxonomy import harms_of_offence
from victim_gateway.rules.harms import HarmFacts, harms_of_referral, order_harms, phrase_offence
from victim_gateway.vocabulary import Harm

DA, SEXUAL, SLAVERY = Harm.DOMESTIC_ABUSE, Harm.SEXUAL_ABUSE, Harm.MODERN_SLAVERY
EXPLOITATION, FGM, HSB = Harm.EXPLOITATION, Harm.FEMALE_GENITAL_MUTILATION, Harm.HARMFUL_SEXUAL_BEHAVIOUR
VIOLENCE, HATE, ROAD = Harm.VIOLENCE, Harm.HATE_CRIME, Harm.ROAD_CRIME
ASB, THEFT, FRAUD = Harm.ANTI_SOCIAL_BEHAVIOUR, Harm.BURGLARY_AND_THEFT, Harm.FRAUD_AND_CYBER
RURAL, BUSINESS, OTHER = Harm.RURAL_CRIME, Harm.BUSINESS_CRIME, Harm.OTHER


@pytest.mark.parametrize(
    ("offence", "harms"),
    [
        # The categories that the police publish, as the feed sends them.
        ("Violence and sexual offences", [VIOLENCE]),
        ("Rape or sexual assault", [SEXUAL]),
        ("Criminal damage and arson", [OTHER]),
        ("Other theft", [THEFT]),
        ("Shoplifting", [THEFT, BUSINESS]),
        ("Vehicle crime", [THEFT]),
        ("Burglary", [THEFT]),
        ("Public order", [ASB]),
        ("Other crime", [OTHER]),
        ("Bicycle theft", [THEFT]),
        ("Robbery", [VIOLENCE, THEFT]),
        ("Possession of weapons", [VIOLENCE]),
        ("Theft from the person", [THEFT]),
        ("Anti-social behaviour", [ASB]),
        ("Drugs", [OTHER]),
        # The words of the counting rules.
        ("Controlling or coercive behaviour in an intimate or family relationship", [DA]),
        ("Burglary in a dwelling (non-domestic)", [THEFT]),
        ("Domestic", [DA]),
        ("DV", [DA]),
        ("DA - assault", [DA, VIOLENCE]),
        ("Common assault (domestic)", [DA, VIOLENCE]),
        ("Criminal damage - domestic related", [DA]),
        ("Domestic burglary", [THEFT]),
        ("Burglary - domestic", [THEFT]),
        ("Domestic burglary, DV", [DA, THEFT]),
        ("Domestic burglary by an ex-partner", [DA, THEFT]),
        ("Domestic waste dumped", [OTHER]),
        ("Revenge porn", [SEXUAL]),
        ("Image-based sexual abuse", [SEXUAL]),
        ("Burglary - business and community", [THEFT, BUSINESS]),
        ("Sexual assault on a female aged 13 and over", [SEXUAL]),
        ("Sexual exploitation of children", [SEXUAL, EXPLOITATION]),
        ("County lines", [EXPLOITATION]),
        ("Female genital mutilation", [FGM]),
        ("Holding a person in slavery or servitude", [SLAVERY]),
        ("Arranging the travel of another person with a view to exploitation", [SLAVERY]),
        ("Harmful sexual behaviour", [SEXUAL, HSB]),
        ("Murder", [VIOLENCE]),
        ("Causing death by dangerous driving", [ROAD]),
        ("Causing death by careless driving when under the influence of drink", [ROAD]),
        ("Racially or religiously aggravated assault with injury", [VIOLENCE, HATE]),
        ("Stalking", [VIOLENCE]),
        ("Identity theft", [FRAUD]),
        ("Fraud by false representation", [FRAUD]),
        ("Sheep worrying", [RURAL]),
        ("Theft of tractor", [THEFT, RURAL]),
        ("", [OTHER]),
        ("Something that no list knows", [OTHER]),
    ],
)
def test_a_wording_tells_the_harms(offence: str, harms: list[Harm]) -> None:
    assert harms_of_referral(HarmFacts(offence=offence)) == tuple(harms)


@pytest.mark.parametrize("remark", ["domestic", "DV", "DA", "domestic burglary", "domestic servitude"])
@pytest.mark.parametrize(
    "offence",
    ["Rape", "Revenge porn", "Attempted murder", "Wounding with intent", "Human trafficking", "Kidnapping"],
)
def test_a_remark_beside_one_of_the_most_serious_crimes_takes_nothing_away(offence: str, remark: str) -> None:
    for wording in (f"{offence} - {remark}", f"{remark} - {offence}"):
        assert crime_categories(offence, None)
        assert crime_categories(wording, None) >= crime_categories(offence, None)
        assert harms_of_offence(wording) >= harms_of_offence(offence)


@pytest.mark.parametrize(
    ("code", "harms"),
    [
        ("019/08", [SEXUAL]),
        ("8U", [DA]),
        ("004/04", [ROAD]),
        ("004/01", [VIOLENCE]),
        ("28E", [THEFT]),
        ("034/01", [VIOLENCE, THEFT]),
        ("046/00", [THEFT, BUSINESS]),
        ("106", [SLAVERY]),
        ("NFIB1234", [FRAUD]),
        ("105B", [VIOLENCE, HATE]),
        ("999", [OTHER]),
    ],
)
def test_a_code_tells_the_harms_where_the_wording_does_not(code: str, harms: list[Harm]) -> None:
    assert harms_of_referral(HarmFacts(offence="Recorded crime", offence_code=code)) == tuple(harms)


@pytest.mark.parametrize(
    ("facts", "harms"),
    [
        (HarmFacts(offence="Criminal damage and arson", domestic_abuse=True), [DA]),
        (HarmFacts(offence="Violence and sexual offences", domestic_abuse=True), [DA, VIOLENCE]),
        (HarmFacts(offence="Public order", hate_strand="race"), [HATE, ASB]),
        (HarmFacts(offence="Other crime", recorded_as="asb"), [ASB]),
        (HarmFacts(offence="Burglary", victim_type="business"), [THEFT, BUSINESS]),
        (HarmFacts(offence="Other crime", victim_type="business"), [BUSINESS]),
        (HarmFacts(offence="Other crime", serious_crime=True), [VIOLENCE]),
        (HarmFacts(offence="Rape", serious_crime=True), [SEXUAL]),
        (HarmFacts(offence="Burglary", chosen=[SEXUAL, THEFT]), [SEXUAL, THEFT]),
        (HarmFacts(offence="Other crime", chosen=[OTHER]), [OTHER]),
        (HarmFacts(offence="Fraud", chosen=[OTHER]), [FRAUD]),
    ],
)
def test_flags_and_choices_add_to_the_harms(facts: HarmFacts, harms: list[Harm]) -> None:
    assert harms_of_referral(facts) == tuple(harms)


def test_harms_stand_in_order_of_gravity_each_once() -> None:
    assert order_harms([THEFT, DA, THEFT, VIOLENCE]) == (DA, VIOLENCE, THEFT)


@pytest.mark.parametrize("harm", [harm for harm in Harm if harm is not OTHER])
def test_what_is_typed_by_hand_is_worded_so_that_the_taxonomy_finds_it_again(harm: Harm) -> None:
    assert harm in harms_of_offence(phrase_offence([harm]))
    assert set(harms_of_offence(phrase_offence([harm]))) - {SEXUAL} == {harm} - {SEXUAL}


def test_several_harms_are_worded_with_the_gravest_first() -> None:
    assert phrase_offence([VIOLENCE, DA]) == "Domestic abuse; violence"
    assert phrase_offence([]) == ""
