"""Telephone numbers: one spelling of each, and the keyed hash by which it is found."""

from __future__ import annotations

import re

import phonenumbers

from victim_gateway.crypto import BlindIndex

_SETTLED = re.compile(r"\+44[1-9][0-9]{9}")


def phone_hash(index: BlindIndex, phone: str) -> bytes:
    """The hash of a telephone number however it is written; what is no number hashes as its digits."""
    return index.hash_value("phone", normal_phone(phone) or "".join(filter(str.isdigit, phone)))


def normal_phone(phone: str) -> str | None:
    """The number in E.164, read as a British one; None when it is not a possible number."""
    if _SETTLED.fullmatch(phone):
        return (
            phone  # the same result as the library's tables, as every number of ten figures is possible here
        )
    try:
        number = phonenumbers.parse(phone, "GB")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def numbers_in_text(text: str) -> list[str]:
    """The telephone numbers in free text, in E.164, read as British ones."""
    found = phonenumbers.PhoneNumberMatcher(text, "GB", leniency=phonenumbers.Leniency.POSSIBLE)
    return [phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164) for match in found]
