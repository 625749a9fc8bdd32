"""Cases that whoever opens the demonstration should find: at each of them a wrong next step would do harm.

A child of 13 whose aunt is the adult to speak to; a business whose crime reached the Gateway late; a person who
lives with the abuser and whose phone is not safe; a person who comes again under another spelling of the name; a
father whose daughter was killed on the road; a person who is called to give evidence; whoever is assessed again, as
the neighbours do not stop. The person who wants nothing
is among the ordinary scenarios.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from victim_gateway.demo.mix import ANTI_SOCIAL, VIOLENCE, Crime
from victim_gateway.demo.people import PoliceAccount, Victim

CHILD_WITH_AUNT = "child_with_aunt"
BUSINESS_REPORTED_LATE = "business_reported_late"
UNSAFE_PHONE = "unsafe_phone"
FIRST_SPELLING = "first_spelling"
SECOND_SPELLING = "second_spelling"
BEREAVED_FATHER = "bereaved_father"
CALLED_AS_WITNESS = "called_as_witness"
TARGETED_AGAIN = "assessed_again"
DEATH_ON_THE_ROAD = "Causing death by dangerous driving"


@dataclass(frozen=True, slots=True)
class ExampleCase:
    """What is fixed of a case that is otherwise invented. `age` is in whole years on the day of the plan.

    `offence` and `outcome` take the place of the drawn crime's; `days_until_transfer` is how many days before it
    was passed on the crime was reported, where that is more than the night in between.
    """

    victim: Mapping[str, Any] = field(default_factory=dict)
    age: int | None = None
    police_account: Mapping[str, Any] = field(default_factory=dict)
    offence: str | None = None
    outcome: str | None = None
    days_until_transfer: int = 0


EXAMPLE_CASES: Mapping[str, ExampleCase] = {
    CHILD_WITH_AUNT: ExampleCase(
        victim={"given_name": "Maisie", "family_name": "Pargeter", "sex": "F", "title": ""},
        age=13,
        police_account={"domestic_abuse": False, "hate_strand": "", "vulnerable": True},
        offence="Robbery",
    ),
    BUSINESS_REPORTED_LATE: ExampleCase(
        victim={"organisation_name": "Trent Vale Cycle Works", "organisation_contact": "Devinder Rai"},
        offence="Burglary",
        days_until_transfer=12,
    ),
    UNSAFE_PHONE: ExampleCase(
        victim={"given_name": "Nadia", "family_name": "Hollis", "sex": "F", "title": "Ms"},
        age=34,
        police_account={
            "domestic_abuse": True,
            "preferred": "phone",
            "safe_note": "Her partner answers and reads the phone. Do not call, text or leave a message.",
            "risk_assessment": "high",
            "intimidated": True,
        },
        offence=VIOLENCE,
    ),
    FIRST_SPELLING: ExampleCase(
        victim={"given_name": "Katarzyna", "family_name": "Wójcik", "sex": "F", "title": "Mrs"},
        age=41,
        offence="Criminal damage and arson",
    ),
    SECOND_SPELLING: ExampleCase(
        victim={"family_name": "Wojcick"},
        police_account={"persistently_targeted": True},
        offence="Criminal damage and arson",
    ),
    BEREAVED_FATHER: ExampleCase(
        victim={"given_name": "Gerald", "family_name": "Ashby", "sex": "M", "title": "Mr"},
        age=57,
        police_account={"domestic_abuse": False, "hate_strand": "", "serious_crime": True},
        offence=DEATH_ON_THE_ROAD,
        outcome="charged",
    ),
    CALLED_AS_WITNESS: ExampleCase(
        victim={"given_name": "Tomos", "family_name": "Price", "sex": "M", "title": "Mr"},
        age=29,
        police_account={"domestic_abuse": False, "hate_strand": "", "intimidated": True},
        offence="Robbery",
        outcome="charged",
    ),
    TARGETED_AGAIN: ExampleCase(
        police_account={"domestic_abuse": False, "hate_strand": "", "persistently_targeted": True},
        offence=ANTI_SOCIAL,
    ),
}


def fix_crime(scenario_name: str, crime: Crime) -> Crime:
    """The crime of an example case, in the place where another was drawn; any other stays as it is."""
    example = EXAMPLE_CASES.get(scenario_name)
    if example is None:
        return crime
    return replace(
        crime, crime_type=example.offence or crime.crime_type, outcome=example.outcome or crime.outcome
    )


def fix_people(
    scenario_name: str, victim: Victim, police_account: PoliceAccount, *, on: date
) -> tuple[Victim, PoliceAccount]:
    """The person and what the police said of them, with what an example case fixes."""
    example = EXAMPLE_CASES.get(scenario_name)
    if example is None:
        return victim, police_account
    fixed = replace(victim, **dict(example.victim))
    if example.age is not None:
        # Half a year past the birthday: the age is the same on every day of the scenario.
        fixed = replace(fixed, born=_half_a_year_past_birthday(on, example.age))
    return fixed, replace(police_account, **dict(example.police_account))


def respell_person(first: Victim, second: Victim) -> Victim:
    """The person of the first spelling, as the second referral has them: under another reference, so unknown."""
    return replace(first, reference=second.reference, family_name=second.family_name)


def days_until_transfer(scenario_name: str) -> int:
    """How many more days than usual lie between the report and the transfer."""
    example = EXAMPLE_CASES.get(scenario_name)
    return example.days_until_transfer if example else 0


def _half_a_year_past_birthday(on: date, age: int) -> date:
    month = (on.month + 5) % 12 + 1
    years = age if month < on.month else age + 1
    return date(on.year - years, month, 1)
