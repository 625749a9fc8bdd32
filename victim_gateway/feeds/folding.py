"""How headers and coded values are folded before they are compared, and which cells say nothing at all."""

from __future__ import annotations

import re

# A space, a hyphen of any kind and an underscore are the same to a person who types a code.
_SEPARATORS = re.compile(r"[\s_\-\u2010-\u2015]+")
_NOT_IN_A_HEADER = re.compile(r"[\W_]+")
_PUNCTUATION_ONLY = re.compile(r"[-?*._/\\~\u2010-\u2015\u2026 ]{1,20}")
_DASHES_ONLY = re.compile(r"[-.\u2010-\u2015]{1,20}")
_PUNCTUATION = frozenset("-?*._/\\~\u2010\u2011\u2012\u2013\u2014\u2015\u2026")

_BLANK_PHRASES = (
    *("null", "(null)", "n/a", "n\\a", "n.a.", "n.a", "na", "#n/a", "none", "nil", "nan", "empty"),
    *("blank", "(blank)", "not recorded", "not entered", "not provided", "not given", "not stated"),
    *("not specified", "not available", "not applicable", "no data", "unknown", "not known", "unk"),
    *("u/k", "n/k", "tbc", "t.b.c.", "tba", "to be confirmed", "unmapped local code"),
    *("xxx", "xxxx", "xxxxx", "xxxxxx"),
)
PLACEHOLDERS = frozenset(
    spelling
    for phrase in (*_BLANK_PHRASES, "?")
    for spelling in (phrase, phrase.replace(" ", "_"), phrase.replace(" ", "-"))
)
"""What people and systems write for "nothing known", in small letters. As the whole cell it means blank."""

CODE_PLACEHOLDERS = PLACEHOLDERS - {
    *("?", "tbc", "t.b.c.", "tba", "to be confirmed", "to_be_confirmed", "to-be-confirmed"),
    *("xxx", "xxxx", "xxxxx", "xxxxxx"),
}
"""The same for a coded answer: what says that there is one, not known yet, is unreadable and not blank."""

REFERENCE_BLANKS = PLACEHOLDERS | {"0"}
"""The same for a reference, where noughts alone are nothing either."""


LONGEST_BLANK = 40
"""No cell of this length or more is a placeholder, so that long cells need not be compared."""


def fold_code(text: str) -> str:
    """A coded value as it is compared: small letters, and one underscore for spaces and hyphens in a row."""
    return _SEPARATORS.sub("_", text.strip().casefold()).strip("_")


def fold_header(text: str) -> str:
    """A column name as it is compared: small letters and digits, without anything between them."""
    return _NOT_IN_A_HEADER.sub("", text.casefold())


def is_blank_text(text: str, placeholders: frozenset[str] = PLACEHOLDERS) -> bool:
    """Whether a cell without surrounding white space says nothing: a placeholder, or punctuation alone."""
    folded = text.casefold()
    if folded in placeholders:
        return True
    if text[:1] in _PUNCTUATION:
        signs = _PUNCTUATION_ONLY if "?" in placeholders else _DASHES_ONLY
        return signs.fullmatch(text) is not None
    if text[:1] == "0" and "0" in placeholders:
        return not text.strip("0")
    return "  " in text and " ".join(folded.split()) in placeholders
