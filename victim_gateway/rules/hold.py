"""The reasons to hold a referral: one rule for a feed, a form, and later an agency and the API.

A held referral is not in the queue of new work, and nobody contacts the person. Every reason that applies is
kept; the first by harm (the order of `HOLD_RULES`) is the one that lists show. `HOLD_RULES` says of each reason
what ends it and who owes that; pages, documents and tests read the same table.

A hold ends only by what it waited for: one of the reason's `ended_by` answers was given in a way that can be
read, and with it the reason is settled by what is known now. A column that is absent, blank or unreadable is no
answer, whatever else it empties, so no such row ever ends a hold. New reasons may join at any time.

Where the sources are silent, the rule is what protects the person:
- a child is anybody under 18 today; "no" and "unknown" are not a safe adult;
- the capacity answer is given for one referral, because a child may decide about one matter and not another;
- a sexual offence needs explicit consent like domestic abuse, by the crime taxonomy's wording or code.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from victim_gateway.phone_numbers import normal_phone
from victim_gateway.rules.reachability import REACH_FIELDS, can_be_reached
from victim_gateway.vocabulary import PROTECTIVE_COLUMNS, HeldReason

ADULT_AGE = 18
# Explicit consent first: Victims' Code 2013 and 2015 for domestic abuse and bereaved relatives.
EXPLICIT_CONSENT_VICTIMS = ("bereaved_relative",)
SAFE_ADULT_FIELDS = (
    "guardian_name",
    "guardian_relationship",
    "guardian_phone",
    "guardian_other_contact",
    "guardian_safe_to_contact",
)
"""What the person's document says of their safe adult; `guardian_other_contact` is text, where there is no phone."""

# Answers that are no column of the feed: what a caseworker records.
CONTACT_CONSENT, CAPACITY_ANSWER, SCOPE_DECISION = "contact_consent", "capacity_answer", "scope_decision"


class HoldParty(StrEnum):
    """Who owes what would end a hold."""

    FORCE = "force"
    CASEWORKER = "caseworker"
    SENIOR = "senior"
    PERSON = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldFacts:
    """All that the rule reads about one referral.

    `agreed` is the person's recorded answer to being contacted by us: yes, no, or None when they were not asked.
    `person` is their document. `age` is today's, None where it is not known and for a business.
    `unread_protective` are the protective columns with a value that could not be read and that nobody has settled.
    `out_of_scope` is false where a senior caseworker has taken the referral all the same.
    """

    agreed: bool | None
    domestic_abuse: bool
    victim_type: str
    person: Mapping[str, Any]
    is_sexual_offence: bool = False
    age: int | None = None
    has_capacity_answer: bool = False
    unread_protective: Collection[str] = ()
    out_of_scope: bool = False
    withdrawn: bool = False
    deceased: bool = False


@dataclass(frozen=True, slots=True)
class HoldRule:
    """When a reason applies, what ends it and who owes that.

    `ends_with` is a sentence for users. `ended_by` are the answers that may end it: columns of the feed, and
    what a caseworker records. It is settled where `is_settled` says so of what is known; that is more than
    "no longer applies": a birth date that was emptied makes nobody an adult.
    """

    applies: Callable[[HoldFacts], bool]
    is_settled: Callable[[HoldFacts], bool]
    ended_by: frozenset[str]
    ends_with: str
    owed_by: tuple[HoldParty, ...]
    is_high_harm: bool = True


def needs_explicit_consent(facts: HoldFacts) -> bool:
    """Whether the person must have said yes before anybody contacts them."""
    return facts.domestic_abuse or facts.is_sexual_offence or facts.victim_type in EXPLICIT_CONSENT_VICTIMS


def has_safe_adult(person: Mapping[str, Any]) -> bool:
    """Whether an adult is named who is safe to contact, with a usable phone number or another way to them."""
    if person.get("guardian_safe_to_contact") != "yes" or not person.get("guardian_name"):
        return False
    phone = person.get("guardian_phone")
    return bool(person.get("guardian_other_contact")) or bool(phone and normal_phone(phone))


def _is_reachable(facts: HoldFacts) -> bool:
    return can_be_reached(facts.person) or has_safe_adult(facts.person)


def _is_child(facts: HoldFacts) -> bool:
    return facts.age is not None and facts.age < ADULT_AGE


def _is_looked_after(facts: HoldFacts) -> bool:
    return facts.has_capacity_answer or has_safe_adult(facts.person)


