"""Read the strand of a hate crime: one or several, a bare yes, or one of the many ways to say that there is none."""

from __future__ import annotations

import re

from victim_gateway.feeds.code_spellings import NO, YES
from victim_gateway.feeds.folding import fold_code
from victim_gateway.feeds.problems import NOT_IN_LIST, STRAND_NOT_NAMED, CellError, MendedValue

HATE_STRAND_NOT_NAMED = "not named"
"""A hate crime whose strand the force did not say: the person is protected, and must be asked."""

# The police's standard prints five values and leaves disability out, which is monitored all the same.
_SPELLINGS = {
    "race": (
        "race",
        "racial",
        "racist",
        "racism",
        "race_hate",
        "ethnicity",
        "race_or_ethnicity",
        "xenophobia",
    ),
    "religion": (
        *("religion", "religious", "faith", "religion_or_belief", "religion_or_faith", "faith_or_religion"),
        *("antisemitic", "antisemitism", "anti_semitic", "islamophobic", "islamophobia", "anti_muslim"),
    ),
    "sexual orientation": ("sexual_orientation", "sexuality", "homophobic", "homophobia", "biphobic"),
    "transgender": (
        *("transgender", "transgender_identity", "trans", "transphobic", "transphobia", "gender_identity"),
    ),
    "disability": ("disability", "disabled", "disablist"),
    "other": ("other", "alternative_subculture", "age", "gender", "sex", "misogyny", "sex_or_gender"),
}
_BARE_YES = (*YES, "hate", "hate_crime", "hate_incident", "not_named", "strand_not_named", "flagged")
_NONE = (
    *NO,
    *("none", "n/a", "na", "nil", "null", "blank", "not_applicable", "not_recorded", "unknown", "not_known"),
    *("no_hate", "no_hate_element", "no_hate_crime", "no_hate_strand", "no_strand", "not_hate"),
    *("not_a_hate_crime", "not_hate_crime", "not_a_hate_incident", "not_hate_related", "non_hate"),
)
_STRANDS = {spelling: strand for strand, spellings in _SPELLINGS.items() for spelling in spellings}
_SEVERAL = re.compile(r"\s*[;,/|+&]\s*|\s+and\s+", re.IGNORECASE)
_EXPECTED = (
    "is not a strand that is known; give race, religion, sexual orientation, transgender, disability or other"
)


def read_hate_strand(text: str) -> str | None:
    """The strands, joined by a semicolon; None where the force says that there is none.

    Where only some of several values can be read, those are kept (MendedValue): one known strand is enough
    for the protection that follows.
    """
    folded = fold_code(text)
    if folded in _STRANDS:
        return _STRANDS[folded]
    if folded in _NONE or not folded:
        return None
    if folded in _BARE_YES:
        raise _not_named()
    return _several(text)


def _several(text: str) -> str:
    parts = [part for part in (fold_code(part) for part in _SEVERAL.split(text)) if part]
    strands = list(dict.fromkeys(_STRANDS[part] for part in parts if part in _STRANDS))
    if not strands:
        if any(part in _BARE_YES for part in parts):
            raise _not_named()
        raise CellError(NOT_IN_LIST, _EXPECTED)
    joined = "; ".join(strands)
    if any(part not in _STRANDS and part not in _BARE_YES for part in parts):
        raise MendedValue(joined, CellError(NOT_IN_LIST, "holds more than the strands that could be read"))
    return joined


def _not_named() -> MendedValue:
    return MendedValue(
        HATE_STRAND_NOT_NAMED,
        CellError(STRAND_NOT_NAMED, "says that it was a hate crime and not of which strand; ask the force"),
    )
