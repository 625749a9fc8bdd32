"""Which enhanced rights and which basis follow from what is known of the victim."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from victim_gateway.compliance.editions import EnhancedCategory
from victim_gateway.compliance.facts import VictimBasis
from victim_gateway.compliance.victim_categories import (
    BASIS_OF_VICTIM_TYPE,
    ENHANCING_FLAGS,
    WITHOUT_CODE_RIGHTS,
    enhanced_categories,
    opens_code_clocks,
    victim_basis_of,
)

VULNERABLE = EnhancedCategory.VULNERABLE_OR_INTIMIDATED
TARGETED = EnhancedCategory.PERSISTENTLY_TARGETED
SERIOUS = EnhancedCategory.MOST_SERIOUS_CRIME


@pytest.mark.parametrize(
    ("victim_type", "basis"),
    [
        (None, VictimBasis.DIRECT),
        ("", VictimBasis.DIRECT),
        ("person", VictimBasis.DIRECT),
        ("business", VictimBasis.BUSINESS_CONTACT),
        ("bereaved_relative", VictimBasis.BEREAVED_RELATIVE),
        ("parent_or_guardian", VictimBasis.PARENT_OR_GUARDIAN),
    ],
)
def test_each_type_of_victim_has_a_basis(victim_type: str | None, basis: VictimBasis) -> None:
    assert victim_basis_of(victim_type) is basis


@pytest.mark.parametrize(
    ("flags", "hate_strand", "victim_type", "categories"),
    [
        ((), None, "person", ()),
        (("vulnerable",), None, "person", (VULNERABLE,)),
        (("intimidated", "vulnerable"), None, None, (VULNERABLE,)),
        (("persistently_targeted",), None, "person", (TARGETED,)),
        (("serious_crime",), None, "person", (SERIOUS,)),
        (("domestic_abuse",), None, "person", (SERIOUS,)),
        ((), "race", "person", (SERIOUS,)),
        ((), "", "person", ()),
        ((), None, "bereaved_relative", (SERIOUS,)),
        (ENHANCING_FLAGS, "race", "bereaved_relative", (VULNERABLE, TARGETED, SERIOUS)),
    ],
)
def test_flags_strand_and_bereavement_open_categories(
    flags: tuple[str, ...],
    hate_strand: str | None,
    victim_type: str | None,
    categories: tuple[EnhancedCategory, ...],
) -> None:
    assert enhanced_categories(flags, hate_strand=hate_strand, victim_type=victim_type) == categories


@given(
    st.sets(st.sampled_from(ENHANCING_FLAGS)),
    st.sampled_from(ENHANCING_FLAGS),
    st.sampled_from((None, "race")),
    st.sampled_from((None, *BASIS_OF_VICTIM_TYPE)),
)
def test_one_more_flag_never_takes_a_category_away(
    flags: set[str], more: str, hate_strand: str | None, victim_type: str | None
) -> None:
    fewer = enhanced_categories(flags, hate_strand=hate_strand, victim_type=victim_type)

    assert set(fewer) <= set(
        enhanced_categories(flags | {more}, hate_strand=hate_strand, victim_type=victim_type)
    )


@pytest.mark.parametrize("kind", sorted(WITHOUT_CODE_RIGHTS))
def test_the_code_promises_nothing_to_a_witness_a_relative_or_a_friend_of_a_victim(kind: str) -> None:
    assert victim_basis_of(kind) is VictimBasis.HARMED_WITNESS
    assert not opens_code_clocks("crime", kind)


@pytest.mark.parametrize("kind", (None, *BASIS_OF_VICTIM_TYPE))
def test_a_crime_opens_the_codes_clocks_for_a_victim_and_nothing_else_does(kind: str | None) -> None:
    assert opens_code_clocks("crime", kind)
    assert not opens_code_clocks("asb", kind)
