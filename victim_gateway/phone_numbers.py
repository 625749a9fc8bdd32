"""Telephone numbers: one spelling of each, and the keyed hash by which it is found."""

from __future__ import annotations

import re
import unicodedata

import phonenumbers

from victim_gateway.crypto import BlindIndex

# What may stand before and behind a number and is none of its figures.
_NOT_MEANT = re.compile(r"^\s*tel:|[\s;,]*(?:ext(?:ensio)?n?|x|#)\.?\s*[=:]?\s*\d{1,7}\s*$", re.IGNORECASE)
_LOOKALIKES = str.maketrans(dict.fromkeys("Oo\u041e\u043e\u039f\u03bf", "0") | dict.fromkeys("IilL|", "1"))
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
    if _has_letters(phone):
        return None
    try:
        number = phonenumbers.parse(phone, "GB")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def phone_readings(phone: str) -> tuple[str, ...]:
    """The number as it is written, and as it was meant where letters stand for figures (O for 0, I or l for 1)."""
    folded = _NOT_MEANT.sub("", unicodedata.normalize("NFKC", phone)).translate(_LOOKALIKES)
    return tuple(dict.fromkeys(normal_phone(each) or each for each in (phone, folded)))


def _has_letters(phone: str) -> bool:
    """Whether letters stand where figures should; the library would read them as keys and give another number."""
    written = _NOT_MEANT.sub("", unicodedata.normalize("NFKC", phone))
    return any(letter.isalpha() for letter in written)


def numbers_in_text(text: str) -> list[str]:
    """The telephone numbers in free text, in E.164, read as British ones."""
    found = phonenumbers.PhoneNumberMatcher(text, "GB", leniency=phonenumbers.Leniency.POSSIBLE)
    return [phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164) for match in found]
