"""The whole demonstration before anything is written: which crime, which person, which story, since when."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from random import Random

from victim_gateway.demo import catalogue, mix, people
from victim_gateway.demo.catalogue import Kind, Story
from victim_gateway.demo.mix import SHOPLIFTING, VIOLENCE, Crime
from victim_gateway.demo.people import BUSINESS_ALSO, HATE_TYPES, PoliceAccount, Victim
from victim_gateway.demo.random_choice import random_stream, weighted_choice

# The first of each story is for the first caseworker, so that the account that is tried first has all of them.
OWNERS = {0: 0.25, 1: 0.3, 2: 0.3, 3: 0.15}
REPEATED = 0.06
SINCE_LAST_TIME = 2


@dataclass(frozen=True, slots=True)
class PlannedReferral:
    """One referral to come. `age` is how many working days ago; `owner` which of the caseworkers has it."""

    number: int
    seed: int
    story: Story
    age: int
    crime: Crime
    victim: Victim
    told: PoliceAccount
    owner: int
    is_again: bool = False

    def chance(self, *question: str) -> Random:
        """This referral's own stream for a question."""
        return random_stream(self.seed, self.number, *question)


def plan_referrals(
    count: int, *, seed: int, force: str, districts: Collection[str], on: date
) -> tuple[PlannedReferral, ...]:
    """So many referrals, oldest first: the same for the same arguments. Ages of people are those on `on`."""
    stories = catalogue.choose_stories(count)
    crimes = mix.draw_crimes(count, force=force, districts=districts, chance=random_stream(seed, "mix"))
    ages = [random_stream(seed, "age", number).randint(*story.ages) for number, story in enumerate(stories)]
    begun = sorted(zip(ages, stories, _matched(stories, crimes, seed), strict=True), key=_oldest_first)
    seen: set[str] = set()
    cases = []
    for number, (age, story, crime) in enumerate(begun, start=1):
        who = people.invent_victim(number, story, crime, seed=seed, on=on)
        said = people.invent_police_account(number, story, crime, who, seed=seed, on=on)
        owner = weighted_choice(random_stream(seed, "owner", number), OWNERS) if story.name in seen else 0
        seen.add(story.name)
        cases.append(PlannedReferral(number, seed, story, age, crime, who, said, owner))
    return tuple(_namesakes(_same_people(cases, seed)))


def _oldest_first(begun: tuple[int, Story, Crime]) -> int:
    return -begun[0]


def _matched(stories: Collection[Story], crimes: list[Crime], seed: int) -> list[Crime]:
    """A crime for each story, those that ask for something first; which crimes there are does not change."""
    left, found = list(crimes), dict[int, Crime]()
    strictness = (Kind.HATE, Kind.DOMESTIC_ABUSE, Kind.BUSINESS, Kind.PERSON, Kind.ANY)
    order = sorted(enumerate(stories), key=lambda item: strictness.index(item[1].wants.kind))
    for place, story in order:
        fitting = next((crime for crime in left if _fits(story, crime)), None)
        if fitting is None:
            # Too few of them in so short a demonstration: one more of the kind instead of one that is left.
            fitting = _another(story, left[-1], random_stream(seed, "another", place))
            left.pop()
        else:
            left.remove(fitting)
        found[place] = fitting
    return [found[place] for place in range(len(crimes))]


def _fits(story: Story, crime: Crime) -> bool:
    kind = story.wants.kind
    if kind is Kind.DOMESTIC_ABUSE:
        return crime.crime_type == VIOLENCE
    if kind is Kind.HATE:
        return crime.crime_type in HATE_TYPES
    if kind is Kind.BUSINESS:
        return crime.crime_type in (SHOPLIFTING, *BUSINESS_ALSO)
    return kind is Kind.ANY or crime.crime_type != SHOPLIFTING


def _another(story: Story, instead_of: Crime, chance: Random) -> Crime:
    wanted = {
        Kind.DOMESTIC_ABUSE: (VIOLENCE,),
        Kind.HATE: HATE_TYPES,
        Kind.BUSINESS: (SHOPLIFTING,),
    }.get(story.wants.kind, BUSINESS_ALSO)
    return replace(instead_of, crime_type=chance.choice(wanted), outcome="no_suspect")


def _same_people(cases: list[PlannedReferral], seed: int) -> list[PlannedReferral]:
    """Some of those who come again have been harmed before: the same person, known by the same reference."""
    earlier = [case for case in cases if case.story.comes_again and case.victim.victim_type == "person"]
    again = [
        case
        for case in cases
        if case.story.is_again and case.victim.victim_type == "person" and case.told.consent == "yes"
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
            case.told,
            safe=first.told.safe,
            preferred=first.told.preferred,
            safe_note=first.told.safe_note,
            persistently_targeted=case.told.persistently_targeted or place % 3 == 0,
        )
        renewed[case.number] = replace(case, victim=first.victim, told=said, is_again=True)
    return [renewed.get(case.number, case) for case in cases]


def _namesakes(cases: list[PlannedReferral]) -> list[PlannedReferral]:
    """The person of a `namesake` story has the name and birth date of somebody known already, and nothing else."""
    known = [case.victim for case in cases if case.victim.born and case.story.comes_again]
    renewed = []
    for case in cases:
        if case.story.name == "namesake" and known:
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
