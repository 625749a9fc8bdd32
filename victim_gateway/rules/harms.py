"""Which harms a referral carries, the gravest first.

The offence's wording and code, the flags of the feed or the form, and what a person chose all add to them; nothing
takes one away, because a harm that is overlooked is a service that is not offered. `Harm.OTHER` stands only where
nothing else does.

Where the sources are silent, the rule is what protects the person:
- a serious crime of which no harm to a person is known counts as violence: each of the most serious crimes is one;
- a business is harmed as a business, whatever else the crime was.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from victim_gateway.compliance.harm_taxonomy import harms_of_offence
from victim_gateway.vocabulary import Harm

_HARM_TO_A_PERSON = frozenset(
    {
        Harm.DOMESTIC_ABUSE,
        Harm.SEXUAL_ABUSE,
        Harm.MODERN_SLAVERY,
        Harm.EXPLOITATION,
        Harm.FEMALE_GENITAL_MUTILATION,
        Harm.HARMFUL_SEXUAL_BEHAVIOUR,
        Harm.VIOLENCE,
        Harm.ROAD_CRIME,
    }
)
HARM_PHRASES = {
    Harm.DOMESTIC_ABUSE: "domestic abuse",
    Harm.SEXUAL_ABUSE: "sexual abuse",
    Harm.MODERN_SLAVERY: "modern slavery",
    Harm.EXPLOITATION: "exploitation",
    Harm.FEMALE_GENITAL_MUTILATION: "female genital mutilation",
    Harm.HARMFUL_SEXUAL_BEHAVIOUR: "harmful sexual behaviour",
    Harm.VIOLENCE: "violence",
    Harm.HATE_CRIME: "hate crime",
    Harm.ROAD_CRIME: "road crime",
    Harm.ANTI_SOCIAL_BEHAVIOUR: "anti-social behaviour",
    Harm.BURGLARY_AND_THEFT: "burglary or theft",
    Harm.FRAUD_AND_CYBER: "fraud or cyber crime",
    Harm.RURAL_CRIME: "rural crime",
    Harm.BUSINESS_CRIME: "crime against a business",
    Harm.OTHER: "another crime",
}
"""Each harm as a sentence can use it. The taxonomies read these words too: what is typed by hand is worded so."""
FLAG_OF_HARM = {Harm.DOMESTIC_ABUSE: "domestic_abuse", Harm.FEMALE_GENITAL_MUTILATION: "serious_crime"}
"""The yes-or-no column that a harm brings with it when a person chooses it: holds and clocks read the columns."""
EXPLICIT_CONSENT_HARMS = frozenset(
    {
        Harm.DOMESTIC_ABUSE,
        Harm.SEXUAL_ABUSE,
        Harm.HARMFUL_SEXUAL_BEHAVIOUR,
        Harm.FEMALE_GENITAL_MUTILATION,
    }
)
"""Harms after which nobody is contacted before they have said yes: whoever did it may be in the home."""
SEXUAL_HARMS = frozenset({Harm.SEXUAL_ABUSE, Harm.HARMFUL_SEXUAL_BEHAVIOUR})
NEEDS_SENIOR_YES = frozenset({Harm.DOMESTIC_ABUSE, Harm.SEXUAL_ABUSE, Harm.HARMFUL_SEXUAL_BEHAVIOUR})
"""Harms after which restorative justice is offered only with a senior caseworker's yes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HarmFacts:
    """What of a referral tells its harms; `chosen` are those that a person ticked."""

    offence: str | None
    offence_code: str | None = None
    recorded_as: str | None = None
    victim_type: str | None = None
    domestic_abuse: bool = False
    serious_crime: bool = False
    hate_strand: str | None = None
    chosen: Collection[Harm] = ()


def harms_of_referral(facts: HarmFacts) -> tuple[Harm, ...]:
    """The harms that a referral carries, the gravest first; never none."""
    found = {*harms_of_offence(facts.offence, facts.offence_code), *facts.chosen}
    if facts.domestic_abuse:
        found.add(Harm.DOMESTIC_ABUSE)
    if facts.hate_strand:
        found.add(Harm.HATE_CRIME)
    if facts.recorded_as == "asb":
        found.add(Harm.ANTI_SOCIAL_BEHAVIOUR)
    if facts.victim_type == "business":
        found.add(Harm.BUSINESS_CRIME)
    if facts.serious_crime and not found & _HARM_TO_A_PERSON:
        found.add(Harm.VIOLENCE)
    return order_harms(found - {Harm.OTHER}) or (Harm.OTHER,)


def phrase_offence(harms: Collection[Harm], said: Sequence[str] = ()) -> str:
    """The chosen harms as the kind of crime of a referral that is typed by hand: `Domestic abuse; violence`.

    `said`: what a list of the area calls some of it, word for word, so that the record keeps the wording of its day.
    """
    wording = "; ".join([*(HARM_PHRASES[harm] for harm in order_harms(harms)), *said])
    return wording[:1].upper() + wording[1:]


def order_harms(harms: Collection[Harm]) -> tuple[Harm, ...]:
    """Each harm once, the gravest first."""
    return tuple(harm for harm in Harm if harm in harms)
