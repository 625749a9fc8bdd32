"""By which wordings and codes an offence is known: what both taxonomies of offences are read with.

Phrases are compared word by word, without case, accents and punctuation; codes are Home Office classes and
offences, and the beginnings of CJS codes. `data/README.md` says what the data means and how sure its codes are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_HOME_OFFICE_CODE = re.compile(r"0*([1-9][0-9]{0,2})([A-Z]?)(?:[/ -]0*([0-9]{1,2}))?")
_CJS_CODE = re.compile(r"[A-Z]{2,4}[0-9]{3,6}[A-Z]?")
# "5/1", opened and saved in a spreadsheet: the day is the class, the month the offence within it.
_DAMAGED_BY_SPREADSHEET = re.compile(
    r"0?([1-9]|[12][0-9]|3[01])-(JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)"
)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


@dataclass(frozen=True, slots=True)
class OffenceMarks:
    """By what one category of offences is known.

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


def is_worded_as(marks: OffenceMarks, wording: str) -> bool:
    """Whether a folded wording (`fold_offence`) is one of the marks."""
    if wording in marks.whole_wordings:
        return True
    # What stands for something else is taken out, so that "sexual assault (sexual orientation)" still counts.
    left = marks.unless.sub(" | ", wording)
    return (
        marks.phrases.search(left) is not None
        or any(all(part.search(left) for part in parts) for parts in marks.combinations)
        or (marks.weak_phrases.search(left) is not None and marks.weak_unless.search(left) is None)
    )


def has_code_of(marks: OffenceMarks, code: str) -> bool:
    """Whether an offence code, as a force gave it, is one of the marks."""
    code = code.strip().upper()
    if not code:
        return False
    is_cjs = _CJS_CODE.fullmatch(code) is not None
    return bool(_home_office_names(code) & marks.home_office_names) or (
        is_cjs and code.startswith(marks.cjs_prefixes)
    )


def fold_offence(text: str) -> str:
    """The wording in small letters without accents, its words parted by single spaces: `gbh with intent s18`."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(re.findall(r"[a-z0-9]+", plain))


def read_marks(marks: Mapping[str, list[Any]]) -> OffenceMarks:
    """The marks of a category; a list that the data leaves out is empty."""
    return OffenceMarks(
        home_office_names=frozenset(
            [*marks.get("home_office_classes", ()), *marks.get("home_office_offences", ())]
        ),
        cjs_prefixes=tuple(marks.get("cjs_prefixes", ())),
        phrases=phrase_pattern(marks.get("phrases", ())),
        whole_wordings=frozenset(marks.get("whole_wordings", ())),
        combinations=tuple(
            tuple(phrase_pattern([phrase]) for phrase in phrases) for phrases in marks.get("combinations", ())
        ),
        weak_phrases=phrase_pattern(marks.get("weak_phrases", ())),
        weak_unless=phrase_pattern(marks.get("weak_unless", ())),
        unless=phrase_pattern(marks.get("unless", ())),
    )


def phrase_pattern(phrases: Iterable[str]) -> re.Pattern[str]:
    """Any of the phrases as whole words; for no phrases, a pattern that never fits."""
    longest_first = sorted((re.escape(phrase) for phrase in phrases), key=len, reverse=True)
    if not longest_first:
        return re.compile(r"(?!)")
    return re.compile(rf"(?<![a-z0-9])(?:{'|'.join(longest_first)})(?![a-z0-9])")


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
