"""The wordings of kept lists, and what a new kind of harm brings with it."""

from __future__ import annotations

from config.area_profile import load_area
from victim_gateway.rules.harm_protections import describe_protections
from victim_gateway.rules.kept_lists import KEPT_LISTS, is_wording_taken
from victim_gateway.vocabulary import Harm


def test_no_entry_reads_like_another_one_of_its_list_as_both_ship() -> None:
    area = load_area("staffordshire")
    for kept in KEPT_LISTS.values():
        shipped = kept.shipped_entries(area)
        for code, label in shipped:
            others = [text for other in shipped if other[0] != code for text in other]
            assert not is_wording_taken(label, others), (kept.key, label)


def test_a_harm_says_what_the_rules_do_for_it_and_says_so_where_it_is_nothing() -> None:
    assert describe_protections(Harm.DOMESTIC_ABUSE) == (
        "Nobody is contacted before they said yes, comes with what is at high risk, no link goes to their telephone"
        " or email, restorative justice only with a senior's yes"
    )
    assert describe_protections(Harm.BURGLARY_AND_THEFT).startswith("No protection of its own")
    assert {harm.value for harm in Harm if describe_protections(harm).startswith("Nobody is contacted")} == (
        KEPT_LISTS["harms"].protective
    )
