"""What a text in the search box can mean: a name, and beside it a date, a number, an address or a reference."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from victim_gateway.crypto import fold_text
from victim_gateway.feeds.cells import normal_postcode
from victim_gateway.name_folding import name_tokens_of

_REFERENCE = re.compile(r"([a-z]{2,4})[\s-]*([0-9]{2})[\s-]*([0-9]{1,6})", re.IGNORECASE)
_DATE = re.compile(
    r"(?<!\S)([0-9]{1,2})[\s./-]+([0-9]{1,2}|[a-z]{3,9})[\s./-]+([0-9]{4})(?!\S)", re.IGNORECASE
)
_ISO_DATE = re.compile(r"(?<!\S)([0-9]{4})-([0-9]{2})-([0-9]{2})(?!\S)")
_EMAIL = re.compile(r"\S+@\S+")
_PHONE = re.compile(r"(?<!\S)(?:\+|00?)[0-9(][0-9 ()./-]{6,}[0-9](?!\S)")
_POSTCODE = re.compile(r"(?<!\S)[a-z]{1,2}[0-9][a-z0-9]?\s*[0-9][a-z]{2}(?!\S)", re.IGNORECASE)
_NUMBER = re.compile(r"[+0-9 ()./-]+")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
FEWEST_PHONE_DIGITS, MOST_PHONE_DIGITS = 6, 15
FEWEST_TAIL_DIGITS = 4
FEWEST_REFERENCE_LETTERS = 4
# Words that belong to the family name that follows them.
_BEFORE_FAMILY_NAME = frozenset(
    "al ap bin binti da dal de del della der di do dos du el ibn la le mac mc o san st ter van von y".split()
)


@dataclass(frozen=True, slots=True)
class SearchText:
    """One text, read in every way that it allows. `name` is what is left of it as typed, "" for nothing.

    `digits` are those of a text without letters, which may be the end of a phone number. `reference` is ours in
    its printed form; `number` is folded and may be a part of a crime number or of the force's reference.
    """

    text: str
    name: str
    email: str | None = None
    phone: str | None = None
    digits: str | None = None
    postcode: str | None = None
    born: date | None = None
    reference: str | None = None
    number: str | None = None


def read_search_text(text: str) -> SearchText:
    """Take what has a form of its own out of the text; the rest is a name."""
    text = rest = " ".join(text.split())
    email, rest = _take(_EMAIL, rest)
    born, rest = _take_date(rest)
    phone, rest = _take(_PHONE, rest)
    written, without = _take(_POSTCODE, rest)
    postcode = normal_postcode(written) if written else None
    rest = without if postcode else rest
    digits = "".join(filter(str.isdigit, text)) if _NUMBER.fullmatch(text) and born is None else None
    if phone is None and digits and FEWEST_PHONE_DIGITS <= len(digits) <= MOST_PHONE_DIGITS:
        phone = text
    ours, folded = _REFERENCE.fullmatch(text), fold_text(text)
    return SearchText(
        text=text,
        name="" if digits or ours else rest,
        email=email.casefold() if email else None,
        phone=phone,
        digits=digits if digits and len(digits) >= FEWEST_TAIL_DIGITS else None,
        postcode=postcode,
        born=born,
        reference=f"{ours[1].upper()}-{ours[2]}-{int(ours[3]):06d}" if ours else None,
        number=folded if len(folded) >= FEWEST_REFERENCE_LETTERS and any(map(str.isdigit, folded)) else None,
    )


def _take(pattern: re.Pattern[str], text: str) -> tuple[str | None, str]:
    match = pattern.search(text)
    if match is None:
        return None, text
    return match[0], f"{text[: match.start()]} {text[match.end() :]}".strip(" ,;")


def _take_date(text: str) -> tuple[date | None, str]:
    for pattern, year, day in ((_ISO_DATE, 1, 3), (_DATE, 3, 1)):
        match = pattern.search(text)
        if match is None:
            continue
        month = match[2].lower()[:3]
        try:
            number = _MONTHS.index(month) + 1 if month in _MONTHS else int(month)
            born = date(int(match[year]), number, int(match[day]))
        except ValueError:
            continue
        return born, _take(pattern, text)[1]
    return None, text


def split_typed_name(name: str) -> tuple[str, str]:
    """Given and family name as a form wants them: the last word, with what belongs to it, is the family name.

    "Smith, John" is turned round; one word alone is taken for a family name.
    """
    family, comma, given = (part.strip() for part in name.partition(","))
    if comma and given and family:
        return given, family
    parts = name.replace(",", " ").split()
    while (
        len(parts) > 1
        and len(name_tokens_of(" ".join(parts))) < len(parts)
        and name_tokens_of(" ".join(parts)) == name_tokens_of(" ".join(parts[1:]))
    ):
        # a title
        parts = parts[1:]
    place = max(len(parts) - 1, 0)
    while place > 1 and parts[place - 1].casefold().strip(".'’") in _BEFORE_FAMILY_NAME:
        place -= 1
    return " ".join(parts[:place]), " ".join(parts[place:])
