"""Whether an answer about consent is whole: who may give it, and what belongs to it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from victim_gateway.rules.handover import ALWAYS_SHARED
from victim_gateway.vocabulary import ConsentGiver, ConsentHow, ConsentPurpose, HandoverPart

ADULT_AGE = 18
CHILD_ALONE = (
    "A child can't say yes alone. Record that they may decide for themselves, or choose who said yes"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentFacts:
    """What was answered, and by whom. `age` None: not known. `has_capacity`: a child may decide about this referral.

    `given_by` None: by another agency, or from before it was asked; then nothing of it is checked.
    """

    purpose: ConsentPurpose
    agreed: bool
    how: ConsentHow
    given_by: ConsentGiver | None
    giver_name: str | None
    has_document: bool
    age: int | None
    has_capacity: bool


def find_consent_faults(facts: ConsentFacts) -> dict[str, str]:
    """What is wrong with an answer, by field; a no is never refused for who said it."""
    if facts.given_by is None:
        return {}
    wrong = {}
    if facts.given_by is not ConsentGiver.PERSON and not (facts.giver_name or "").strip():
        wrong["giver_name"] = "Enter who answered for them"
    if facts.how is ConsentHow.WRITTEN and not facts.has_document:
        wrong["kept_where"] = "Choose the file, or enter where the written answer is kept"
    if facts.agreed and facts.age is not None:
        is_child = facts.age < ADULT_AGE
        if is_child and facts.given_by is ConsentGiver.PERSON and not facts.has_capacity:
            wrong["given_by"] = CHILD_ALONE
        elif not is_child and facts.given_by is ConsentGiver.PARENT:
            wrong["given_by"] = "A parent can't say yes for an adult. Choose who answered"
    return wrong


def parts_beyond_scope(
    parts: Collection[HandoverPart], scope: Collection[HandoverPart]
) -> tuple[HandoverPart, ...]:
    """The parts that a yes does not reach. An empty scope limits nothing; what keeps people safe always goes."""
    if not scope:
        return ()
    return tuple(part for part in HandoverPart if part in parts and part not in (*scope, *ALWAYS_SHARED))
