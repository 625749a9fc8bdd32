"""Whether what the force sends now is about another person than the one on record.

Name and birth date that both differ, or a name that differs where there is no birth date on one side, are
another person: then no page offers to write the one over the other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import SequenceMatcher
from typing import Any

from victim_gateway.crypto import fold_text
from victim_gateway.rules.recorded_fields import (
    CONTACT_FIELDS,
    RECORDED_FIELDS,
    FieldPlace,
    fields_kept_in,
)

# What says who somebody is and how they are reached: never offered where the row is about another person.
_OF_THE_PERSON = CONTACT_FIELDS.union(
    *(fields_kept_in(place) for place in (FieldPlace.PERSON, FieldPlace.SAFE_CONTACT, FieldPlace.CONSENT))
)
# Below this two names are not spellings of one: "jo smith" and "joe smith" are 0.95, "anna" and "tom" 0.3.
_SPELLING = 0.8


def describes_another_person(recorded: Mapping[str, Any], sent: Mapping[str, Any]) -> bool:
    """Whether a row with these values can't be about the person on record. Blank values contradict nothing."""
    ours, theirs = _name(recorded), _name(sent)
    if not ours or not theirs or ours == theirs:
        return False
    born, born_as_sent = recorded.get("date_of_birth"), sent.get("date_of_birth")
    if born and born_as_sent:
        return str(born) != str(born_as_sent)
    return SequenceMatcher(None, ours, theirs).ratio() < _SPELLING


def may_take_over(
    column: str, conflicting: Collection[str], recorded: Mapping[str, Any], sent: Mapping[str, Any]
) -> bool:
    """Whether a caseworker may use the force's value of a column for the person on record.

    `conflicting` are the columns that the open tasks ask about: another victim's reference among them is
    another person. `sent` has its birth date as ours are kept.
    """
    if column not in RECORDED_FIELDS:
        return False
    if column not in _OF_THE_PERSON:
        return True
    return "victim_reference" not in conflicting and not describes_another_person(recorded, sent)


def _name(values: Mapping[str, Any]) -> str:
    parts = [str(values.get(part) or "") for part in ("given_name", "family_name")]
    return fold_text(" ".join(parts)).strip() or fold_text(str(values.get("organisation_name") or "")).strip()
