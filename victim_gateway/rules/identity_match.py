"""Whether two records are about one person: weighed field by field, never looked up by one key.

Each field on which both records say something is on a comparison level, named as in splink, and each level counts
log2(m/u) (`config/identity_weights.py`): the sum, with the prior, is the match weight in bits. The weight alone
decides nothing that cannot be undone:

- CONTRADICTED: a name and a birth date that both differ, or a name that differs where a birth date is missing,
  whatever else agrees. Mother and daughter share a phone, a postcode and a crime number.
- SAME: the weight is certain and name and birth date agree in full (of a business: its name).
- LIKELY: enough weight, and the names are not different ones. Proposed to a person.
- UNDECIDED: the rest. Twins are here: everything agrees but the given name.

A birth date "differs" fully where more than a digit is wrong or day and month are swapped. Beside a fully
different birth date every name but the very same one differs (`J Smith` of 1950 is not `Jane Smith` of 1990);
beside a nearly equal or a missing one, a name that is misspelled, shortened or partly given does not. What stands
for a missing value (01/01/1900, 07777777777, UNKNOWN) is no evidence.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from rapidfuzz.distance import DamerauLevenshtein

from victim_gateway.crypto import fold_text
from victim_gateway.phone_numbers import normal_phone
from victim_gateway.rules.identity_explanations import explain_levels
from victim_gateway.rules.identity_names import (
    NULL,
    PersonName,
    alias_names_of,
    level_with_aliases,
    organisation_level,
    organisation_of,
    person_name_of,
)

if TYPE_CHECKING:
    from config.identity_weights import IdentityWeights

EXACT, ELSE, ONE_EDIT = "exact_match", "else", "damerau_levenshtein_1"
_DIFFERENT_NAMES = frozenset({"given_name_match", "family_name_match", ELSE})
DIFFERENT_DATES = frozenset({"same_year", ELSE})
# Two given names of one family are two people, however much they share.
OTHER_PEOPLE = frozenset({"family_name_match", ELSE})
_EARLIEST_BIRTH_YEAR = 1902
_SAME_DIGITS = re.compile(r"([0-9])\1{6}$")
_COUNTED_DIGITS = ("12345678", "87654321", "01234567", "76543210")
_NO_MAILBOXES = frozenset(
    "none noemail no na nil null unknown test declined refused notgiven noreply donotreply x".split()
)
_NO_POSTCODES = frozenset({"aa11aa", "zz11zz", "xx11xx"})
_NO_PLACE = "zz99"


class IdentityVerdict(StrEnum):
    SAME = "same"
    LIKELY = "likely"
    UNDECIDED = "undecided"
    CONTRADICTED = "contradicted"


# Those that are proposed to a person; a contradiction never is, whatever else agrees.
LIKELY_VERDICTS = frozenset({IdentityVerdict.SAME, IdentityVerdict.LIKELY})


@dataclass(frozen=True, slots=True)
class IdentityRecord:
    """What of one record tells who somebody is, folded for comparison; what is missing or a placeholder is empty.

    A `reference` is the force's own name of the person, with the force: the same text of two forces is two people.
    """

    name: PersonName = PersonName()
    aliases: tuple[PersonName, ...] = ()
    organisation: tuple[str, ...] = ()
    birth_date: date | None = None
    phones: frozenset[str] = frozenset()
    email: str | None = None
    postcode: str | None = None
    crime_numbers: frozenset[str] = frozenset()
    reference: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class IdentityComparison:
    """Two records compared: the level of each field, what they weigh together, and what follows from it."""

    levels: Mapping[str, str]
    match_weight: float
    verdict: IdentityVerdict

    @property
    def explanation(self) -> tuple[str, ...]:
        """The levels in words, what agrees most first."""
        return explain_levels(self.levels)


def identity_record(
    document: Mapping[str, Any],
    *,
    crime_numbers: Collection[str] = (),
    force: str | None = None,
    victim_reference: str | None = None,
    shared_phones: Collection[str] = (),
) -> IdentityRecord:
    """Build the record of a person's document.

    `shared_phones` are numbers that too many people have to say anything (a hostel's, a police station's).
    """
    phones = (_usable_phone(document.get(name)) for name in ("phone", "phone_2"))
    shared = {normal_phone(phone) or phone for phone in shared_phones}
    return IdentityRecord(
        name=person_name_of(document),
        aliases=alias_names_of(document),
        organisation=organisation_of(document),
        birth_date=usable_birth_date(document.get("date_of_birth")),
        phones=frozenset(phone for phone in phones if phone and phone not in shared),
        email=_usable_email(document.get("email")),
        postcode=_usable_postcode(document.get("postcode")),
        crime_numbers=frozenset(fold_text(number) for number in crime_numbers if fold_text(number)),
        reference=(fold_text(force or ""), victim_reference) if victim_reference else None,
    )


def compare_identities(
    one: IdentityRecord, other: IdentityRecord, weights: IdentityWeights
) -> IdentityComparison:
    """Compare two records; the order of the two makes no difference."""
    levels = {
        **_name_levels(one, other),
        "birth_date": _birth_date_level(one.birth_date, other.birth_date),
        "phone": _closest_level(one.phones, other.phones),
        "email": _closest_level(_as_set(one.email), _as_set(other.email)),
        "postcode": _equal_level(_as_set(one.postcode), _as_set(other.postcode)),
        "crime_number": _equal_level(one.crime_numbers, other.crime_numbers),
        "reference": _reference_level(one.reference, other.reference),
    }
    weight = weights.match_weight(levels)
    return IdentityComparison(levels, weight, _verdict(levels, weight, weights, _is_other_kind(one, other)))


def contradicts(stored: Mapping[str, Any], incoming: Mapping[str, Any]) -> bool:
    """Whether two documents are about different people, so that no key may make them one.

    What a document does not say contradicts nothing.
    """
    one, other = identity_record(stored), identity_record(incoming)
    levels = {
        **_name_levels(one, other),
        "birth_date": _birth_date_level(one.birth_date, other.birth_date),
    }
    return _is_contradiction(levels) or _is_other_kind(one, other)


def usable_birth_date(text: str | None) -> date | None:
    """A birth date from a document; None for one that stands for a missing date, as 01/01/1900 does."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.year >= _EARLIEST_BIRTH_YEAR and day.year < 2100 else None


