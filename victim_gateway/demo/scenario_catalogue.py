"""The scenarios of the demonstration: how often each runs, and what it needs of its person."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class ScenarioKind(StrEnum):
    """The kind of crime that a scenario needs."""

    ANY = "any"
    PERSON = "person"
    DOMESTIC_ABUSE = "domestic_abuse"
    HATE = "hate"
    BUSINESS = "business"


@dataclass(frozen=True, slots=True)
class PersonNeeded:
    """What a scenario needs of its person; None: left to chance."""

    kind: ScenarioKind = ScenarioKind.ANY
    # The police's record of consent. Without it: a yes wherever the rules ask for one before any contact.
    consent: str | None = None
    safe: str | None = None
    has_contact: bool = True
    is_child: bool | None = None
    victim_type: str | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """`ages`: how many working days ago it may have begun, from and to. At least `least` of it run where
    there are enough referrals; the rest are shared out by `share`. `source` is None for the police's feed.
    """

    name: str
    ages: tuple[int, int]
    least: int = 1
    share: float = 0.0
    person_needed: PersonNeeded = field(default_factory=PersonNeeded)
    source: str | None = None
    # Whether another referral of the same person may come after it, or it may be that other one.
    comes_again: bool = False
    is_again: bool = False


DA = PersonNeeded(ScenarioKind.DOMESTIC_ABUSE)
PERSON = PersonNeeded(ScenarioKind.PERSON)
OLDEST = 29

CATALOGUE: tuple[Scenario, ...] = (
    # the cases of `example_cases`: one each, for whoever looks for them
    Scenario("business_reported_late", (0, 1), person_needed=PersonNeeded(ScenarioKind.BUSINESS)),
    Scenario("unsafe_phone", (1, 2), person_needed=PersonNeeded(ScenarioKind.DOMESTIC_ABUSE, "yes", "no")),
    Scenario("child_with_aunt", (3, 5), person_needed=PersonNeeded(ScenarioKind.PERSON, "yes", "yes", is_child=True)),
    Scenario("second_spelling", (0, 1), person_needed=PersonNeeded(ScenarioKind.PERSON, "yes", "yes", is_child=False)),
    Scenario("first_spelling", (12, 20), person_needed=PersonNeeded(ScenarioKind.PERSON, "yes", "yes", is_child=False)),
    Scenario(
        "bereaved_father",
        (5, 8),
        person_needed=PersonNeeded(
            ScenarioKind.PERSON, "yes", "yes", is_child=False, victim_type="bereaved_relative"
        ),
    ),
    Scenario(
        "called_as_witness",
        (16, 22),
        person_needed=PersonNeeded(ScenarioKind.PERSON, "yes", "yes", is_child=False, victim_type="person"),
    ),
    # waiting to be assigned
    Scenario("new", (0, 1), 6, 12, is_again=True),
    Scenario("waiting", (2, 4), 3, 2),
    Scenario("new_business", (0, 2), 1, 0.5, PersonNeeded(ScenarioKind.BUSINESS)),
    Scenario("namesake", (0, 2), 1, 0.4, PERSON),
    # held
    Scenario("held", (0, 5), 2, 4, PersonNeeded(consent="no")),
    Scenario("held", (0, 5), 2, 2, PersonNeeded(ScenarioKind.DOMESTIC_ABUSE, consent="not_asked")),
    Scenario(
        "held",
        (2, 9),
        1,
        0.3,
        PersonNeeded(ScenarioKind.PERSON, consent="not_asked", victim_type="bereaved_relative"),
    ),
    Scenario("held", (0, 6), 2, 1.5, PersonNeeded(has_contact=False)),
    Scenario("held", (0, 6), 1, 0.3, PersonNeeded(ScenarioKind.PERSON, consent="yes", is_child=True)),
    Scenario("held_unreadable", (0, 4), 1, 0.3, PersonNeeded(ScenarioKind.PERSON, consent="yes", is_child=False)),
    Scenario("told_of_death", (2, 5), 1, 0.1, PersonNeeded(ScenarioKind.PERSON, is_child=False)),
    Scenario("taken_back_by_force", (2, 5), 1, 0.1, PersonNeeded(ScenarioKind.PERSON, is_child=False)),
    Scenario("out_of_scope", (2, 5), 1, 0.1, PersonNeeded(ScenarioKind.PERSON, is_child=False)),
    Scenario("released", (6, 12), 1, 1, PersonNeeded(ScenarioKind.DOMESTIC_ABUSE, consent="not_asked")),
    Scenario("contact_refused", (5, 12), 1, 0.5, PERSON),
    # with a caseworker, not reached yet
    Scenario("taken", (1, 3), 3, 4, is_again=True),
    Scenario("no_answer_yet", (2, 8), 3, 5),
    Scenario("wrong_number", (3, 8), 1, 1, PERSON),
    Scenario("not_safe_to_call", (3, 8), 1, 1, DA),
    Scenario("feed_conflict", (5, 9), 1, 0.5, PERSON),
    # reached
    Scenario("reached", (2, 4), 3, 4, is_again=True),
    Scenario("assessment_overdue", (8, 12), 1, 0.5),
    # assessed
    Scenario("assessed", (4, 10), 3, 4, is_again=True),
    Scenario("assessed_again", (9, 16), 1, 1, PERSON),
    # offered to a provider: the two with sign-ins in every state, the others as it comes
    Scenario("offered:rj", (4, 7), 1, 0.8, PERSON),
    Scenario("offered:da", (4, 7), 1, 0.8, DA),
    Scenario("offered:fitting", (4, 7), 1, 0.8, PersonNeeded(ScenarioKind.HATE)),
    Scenario("offer_overdue:rj", (7, 10), 1, 0.3, PERSON),
    Scenario("offer_overdue:da", (7, 10), 1, 0.3, DA),
    Scenario("acknowledged:rj", (4, 7), 1, 0.4, PERSON),
    Scenario("acknowledged:da", (4, 7), 1, 0.4, DA),
    Scenario("question:rj", (5, 7), 1, 0.3, PERSON),
    Scenario("question:da", (5, 7), 1, 0.3, DA),
    Scenario("question_answered:da", (6, 9), 1, 0.4, DA),
    Scenario("accepted:rj", (5, 8), 1, 0.6, PERSON),
    Scenario("accepted:da", (5, 8), 1, 0.6, DA),
    Scenario("accepted:fitting", (5, 8), 1, 0.6, PersonNeeded(ScenarioKind.HATE)),
    Scenario("first_contact_overdue:rj", (13, 17), 1, 0.4, PERSON),
    Scenario("in_service:rj", (10, 20), 1, 1, PERSON),
    Scenario("in_service:da", (10, 20), 2, 1, DA),
    Scenario("in_service:fitting", (10, 20), 1, 1, PersonNeeded(ScenarioKind.BUSINESS)),
    Scenario("in_service:fitting", (10, 20), 1, 0.5, PersonNeeded(ScenarioKind.PERSON, is_child=True)),
    Scenario("service_ended:rj", (18, OLDEST), 1, 0.8, PERSON),
    Scenario("service_ended:da", (18, OLDEST), 1, 0.8, DA),
    Scenario("ended_early:rj", (12, 20), 1, 0.4, PERSON),
    Scenario("declined:rj", (6, 10), 1, 0.4, PERSON),
    Scenario("declined:da", (6, 10), 1, 0.4, DA),
    Scenario("decline_confirmed:rj", (9, 16), 1, 0.4, PERSON),
    Scenario("decline_overturned:da", (9, 14), 1, 0.4, DA),
    Scenario("withdrawn:rj", (6, 14), 1, 0.4, PERSON),
    Scenario("withdrawn:da", (6, 14), 1, 0.4, DA),
    Scenario("consent_taken_back:da", (12, 20), 1, 0.4, DA),
    Scenario("expired:fitting", (13, 18), 1, 0.3, PersonNeeded(ScenarioKind.BUSINESS)),
    # recorded by hand
    Scenario("recorded_new", (1, 2), 1, 0.6, PERSON, "self"),
    Scenario("recorded_new", (1, 3), 1, 0.4, DA, "agency"),
    Scenario("held_by_hand", (2, 6), 1, 0.3, PersonNeeded(ScenarioKind.DOMESTIC_ABUSE, consent="not_asked"), "agency"),
    Scenario("assessed", (5, 10), 1, 0.8, PERSON, "self"),
    Scenario("in_service:da", (10, 18), 1, 0.6, DA, "agency"),
    # finished, and taken up again
    Scenario("needs_met", (7, OLDEST), 4, 13, comes_again=True),
    Scenario("needs_met_with_help:rj", (20, OLDEST), 1, 1, PERSON),
    Scenario("needs_met_with_help:da", (20, OLDEST), 1, 1, DA),
    Scenario("needs_met_with_help:fitting", (20, OLDEST), 1, 1, PersonNeeded(ScenarioKind.BUSINESS)),
    Scenario("not_reached", (6, OLDEST), 3, 10, comes_again=True),
    Scenario("wants_nothing", (3, OLDEST), 3, 15, comes_again=True),
    Scenario("out_of_area", (4, OLDEST), 1, 1.2, PERSON),
    Scenario("duplicate", (4, OLDEST), 1, 0.8, PERSON),
    Scenario("referred_on", (6, OLDEST), 1, 0.8, PERSON),
    Scenario("closed_for_another_reason", (6, OLDEST), 1, 0.6),
    Scenario("reopened", (12, OLDEST), 1, 0.8, PERSON),
    Scenario("reopened_in_contact", (9, OLDEST), 1, 0.5, PERSON),
    Scenario("reopened_assessed", (14, OLDEST), 1, 0.4, PERSON),
    Scenario("restorative_asked", (4, 8), 1, 0.2, DA),
)  # fmt: skip


def choose_scenarios(count: int) -> list[Scenario]:
    """Choose `count` scenarios: the least number of each first, the rest by their shares, rounded to whole numbers."""
    scenarios = [scenario for scenario in CATALOGUE for _ in range(scenario.least)]
    left = count - len(scenarios)
    if left <= 0:
        # A short demonstration shows a bit of everything rather than all of the beginning.
        return [scenarios[number * len(scenarios) // count] for number in range(count)]
    unit = left / sum(scenario.share for scenario in CATALOGUE)
    exact = [scenario.share * unit for scenario in CATALOGUE]
    whole = [int(number) for number in exact]
    by_remainder = sorted(range(len(exact)), key=lambda number: whole[number] - exact[number])
    for number in by_remainder[: left - sum(whole)]:
        whole[number] += 1
    return scenarios + [
        scenario for scenario, times in zip(CATALOGUE, whole, strict=True) for _ in range(times)
    ]
