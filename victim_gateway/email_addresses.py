"""E-mail addresses: one spelling of each, and the mailbox by which two are compared."""

from __future__ import annotations

import re
import unicodedata
from email.utils import parseaddr

_ADDRESS = re.compile(r"[^\s<>,;()@]+@[^\s<>,;()@]+")
# One mailbox for every place of the dots.
_WITHOUT_DOTS = frozenset({"gmail.com", "googlemail.com"})


def plain_email(email: str) -> str:
    """The address alone in small letters: without a name, `mailto:`, a dot at the end or wide letters."""
    text = unicodedata.normalize("NFKC", email).strip().casefold()
    text = re.sub(r"^mailto:", "", text).split("?")[0]
    found = parseaddr(text)[1] if "<" in text else text
    return (found or text).strip().rstrip(".")


def mailbox_of(email: str) -> str:
    """The mailbox to which an address leads, whatever stands after a plus: for comparing, not for sending."""
    plain = plain_email(email)
    if not _ADDRESS.fullmatch(plain):
        return plain
    local, _, domain = plain.rpartition("@")
    local = local.split("+")[0] or local
    if domain in _WITHOUT_DOTS:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def email_readings(email: str) -> tuple[str, ...]:
    """Every spelling by which an address may be on record: as it was typed, alone, and its mailbox."""
    return tuple(dict.fromkeys((email.strip().casefold(), plain_email(email), mailbox_of(email))))
