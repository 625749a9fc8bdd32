"""What is left of a safe-contact plan when something new is told: nothing is lost, the stricter answer wins."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from victim_gateway.phone_numbers import normal_phone
from victim_gateway.vocabulary import Channel, SafeAnswer

VOICEMAIL = "voicemail"
CONTACT_CHANNELS = (*(channel.value for channel in Channel), VOICEMAIL)
# What a changed field of the person puts in doubt.
CHANNELS_OF_FIELD = {
    "phone": frozenset({"phone", "sms", "voicemail"}),
    "email": frozenset({"email"}),
    "address_line_1": frozenset({"post"}),
    "address_line_2": frozenset({"post"}),
    "town": frozenset({"post"}),
    "postcode": frozenset({"post"}),
}

Document = dict[str, Any]


def channel_answers(document: Mapping[str, Any]) -> dict[str, SafeAnswer]:
    """The answer to each way; what nobody said is unknown."""
    said = document.get("channels") or {}
    return {way: SafeAnswer(said.get(way, SafeAnswer.UNKNOWN)) for way in CONTACT_CHANNELS}


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


def refuse_all_channels(document: Mapping[str, Any]) -> Document:
    """Nothing is safe any more; what else was said about contact stays for whoever asks again."""
    return {**document, "channels": dict.fromkeys(CONTACT_CHANNELS, SafeAnswer.NO.value)}


def mark_channels_unconfirmed(
    safe: SafeAnswer, document: Mapping[str, Any], ways: Collection[str]
) -> tuple[SafeAnswer, Document]:
    """These ways are not known to be safe. What was said to be unsafe stays unsafe."""
    said = channel_answers(document)
    for way in ways:
        if said[way] is not SafeAnswer.NO:
            said[way] = SafeAnswer.UNKNOWN
    left = any(said[channel.value] is SafeAnswer.YES for channel in Channel)
    kept = safe if left or safe is not SafeAnswer.YES else SafeAnswer.UNKNOWN
    return kept, {**document, "channels": {way: answer.value for way, answer in said.items()}}


def drop_replaced_details(
    document: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
) -> Document:
    """Takes out a number or address that the person no longer has: it must not be offered as safe again.

    One that the person named apart from what is on record stays.
    """
    left = dict(document)
    if before.get("phone") != after.get("phone") and _same_phone(left.get("number"), before.get("phone")):
        left["number"] = None
    if before.get("email") != after.get("email") and _same_text(left.get("email"), before.get("email")):
        left["email"] = None
    return left


def append_note(document: Mapping[str, Any], words: str | None) -> Document:
    """Adds what was said about contact to what was said before."""
    held = document.get("words") or ""
    if not words or words in held:
        return dict(document)
    return {**document, "words": f"{held}\n{words}".strip()}


def merge_answers(
    held: SafeAnswer, document: Mapping[str, Any], told: SafeAnswer, other: Mapping[str, Any]
) -> tuple[SafeAnswer, Document]:
    """A second answer beside the one in force, by somebody who may not have seen that one.

    A no stands, for contact at all and for each way; what only one of the two says is kept.
    """
    said, also = channel_answers(document), channel_answers(other)
    channels = {
        way: said[way] if said[way] is SafeAnswer.NO or also[way] is SafeAnswer.UNKNOWN else also[way]
        for way in CONTACT_CHANNELS
    }
    said_now = {name: value for name, value in other.items() if value and name != "words"}
    merged = {**append_note(document, other.get("words")), **said_now}
    merged["channels"] = {way: answer.value for way, answer in channels.items()}
    safe = held if held is SafeAnswer.NO or told is SafeAnswer.UNKNOWN else told
    if safe is SafeAnswer.YES and not any(channels[channel.value] is SafeAnswer.YES for channel in Channel):
        safe = SafeAnswer.UNKNOWN
    return safe, merged


def _same_phone(one: str | None, other: str | None) -> bool:
    return bool(one and other) and (normal_phone(str(one)) or one) == (normal_phone(str(other)) or other)


def _same_text(one: str | None, other: str | None) -> bool:
    return bool(one and other) and str(one).strip().casefold() == str(other).strip().casefold()
