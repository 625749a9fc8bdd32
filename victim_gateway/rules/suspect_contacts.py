"""Numbers and addresses of a suspect: whatever anybody says, no way of contact that leads there is safe."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from victim_gateway.rules.safe_contact import (
    CONTACT_CHANNELS,
    DETAIL_OF_CHANNEL,
    channel_answers,
    has_safe_channel,
)
from victim_gateway.vocabulary import SafeAnswer

SUSPECTS_NUMBER = (
    "This number belongs to a suspect, or to somebody who lives with one, so it is never safe."
    " Ask for another number"
)
SUSPECTS_EMAIL = (
    "This email address belongs to a suspect, or to somebody who lives with one, so it is never safe."
    " Ask for another one"
)

ADULT_CONTACT_FIELDS = frozenset({"guardian_phone", "guardian_other_contact"})


@dataclass(frozen=True, slots=True)
class ForbiddenContacts:
    """Keyed hashes of the numbers and emails that must never be used for a person."""

    phones: frozenset[bytes] = frozenset()
    emails: frozenset[bytes] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.phones or self.emails)

    def __or__(self, other: ForbiddenContacts) -> ForbiddenContacts:
        return ForbiddenContacts(self.phones | other.phones, self.emails | other.emails)


def forbid_details(
    safe: SafeAnswer, document: Mapping[str, Any], forbidden: Collection[str]
) -> tuple[SafeAnswer, dict[str, Any]]:
    """The answer and document with no channel safe that leads to these details, which leave the plan too."""
    answers = channel_answers(document)
    for channel in CONTACT_CHANNELS:
        if DETAIL_OF_CHANNEL[channel] in forbidden:
            answers[channel] = SafeAnswer.NO
    if safe is SafeAnswer.YES and not has_safe_channel(answers):
        safe = SafeAnswer.UNKNOWN
    kept = {name: None if name in forbidden else value for name, value in document.items()}
    return safe, {**kept, "channels": {channel: answer.value for channel, answer in answers.items()}}


def forbid_adult(person: Mapping[str, Any], forbidden: Collection[str]) -> dict[str, Any]:
    """The person's document with no adult called safe who answers where these fields lead, to a suspect.

    The adult stays on record as not safe, which only a senior caseworker changes. A safe person's number goes.
    """
    document = dict(person)
    if "safe_number" in forbidden:
        document.pop("safe_number", None)
        document.pop("safe_number_whose", None)
    if ADULT_CONTACT_FIELDS & set(forbidden):
        document["guardian_safe_to_contact"] = SafeAnswer.NO.value
    return document
