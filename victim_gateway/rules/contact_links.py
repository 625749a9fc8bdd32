"""How long a link of a registered contact, its code and its session hold, and what is asked of each."""

from __future__ import annotations

from datetime import timedelta

TOKEN_BYTES = 32
LINK_LASTS = timedelta(days=7)
CODE_DIGITS = 8
CODE_LASTS = timedelta(minutes=10)
CODE_AGAIN_AFTER = timedelta(seconds=30)
"""So long after a code the next is not sent: who presses twice gets one."""
MOST_CODES = 10
"""Codes that one link can send for; a link that is asked for more sends none."""
MOST_WRONG_CODES = 5
MOST_RENEWALS = 3
"""New links that a contact can ask for in RENEWALS_WITHIN, for one referral; a caseworker can always send one."""
RENEWALS_WITHIN = timedelta(hours=24)
RENEWED_AGAIN_AFTER = timedelta(minutes=10)
"""So long after a link was sent its contact gets no other, while it stands: who presses twice keeps the first."""
SESSION_LASTS = timedelta(minutes=60)
SESSION_IDLE = timedelta(minutes=15)
_BY_LINK = ", by link"


def contact_title(name: str, organisation: str) -> str:
    """What the registered contact is called wherever what they did is written: "Ann Lee of Help at Hand, by link"."""
    return f"{name} of {organisation}{_BY_LINK}"


def sign_name(name: str | None, organisation: str | None) -> str:
    """Who said or did something, with the organisation, which the title of a contact says already."""
    parts = (name, None if name and name.endswith(_BY_LINK) else organisation)
    return ", ".join(part for part in parts if part)
