"""To whom a message may go at all: outside production to listed and simulated recipients alone."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from victim_gateway.email_addresses import plain_email
from victim_gateway.phone_numbers import normal_phone
from victim_gateway.rules.attempt_safety import SafeContactFacts
from victim_gateway.rules.safe_contact import DETAIL_OF_CHANNEL, known_details
from victim_gateway.vocabulary import Channel

Recipient = str | tuple[str, ...]
# Notify takes these and sends nothing.
SIMULATED = frozenset(
    {
        "+447700900000",
        "+447700900111",
        "+447700900222",
        "simulate-delivered@notifications.service.gov.uk",
        "simulate-delivered-2@notifications.service.gov.uk",
        "simulate-delivered-3@notifications.service.gov.uk",
    }
)
# Ofcom's numbers for drama, and the names that RFC 2606 keeps for examples: nobody has them.
_INVENTED_NUMBER = re.compile(r"\+447700900\d{3}")
_INVENTED_ADDRESS = re.compile(r".+@(?:.+\.)?(?:example\.(?:com|net|org)|[\w-]+\.(?:example|test|invalid))")
_POSTCODE = re.compile(r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}", re.IGNORECASE)
_LEAST_LINES, _MOST_LINES = 3, 7


@dataclass(frozen=True, slots=True)
class RecipientLimits:
    """Who may be reached. `is_on_this_machine`: what takes the messages is, so that they go nowhere."""

    is_production: bool
    is_on_this_machine: bool
    listed: Collection[str] = ()


def find_recipient(channel: Channel, contact: SafeContactFacts) -> Recipient | None:
    """The very number, e-mail address or postal address that the plan's answer is about; None where none is usable."""
    value = known_details(contact.document, contact.person).get(DETAIL_OF_CHANNEL[channel.value])
    if not value:
        return None
    if channel is Channel.SMS:
        return normal_phone(value)
    if channel is Channel.EMAIL:
        address = plain_email(value)
        # Letters beyond ASCII are folded for comparing: sent so, it could be another's mailbox.
        return address if value.isascii() and re.fullmatch(r"[^\s<>,;()@]+@[^\s<>,;()@]+", address) else None
    return postal_lines(value)


def postal_lines(address: str) -> tuple[str, ...] | None:
    """The lines of an address that post can reach: three to seven, the last one a postcode; no name is put before."""
    lines = tuple(part.strip() for part in re.split(r"[\n,]", address) if part.strip())
    if not _LEAST_LINES <= len(lines) <= _MOST_LINES or not _POSTCODE.fullmatch(lines[-1]):
        return None
    return lines


def plain_recipient(recipient: Recipient) -> str:
    """One spelling of each, by which two are compared."""
    if isinstance(recipient, tuple):
        return " ".join(" ".join(recipient).casefold().split())
    return (normal_phone(recipient) if "@" not in recipient else None) or plain_email(recipient)


def is_recipient_allowed(recipient: Recipient, limits: RecipientLimits) -> bool:
    """Whether a message may be handed over for this recipient."""
    if limits.is_production:
        return True
    plain = plain_recipient(recipient)
    if plain in SIMULATED or plain in {plain_recipient(each) for each in limits.listed}:
        return True
    if not limits.is_on_this_machine:
        return False
    is_invented = _INVENTED_NUMBER.fullmatch(plain) or _INVENTED_ADDRESS.fullmatch(plain)
    return isinstance(recipient, tuple) or is_invented is not None


def number_ending(recipient: Recipient) -> str:
    """What the screen may say of a recipient afterwards: the last three figures of a number, nothing of the others."""
    if isinstance(recipient, str) and "@" not in recipient:
        return recipient[-3:]
    return ""


def describe_recipient(channel: Channel, sealed: Mapping[str, Any]) -> str:
    """`the number ending 123`, `the email address`, `the postal address`."""
    if channel is Channel.SMS:
        return f"the number ending {sealed.get('ending', '')}".strip()
    return "the email address" if channel is Channel.EMAIL else "the postal address"
