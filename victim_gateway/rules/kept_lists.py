"""The lists that administrators keep: what each is for, and what an entry of it has."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

LONGEST_LABEL = 120
LONGEST_BODY = 8000
NOTE_TEMPLATES = "note_templates"


@dataclass(frozen=True, slots=True)
class KeptList:
    """One list. `body_label` names the longer text of an entry; None where an entry is its label alone."""

    key: str
    name: str
    purpose: str
    label_name: str
    body_label: str | None = None


KEPT_LISTS: Mapping[str, KeptList] = {
    kept.key: kept
    for kept in (
        KeptList(
            NOTE_TEMPLATES,
            "Note templates",
            "Offered to caseworkers when they write a note. Never write anything about a person here.",
            "Subject",
            body_label="Text",
        ),
    )
}


def code_of_label(label: str) -> str:
    """The code of a new entry, made of its first label; it never changes, whatever the label becomes later."""
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")[:60]
