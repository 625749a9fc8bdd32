"""Which kind of victim can become which: upwards to one with rights under the Code, and never down."""

from __future__ import annotations

import pytest

from victim_gateway.compliance.victim_categories import BASIS_BY_HAND, WITHOUT_CODE_RIGHTS
from victim_gateway.rules.victim_kinds import (
    CORRECTABLE_TO,
    VICTIM_KINDS,
    describe_new_kind,
    is_correctable_kind,
    refusal_of_kind,
)


@pytest.mark.parametrize("before", sorted(BASIS_BY_HAND))
@pytest.mark.parametrize("after", sorted(BASIS_BY_HAND))
def test_a_kind_is_corrected_only_from_one_without_rights_to_one_with_them(before: str, after: str) -> None:
    is_upwards = before in WITHOUT_CODE_RIGHTS and after in CORRECTABLE_TO
    assert (refusal_of_kind(before, after) is None) is (is_upwards or after == before)
    assert is_correctable_kind(before) is (before in WITHOUT_CODE_RIGHTS)


def test_every_kind_has_its_name_none_is_taken_away_and_the_page_says_what_begins() -> None:
    assert set(VICTIM_KINDS) == set(BASIS_BY_HAND)
    assert refusal_of_kind("witness", None) == "Choose who was harmed"
    assert "as soon as this is recorded as a crime" in describe_new_kind("person", is_crime=False)
