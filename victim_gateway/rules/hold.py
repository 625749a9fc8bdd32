"""The reasons to hold a referral: one rule for a feed, a form and an agency."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from victim_gateway.rules.reachability import REACH_FIELDS, can_be_reached
from victim_gateway.vocabulary import HeldReason

# Explicit consent first: Victims' Code 2013 and 2015 for domestic abuse and bereaved relatives.
EXPLICIT_CONSENT_VICTIMS = ("bereaved_relative",)


# The columns of the feed whose change may end a hold; a refusal ends only with the person's own yes.
_ENDED_BY = {
    HeldReason.EXPLICIT_CONSENT_NEEDED: frozenset({"consent_to_referral", "domestic_abuse", "victim_type"}),
    HeldReason.NO_CONTACT_DETAILS: REACH_FIELDS,
}


def held_reason(
    *, agreed: bool | None, domestic_abuse: bool, victim_type: str, person: Mapping[str, Any]
) -> HeldReason | None:
    """The reason to hold a referral, or None when a caseworker may act on it.

    `agreed` is the person's recorded answer to being contacted by us: yes, no, or None when they were not asked.
    `person` is the person's document: without a way to reach them there is nothing to act on.
    """
    if agreed is False:
        return HeldReason.CONSENT_REFUSED
    if agreed is None and (domestic_abuse or victim_type in EXPLICIT_CONSENT_VICTIMS):
        return HeldReason.EXPLICIT_CONSENT_NEEDED
    if not can_be_reached(person):
        return HeldReason.NO_CONTACT_DETAILS
    return None


def held_reason_after_update(
    current: HeldReason, wanted: HeldReason | None, changed: Collection[str]
) -> HeldReason | None:
    """The reason to hold a held referral after the feed changed some columns; None where the hold has ended.

    `wanted` is what `held_reason` says of the new values. A hold ends only by a change of what it waited for,
    and a refusal holds whatever it waited for.
    """
    if wanted is HeldReason.CONSENT_REFUSED or _ENDED_BY.get(current, frozenset()) & set(changed):
        return wanted
    return current
