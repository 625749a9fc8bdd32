"""Which offences are sexual, and which are among the most serious crimes, by their code or their wording.

The contract (section 5) counts these as most serious: sexual offences, trafficking and slavery, attempted
murder, kidnap and false imprisonment, wounding with intent, arson with intent to endanger life, terrorism. The
street-level category "Violence and sexual offences" never counts: most of it is neither.

The data is `data/crime-taxonomy.json`; `data/README.md` says how sure its codes are. The code and the wording are
two witnesses, and one is enough: a wrong yes brings a shorter limit and a question about consent, a wrong no may
bring a call to a home where it is not safe. It stands in this room, because feeds and the hold rule both read it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path

from victim_gateway.compliance.offence_marks import (
    OffenceMarks,
    fold_offence,
    has_code_of,
    is_worded_as,
    phrase_pattern,
    read_marks,
)

_DATA = Path(__file__).parent / "data" / "crime-taxonomy.json"
# As many different wordings and codes as a force may use; what is asked again is not worked out again.
_CACHE_SIZE = 8192


class CrimeCategory(StrEnum):
    """The kinds of crime that the taxonomy marks; all are most serious."""

    SEXUAL_OFFENCE = "sexual_offence"
    TRAFFICKING_AND_SLAVERY = "trafficking_and_slavery"
    ATTEMPTED_MURDER = "attempted_murder"
    KIDNAP_AND_FALSE_IMPRISONMENT = "kidnap_and_false_imprisonment"
    WOUNDING_WITH_INTENT = "wounding_with_intent"
    ARSON_WITH_INTENT_TO_ENDANGER_LIFE = "arson_with_intent_to_endanger_life"
    TERRORISM = "terrorism"


@dataclass(frozen=True, slots=True)
class _Taxonomy:
    categories: dict[CrimeCategory, OffenceMarks]
    ignored_wordings: re.Pattern[str]


def is_sexual_offence(offence: str | None, code: str | None = None) -> bool:
    """Whether the offence is a sexual one, by its wording or its code."""
    return CrimeCategory.SEXUAL_OFFENCE in crime_categories(offence, code)


def is_most_serious(offence: str | None, code: str | None = None) -> bool:
    """Whether the offence is among the most serious crimes (contract, section 5)."""
    return bool(crime_categories(offence, code))


@lru_cache(maxsize=_CACHE_SIZE)
def crime_categories(offence: str | None, code: str | None = None) -> frozenset[CrimeCategory]:
    """The marked categories that the wording or the code of an offence falls into; usually none."""
    return _categories_of_wording(fold_offence(offence or "")) | _categories_of_code(code or "")


def _categories_of_wording(wording: str) -> frozenset[CrimeCategory]:
    taxonomy = _load_taxonomy()
    wording = " ".join(taxonomy.ignored_wordings.sub(" | ", wording).split())
    return frozenset(
        category for category, marks in taxonomy.categories.items() if is_worded_as(marks, wording)
    )


def _categories_of_code(code: str) -> frozenset[CrimeCategory]:
    return frozenset(
        category for category, marks in _load_taxonomy().categories.items() if has_code_of(marks, code)
    )


@cache
def _load_taxonomy() -> _Taxonomy:
    data = json.loads(_DATA.read_text(encoding="utf-8"))
    return _Taxonomy(
        categories={CrimeCategory(name): read_marks(marks) for name, marks in data["categories"].items()},
        ignored_wordings=phrase_pattern(data["ignored_wordings"]),
    )
