"""How well a person's names fit the name that was searched for, on the opened and folded names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from itertools import permutations
from typing import Any, NamedTuple

from rapidfuzz.distance import OSA, JaroWinkler

from victim_gateway.name_folding import indexed_tokens_of, name_tokens_of, token_readings
from victim_gateway.search_parts import NAME_FIELDS

# Below this a name reads as another name; found by trying slips and pairs of common names.
LEAST_SIMILARITY = 0.72
# Each word must have something of its own: a right family name does not make up for any first name.
LEAST_TOKEN_SIMILARITY = 0.5


class NameFit(IntEnum):
    """In what way a name fits, best first."""

    WHOLE = 0
    BEGINNING = 1
    SIMILAR = 2
    NONE = 3


class NameMatch(NamedTuple):
    """A fit and a score from 0 to 1, by which people of one fit are ordered."""

    fit: NameFit
    score: float


NO_MATCH = NameMatch(NameFit.NONE, 0.0)


def compare_names(typed: Sequence[str], document: Mapping[str, Any]) -> NameMatch:
    """Compare folded words with every name of a person's document, in any order and however they are joined."""
    names = [document[name] for name in NAME_FIELDS if document.get(name)]
    known_tokens = indexed_tokens_of(*names)
    if not typed or not known_tokens:
        return NO_MATCH
    score = _similarity(typed, known_tokens, [name_tokens_of(name) for name in names])
    if any(known_tokens.issuperset(reading) for reading in token_readings(typed)):
        return NameMatch(NameFit.WHOLE, score)
    if all(any(known.startswith(token) for known in known_tokens) for token in typed):
        return NameMatch(NameFit.BEGINNING, score)
    return NameMatch(NameFit.SIMILAR, score) if score >= LEAST_SIMILARITY else NO_MATCH


def is_whole_name(typed: Sequence[str], document: Mapping[str, Any]) -> bool:
    """Whether `compare_names` gives a whole fit, without how near the names are otherwise."""
    known_tokens = indexed_tokens_of(*(document[name] for name in NAME_FIELDS if document.get(name)))
    return bool(typed) and any(known_tokens.issuperset(reading) for reading in token_readings(typed))


def _similarity(typed: Sequence[str], known_tokens: set[str], names: Sequence[Sequence[str]]) -> float:
    """The better of comparing word by word, and of comparing all letters in a row."""
    best = [max(_token_similarity(token, known) for known in known_tokens) for token in typed]
    by_word = sum(score * len(token) for score, token in zip(best, typed, strict=True)) / sum(map(len, typed))
    if min(best) < LEAST_TOKEN_SIMILARITY:
        by_word = 0.0
    joined = "".join(typed)
    rows = {"".join("".join(name) for name in order) for order in permutations(names[:2])}
    return max(by_word, *(float(OSA.normalized_similarity(joined, row)) for row in rows))


def _token_similarity(one: str, other: str) -> float:
    """Edits weigh most; between names with as many edits, a common beginning decides."""
    edits = float(OSA.normalized_similarity(one, other))
    return 0.8 * edits + 0.2 * float(JaroWinkler.similarity(one, other))
