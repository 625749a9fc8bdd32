"""Whether a provider may reach the person now, and did so safely: by the answers and the days that were shared with it.

A first contact is held to them as our own attempts are. One that the person made, or that was made all the same, is
recorded with how it came about: what is refused outright would not be written down at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from victim_gateway import times
from victim_gateway.rules.contact_windows import WEEKDAYS, describe_window, read_contact_window
from victim_gateway.rules.handover import gives_safe_channel
from victim_gateway.vocabulary import SafeAnswer


def explain_closed_now(shared: Mapping[str, Any], now: datetime) -> str | None:
    """Why this is not the moment to call, with the days and times that are safe; None where it is one of them."""
    window = read_contact_window(shared)
    if window.contains(now):
        return None
    return f"Not a safe time now: safe is {describe_window(window)}"


def explain_unsafe_contact(shared: Mapping[str, Any], contacted_at: datetime) -> str | None:
    """Why a contact at this moment was not safe by what was shared; None where it was.

    `shared` is as `read_safe_contact` gives it for the day of the contact.
    """
    if shared["safe"] == SafeAnswer.NO:
        return "It is recorded that contact with the person is not safe."
    if shared.get("is_stale"):
        return "Safe contact was checked too long ago."
    if not gives_safe_channel(shared):
        return "No way to contact the person is known to be safe."
    window = read_contact_window(shared)
    if window.contains(contacted_at):
        return None
    wall = contacted_at.astimezone(times.LONDON)
    return (
        f"{WEEKDAYS[wall.weekday()]} at {wall:%H:%M} is not a safe time for them."
        f" Safe is {describe_window(window)}."
    )
