"""Whether what the force sends now is about another person than the one on record.

Name and birth date that both differ, or a name that differs where there is no birth date on one side, are
another person: then no page offers to write the one over the other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from victim_gateway.rules.identity_match import contradicts
from victim_gateway.rules.recorded_fields import (
    CONTACT_FIELDS,
    FEED_FIELDS,
    FieldPlace,
    fields_kept_in,
)

# What says who somebody is and how they are reached: never offered where the row is about another person.
_OF_THE_PERSON = CONTACT_FIELDS.union(
    *(fields_kept_in(place) for place in (FieldPlace.PERSON, FieldPlace.SAFE_CONTACT, FieldPlace.CONSENT))
)


def may_take_over(
    column: str, conflicting: Collection[str], recorded: Mapping[str, Any], sent: Mapping[str, Any]
) -> bool:
    """Whether a caseworker may use the force's value of a column for the person on record.

    `conflicting` are the columns that the open tasks ask about: another victim's reference among them is
    another person. `sent` has its birth date as ours are kept.
    """
    if column not in FEED_FIELDS:
        return False
    if column not in _OF_THE_PERSON:
        return True
    return "victim_reference" not in conflicting and not contradicts(recorded, sent)
