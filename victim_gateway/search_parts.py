"""The parts of names, phone numbers and references by which people are found when the whole is not known.

Each part is stored as a keyed number in an indexed array (`person.search_parts`, `referral.search_parts`): three
letters in a row of a name, with its beginning and end; a short name with one letter left out; the last digits of a
phone number; four characters in a row of a reference or crime number. Whoever holds the array without the key
learns which people share parts and how often a part occurs, not which part it is (ADR 0020).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from victim_gateway.crypto import BlindIndex, fold_text
from victim_gateway.name_folding import indexed_tokens_of
from victim_gateway.phone_numbers import normal_phone

NAME_FIELDS = ("given_name", "family_name", "organisation_name", "alias")
# Numbers of the person and numbers through which they are reached: all lead a caller to the right record.
PHONE_FIELDS = ("phone", "phone_2", "safe_number", "guardian_phone")
PHONE_TAILS = (4, 6)
REFERENCE_PART = 4
# A slip spoils so many of a short word's trigrams that too few are left to find it by.
SHORT_TOKEN = 5
_EDGE = "$"


def person_numbers(index: BlindIndex, document: Mapping[str, Any]) -> tuple[list[int], list[int]]:
    """The numbers to store of a person's document: those of whole words of names, and those of parts.

    The parts are of every name and of the end of every phone number.
    """
    tokens: set[int] = set()
    parts: set[int] = set()
    for name in NAME_FIELDS:
        if document.get(name):
            name_tokens, name_parts = _name_numbers(index.key, document[name])
            tokens.update(name_tokens)
            parts.update(name_parts)
    for name in PHONE_FIELDS:
        if document.get(name):
            digits = phone_digits(document[name])
            parts.update(phone_tail(index, digits, size) for size in PHONE_TAILS if len(digits) >= size)
    return list(tokens), list(parts)


def reference_parts(index: BlindIndex, *references: str | None) -> list[int]:
    """The numbers to store of a referral's references: every four characters in a row."""
    found: set[int] = set()
    for reference in references:
        if reference:
            found.update(typed_reference_parts(index, reference))
    return list(found)


def typed_reference_parts(index: BlindIndex, text: str) -> list[int]:
    """The numbers that a reference must have to hold this text; none for a text that is too short to tell."""
    folded = fold_text(text)
    starts = range(len(folded) - REFERENCE_PART + 1)
    return [_reference_part(index.key, folded[start : start + REFERENCE_PART]) for start in starts]


def phone_digits(phone: str) -> str:
    """The digits of a number in E.164 where it is one, else as typed; the end is what is compared."""
    number = normal_phone(phone)
    return number[1:] if number else "".join(filter(str.isdigit, phone))


def phone_tail(index: BlindIndex, digits: str, size: int) -> int:
    """The number of the last digits of a phone number; `size` is one of PHONE_TAILS."""
    return index.hash_number("phone_tail", digits[-size:])


def name_trigrams(index: BlindIndex, tokens: Iterable[str]) -> list[int]:
    """The numbers of the words' trigrams in the order of their letters, each once."""
    trigrams = dict.fromkeys(trigram for token in tokens for trigram in trigrams_of(token))
    return [index.hash_number("trigram", trigram) for trigram in trigrams]


def beginning_trigrams(index: BlindIndex, beginning: str) -> list[int]:
    """The numbers that a name must have to begin so; at least two letters are needed to give one."""
    edged = _EDGE + beginning
    return [index.hash_number("trigram", edged[start : start + 3]) for start in range(len(edged) - 2)]


def slip_numbers(index: BlindIndex, token: str) -> list[int]:
    """The numbers of which a short name has one, if it is this word but for one slip; none for a longer word."""
    return _slips(index.key, token) if len(token) <= SHORT_TOKEN + 1 else []


def trigrams_of(token: str) -> list[str]:
    """Three letters in a row, the word's beginning and end marked: as many as it has letters."""
    edged = f"{_EDGE}{token}{_EDGE}"
    return [edged[start : start + 3] for start in range(len(edged) - 2)]


# Names repeat from row to row: worked out once, an import hardly notices them. Remembered in arrays, as a set of the
# same numbers takes ten times the memory.
@lru_cache(maxsize=16_384)
def _name_numbers(key: bytes, name: str) -> tuple[array[int], array[int]]:
    index, tokens = BlindIndex(key), indexed_tokens_of(name)
    parts = [index.hash_number("trigram", trigram) for token in tokens for trigram in trigrams_of(token)]
    slips = [slip for token in tokens if len(token) <= SHORT_TOKEN for slip in _slips(key, token)]
    return array("i", index.token_numbers(tokens)), array("i", [*parts, *slips])


def _slips(key: bytes, token: str) -> list[int]:
    """The word and the word with each letter left out: two words share one if a single slip parts them."""
    if len(token) < 3:
        return []
    shorter = {token[:place] + token[place + 1 :] for place in range(len(token))}
    return [BlindIndex(key).hash_number("slip", variant) for variant in sorted({token, *shorter})]


@lru_cache(maxsize=32_768)
def _reference_part(key: bytes, part: str) -> int:
    return BlindIndex(key).hash_number("reference_part", part)
