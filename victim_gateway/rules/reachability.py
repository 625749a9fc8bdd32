"""Whether there is a way to reach a person at all, whatever may be safe: one answer for every door."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# What of a person's document decides it.
REACH_FIELDS = frozenset({"phone", "phone_2", "safe_number", "email", "address_line_1", "town", "postcode"})
_PLACEHOLDERS = frozenset(
    {
        "unknown",
        "not known",
        "address unknown",
        "address not known",
        "not given",
        "not provided",
        "not stated",
        "none",
        "nil",
        "na",
        "n a",
        "no address",
        "tbc",
        "homeless",
    }
)
_NO_FIXED_ABODE = re.compile(r"(?:of )?(?:nfa|n f a|no fixed (?:abode|address))\b(?P<rest>.*)")
# What makes a place of it all the same: a house number, or somebody who takes the post in.
_NAMES_A_PLACE = re.compile(r"[0-9]|\bc o\b|\bcare of\b")


def can_be_reached(document: Mapping[str, Any]) -> bool:
    """Whether a person's document holds a phone number, an e-mail address or a postal address that post can reach.

    The number of a safe person is a way too, for it was given to reach the person through.

    A postal address needs its first line and a town or a postcode. A postcode alone is a street of many
    doors, and "NFA" or "no fixed abode" names no door.
    """
    if any(document.get(name) for name in ("phone", "phone_2", "safe_number", "email")):
        return True
    return _names_a_place(document.get("address_line_1")) and (
        _names_a_place(document.get("town")) or _names_a_place(document.get("postcode"))
    )


def _names_a_place(line: str | None) -> bool:
    text = re.sub(r"[^0-9a-z]+", " ", (line or "").casefold()).strip()
    homeless = _NO_FIXED_ABODE.fullmatch(text)
    if homeless is not None:
        return _NAMES_A_PLACE.search(homeless["rest"]) is not None
    return bool(text) and text not in _PLACEHOLDERS
