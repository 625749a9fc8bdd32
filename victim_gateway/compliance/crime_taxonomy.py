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
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parent / "data" / "crime-taxonomy.json"
# As many different wordings and codes as a force may use; what is asked again is not worked out again.
_CACHE_SIZE = 8192
_HOME_OFFICE_CODE = re.compile(r"0*([1-9][0-9]{0,2})([A-Z]?)(?:[/ -]0*([0-9]{1,2}))?")
_CJS_CODE = re.compile(r"[A-Z]{2,4}[0-9]{3,6}[A-Z]?")
# "5/1", opened and saved in a spreadsheet: the day is the class, the month the offence within it.
_DAMAGED_BY_SPREADSHEET = re.compile(
    r"0?([1-9]|[12][0-9]|3[01])-(JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)"
)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


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
class _CategoryMarks:
    """By what one category is known.

    `unless` are phrases that mean something else and are left out first. A weak phrase ("section 18" of some Act)
    counts only where none of `weak_unless` stands beside it; of a combination all phrases must be there.
    """

    home_office_names: frozenset[str]
    cjs_prefixes: tuple[str, ...]
    phrases: re.Pattern[str]
    whole_wordings: frozenset[str]
    combinations: tuple[tuple[re.Pattern[str], ...], ...]
    weak_phrases: re.Pattern[str]
    weak_unless: re.Pattern[str]
    unless: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class _Taxonomy:
    categories: dict[CrimeCategory, _CategoryMarks]
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


def fold_offence(text: str) -> str:
    """The wording in small letters without accents, its words parted by single spaces: `gbh with intent s18`."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(re.findall(r"[a-z0-9]+", plain))


def _categories_of_wording(wording: str) -> frozenset[CrimeCategory]:
    taxonomy = _load_taxonomy()
    wording = " ".join(taxonomy.ignored_wordings.sub(" | ", wording).split())
    return frozenset(
        category for category, marks in taxonomy.categories.items() if _is_worded_as(marks, wording)
    )


def _is_worded_as(marks: _CategoryMarks, wording: str) -> bool:
    if wording in marks.whole_wordings:
        return True
    # What stands for something else is taken out, so that "sexual assault (sexual orientation)" still counts.
    left = marks.unless.sub(" | ", wording)
    return (
        marks.phrases.search(left) is not None
        or any(all(part.search(left) for part in parts) for parts in marks.combinations)
        or (marks.weak_phrases.search(left) is not None and marks.weak_unless.search(left) is None)
    )


def _categories_of_code(code: str) -> frozenset[CrimeCategory]:
    code = code.strip().upper()
    if not code:
        return frozenset()
    names = _home_office_names(code)
    is_cjs = _CJS_CODE.fullmatch(code) is not None
    return frozenset(
        category
        for category, marks in _load_taxonomy().categories.items()
        if names & marks.home_office_names or (is_cjs and code.startswith(marks.cjs_prefixes))
    )


def _home_office_names(code: str) -> frozenset[str]:
    """A Home Office code as its class and its offence: `019/08` is `19` and `19/8`, `19C` is itself."""
    damaged = _DAMAGED_BY_SPREADSHEET.fullmatch(code)
    if damaged is not None:
        return frozenset({damaged[1], f"{damaged[1]}/{_MONTHS.index(damaged[2]) + 1}"})
    found = _HOME_OFFICE_CODE.fullmatch(code)
    if found is None:
        return frozenset()
    number, letter, offence = found.groups()
    return frozenset({f"{number}{letter}", *([f"{number}/{int(offence)}"] if offence else [])})


@cache
def _load_taxonomy() -> _Taxonomy:
    data = json.loads(_DATA.read_text(encoding="utf-8"))
    return _Taxonomy(
        categories={CrimeCategory(name): _read_marks(marks) for name, marks in data["categories"].items()},
        ignored_wordings=_phrase_pattern(data["ignored_wordings"]),
    )


def _read_marks(marks: Mapping[str, list[Any]]) -> _CategoryMarks:
    """The marks of a category; a list that the data leaves out is empty."""
    return _CategoryMarks(
        home_office_names=frozenset(
            [*marks.get("home_office_classes", ()), *marks.get("home_office_offences", ())]
        ),
        cjs_prefixes=tuple(marks.get("cjs_prefixes", ())),
        phrases=_phrase_pattern(marks.get("phrases", ())),
        whole_wordings=frozenset(marks.get("whole_wordings", ())),
        combinations=tuple(
            tuple(_phrase_pattern([phrase]) for phrase in phrases)
            for phrases in marks.get("combinations", ())
        ),
        weak_phrases=_phrase_pattern(marks.get("weak_phrases", ())),
        weak_unless=_phrase_pattern(marks.get("weak_unless", ())),
        unless=_phrase_pattern(marks.get("unless", ())),
    )


def _phrase_pattern(phrases: Iterable[str]) -> re.Pattern[str]:
    """Any of the phrases as whole words; for no phrases, a pattern that never fits."""
    longest_first = sorted((re.escape(phrase) for phrase in phrases), key=len, reverse=True)
    if not longest_first:
        return re.compile(r"(?!)")
    return re.compile(rf"(?<![a-z0-9])(?:{'|'.join(longest_first)})(?![a-z0-9])")
