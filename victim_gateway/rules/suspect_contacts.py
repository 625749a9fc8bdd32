"""Numbers and addresses of a suspect: whatever anybody says, no way of contact that leads there is safe."""

from __future__ import annotations

import re
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


OTHER_SIDE_NAMED = (
    "This looks like the name, number or address of the other person. Leave it out: their side is kept by the hub and"
    " never in this record"
)
_SHORTEST_NAME = 3


@dataclass(frozen=True, slots=True)
class SuspectName:
    """What a suspect is called; empty parts are not known."""

    given_name: str = ""
    family_name: str = ""
    alias: str = ""


@dataclass(frozen=True, slots=True)
class ForbiddenContacts:
    """Keyed hashes of the numbers and emails that must never be used for a person."""

    phones: frozenset[bytes] = frozenset()
    emails: frozenset[bytes] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.phones or self.emails)

    def __or__(self, other: ForbiddenContacts) -> ForbiddenContacts:
        return ForbiddenContacts(self.phones | other.phones, self.emails | other.emails)


def names_suspect(text: str, suspects: Collection[SuspectName], own: SuspectName) -> bool:
    """Whether a text names a suspect: by both names, or by one that stands alone with its capital.

    A name that the person has too says nothing by itself: a family often has one. Many given names are plain words
    ("will", "mark"), so that only one that is written as a name counts.
    """
    return any(_says_name(text, suspect, own) for suspect in suspects)


def _says_name(text: str, suspect: SuspectName, own: SuspectName) -> bool:
    folded = _fold_text(text)
    whole = _fold_text(f"{suspect.given_name} {suspect.family_name}").strip()
    if suspect.given_name and suspect.family_name and f" {whole} " in f" {folded} ":
        return True
    theirs = {_fold_text(name) for name in (own.given_name, own.family_name, own.alias)}
    alone = [
        name
        for name in (suspect.given_name, suspect.family_name, suspect.alias)
        if len(name.strip()) >= _SHORTEST_NAME and _fold_text(name) not in theirs
    ]
    return any(_stands_as_name(text, name.strip()) for name in alone)


def _stands_as_name(text: str, name: str) -> bool:
    found = re.finditer(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", text, re.IGNORECASE)
    return any(match.group()[:1].isupper() for match in found)


def _fold_text(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))


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
