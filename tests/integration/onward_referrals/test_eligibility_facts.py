"""What of a referral decides which services fit: the harms it carries, and where the person lives."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tests.factories import casework as make
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.onward_referrals.eligibility import gather_eligibility_facts
from victim_gateway.rules.eligibility import EligibilityFacts
from victim_gateway.services.referrals import corrections
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Harm, HeldReason, ReferralState

DA, SEXUAL, VIOLENCE, THEFT = (
    Harm.DOMESTIC_ABUSE,
    Harm.SEXUAL_ABUSE,
    Harm.VIOLENCE,
    Harm.BURGLARY_AND_THEFT,
)


def facts_of(referral_id: UUID, actor: Actor) -> EligibilityFacts:
    with transaction(actor) as session:
        return gather_eligibility_facts(session, referral_id, make.MONDAY.date())


@pytest.mark.parametrize(
    ("town", "recorded", "residence"),
    [
        ("Stafford", None, "Stafford"),
        ("CITY OF STOKE ON TRENT", None, "Stoke-on-Trent"),
        ("Stafford", "Tamworth", "Tamworth"),
        ("Stafford", "Outside the area", "Outside the area"),
        ("Walsall", None, None),
        (None, None, None),
    ],
)
def test_where_a_person_lives_is_what_was_recorded_else_what_their_town_says(
    caseworker: Actor, town: str | None, recorded: str | None, residence: str | None
) -> None:
    person = make.person_document(town=town)
    referral_id = make.recorded(caseworker, person=person, district="Lichfield", residence_district=recorded)

    assert facts_of(referral_id, caseworker).residence == residence


@pytest.mark.parametrize(
    ("typed", "reason", "harms"),
    [
        ({"harms": {SEXUAL}, "offence": "Sexual abuse"}, HeldReason.EXPLICIT_CONSENT_NEEDED, (SEXUAL,)),
        ({"harms": {DA}, "offence": "Domestic abuse"}, HeldReason.EXPLICIT_CONSENT_NEEDED, (DA,)),
        (
            {"harms": {Harm.FEMALE_GENITAL_MUTILATION}, "offence": "Female genital mutilation"},
            HeldReason.EXPLICIT_CONSENT_NEEDED,
            (Harm.FEMALE_GENITAL_MUTILATION,),
        ),
        ({"harms": {VIOLENCE, THEFT}, "offence": "Violence; burglary or theft"}, None, (VIOLENCE, THEFT)),
    ],
)
def test_a_harm_that_was_ticked_holds_and_counts_like_one_the_police_name(
    caseworker: Actor, typed: dict[str, Any], reason: HeldReason | None, harms: tuple[Harm, ...]
) -> None:
    referral_id = make.recorded(caseworker, agreed=None, **{**typed, "harms": frozenset(typed["harms"])})

    referral = make.referral(referral_id, caseworker)
    assert (referral.held_reason, facts_of(referral_id, caseworker).harms) == (reason, harms)
    assert referral.domestic_abuse is (DA in harms)


def test_a_corrected_harm_words_the_crime_anew_and_holds_what_nobody_has_begun(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker, agreed=None, harms=frozenset({VIOLENCE}), offence="Violence")

    changed = corrections.correct_details(
        Command(caseworker, make.MONDAY + make.HOUR),
        referral_id,
        {"chosen_harms": [DA, SEXUAL], "residence_district": "Tamworth"},
        reason="She told us more.",
    )

    referral = make.referral(referral_id, caseworker)
    assert changed == ("chosen_harms", "domestic_abuse", "offence", "residence_district")
    assert referral.offence == "Domestic abuse; sexual abuse"
    assert (referral.state, referral.held_reason) == (
        ReferralState.HELD,
        HeldReason.EXPLICIT_CONSENT_NEEDED,
    )
    assert facts_of(referral_id, caseworker).harms == (DA, SEXUAL)
    assert facts_of(referral_id, caseworker).residence == "Tamworth"


def test_what_the_police_recorded_stands_beside_a_harm_that_a_person_adds(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker, offence="Violence and sexual offences")

    corrections.correct_details(
        Command(caseworker, make.MONDAY + make.HOUR), referral_id, {"chosen_harms": [SEXUAL]}
    )

    referral = make.referral(referral_id, caseworker)
    assert referral.offence == "Violence and sexual offences"
    assert facts_of(referral_id, caseworker).harms == (SEXUAL, VIOLENCE)
