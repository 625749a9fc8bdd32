"""What stops every contact with a person, whatever the safe-contact plan says: a death, or a referral taken back.

It stops contact at once; how the referral ends is decided by a person. A death counts for every referral of
the person, a withdrawal for the one referral that the force has taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class ContactStop(StrEnum):
    """Why nobody may be contacted about a referral. The value is the name of the recorded field's hold."""

    PERSON_DIED = "person_died"
    WITHDRAWN_BY_FORCE = "withdrawn_by_force"


FIELD_OF_STOP: Mapping[ContactStop, str] = {
    ContactStop.PERSON_DIED: "deceased",
    ContactStop.WITHDRAWN_BY_FORCE: "withdrawn",
}
REFUSAL_OF_STOP: Mapping[ContactStop, str] = {
    ContactStop.PERSON_DIED: (
        "It is recorded that this person has died. Do not contact them: decide what happens to the referral."
    ),
    ContactStop.WITHDRAWN_BY_FORCE: (
        "The force has taken this referral back. Decide what happens to it before anybody is contacted."
    ),
}


def contact_stops(person: Mapping[str, Any], referral: Mapping[str, Any]) -> tuple[ContactStop, ...]:
    """What stops contact, from the person's and the referral's document; the gravest first."""
    recorded = {ContactStop.PERSON_DIED: person, ContactStop.WITHDRAWN_BY_FORCE: referral}
    return tuple(stop for stop, document in recorded.items() if document.get(FIELD_OF_STOP[stop]))
