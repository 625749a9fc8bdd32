"""Comparison levels in words: why two records may be about one person, or why not. No values, only fields."""

from __future__ import annotations

from collections.abc import Mapping

_LEVEL_TEXTS: Mapping[str, Mapping[str, str]] = {
    "phone": {
        "exact_match": "same phone",
        "damerau_levenshtein_1": "phone one digit different",
        "else": "another phone",
    },
    "email": {
        "exact_match": "same email",
        "damerau_levenshtein_1": "email one letter different",
        "else": "another email",
    },
    "crime_number": {"exact_match": "same crime number", "else": "another crime number"},
    "reference": {
        "exact_match": "same police reference of the person",
        "leading_zeros": "police reference differs only by leading zeros",
        "else": "another police reference",
    },
    "birth_date": {
        "exact_match": "same birth date",
        "day_month_swapped": "day and month of the birth date swapped",
        "damerau_levenshtein_1": "birth date one digit different",
        "same_year": "same year of birth, another day",
        "else": "another birth date",
    },
    "postcode": {"exact_match": "same postcode", "else": "another postcode"},
    "name": {
        "exact_match": "same name",
        "damerau_levenshtein_1": "name one letter different",
        "nickname_match": "a short or familiar form of the same name",
        "alias_match": "known by the other name",
        "part_of_name_match": "one name is part of the other",
        "initials_match": "an initial in place of a name",
        "jaro_winkler_0_92": "a similar name",
        "given_name_match": "same given name, another family name",
        "one_name_match": "the one name that is known is the same",
        "family_name_match": "same family name, another given name",
        "else": "another name",
    },
    "organisation": {
        "exact_match": "same organisation",
        "damerau_levenshtein_1": "organisation one letter different",
        "part_of_name_match": "one organisation's name is part of the other",
        "jaro_winkler_0_92": "a similar organisation",
        "else": "another organisation",
    },
}
_SAME = "same "


def level_text(field: str, level: str) -> str:
    """One level of a field in words."""
    return _LEVEL_TEXTS[field][level]


def explain_levels(levels: Mapping[str, str]) -> tuple[str, ...]:
    """Each field on which both records say something, in words: what is the same first, what differs last."""
    found = [
        (_rank(levels[field]), texts[levels[field]])
        for field, texts in _LEVEL_TEXTS.items()
        if levels.get(field) in texts
    ]
    return tuple(texts for _, texts in sorted(found, key=lambda item: item[0]))


def explain_match(levels: Mapping[str, str]) -> str:
    """The same as one line: "same phone and birth date, name one letter different"."""
    texts = explain_levels(levels)
    same = [text for text in texts if _is_plainly_same(text)]
    rest = [text for text in texts if not _is_plainly_same(text)]
    listed = [text.removeprefix(_SAME) for text in same]
    joined = " and ".join(filter(None, (", ".join(listed[:-1]), *listed[-1:])))
    return ", ".join([*([_SAME + joined] if joined else []), *rest])


def level_codes(levels: Mapping[str, str]) -> list[str]:
    """The levels as short codes for a task's details, `field:level`; no values and no fields without evidence."""
    return [f"{field}:{levels[field]}" for field, texts in _LEVEL_TEXTS.items() if levels.get(field) in texts]


def levels_of_codes(codes: object) -> dict[str, str]:
    """The levels from `level_codes`; what is not known any more is left out."""
    given = codes if isinstance(codes, list) else []
    pairs = [code.split(":", 1) for code in given if isinstance(code, str) and ":" in code]
    return {field: level for field, level in pairs if level in _LEVEL_TEXTS.get(field, {})}


def _is_plainly_same(texts: str) -> bool:
    return texts.startswith(_SAME) and "," not in texts


def _rank(level: str) -> int:
    return {"exact_match": 0, "same_year": 2, "given_name_match": 2, "family_name_match": 2, "else": 3}.get(
        level, 1
    )
