"""Which channels are safe, and how a safe-contact plan changes with new answers: the stricter answer wins."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import time
from typing import Any

from victim_gateway.phone_numbers import normal_phone
from victim_gateway.rules.contact_windows import WEEKDAYS, ContactWindow, read_contact_window
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

    A number or email that the person named apart from what is on record stays. An address is free text: which one it
    is can't be told, so that it goes whenever the one on record was replaced.
    """
    left = dict(document)
    if before.get("phone") != after.get("phone") and _same_phone(left.get("number"), before.get("phone")):
        left["number"] = None
    if before.get("email") != after.get("email") and _same_text(left.get("email"), before.get("email")):
        left["email"] = None
    replaced = [name for name in _ADDRESS_LINES if before.get(name) != after.get(name)]
    if left.get("address") and any(before.get(name) for name in _ADDRESS_LINES) and replaced:
        left["address"] = None
    return left


def drop_wrong_details(document: Mapping[str, Any], channels: Collection[str]) -> Document:
    """The document without the numbers and addresses of these channels: each belongs to another person."""
    wrong = {DETAIL_OF_CHANNEL[channel] for channel in channels}
    return {name: None if name in wrong else value for name, value in document.items()}


def details_to_confirm(
    before: tuple[SafeAnswer, Mapping[str, Any]],
    safe: SafeAnswer,
    document: Mapping[str, Any],
    confirmed: Collection[str],
) -> list[str]:
    """The numbers and addresses that become safe without a word about which one it is.

    `before` is the answer and document of the plan in force, `confirmed` names the details of which was said that
    they are the same as before. A detail that was safe may stay unsaid. One that was not, or of which nobody knew,
    may be the very number at which another person answered: an empty box must not make it safe.
    """
    was_safe = {DETAIL_OF_CHANNEL[channel] for channel in _channels_with_detail(*before)}
    becomes_safe = {DETAIL_OF_CHANNEL[channel] for channel in _channels_with_detail(safe, document)}
    return [
        name
        for name in CHANNELS_OF_DETAIL
        if name in becomes_safe - was_safe and not document.get(name) and name not in confirmed
    ]


def append_note(document: Mapping[str, Any], note: str | None) -> Document:
    """The document with a note on contact added to those before."""
    notes = document.get("words") or ""
    if not note or note in notes:
        return dict(document)
    return {**document, "words": f"{notes}\n{note}".strip()}


def merge_answers(
    current: tuple[SafeAnswer, Mapping[str, Any]],
    new: tuple[SafeAnswer, Mapping[str, Any]],
    person: Mapping[str, Any],
) -> tuple[SafeAnswer, Document]:
    """Join a second answer with the one in force, which the person who gave it may not have seen.

    Each is an answer with its document. The outcome is never looser than either: a no stands, the safe days and times
    are those that both allow, and a yes covers the number or address it was said of and no other. Where no day or
    time is left, or two people are named who may answer, nothing of that kind is known to be safe. What only one of
    the two says is kept.
    """
    (safe, document), (new_safe, new_document) = current, new
    answers = _join_channels(current, new, person)
    given = {name: value for name, value in new_document.items() if value and name != "words"}
    merged = {**append_note(document, new_document.get("words")), **given}
    window = _join_windows(read_contact_window(document), read_contact_window(new_document))
    if window is None:
        merged |= {name: document.get(name) for name in ("days", "from_time", "until_time")}
        answers = {
            channel: SafeAnswer.UNKNOWN if answer is SafeAnswer.YES else answer
            for channel, answer in answers.items()
        }
    else:
        merged |= _stored_window(window)
    # Only where both say so, or the one that says anything of it.
    both = [each for each in (document, new_document) if "wants_reminders" in each]
    if both:
        merged["wants_reminders"] = all(each["wants_reminders"] is True for each in both)
    named = {document.get("who_may_answer"), new_document.get("who_may_answer")} - {None, ""}
    if len(named) > 1:
        merged["who_may_answer"] = None
    merged["channels"] = _as_stored(answers)
    joined = safe if safe is SafeAnswer.NO or new_safe is SafeAnswer.UNKNOWN else new_safe
    if joined is SafeAnswer.YES and not has_safe_channel(answers):
        joined = SafeAnswer.UNKNOWN
    return joined, merged


def _join_channels(
    current: tuple[SafeAnswer, Mapping[str, Any]],
    new: tuple[SafeAnswer, Mapping[str, Any]],
    person: Mapping[str, Any],
) -> dict[str, SafeAnswer]:
    answers, new_answers = _counting_answers(*current), _counting_answers(*new)
    known, new_known = known_details(current[1], person), known_details(new[1], person)
    joined = {}
    for channel, answer in answers.items():
        detail, said = DETAIL_OF_CHANNEL[channel], new_answers[channel]
        if SafeAnswer.NO in (answer, said):
            joined[channel] = SafeAnswer.NO
        elif is_same_detail(known.get(detail), new_known.get(detail)):
            joined[channel] = answer if said is SafeAnswer.UNKNOWN else said
        else:
            joined[channel] = said if new[1].get(detail) else answer
    return joined


def _counting_answers(safe: SafeAnswer, document: Mapping[str, Any]) -> dict[str, SafeAnswer]:
    """As recorded, but a yes counts only where contact is not left open."""
    return channel_answers(document) if safe is SafeAnswer.NO else usable_answers(safe, document)


def _join_windows(one: ContactWindow, other: ContactWindow) -> ContactWindow | None:
    """The days and times that lie in both; None where none does."""
    days = one.days if other.days is None else other.days if one.days is None else one.days & other.days
    begins = [moment for moment in (one.from_time, other.from_time) if moment is not None]
    ends = [moment for moment in (one.until_time, other.until_time) if moment is not None]
    window = ContactWindow(days, max(begins, default=None), min(ends, default=None))
    if days is not None and not days:
        return None
    if window.until_time is not None and (window.from_time or time()) >= window.until_time:
        return None
    return window


def _stored_window(window: ContactWindow) -> Document:
    return {
        "days": [WEEKDAYS[day].lower() for day in sorted(window.days or ())],
        "from_time": window.from_time.isoformat("minutes") if window.from_time else None,
        "until_time": window.until_time.isoformat("minutes") if window.until_time else None,
    }


def _channels_with_detail(safe: SafeAnswer, document: Mapping[str, Any]) -> list[str]:
    """The safe channels, but for voicemail: it only says what may follow a call."""
    return [channel for channel in safe_channels(safe, document) if channel != VOICEMAIL]


def _as_stored(answers: Mapping[str, SafeAnswer]) -> dict[str, str]:
    return {channel: answer.value for channel, answer in answers.items()}


def _postal_address(person: Mapping[str, Any]) -> str | None:
    """The address on one line; None without its first line, for a town alone reaches nobody."""
    if not person.get("address_line_1"):
        return None
    return ", ".join(str(person[name]) for name in _ADDRESS_LINES if person.get(name))


def is_same_detail(one: str | None, other: str | None) -> bool:
    """Whether two numbers, emails or addresses are the same one, however they are written."""
    return one == other or _same_phone(one, other) or _same_text(one, other)


def _same_phone(one: str | None, other: str | None) -> bool:
    return bool(one and other) and (normal_phone(str(one)) or one) == (normal_phone(str(other)) or other)


def _same_text(one: str | None, other: str | None) -> bool:
    return bool(one and other) and str(one).strip().casefold() == str(other).strip().casefold()
