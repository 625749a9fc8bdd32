"""How a person or a business is named, from the person's document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NO_NAME = "Name not known"


def person_name(document: Mapping[str, Any]) -> str:
    """The name on a caseworker's page: the person's own, else that of the business."""
    return _full_name(document) or document.get("organisation_name") or NO_NAME


def name_for_provider(document: Mapping[str, Any]) -> str | None:
    """How a provider reads the name of a person, or of a business with whom to ask for there."""
    name, business = _full_name(document), document.get("organisation_name")
    if business and (name or document.get("organisation_contact")):
        return f"{business} ({name or document['organisation_contact']})"
    return business or name or None


def _full_name(document: Mapping[str, Any]) -> str:
    return " ".join(document[part] for part in ("given_name", "family_name") if document.get(part))