def _verdict(
    levels: Mapping[str, str], weight: float, weights: IdentityWeights, other_kind: bool
) -> IdentityVerdict:
    if other_kind or _is_contradiction(levels):
        return IdentityVerdict.CONTRADICTED
    certain = weights.certain or weights
    if certain.match_weight(levels) >= certain.same_from and _agrees_in_full(levels):
        return IdentityVerdict.SAME
    names = {levels["name"], levels["organisation"]}
    if weight >= weights.likely_from and not names & OTHER_PEOPLE:
        return IdentityVerdict.LIKELY
    return IdentityVerdict.UNDECIDED


def _agrees_in_full(levels: Mapping[str, str]) -> bool:
    if levels["organisation"] != NULL:
        return levels["organisation"] == EXACT
    return levels["name"] == levels["birth_date"] == EXACT


def _is_contradiction(levels: Mapping[str, str]) -> bool:
    if levels["organisation"] != NULL:
        return levels["organisation"] == ELSE
    name, born = levels["name"], levels["birth_date"]
    if born == EXACT or name == NULL:
        return False
    if born in DIFFERENT_DATES:
        return name != EXACT
    return name in _DIFFERENT_NAMES


def _is_other_kind(one: IdentityRecord, other: IdentityRecord) -> bool:
    """Whether one record names a business and nobody, and the other a person and no business."""
    return any(
        business.organisation
        and not business.name.is_usable
        and person.name.is_usable
        and not person.organisation
        for business, person in ((one, other), (other, one))
    )


def _name_levels(one: IdentityRecord, other: IdentityRecord) -> dict[str, str]:
    """Of two businesses only their names are compared: who answers there changes."""
    organisation = organisation_level(one.organisation, other.organisation)
    if organisation != NULL:
        return {"name": NULL, "organisation": organisation}
    name = level_with_aliases(one.name, other.name, one.aliases, other.aliases)
    return {"name": name, "organisation": NULL}


def _birth_date_level(one: date | None, other: date | None) -> str:
    if one is None or other is None:
        return NULL
    if one == other:
        return EXACT
    if (one.year, one.month, one.day) == (other.year, other.day, other.month):
        return "day_month_swapped"
    if DamerauLevenshtein.distance(f"{one:%Y%m%d}", f"{other:%Y%m%d}", score_cutoff=1) == 1:
        return ONE_EDIT
    return "same_year" if one.year == other.year else ELSE


def _equal_level(one: Collection[str], other: Collection[str]) -> str:
    if not one or not other:
        return NULL
    return ELSE if set(one).isdisjoint(other) else EXACT


def _closest_level(one: Collection[str], other: Collection[str]) -> str:
    level = _equal_level(one, other)
    if level == ELSE and any(
        DamerauLevenshtein.distance(left, right, score_cutoff=1) == 1 for left in one for right in other
    ):
        return ONE_EDIT
    return level


def _reference_level(one: tuple[str, str] | None, other: tuple[str, str] | None) -> str:
    if one is None or other is None:
        return NULL
    if one == other:
        return EXACT
    if one[0] == other[0] and without_leading_zeros(one[1]) == without_leading_zeros(other[1]):
        return "leading_zeros"
    return ELSE


_MOST_DIGITS, _MOST_DIGITS_AFTER_LETTERS = 10, 8
_DIGITS = re.compile(r"[0-9]+")
_LEADING_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")


def without_leading_zeros(reference: str) -> str:
    """A reference as a spreadsheet leaves it: `P007` is `P7`. Case and spaces do not count either."""
    return _LEADING_ZEROS.sub("", "".join(reference.casefold().split()))


def leading_zero_spellings(reference: str) -> list[str]:
    """The reference with fewer and with more zeros before its first digits, itself included.

    Up to ten digits, or eight after letters: a spreadsheet takes zeros from plain numbers only.
    """
    digits = _DIGITS.search(reference)
    if digits is None:
        return [reference]
    core = digits[0].lstrip("0") or "0"
    before, after = reference[: digits.start()], reference[digits.end() :]
    most = _MOST_DIGITS if not before else _MOST_DIGITS_AFTER_LETTERS
    lengths = range(len(core), max(len(digits[0]), most) + 1)
    return [f"{before}{core.zfill(length)}{after}" for length in lengths]


def _usable_phone(phone: str | None) -> str | None:
    if not phone:
        return None
    number = normal_phone(phone)
    if number is None or _SAME_DIGITS.search(number) or any(run in number for run in _COUNTED_DIGITS):
        return None
    return number


def _usable_email(email: str | None) -> str | None:
    folded = (email or "").strip().casefold()
    mailbox = re.sub(r"[^a-z]", "", folded.partition("@")[0])
    return folded if "@" in folded and mailbox not in _NO_MAILBOXES else None


def _usable_postcode(postcode: str | None) -> str | None:
    folded = fold_text(postcode or "")
    if len(folded) < 5 or folded in _NO_POSTCODES or folded.startswith(_NO_PLACE):
        return None
    return folded


def _as_set(value: str | None) -> frozenset[str]:
    return frozenset() if value is None else frozenset((value,))
