"""Which kinds of harm an offence did, by its code or its wording.

The data is `data/harm-taxonomy.json`; what the crime taxonomy marks as most serious is read from there, so that
the two never say different things of one offence. Code and wording are two witnesses, and one is enough.

The street-level category "Violence and sexual offences" is violence here: no service for sexual harm is offered on
it alone, and `is_unspecific_violence` lets a page ask a person to look.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
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
from victim_gateway.vocabulary import Harm

_DATA = Path(__file__).parent / "data" / "harm-taxonomy.json"
_CACHE_SIZE = 8192
# The police publish violence and sexual offences as one category, and many forces send it as the offence.
_UNSPECIFIC_VIOLENCE = frozenset(
    {
        "violence and sexual offences",
        "violence sexual offences",
        "violent and sexual offences",
        "violent crime and sexual offences",
    }
)


@dataclass(frozen=True, slots=True)
class _HarmMarks:
    """By what one harm is known: categories of the crime taxonomy, and marks of its own."""

    categories: frozenset[CrimeCategory]
    marks: OffenceMarks


@lru_cache(maxsize=_CACHE_SIZE)
def harms_of_offence(offence: str | None, code: str | None = None) -> frozenset[Harm]:
    """The harms that the wording or the code of an offence stands for; none where neither is known."""
    wording, categories = fold_offence(offence or ""), crime_categories(offence, code)
    return frozenset(
        harm
        for harm, known in _load_taxonomy().items()
        if known.categories & categories
        or is_worded_as(known.marks, wording)
        or has_code_of(known.marks, code or "")
    )


def is_unspecific_violence(offence: str | None) -> bool:
    """Whether the wording leaves open whether the offence was violence or a sexual one."""
    return fold_offence(offence or "") in _UNSPECIFIC_VIOLENCE


@cache
def _load_taxonomy() -> dict[Harm, _HarmMarks]:
    data: Mapping[str, Mapping[str, list[Any]]] = json.loads(_DATA.read_text(encoding="utf-8"))["harms"]
    return {
        Harm(name): _HarmMarks(
            frozenset(CrimeCategory(category) for category in marks.get("most_serious", ())),
            read_marks(marks),
        )
        for name, marks in data.items()
    }
