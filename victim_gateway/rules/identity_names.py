"""How near two names are: the comparison level of the names of two people, and of two organisations.

Names are compared folded (`name_folding`): case, accents, apostrophes, hyphens and spaces do not count, nor a title,
nor the order of given and family name. Words that stand for a missing name (UNKNOWN, N/A, Baby) are no names. Every
level is the same in both directions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler

from victim_gateway.name_folding import name_tokens_of
from victim_gateway.rules.given_name_variants import are_variants

NULL = "null"
NEAR_SPELLING = 0.92
# One letter more or less makes another name of a very short one (Jo, Ed, Al).
_LEAST_LETTERS = 3
_NO_NAMES = frozenset(
    "unknown unk uk na nk nil null none notknown notgiven notrecorded withheld anonymous anon tbc tba tbd xx xxx"
    " baby infant newborn male female child victim occupier resident refused".split()
)
_COMPANY_TOKENS = frozenset(
    "ltd limited plc llp llc inc co company cic the and of uk gb group holdings stores store".split()
)


@dataclass(frozen=True, slots=True)
class PersonName:
    """The folded words of a person's given and family name; `whole` are all of them, in order of the alphabet."""

    given: tuple[str, ...] = ()
    family: tuple[str, ...] = ()
    whole: tuple[str, ...] = field(init=False, repr=False, compare=False)
    parts: tuple[str, str] = field(init=False, repr=False, compare=False)
    """Given and family name, each as one word: `O Brien` and `OBrien` are one."""

    def __post_init__(self) -> None:
        # Once for each name: one is compared with hundreds.
        object.__setattr__(self, "whole", tuple(sorted((*self.given, *self.family))))
        object.__setattr__(self, "parts", ("".join(self.given), "".join(self.family)))

    @property
    def is_usable(self) -> bool:
        """Whether it tells anything: an initial alone does not."""
        return any(len(word) > 1 for word in self.whole)


def person_name_of(document: Mapping[str, Any]) -> PersonName:
    """The name of a person's document, without titles and words that stand for a missing name."""
    return PersonName(_name_tokens(document.get("given_name")), _name_tokens(document.get("family_name")))


def alias_names_of(document: Mapping[str, Any]) -> tuple[PersonName, ...]:
    """The other names that the person is known by; several stand with a comma, a semicolon or a slash between."""
    text = (document.get("alias") or "").replace(";", ",").replace("/", ",")
    names = (PersonName(given=_name_tokens(part)) for part in text.split(","))
    return tuple(name for name in names if name.is_usable)


