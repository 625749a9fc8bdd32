"""Offences after which no message leaves by itself: somebody close to the person may have done it, or may watch them.

The data is `data/guarded-offences.json`; the categories it names are read from the crime taxonomy. It is wider than
the harms: a wrong yes asks a caseworker for a call, a wrong no puts a message before the eyes of the one who did it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from victim_gateway.compliance.crime_taxonomy import CrimeCategory, crime_categories
from victim_gateway.compliance.offence_marks import (
    OffenceMarks,
    fold_offence,
    has_code_of,
    is_worded_as,
    read_marks,
)

_DATA = Path(__file__).parent / "data" / "guarded-offences.json"
_CACHE_SIZE = 8192


@dataclass(frozen=True, slots=True)
class _GuardedMarks:
    """`beginnings` are the first letters of words: `stalk` is also stalked, stalker and stalking."""

    categories: frozenset[CrimeCategory]
    beginnings: re.Pattern[str]
    marks: OffenceMarks


@lru_cache(maxsize=_CACHE_SIZE)
def is_guarded_offence(offence: str | None, code: str | None = None) -> bool:
    """Whether an offence, by its wording or its code, is like domestic abuse to a message; an unknown one is."""
    wording = fold_offence(offence or "")
    if not wording and not (code or "").strip():
        return True
    known = _load_guarded()
    return (
        bool(known.categories & crime_categories(offence, code))
        or known.beginnings.search(wording) is not None
        or is_worded_as(known.marks, wording)
        or has_code_of(known.marks, code or "")
    )


@cache
def _load_guarded() -> _GuardedMarks:
    data: dict[str, list[Any]] = json.loads(_DATA.read_text(encoding="utf-8"))
    beginnings = "|".join(re.escape(each) for each in data["beginnings"])
    return _GuardedMarks(
        frozenset(CrimeCategory(category) for category in data["categories"]),
        re.compile(rf"\b(?:{beginnings})"),
        read_marks(data),
    )
