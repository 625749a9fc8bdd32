"""Invented people and businesses, and what the police know about reaching them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from victim_gateway.demo import names
from victim_gateway.demo.mix import ANTI_SOCIAL, SHOPLIFTING, VIOLENCE, Crime
from victim_gateway.demo.random_choice import random_stream, weighted_choice
from victim_gateway.demo.scenario_catalogue import Scenario, ScenarioKind

YEAR = timedelta(days=365.25)
BUSINESS_ALSO = ("Burglary", "Criminal damage and arson", "Other theft")
HATE_TYPES = (VIOLENCE, "Public order", "Criminal damage and arson")
HATE_STRANDS = {"race": 6, "disability": 3, "sexual orientation": 2, "religion": 2, "transgender": 1}
LANGUAGES = ("Polish", "Urdu", "Punjabi", "Romanian", "Kurdish", "British Sign Language")
TITLES = {"F": {"Ms": 3, "Mrs": 3, "Miss": 3, "Dr": 1}, "M": {"Mr": 12, "Dr": 1}, "X": {"Mx": 1}}
SAFE = {"yes": 78, "unknown": 19, "no": 3}
SAFE_AT_HOME = {"yes": 45, "unknown": 43, "no": 12}
PREFERRED = {"phone": 74, "sms": 11, "email": 12, "post": 3}
SAFE_NOTES = (
    "Lives with the other person. Do not leave messages of any kind.",
    "Weekdays 10am to 2pm only, while the children are at school.",
    "Someone else may look at the phone. Say you are calling about a parcel.",
    "Asks that nothing is sent by post.",
)
# Every so many people; any two that have nothing to do with each other.
INTERPRETER_EVERY, COMMUNICATION_EVERY = 19, 37


@dataclass(frozen=True, slots=True)
class Victim:
    """Who was harmed. `reference` is the force's id; blanks are empty, as in a feed. A business has no `born`."""

    reference: str
    victim_type: str
    born: date | None
    sex: str = ""
    title: str = ""
    given_name: str = ""
    family_name: str = ""
    phone: str = ""
    email: str = ""
    address_line_1: str = ""
    address_line_2: str = ""
    town: str = ""
    postcode: str = ""
    organisation_name: str = ""
    organisation_contact: str = ""
    language: str = ""
    interpreter_needed: bool = False
    communication_needs: str = ""


@dataclass(frozen=True, slots=True)
class PoliceAccount:
    """What the police recorded beside the crime: flags, consent, safe contact, with the values of the feed."""

    consent: str
    safe: str
    preferred: str
    safe_note: str = ""
    domestic_abuse: bool = False
    hate_strand: str = ""
    serious_crime: bool = False
    vulnerable: bool = False
    intimidated: bool = False
    persistently_targeted: bool = False
    risk_assessment: str = ""


def invent_victim(number: int, scenario: Scenario, crime: Crime, *, seed: int, on: date) -> Victim:
    """Invent the person or business of one scenario; `on` is the day by which ages are counted."""
    chance = random_stream(seed, "victim", number)
    reference = f"DEMO-{number:05d}"
    if _is_business(scenario, crime, chance):
        found = _business(reference, number, crime, chance)
    else:
        found = _person(reference, number, scenario, crime, chance, on)
    if scenario.person_needed.has_contact:
        return found
    return replace(found, phone="", email="", address_line_1="", address_line_2="", town="", postcode="")


