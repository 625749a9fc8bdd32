"""Stand-in until the identity part is merged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def contradicts(stored: Mapping[str, Any], incoming: Mapping[str, Any]) -> bool:
    """Stand-in."""
    n = lambda d: (
        (d.get("given_name") or "").casefold().strip() + "|" + (d.get("family_name") or "").casefold().strip()
    )
    if n(stored) == "|" or n(incoming) == "|":
        return False
    if n(stored) == n(incoming):
        return False
    a, b = stored.get("date_of_birth"), incoming.get("date_of_birth")
    return a != b if a and b else stored.get("given_name") != incoming.get("given_name")
