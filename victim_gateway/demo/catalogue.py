"""The stories that are told, how often each, and what each asks of the person it is told of."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What a story is about, where that matters to it."""

    ANY = "any"
    PERSON = "person"
    DOMESTIC_ABUSE = "domestic_abuse"
    HATE = "hate"
    BUSINESS = "business"


@dataclass(frozen=True, slots=True)
class Wants:
    """What a story asks of its person; None: as chance has it."""

    kind: Kind = Kind.ANY
    # The police's record of consent. Without it: a yes wherever the rules ask for one before any contact.
    consent: str | None = None
    safe: str | None = None
    has_contact: bool = True
    is_child: bool | None = None
    victim_type: str | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """`ages`: how many working days ago it may have begun, from and to. At least `least` of it are told where
    there are enough referrals; the rest are shared out by `share`. `source` is None for the police's feed.
    """

    name: str
    ages: tuple[int, int]
    least: int = 1
    share: float = 0.0
    wants: Wants = field(default_factory=Wants)
    source: str | None = None
    # Whether another referral of the same person may come after it, or it may be that other one.
    comes_again: bool = False
    is_again: bool = False


DA = Wants(Kind.DOMESTIC_ABUSE)
PERSON = Wants(Kind.PERSON)
OLDEST = 29

CATALOGUE: tuple[Story, ...] = (
    # waiting for somebody to take them on
    Story("new", (0, 1), 6, 12, is_again=True),
    Story("waiting", (2, 4), 3, 2),
    Story("new_business", (0, 2), 1, 0.5, Wants(Kind.BUSINESS)),
    Story("namesake", (0, 2), 1, 0.4, PERSON),
    # held
    Story("held", (0, 5), 2, 4, Wants(consent="no")),
    Story("held", (0, 5), 2, 2, Wants(Kind.DOMESTIC_ABUSE, consent="not_asked")),
    Story("held", (2, 9), 1, 0.3, Wants(Kind.PERSON, consent="not_asked", victim_type="bereaved_relative")),
    Story("held", (0, 6), 2, 1.5, Wants(has_contact=False)),
    Story("released", (6, 12), 1, 1, Wants(Kind.DOMESTIC_ABUSE, consent="not_asked")),
    Story("contact_refused", (5, 12), 1, 0.5, PERSON),
    # with a caseworker, not reached yet
    Story("taken", (1, 3), 3, 4, is_again=True),
    Story("no_answer_yet", (2, 8), 3, 5),
    Story("wrong_number", (3, 8), 1, 1, PERSON),
    Story("not_safe_to_call", (3, 8), 1, 1, DA),
    Story("feed_conflict", (5, 9), 1, 0.5, PERSON),
    # reached
    Story("reached", (2, 4), 3, 4, is_again=True),
    Story("assessment_overdue", (8, 12), 1, 0.5),
    # assessed
    Story("assessed", (4, 10), 3, 4, is_again=True),
    Story("assessed_again", (9, 16), 1, 1, PERSON),
    # offered to a provider: the two with sign-ins in every state, the others as it comes
    Story("offered:rj", (4, 7), 1, 0.8, PERSON),
    Story("offered:da", (4, 7), 1, 0.8, DA),
    Story("offered:fitting", (4, 7), 1, 0.8, Wants(Kind.HATE)),
    Story("offer_overdue:rj", (7, 10), 1, 0.3, PERSON),
    Story("offer_overdue:da", (7, 10), 1, 0.3, DA),
    Story("acknowledged:rj", (4, 7), 1, 0.4, PERSON),
    Story("acknowledged:da", (4, 7), 1, 0.4, DA),
    Story("question:rj", (5, 7), 1, 0.3, PERSON),
    Story("question:da", (5, 7), 1, 0.3, DA),
    Story("question_answered:da", (6, 9), 1, 0.4, DA),
    Story("accepted:rj", (5, 8), 1, 0.6, PERSON),
    Story("accepted:da", (5, 8), 1, 0.6, DA),
    Story("accepted:fitting", (5, 8), 1, 0.6, Wants(Kind.HATE)),
    Story("first_contact_overdue:rj", (13, 17), 1, 0.4, PERSON),
    Story("in_service:rj", (10, 20), 1, 1, PERSON),
    Story("in_service:da", (10, 20), 2, 1, DA),
    Story("in_service:fitting", (10, 20), 1, 1, Wants(Kind.BUSINESS)),
    Story("in_service:fitting", (10, 20), 1, 0.5, Wants(Kind.PERSON, is_child=True)),
    Story("service_ended:rj", (18, OLDEST), 1, 0.8, PERSON),
    Story("service_ended:da", (18, OLDEST), 1, 0.8, DA),
    Story("ended_early:rj", (12, 20), 1, 0.4, PERSON),
    Story("declined:rj", (6, 10), 1, 0.4, PERSON),
    Story("declined:da", (6, 10), 1, 0.4, DA),
    Story("decline_confirmed:rj", (9, 16), 1, 0.4, PERSON),
    Story("decline_overturned:da", (9, 14), 1, 0.4, DA),
    Story("withdrawn:rj", (6, 14), 1, 0.4, PERSON),
    Story("withdrawn:da", (6, 14), 1, 0.4, DA),
    Story("consent_taken_back:da", (12, 20), 1, 0.4, DA),
    Story("expired:fitting", (13, 18), 1, 0.3, Wants(Kind.BUSINESS)),
    # recorded by hand
    Story("recorded_new", (1, 2), 1, 0.6, PERSON, "self"),
    Story("recorded_new", (1, 3), 1, 0.4, DA, "agency"),
    Story("held_by_hand", (2, 6), 1, 0.3, Wants(Kind.DOMESTIC_ABUSE, consent="not_asked"), "agency"),
    Story("assessed", (5, 10), 1, 0.8, PERSON, "self"),
    Story("in_service:da", (10, 18), 1, 0.6, DA, "agency"),
    # finished, and taken up again
    Story("needs_met", (7, OLDEST), 4, 13, comes_again=True),
    Story("needs_met_with_help:rj", (20, OLDEST), 1, 1, PERSON),
    Story("needs_met_with_help:da", (20, OLDEST), 1, 1, DA),
    Story("needs_met_with_help:fitting", (20, OLDEST), 1, 1, Wants(Kind.BUSINESS)),
    Story("not_reached", (6, OLDEST), 3, 10, comes_again=True),
    Story("wants_nothing", (3, OLDEST), 3, 15, comes_again=True),
    Story("out_of_area", (4, OLDEST), 1, 1.2, PERSON),
    Story("duplicate", (4, OLDEST), 1, 0.8, PERSON),
    Story("referred_on", (6, OLDEST), 1, 0.8, PERSON),
    Story("closed_for_another_reason", (6, OLDEST), 1, 0.6),
    Story("reopened", (12, OLDEST), 1, 0.8, PERSON),
    Story("reopened_in_contact", (9, OLDEST), 1, 0.5, PERSON),
    Story("reopened_assessed", (14, OLDEST), 1, 0.4, PERSON),
)  # fmt: skip


def choose_stories(count: int) -> list[Story]:
    """So many stories: the least of each in turn, then by their shares, as exactly as whole numbers allow."""
    stories = [story for story in CATALOGUE for _ in range(story.least)]
    left = count - len(stories)
    if left <= 0:
        # A short demonstration shows a bit of everything rather than all of the beginning.
        return [stories[number * len(stories) // count] for number in range(count)]
    unit = left / sum(story.share for story in CATALOGUE)
    exact = [story.share * unit for story in CATALOGUE]
    whole = [int(number) for number in exact]
    by_remainder = sorted(range(len(exact)), key=lambda number: whole[number] - exact[number])
    for number in by_remainder[: left - sum(whole)]:
        whole[number] += 1
    return stories + [story for story, times in zip(CATALOGUE, whole, strict=True) for _ in range(times)]
