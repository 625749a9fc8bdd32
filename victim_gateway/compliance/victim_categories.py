"""The basis on which a person is a victim, and the enhanced rights that follow from the crime's details.

The same for a feed's row, for a referral recorded by hand and for one that was corrected.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

from victim_gateway.compliance.crime_taxonomy import is_most_serious
from victim_gateway.compliance.editions import EnhancedCategory
from victim_gateway.compliance.facts import VictimBasis
from victim_gateway.times import age_on

ADULT_AGE = 18

BASIS_OF_VICTIM_TYPE: Mapping[str, VictimBasis] = {
    "person": VictimBasis.DIRECT,
    "business": VictimBasis.BUSINESS_CONTACT,
    "bereaved_relative": VictimBasis.BEREAVED_RELATIVE,
    "parent_or_guardian": VictimBasis.PARENT_OR_GUARDIAN,
}
BASIS_BY_HAND: Mapping[str, VictimBasis] = {
    **BASIS_OF_VICTIM_TYPE,
    "witness": VictimBasis.HARMED_WITNESS,
    # The Code has no basis for those who stand by a living victim: this is the nearest, and no clock reads it.
    "family_member": VictimBasis.HARMED_WITNESS,
    "friend": VictimBasis.HARMED_WITNESS,
}
"""The kinds that a caseworker can record; the feed's contract knows the first four only."""
WITHOUT_CODE_RIGHTS = frozenset(BASIS_BY_HAND) - frozenset(BASIS_OF_VICTIM_TYPE)
"""Kinds that may have support, but to whom the Victims' Code itself promises nothing (2020 Code, introduction)."""
_CATEGORY_OF_FLAG = {
    "vulnerable": EnhancedCategory.VULNERABLE_OR_INTIMIDATED,
    "intimidated": EnhancedCategory.VULNERABLE_OR_INTIMIDATED,
    "persistently_targeted": EnhancedCategory.PERSISTENTLY_TARGETED,
    "serious_crime": EnhancedCategory.MOST_SERIOUS_CRIME,
    "domestic_abuse": EnhancedCategory.MOST_SERIOUS_CRIME,
}
ENHANCING_FLAGS = tuple(_CATEGORY_OF_FLAG)
"""The yes-or-no columns of the feed, and boxes of the form, that open enhanced rights."""


def is_child_on(born_on: date | None, day: date, *, victim_type: str | None) -> bool:
    """Whether a person is under 18 on a day; false where the birth date is not known, and for a business."""
    return born_on is not None and victim_type != "business" and age_on(born_on, day) < ADULT_AGE


def victim_basis_of(victim_type: str | None) -> VictimBasis:
    """The basis for a type of victim; where none is given, the person themselves was harmed."""
    return BASIS_BY_HAND[victim_type or "person"]


def opens_code_clocks(recorded_as: str, victim_type: str | None) -> bool:
    """Whether the Code's clocks begin: for a crime only, and not for a witness or a person close to the victim."""
    return recorded_as == "crime" and victim_type not in WITHOUT_CODE_RIGHTS


def enhanced_categories(
    flags: Collection[str],
    *,
    hate_strand: str | None,
    victim_type: str | None,
    is_child: bool = False,
    offence: str | None = None,
    offence_code: str | None = None,
) -> tuple[EnhancedCategory, ...]:
    """The categories that hold, each once; `flags` are those of ENHANCING_FLAGS that are answered with yes.

    A child is always vulnerable, whatever was answered (police data standard, P_009).
    """
    found = [_CATEGORY_OF_FLAG[flag] for flag in ENHANCING_FLAGS if flag in flags]
    if is_child:
        found.insert(0, EnhancedCategory.VULNERABLE_OR_INTIMIDATED)
    if hate_strand or victim_type == "bereaved_relative" or is_most_serious(offence, offence_code):
        found.append(EnhancedCategory.MOST_SERIOUS_CRIME)
    return tuple(dict.fromkeys(found))