def invent_police_account(
    number: int, scenario: Scenario, crime: Crime, who: Victim, *, seed: int, on: date
) -> PoliceAccount:
    """Invent what the police pass on about one scenario's person."""
    chance, wants = random_stream(seed, "told", number), scenario.person_needed
    person = who.victim_type != "business"
    at_home = wants.kind is ScenarioKind.DOMESTIC_ABUSE or (
        person and wants.kind is ScenarioKind.ANY and crime.crime_type == VIOLENCE and chance.random() < 0.2
    )
    hated = wants.kind is ScenarioKind.HATE or (
        person and crime.crime_type in HATE_TYPES and chance.random() < 0.03
    )
    safe = wants.safe or weighted_choice(chance, SAFE_AT_HOME if at_home else SAFE)
    must_agree = at_home or who.victim_type == "bereaved_relative"
    is_child = who.born is not None and on - who.born < 18 * YEAR
    return PoliceAccount(
        consent=wants.consent or ("yes" if must_agree or chance.random() < 0.65 else "not_asked"),
        safe=safe,
        preferred=_preferred(who, chance),
        safe_note=chance.choice(SAFE_NOTES) if safe == "no" or (at_home and chance.random() < 0.4) else "",
        domestic_abuse=at_home,
        hate_strand=weighted_choice(chance, HATE_STRANDS) if hated else "",
        serious_crime=person and crime.crime_type in (VIOLENCE, "Robbery") and chance.random() < 0.12,
        vulnerable=person and chance.random() < (0.5 if is_child else 0.16),
        intimidated=person and chance.random() < (0.3 if at_home else 0.05),
        persistently_targeted=person and chance.random() < (0.1 if crime.crime_type == ANTI_SOCIAL else 0.03),
    )


def _is_business(scenario: Scenario, crime: Crime, chance: Random) -> bool:
    needed = scenario.person_needed
    if needed.kind is ScenarioKind.BUSINESS:
        return True
    if needed.kind is not ScenarioKind.ANY or not needed.has_contact or needed.consent:
        return False
    return crime.crime_type == SHOPLIFTING or (crime.crime_type in BUSINESS_ALSO and chance.random() < 0.12)


def _business(reference: str, number: int, crime: Crime, chance: Random) -> Victim:
    contact = _name(weighted_choice(chance, {"F": 1, "M": 1}), chance) if chance.random() < 0.85 else ("", "")
    return Victim(
        reference=reference,
        victim_type="business",
        born=None,
        phone=names.demo_phone(number, chance),
        email=names.demo_email("office", f"{contact[1]}-{crime.district}", number),
        organisation_name=chance.choice(names.BUSINESS_NAMES),
        organisation_contact=" ".join(contact).strip(),
        **names.demo_address(crime.district, chance),
    )


def _person(
    reference: str, number: int, scenario: Scenario, crime: Crime, chance: Random, on: date
) -> Victim:
    is_child = scenario.person_needed.is_child or (
        scenario.person_needed.is_child is None and chance.random() < 0.04
    )
    years = chance.uniform(9, 17) if is_child else chance.triangular(18.5, 92, 34)
    women = 4 if scenario.person_needed.kind is ScenarioKind.DOMESTIC_ABUSE else 1.2
    sex = weighted_choice(chance, {"F": women, "M": 1, "X": 0.03})
    given, family = _name(sex, chance)
    kind = scenario.person_needed.victim_type or (
        "parent_or_guardian" if chance.random() < 0.01 else "person"
    )
    interpreted = number % INTERPRETER_EVERY == 7
    return Victim(
        reference=reference,
        victim_type=kind,
        born=on - timedelta(days=int(years * YEAR.days)),
        sex=sex,
        title=weighted_choice(chance, TITLES[sex]) if not is_child else "",
        given_name=given,
        family_name=family,
        phone=names.demo_phone(number, chance),
        email=names.demo_email(given, family, number) if chance.random() < 0.65 else "",
        language=chance.choice(LANGUAGES) if interpreted else "",
        interpreter_needed=interpreted,
        communication_needs="Large print" if number % COMMUNICATION_EVERY == 11 else "",
        **names.demo_address(crime.district, chance),
    )


def _name(sex: str, chance: Random) -> tuple[str, str]:
    given = names.GIVEN_NAMES.get(sex) or (*names.GIVEN_NAMES["F"], *names.GIVEN_NAMES["M"])
    return chance.choice(given), chance.choice(names.FAMILY_NAMES)


def _preferred(who: Victim, chance: Random) -> str:
    if not who.phone:
        return "none"
    preferred = weighted_choice(chance, PREFERRED)
    if (preferred == "email" and not who.email) or (preferred == "sms" and not who.phone.startswith("07")):
        return "phone"
    return preferred