HOLD_RULES: Mapping[HeldReason, HoldRule] = {
    HeldReason.CONSENT_REFUSED: HoldRule(
        applies=lambda facts: facts.agreed is False,
        is_settled=lambda facts: facts.agreed is True,
        # A column of the feed is not among them: only the person takes their own no back.
        ended_by=frozenset({CONTACT_CONSENT}),
        ends_with="The person says yes to being contacted. A yes in a police file does not count.",
        owed_by=(HoldParty.PERSON,),
    ),
    HeldReason.PERSON_DIED: HoldRule(
        applies=lambda facts: facts.deceased,
        is_settled=lambda facts: not facts.deceased,
        ended_by=frozenset({"deceased"}),
        ends_with="Close the referral. If it is not true that they died, correct it.",
        owed_by=(HoldParty.CASEWORKER,),
    ),
    HeldReason.WITHDRAWN_BY_FORCE: HoldRule(
        applies=lambda facts: facts.withdrawn,
        is_settled=lambda facts: not facts.withdrawn,
        ended_by=frozenset({"withdrawn"}),
        ends_with="Ask the force why it took the referral back. Close it, or correct it if the force was wrong.",
        owed_by=(HoldParty.CASEWORKER, HoldParty.FORCE),
    ),
    HeldReason.UNREADABLE_ANSWERS: HoldRule(
        applies=lambda facts: bool(facts.unread_protective),
        is_settled=lambda facts: not facts.unread_protective,
        ended_by=PROTECTIVE_COLUMNS,
        ends_with="Find out what each answer means and record it, or the force sends it again so that it can be read.",
        owed_by=(HoldParty.CASEWORKER, HoldParty.FORCE),
    ),
    HeldReason.EXPLICIT_CONSENT_NEEDED: HoldRule(
        applies=lambda facts: facts.agreed is None and needs_explicit_consent(facts),
        is_settled=lambda facts: facts.agreed is True or not needs_explicit_consent(facts),
        ended_by=frozenset(
            {
                CONTACT_CONSENT,
                "consent_to_referral",
                "domestic_abuse",
                "victim_type",
                "offence",
                "offence_code",
                "chosen_harms",
            }
        ),
        ends_with="The force or the agency that knows the person asks them, and they say yes to being contacted.",
        owed_by=(HoldParty.FORCE, HoldParty.PERSON),
    ),
    HeldReason.CHILD_WITHOUT_SAFE_ADULT: HoldRule(
        applies=lambda facts: _is_child(facts) and not _is_looked_after(facts),
        is_settled=lambda facts: _is_looked_after(facts) or (facts.age is not None and not _is_child(facts)),
        ended_by=frozenset({*SAFE_ADULT_FIELDS, CAPACITY_ANSWER, "date_of_birth"}),
        ends_with="Name an adult who is safe to contact, with a way to reach them, or record that the child may"
        " decide for themselves.",
        owed_by=(HoldParty.CASEWORKER, HoldParty.FORCE),
    ),
    HeldReason.NO_CONTACT_DETAILS: HoldRule(
        applies=lambda facts: not _is_reachable(facts),
        is_settled=_is_reachable,
        ended_by=REACH_FIELDS | frozenset(SAFE_ADULT_FIELDS),
        ends_with="Add a phone number, an email address or a full postal address.",
        owed_by=(HoldParty.FORCE, HoldParty.CASEWORKER),
        is_high_harm=False,
    ),
    HeldReason.OUT_OF_SCOPE: HoldRule(
        applies=lambda facts: facts.out_of_scope,
        is_settled=lambda facts: not facts.out_of_scope,
        ended_by=frozenset({SCOPE_DECISION, "recorded_as", "victim_type"}),
        ends_with="A senior caseworker takes it all the same, with the reason, or it is closed as out of area.",
        owed_by=(HoldParty.SENIOR,),
        is_high_harm=False,
    ),
}
"""The rule of each reason, in the order of harm."""
HARM_ORDER: tuple[HeldReason, ...] = tuple(HOLD_RULES)
WAITING_ORDER: tuple[HeldReason, ...] = (
    HeldReason.CHILD_WITHOUT_SAFE_ADULT,
    HeldReason.UNREADABLE_ANSWERS,
    HeldReason.EXPLICIT_CONSENT_NEEDED,
    HeldReason.NO_CONTACT_DETAILS,
    HeldReason.OUT_OF_SCOPE,
    HeldReason.CONSENT_REFUSED,
    HeldReason.WITHDRAWN_BY_FORCE,
    HeldReason.PERSON_DIED,
)
"""Who comes to harm by waiting, the worst first: somebody who wants help before somebody who said no to it."""
CONSENT_REASONS = frozenset({HeldReason.CONSENT_REFUSED, HeldReason.EXPLICIT_CONSENT_NEEDED})
"""The reasons that end with the person's recorded yes."""
ANY_ANSWER = frozenset[str]().union(*(rule.ended_by for rule in HOLD_RULES.values()))
"""Every answer that may end a hold: for a person who has looked at the whole referral."""


def reasons_to_hold(facts: HoldFacts) -> tuple[HeldReason, ...]:
    """Every reason that applies, the gravest first; none when a caseworker may act on the referral."""
    return tuple(reason for reason, rule in HOLD_RULES.items() if rule.applies(facts))


def held_reason(facts: HoldFacts) -> HeldReason | None:
    """The gravest reason to hold a referral, or None when a caseworker may act on it."""
    return next(iter(reasons_to_hold(facts)), None)


def reasons_after_answers(
    standing: Collection[HeldReason], facts: HoldFacts, answered: Collection[str]
) -> tuple[HeldReason, ...]:
    """The reasons after some answers came in, the gravest first; none where the hold has ended.

    `standing` are the reasons of the hold so far, and `answered` the names of what has been said, readably, by
    a row of the feed or a person. Asked again with the same arguments it gives the same.
    """
    given = frozenset(answered)
    kept = {
        reason
        for reason in standing
        if not (HOLD_RULES[reason].ended_by & given and HOLD_RULES[reason].is_settled(facts))
    }
    return in_order_of_harm({*kept, *reasons_to_hold(facts)})


def in_order_of_harm(reasons: Collection[HeldReason]) -> tuple[HeldReason, ...]:
    """These reasons, each once, the gravest first."""
    return tuple(reason for reason in HARM_ORDER if reason in reasons)


def waiting_rank(reasons: Collection[HeldReason]) -> int:
    """The place of a held referral in a list, 0 first, by the reason whose wait does the most harm.

    A death stands last whatever else it waits for: nobody can reach the person any more.
    """
    if HeldReason.PERSON_DIED in reasons:
        return len(WAITING_ORDER) - 1
    return min((WAITING_ORDER.index(reason) for reason in reasons), default=len(WAITING_ORDER))


def is_high_harm(reasons: Collection[HeldReason]) -> bool:
    """Whether waiting with one of these decisions may harm somebody: it is due on the same day."""
    return any(HOLD_RULES[reason].is_high_harm for reason in reasons)
