"""Which channels are safe, and how a safe-contact plan changes with new answers: the stricter answer wins."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from victim_gateway.phone_numbers import normal_phone
from victim_gateway.vocabulary import Channel, SafeAnswer

VOICEMAIL = "voicemail"
CONTACT_CHANNELS = (*(channel.value for channel in Channel), VOICEMAIL)
# The channels that are no longer known to be safe once a field of the person has changed.
CHANNELS_OF_FIELD = {
    "phone": frozenset({"phone", "sms", "voicemail"}),
    "email": frozenset({"email"}),
    "address_line_1": frozenset({"post"}),
    "address_line_2": frozenset({"post"}),
    "town": frozenset({"post"}),
    "postcode": frozenset({"post"}),
}

# Where each channel leads: the name of the number or address in a safe-contact plan.
DETAIL_OF_CHANNEL = {
    "phone": "number",
    "sms": "number",
    "voicemail": "number",
    "email": "email",
    "post": "address",
}
# A number or address is given to others only where one of its own channels is recorded as safe.
CHANNELS_OF_DETAIL = {"number": ("phone", "sms"), "email": ("email",), "address": ("post",)}
_ADDRESS_LINES = ("address_line_1", "address_line_2", "town", "postcode")

Document = dict[str, Any]


def channel_answers(document: Mapping[str, Any]) -> dict[str, SafeAnswer]:
    """The recorded answer to each channel; unknown where there is none."""
    said = document.get("channels") or {}
    return {channel: SafeAnswer(said.get(channel, SafeAnswer.UNKNOWN)) for channel in CONTACT_CHANNELS}


def usable_answers(safe: SafeAnswer, document: Mapping[str, Any]) -> dict[str, SafeAnswer]:
    """The answer to each channel as it counts: never better than the answer to contact at all."""
    answers = channel_answers(document)
    if safe is SafeAnswer.NO:
        return dict.fromkeys(answers, SafeAnswer.NO)
    if safe is SafeAnswer.UNKNOWN:
        return {
            channel: SafeAnswer.UNKNOWN if answer is SafeAnswer.YES else answer
            for channel, answer in answers.items()
        }
    return answers


def safe_channels(safe: SafeAnswer, document: Mapping[str, Any]) -> list[str]:
    """The channels that may be used: none unless contact is safe at all."""
    return [channel for channel, answer in usable_answers(safe, document).items() if answer is SafeAnswer.YES]


def known_details(document: Mapping[str, Any], person: Mapping[str, Any]) -> dict[str, str]:
    """The number, email and address that the plan's answers are about: its own, else the ones on the person's record.

    One rule for the caseworker's page, the log of an attempt and what a provider is given, so that no one reads
    "phone: safe" and has another number, or none.
    """
    on_record = {
        "number": person.get("phone"),
        "email": person.get("email"),
        "address": _postal_address(person),
    }
    found = {name: document.get(name) or recorded for name, recorded in on_record.items()}
    return {name: str(value) for name, value in found.items() if value}


def contact_answers(
    safe: SafeAnswer, document: Mapping[str, Any], person: Mapping[str, Any]
) -> dict[str, SafeAnswer]:
    """The answer to each channel as pages show it: a yes to a number that nobody has is no yes."""
    known = known_details(document, person)
    return {
        channel: SafeAnswer.UNKNOWN
        if answer is SafeAnswer.YES and DETAIL_OF_CHANNEL[channel] not in known
        else answer
        for channel, answer in usable_answers(safe, document).items()
    }


def reachable_channels(safe: SafeAnswer, document: Mapping[str, Any], person: Mapping[str, Any]) -> list[str]:
    """The channels that may be used and lead somewhere, as the plan's row keeps them beside what is sealed.

    Work and reminders read those, and must not say "contact the person" where pages say that there is no safe way.
    """
    answers = contact_answers(safe, document, person)
    return [channel for channel, answer in answers.items() if answer is SafeAnswer.YES]


def channels_without_detail(
    safe: SafeAnswer, document: Mapping[str, Any], person: Mapping[str, Any]
) -> list[str]:
    """The channels that are recorded as safe although no number or address is known for them."""
    known = known_details(document, person)
    return [channel for channel in safe_channels(safe, document) if DETAIL_OF_CHANNEL[channel] not in known]


def safe_details(safe: SafeAnswer, document: Mapping[str, Any], person: Mapping[str, Any]) -> dict[str, str]:
    """The numbers and addresses that may be given to a provider: each needs a safe channel of its own."""
    allowed = set(safe_channels(safe, document))
    return {
        name: value
        for name, value in known_details(document, person).items()
        if allowed.intersection(CHANNELS_OF_DETAIL[name])
    }


def has_safe_channel(answers: Mapping[str, SafeAnswer]) -> bool:
    """Whether there is a way to make contact. Voicemail is none: it only says what may follow a call."""
    return any(answers.get(channel.value) is SafeAnswer.YES for channel in Channel)


def find_contradiction(safe: SafeAnswer, answers: Mapping[str, SafeAnswer]) -> str | None:
    """What is wrong with "do not contact" beside a channel that is said to be safe; None where they fit.

    Neither is taken silently: the one who typed it meant one of the two, and a guess may be the wrong one.
    """
    if safe is SafeAnswer.YES or SafeAnswer.YES not in answers.values():
        return None
    if safe is SafeAnswer.NO:
        return "You chose both: do not contact them, and a way that is safe. Choose one of the two"
    return "You chose a way that is safe, but not that it is safe to contact them. Choose one of the two"


def refuse_all_channels(document: Mapping[str, Any]) -> Document:
    """The document with no channel safe; what else was said about contact stays for the next caseworker to read."""
    return {**document, "channels": dict.fromkeys(CONTACT_CHANNELS, SafeAnswer.NO.value)}


def mark_channels_unconfirmed(
    safe: SafeAnswer, document: Mapping[str, Any], unconfirmed: Collection[str]
) -> tuple[SafeAnswer, Document]:
    """The answer and document with these channels no longer known to be safe. An unsafe channel stays unsafe."""
    answers = channel_answers(document)
    for channel in unconfirmed:
        if answers[channel] is not SafeAnswer.NO:
            answers[channel] = SafeAnswer.UNKNOWN
    if safe is SafeAnswer.YES and not has_safe_channel(answers):
        safe = SafeAnswer.UNKNOWN
    return safe, {**document, "channels": _as_stored(answers)}


def drop_replaced_details(
    document: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
) -> Document:
    """The document without a number or address that the person no longer has: it must not be offered as safe again.

    One that the person named apart from what is on record stays.
    """
    left = dict(document)
    if before.get("phone") != after.get("phone") and _same_phone(left.get("number"), before.get("phone")):
        left["number"] = None
    if before.get("email") != after.get("email") and _same_text(left.get("email"), before.get("email")):
        left["email"] = None
    return left


def append_note(document: Mapping[str, Any], note: str | None) -> Document:
    """The document with a note on contact added to those before."""
    notes = document.get("words") or ""
    if not note or note in notes:
        return dict(document)
    return {**document, "words": f"{notes}\n{note}".strip()}


def merge_answers(
    current: SafeAnswer, document: Mapping[str, Any], new: SafeAnswer, new_document: Mapping[str, Any]
) -> tuple[SafeAnswer, Document]:
    """Join a second answer with the one in force, which the person who gave it may not have seen.

    A no stands, for contact at all and for each channel; what only one of the two says is kept.
    """
    answers, new_answers = channel_answers(document), channel_answers(new_document)
    merged_answers = {
        channel: answer
        if answer is SafeAnswer.NO or new_answers[channel] is SafeAnswer.UNKNOWN
        else new_answers[channel]
        for channel, answer in answers.items()
    }
    given = {name: value for name, value in new_document.items() if value and name != "words"}
    merged = {**append_note(document, new_document.get("words")), **given}
    merged["channels"] = _as_stored(merged_answers)
    safe = current if current is SafeAnswer.NO or new is SafeAnswer.UNKNOWN else new
    if safe is SafeAnswer.YES and not has_safe_channel(merged_answers):
        safe = SafeAnswer.UNKNOWN
    return safe, merged


def _as_stored(answers: Mapping[str, SafeAnswer]) -> dict[str, str]:
    return {channel: answer.value for channel, answer in answers.items()}


def _postal_address(person: Mapping[str, Any]) -> str | None:
    """The address on one line; None without its first line, for a town alone reaches nobody."""
    if not person.get("address_line_1"):
        return None
    return ", ".join(str(person[name]) for name in _ADDRESS_LINES if person.get(name))


def _same_phone(one: str | None, other: str | None) -> bool:
    return bool(one and other) and (normal_phone(str(one)) or one) == (normal_phone(str(other)) or other)


def _same_text(one: str | None, other: str | None) -> bool:
    return bool(one and other) and str(one).strip().casefold() == str(other).strip().casefold()
