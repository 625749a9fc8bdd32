"""Links between people: what each role is called from either side, and which links can't stand together."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from victim_gateway.vocabulary import LinkRole

NEVER_CONTACT_ROLES = frozenset({LinkRole.SUSPECT, LinkRole.SUSPECT_HOUSEHOLD})
"""Whoever is linked so is never contacted about the person, and no number of theirs is ever safe."""

SPEAKING_ROLES = frozenset({LinkRole.PARENT, LinkRole.SPOKESPERSON, LinkRole.BUSINESS_CONTACT})
"""Whoever is linked so may be spoken to in the person's place."""

MUTUAL_ROLES = frozenset({LinkRole.HOUSEHOLD, LinkRole.WITNESS})
"""Each is to the other what the other is to them."""

MOST_GENERATIONS = 10

_OTHER_IS: Mapping[LinkRole, str] = {
    LinkRole.HOUSEHOLD: "Lives in the same household",
    LinkRole.PARENT: "Their parent or guardian",
    LinkRole.CHILD: "Their child",
    LinkRole.SPOKESPERSON: "Speaks for them",
    LinkRole.BEREAVED_RELATIVE: "Their bereaved relative",
    LinkRole.BUSINESS_CONTACT: "Contact of the business",
    LinkRole.WITNESS: "Witness of the same incident",
    LinkRole.SUSPECT: "A suspect: must never be contacted",
    LinkRole.SUSPECT_HOUSEHOLD: "Lives with a suspect: must never be contacted",
}
_SEEN_FROM_OTHER: Mapping[LinkRole, str] = {
    LinkRole.PARENT: "Their child",
    LinkRole.SPOKESPERSON: "The person they speak for",
    LinkRole.BEREAVED_RELATIVE: "The person they lost",
    LinkRole.BUSINESS_CONTACT: "The business they answer for",
    LinkRole.SUSPECT: "Is harmed by a suspect who is this person: never speak of either to the other",
    LinkRole.SUSPECT_HOUSEHOLD: "Is harmed by somebody this person lives with: never speak of either to the other",
}


def describe_link(role: LinkRole, *, from_other: bool = False) -> str:
    """What the other person is, read on the page of either of the two."""
    if from_other:
        return _SEEN_FROM_OTHER.get(role, _OTHER_IS[role])
    return _OTHER_IS[role]


def find_link_conflict(role: LinkRole, standing: Collection[LinkRole]) -> str | None:
    """Why a link can't be recorded beside those that stand between the same two people; None where it can.

    A suspect is recorded whatever else stands: it makes nobody less safe, and ends what can't stand beside it.
    """
    if role in SPEAKING_ROLES and NEVER_CONTACT_ROLES & set(standing):
        return (
            "One of these two must never be contacted about the other, so neither can be the other's parent,"
            " guardian or spokesperson here. If that is wrong, ask a senior caseworker to end that link first."
        )
    return None
