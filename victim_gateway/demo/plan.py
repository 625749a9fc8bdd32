"""The plan of the whole demonstration, before anything is written: crime, person, scenario and age of each referral."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from random import Random

from victim_gateway.demo import example_cases, mix, people, scenario_catalogue
from victim_gateway.demo.mix import SHOPLIFTING, VIOLENCE, Crime
from victim_gateway.demo.people import BUSINESS_ALSO, HATE_TYPES, PoliceAccount, Victim
from victim_gateway.demo.random_choice import random_stream, weighted_choice
from victim_gateway.demo.scenario_catalogue import Scenario, ScenarioKind

# The first of each scenario is for the first caseworker, so that the account that is tried first has all of them.
OWNERS = {0: 0.25, 1: 0.3, 2: 0.3, 3: 0.15}
REPEATED = 0.06
SINCE_LAST_TIME = 2


@dataclass(frozen=True, slots=True)
class PlannedReferral:
    """One referral to come. `age` is how many working days ago; `owner` which of the caseworkers has it."""

    number: int
    seed: int
    scenario: Scenario
    age: int
    crime: Crime
    victim: Victim
    police_account: PoliceAccount
    owner: int
    is_again: bool = False

    def chance(self, *question: str) -> Random:
        """This referral's own stream for a question."""
        return random_stream(self.seed, self.number, *question)


def plan_referrals(
    count: int, *, seed: int, force: str, districts: Collection[str], on: date
) -> tuple[PlannedReferral, ...]:
    """Plan `count` referrals, oldest first: the same for the same arguments. Ages of people are those on `on`."""
    scenarios = scenario_catalogue.choose_scenarios(count)
    crimes = mix.draw_crimes(count, force=force, districts=districts, chance=random_stream(seed, "mix"))
    ages = [
        random_stream(seed, "age", number).randint(*scenario.ages)
        for number, scenario in enumerate(scenarios)
    ]
    begun = sorted(zip(ages, scenarios, _matched(scenarios, crimes, seed), strict=True), key=_oldest_first)
    seen: set[str] = set()
    cases = []
    for number, (age, scenario, crime) in enumerate(begun, start=1):
        crime = example_cases.fix_crime(scenario.name, crime)
        who = people.invent_victim(number, scenario, crime, seed=seed, on=on)
        said = people.invent_police_account(number, scenario, crime, who, seed=seed, on=on)
        who, said = example_cases.fix_people(scenario.name, who, said, on=on)
        owner = weighted_choice(random_stream(seed, "owner", number), OWNERS) if scenario.name in seen else 0
        seen.add(scenario.name)
        cases.append(PlannedReferral(number, seed, scenario, age, crime, who, said, owner))
    return tuple(_second_spellings(_namesakes(_same_people(cases, seed))))


def _oldest_first(begun: tuple[int, Scenario, Crime]) -> int:
    return -begun[0]


def _matched(scenarios: Collection[Scenario], crimes: list[Crime], seed: int) -> list[Crime]:
    """Match a crime to each scenario, the pickiest scenarios first; the set of crimes does not change."""
    left, found = list(crimes), dict[int, Crime]()
    strictness = (
        ScenarioKind.HATE,
        ScenarioKind.DOMESTIC_ABUSE,
        ScenarioKind.BUSINESS,
        ScenarioKind.PERSON,
        ScenarioKind.ANY,
    )
    order = sorted(enumerate(scenarios), key=lambda item: strictness.index(item[1].person_needed.kind))
    for place, scenario in order:
        fitting = next((crime for crime in left if _fits(scenario, crime)), None)
        if fitting is None:
            # Too few of them in so short a demonstration: one more of the kind instead of one that is left.
            fitting = _another(scenario, left[-1], random_stream(seed, "another", place))
            left.pop()
        else:
            left.remove(fitting)
        found[place] = fitting
    return [found[place] for place in range(len(crimes))]


def _fits(scenario: Scenario, crime: Crime) -> bool:
    kind = scenario.person_needed.kind
    if kind is ScenarioKind.DOMESTIC_ABUSE:
        return crime.crime_type == VIOLENCE
    if kind is ScenarioKind.HATE:
        return crime.crime_type in HATE_TYPES
    if kind is ScenarioKind.BUSINESS:
        return crime.crime_type in (SHOPLIFTING, *BUSINESS_ALSO)
    return kind is ScenarioKind.ANY or crime.crime_type != SHOPLIFTING


def _another(scenario: Scenario, instead_of: Crime, chance: Random) -> Crime:
    wanted = {
        ScenarioKind.DOMESTIC_ABUSE: (VIOLENCE,),
        ScenarioKind.HATE: HATE_TYPES,
        ScenarioKind.BUSINESS: (SHOPLIFTING,),
    }.get(scenario.person_needed.kind, BUSINESS_ALSO)
    return replace(instead_of, crime_type=chance.choice(wanted), outcome="no_suspect")


def _same_people(cases: list[PlannedReferral], seed: int) -> list[PlannedReferral]:
    """Some of those who come again have been harmed before: the same person, known by the same reference."""
    earlier = [case for case in cases if case.scenario.comes_again and case.victim.victim_type == "person"]
    again = [
        case
        for case in cases
        if case.scenario.is_again
        and case.victim.victim_type == "person"
        and case.police_account.consent == "yes"
    ]
    chance = random_stream(seed, "again")
    chance.shuffle(again)
    renewed = {}
    for place, case in enumerate(again[: max(2, round(REPEATED * len(cases)))]):
        before = [other for other in earlier if other.age >= case.age + SINCE_LAST_TIME]
        if not before:
            continue
        # The first two are of one person, who then has three referrals.
        first = before[0] if place < SINCE_LAST_TIME else chance.choice(before)
        said = replace(
            case.police_account,
            safe=first.police_account.safe,
            preferred=first.police_account.preferred,
            safe_note=first.police_account.safe_note,
            persistently_targeted=case.police_account.persistently_targeted or place % 3 == 0,
        )
        renewed[case.number] = replace(case, victim=first.victim, police_account=said, is_again=True)
    return [renewed.get(case.number, case) for case in cases]


def _namesakes(cases: list[PlannedReferral]) -> list[PlannedReferral]:
    """The person of a `namesake` scenario gets only the name and birth date of a known person."""
    known = [case.victim for case in cases if case.victim.born and case.scenario.comes_again]
    renewed = []
    for case in cases:
        if case.scenario.name == "namesake" and known:
            same = known[case.number % len(known)]
            who = replace(
                case.victim,
                given_name=same.given_name,
                family_name=same.family_name,
                born=same.born,
                sex=same.sex,
                title=same.title,
                victim_type="person",
            )
            case = replace(case, victim=who)
        renewed.append(case)
    return renewed


def _second_spellings(cases: list[PlannedReferral]) -> list[PlannedReferral]:
    """The person of a `second_spelling` scenario is that of the first, with the family name spelled otherwise."""
    first = next((case for case in cases if case.scenario.name == example_cases.FIRST_SPELLING), None)
    if first is None:
        return cases
    return [
        replace(case, victim=example_cases.respell_person(first.victim, case.victim))
        if case.scenario.name == example_cases.SECOND_SPELLING
        else case
        for case in cases
    ]
