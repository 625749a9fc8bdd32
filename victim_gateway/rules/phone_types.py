"""The police's codes for kinds of phones, such as MOBH: what they mean, and what to take care of.

Source: police data standard DS_051: LAN, MOB, FAX or PAG, then H for home or W for work.
"""

from __future__ import annotations

from dataclasses import dataclass

_DEVICES = {"LAN": "Landline", "MOB": "Mobile", "FAX": "Fax", "PAG": "Pager"}
_PLACES = {"H": "home", "W": "work"}
_WORK_NAMES = ("work", "office", "business")


@dataclass(frozen=True, slots=True)
class PhoneType:
    """`takes_texts` is None where the code does not say it."""

    label: str
    is_work: bool
    takes_texts: bool | None


def read_phone_type(text: str | None) -> PhoneType | None:
    """The kind of phone that a code or a word names; a word that is no code is shown as it was given."""
    if not text or not text.strip():
        return None
    code = text.strip().upper()
    device, place = _DEVICES.get(code[:3]), _PLACES.get(code[3:])
    if device is None or (code[3:] and place is None):
        is_work = any(word in text.casefold() for word in _WORK_NAMES)
        return PhoneType(text.strip(), is_work, True if "mobile" in text.casefold() else None)
    label = f"{device}, {place}" if place else device
    return PhoneType(label, place == "work", code.startswith("MOB"))