def organisation_of(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The folded words of an organisation's name, without those that every company has."""
    tokens = _name_tokens(document.get("organisation_name"))
    return tuple(word for word in tokens if word not in _COMPANY_TOKENS) or tokens


def name_level(one: PersonName, other: PersonName) -> str:
    """The comparison level of two names, without aliases."""
    if not (one.is_usable and other.is_usable):
        return NULL
    if min(len(_long(one.whole)), len(_long(other.whole))) < 2:
        return _short_level(one, other)
    if _is_same(one, other):
        return "exact_match"
    if _is_one_letter_apart(one.whole, other.whole) or _is_one_letter_apart(one.parts, other.parts):
        return "damerau_levenshtein_1"
    if _is_nickname(one, other):
        return "nickname_match"
    if _is_part_of(one, other) or _is_double_barrelled(one, other):
        return "part_of_name_match"
    if _has_matching_initials(one.whole, other.whole):
        return "initials_match"
    return _distant_level(one, other)


def level_with_aliases(
    one: PersonName, other: PersonName, one_aliases: Iterable[PersonName], other_aliases: Iterable[PersonName]
) -> str:
    """The comparison level of two names, or `alias_match` where an alias fits and the names themselves do not."""
    level = name_level(one, other)
    if level in ("exact_match", "damerau_levenshtein_1", "nickname_match"):
        return level
    pairs = [
        *((alias, one, other) for alias in one_aliases),
        *((alias, other, one) for alias in other_aliases),
    ]
    return "alias_match" if any(_is_alias_of(*pair) for pair in pairs) else level


def organisation_level(one: tuple[str, ...], other: tuple[str, ...]) -> str:
    """The comparison level of two organisations' names."""
    if not one or not other:
        return NULL
    joined_one, joined_other = "".join(one), "".join(other)
    if joined_one == joined_other or sorted(one) == sorted(other):
        return "exact_match"
    if _is_one_letter_apart(one, other) or _is_one_letter_apart((joined_one,), (joined_other,)):
        return "damerau_levenshtein_1"
    if set(one) <= set(other) or set(other) <= set(one) or _is_cut_off(joined_one, joined_other):
        return "part_of_name_match"
    near = JaroWinkler.similarity(joined_one, joined_other) >= NEAR_SPELLING
    return "jaro_winkler_0_92" if near else "else"


def _name_tokens(text: str | None) -> tuple[str, ...]:
    if not text or "".join(name_tokens_of(text)) in _NO_NAMES:
        return ()
    return tuple(word for word in name_tokens_of(text) if word not in _NO_NAMES)


def _short_level(one: PersonName, other: PersonName) -> str:
    """The level where one of the two gives one name and at most initials: that is never full agreement.

    A second name in the other record does not contradict it.
    """
    if _has_matching_initials(one.whole, other.whole):
        return "initials_match"
    shorter, longer = sorted((_long(one.whole), _long(other.whole)), key=len)
    word = shorter[0]
    if any(word == name or _is_one_letter_apart((word,), (name,)) for name in longer):
        has_other_initial = bool(one.given and other.given) and one.given[0][0] != other.given[0][0]
        return "family_name_match" if has_other_initial else "one_name_match"
    return "else"


def _is_same(one: PersonName, other: PersonName) -> bool:
    if one.whole == other.whole or sorted(one.parts) == sorted(other.parts):
        return True
    # `Smith, John` typed into one field, or a name of several words split elsewhere.
    return "".join(one.parts) == "".join(other.parts)


def _is_one_letter_apart(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether the words are the same but for one letter lost, added, replaced or swapped in one of them."""
    left, right = _differences(one, other)
    if len(left) != 1 or len(right) != 1 or min(len(left[0]), len(right[0])) < _LEAST_LETTERS:
        return False
    return DamerauLevenshtein.distance(left[0], right[0], score_cutoff=1) == 1


def _is_nickname(one: PersonName, other: PersonName) -> bool:
    left, right = _differences(one.whole, other.whole)
    return len(left) == len(right) == 1 and len(one.whole) > 1 and are_variants(left[0], right[0])


def _is_part_of(one: PersonName, other: PersonName) -> bool:
    """Whether one has all words of the other: a middle name, or a second family name. One word alone is too little."""
    return any(
        len(_long(fewer.whole)) >= 2 and not _differences(fewer.whole, more.whole)[0]
        for fewer, more in ((one, other), (other, one))
    )


def _is_double_barrelled(one: PersonName, other: PersonName) -> bool:
    """Whether the given names agree and the family names have one of several words in common.

    Given names agree if one person's are all among the other's: Mary Ann and Mary Jane are sisters, not spellings.
    """
    given_one, given_other = set(one.given), set(other.given)
    if not _long(given_one & given_other) or not (given_one <= given_other or given_other <= given_one):
        return False
    return bool(_long(set(one.family) & set(other.family)))


def _has_matching_initials(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether the words are the same but for names that one of the two gives by their first letter only."""
    if not _have_name_in_common(one, other):
        return False
    left, right = _differences(one, other)
    matched = _match_initials(left, right) + _match_initials(right, left)
    # What is left over on one side only is a middle name that the other does not give.
    return matched > 0 and not (left and right)


def _match_initials(short: list[str], full: list[str]) -> int:
    """Take away each initial of `short` with a word of `full` that begins so; gives how many there were."""
    matched = 0
    for initial in [word for word in short if len(word) == 1]:
        word = next((word for word in full if len(word) > 1 and word[0] == initial), None)
        if word is not None:
            short.remove(initial)
            full.remove(word)
            matched += 1
    return matched


def _distant_level(one: PersonName, other: PersonName) -> str:
    if _is_near(one.parts, other.parts) or _is_near(one.parts, other.parts[::-1]):
        return "jaro_winkler_0_92"
    if one.given and other.given and one.given[0] == other.given[0] and len(one.given[0]) > 1:
        return "given_name_match"
    return "family_name_match" if _have_name_in_common(one.whole, other.whole) else "else"


def _is_near(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether given and family name are each nearly the same: two people of one family have one of them alike."""
    return all(
        bool(left and right)
        and (_is_one_letter_apart((left,), (right,)) or JaroWinkler.similarity(left, right) >= NEAR_SPELLING)
        for left, right in zip(one, other, strict=True)
    )


def _is_alias_of(alias: PersonName, known: PersonName, other: PersonName) -> bool:
    """Whether the alias of `known` is what `other` is called: in full, or as given name with the same family name."""
    if not other.is_usable:
        return False
    if alias.whole == other.whole or "".join(alias.given) == "".join(other.parts):
        return len(_long(alias.whole)) > 0
    return alias.given == other.given and bool(_long(set(known.family) & set(other.family)))


def _is_cut_off(one: str, other: str) -> bool:
    """Whether one is the beginning of the other, as a system with a field of 35 letters leaves it."""
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= 25 and longer.startswith(shorter)


def _differences(one: Iterable[str], other: Iterable[str]) -> tuple[list[str], list[str]]:
    """The words that only the first has, and those that only the second has, each in order of the alphabet."""
    left, right = [], list(other)
    for word in one:
        # Of a few words a list is quicker than a counter.
        if word in right:
            right.remove(word)
        else:
            left.append(word)
    left.sort()
    right.sort()
    return left, right


def _have_name_in_common(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether a word that is more than an initial stands in both."""
    return any(len(word) > 1 and word in other for word in one)


def _long(tokens: Iterable[str]) -> list[str]:
    """The words that are more than an initial."""
    return [word for word in tokens if len(word) > 1]
