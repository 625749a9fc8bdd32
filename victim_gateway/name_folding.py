"""One spelling of a name for comparison: search, the stored hashes and the matching of people all fold here.

What does not count: case, accents, letters that only look foreign (l with a stroke is l, ae is ae), apostrophes,
hyphens, dots, double spaces, a title in front, and Saint written as St. What does count: every other letter. Mac
and Mc stay apart, as MacKay and McKay are two names; a search finds one from the other because they are one
letter apart. The order of the names is kept, so that a caller can compare with or without it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import combinations

# Letters that Unicode does not decompose, as somebody with a British keyboard types them.
_PLAIN_LETTERS = str.maketrans(
    {
        "ł": "l", "ƚ": "l", "ø": "o", "đ": "d", "ð": "d", "ɖ": "d", "ɗ": "d", "ħ": "h", "ı": "i", "ȷ": "j", "ɨ": "i",
        "ĸ": "k", "ƙ": "k", "ŧ": "t", "ɓ": "b", "ƀ": "b", "ɠ": "g", "ǥ": "g", "ƴ": "y", "ə": "e", "ǝ": "e", "ɛ": "e",
        "ɔ": "o", "ɣ": "g", "ƒ": "f", "ʋ": "v", "ŋ": "ng", "æ": "ae", "œ": "oe", "ß": "ss", "þ": "th", "ĳ": "ij",
    }
)  # fmt: skip
# Straight, curly, prime, backtick, acute, and the modifier letters that stand for them.
_APOSTROPHES = re.compile("['`\u00b4\u2018-\u201b\u2032\u2035\u02b9-\u02bd\u02c8\u02ca\u02cb\uff07]")
_LETTERS_IN_A_ROW = re.compile(r"[^\W_]+")
_TITLES = frozenset({"mr", "mrs", "ms", "miss", "mx", "dr", "rev", "revd", "sir", "dame"})
_SAINTS = {"saint": "st", "sainte": "st", "ste": "st"}
# A query of more words than this is no name; the ways to join them would double with each.
_MOST_JOINED = 6


def fold_letters(text: str) -> str:
    """Lower-case letters without accents; everything that is no letter stays, but apostrophes go."""
    if text.isascii():
        return text.lower().replace("'", "").replace("`", "")
    text = _APOSTROPHES.sub("", text)
    before = ""
    # Once is enough for all but a few letters whose folded form folds further.
    while text != before:
        before = text
        text = unicodedata.normalize("NFKD", text).casefold().translate(_PLAIN_LETTERS)
        text = "".join(letter for letter in text if not unicodedata.category(letter).startswith("M"))
        text = _APOSTROPHES.sub("", text)
    return text


@lru_cache(maxsize=8192)
def _tokens(text: str) -> tuple[str, ...]:
    parts = [_SAINTS.get(part, part) for part in _LETTERS_IN_A_ROW.findall(fold_letters(text))]
    while len(parts) > 1 and parts[0] in _TITLES:
        parts = parts[1:]
    return tuple(parts)


def name_tokens_of(text: str) -> list[str]:
    """The folded words of a name in the order given: "Anne-Marie O'Brien" has anne, marie and obrien."""
    return list(_tokens(text))


def fold_name(text: str) -> str:
    """The folded words of a name in the order given, with one space between; folding it again changes nothing."""
    return " ".join(_tokens(text))


def compact_name(text: str) -> str:
    """The folded letters of a name with no space: equal for "O'Brien", "O Brien" and "OBRIEN"."""
    return "".join(_tokens(text))


def joined_tokens_of(tokens: Iterable[str]) -> list[str]:
    """Neighbouring words written as one, and all of them as one: mc, donald gives mcdonald."""
    parts = list(tokens)
    if len(parts) < 2:
        return []
    pairs = [first + second for first, second in zip(parts, parts[1:], strict=False)]
    return pairs if len(parts) == 2 else [*pairs, "".join(parts)]


def indexed_tokens_of(*names: str | None) -> set[str]:
    """Every word by which the names of a person are found: each alone, and the words of one name joined."""
    found: set[str] = set()
    for name in names:
        if name:
            parts = _tokens(name)
            found.update(parts)
            found.update(joined_tokens_of(parts))
    return found


def token_readings(tokens: Iterable[str]) -> Iterator[list[str]]:
    """The words as typed, then with neighbours joined in every way: "o brien" may be a name of one word."""
    parts = list(tokens)
    yield parts
    if not 2 <= len(parts) <= _MOST_JOINED:
        return
    gaps = range(1, len(parts))
    # Fewest joins first: each number of gaps that stay, from all but one down to none.
    for count in range(len(parts) - 2, -1, -1):
        for kept in combinations(gaps, count):
            ends = [0, *kept, len(parts)]
            yield ["".join(parts[start:end]) for start, end in zip(ends, ends[1:], strict=False)]
