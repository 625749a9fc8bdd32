"""Who is proposed for a new referral."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from victim_gateway.rules.proposal_rules import (
    FreeCaseworker,
    UnassignedFacts,
    describe_rule,
    propose_caseworkers,
    read_rule,
    write_rule,
)
from victim_gateway.vocabulary import Harm, Risk

ANN, BEN = UUID(int=1), UUID(int=2)
FREE = (FreeCaseworker(ANN, "Ann", 4, None, False), FreeCaseworker(BEN, "Ben", 3, None, False))


def _referral(**changes: object) -> UnassignedFacts:
    values = {
        "referral_id": uuid4(),
        "harms": (Harm.DOMESTIC_ABUSE,),
        "district": "Stafford",
        "risk": Risk.HIGH,
        "is_ranked_high": True,
        "language": "polish",
        "restricted": False,
    }
    return UnassignedFacts(**{**values, **changes})  # type: ignore[arg-type]


def _rule(*to: UUID, **parts: list[str]):  # type: ignore[no-untyped-def]
    return read_rule("rule", "Rule", write_rule({**parts, "to": [str(each) for each in to]}))


@pytest.mark.parametrize(
    ("parts", "fits"),
    [
        ({}, True),
        ({"harms": ["domestic_abuse"], "districts": ["Stafford"], "risks": ["high"]}, True),
        ({"languages": ["Polish", "Urdu"]}, True),
        ({"languages": ["Urdu"]}, False),
        ({"harms": ["violence"]}, False),
        ({"districts": ["Tamworth"]}, False),
        ({"risks": ["medium", "standard"]}, False),
    ],
)
def test_every_part_that_a_rule_names_must_fit(parts: dict[str, list[str]], fits: bool) -> None:
    assert _rule(ANN, **parts).fits(_referral()) is fits


def test_the_first_rule_with_somebody_free_shares_a_list_out_by_what_each_has() -> None:
    rows = [_referral(is_ranked_high=False) for _ in range(4)]
    found = propose_caseworkers(rows, [_rule(ANN, BEN)], FREE)
    assert [found[row.referral_id].name for row in rows] == ["Ben", "Ann", "Ben", "Ann"]


def test_who_is_away_over_the_limit_or_unknown_is_passed_over_and_a_restricted_referral_goes_to_none() -> (
    None
):
    row = _referral()
    away = FreeCaseworker(ANN, "Ann", 0, None, True)
    full = FreeCaseworker(BEN, "Ben", 6, 6, False)
    assert propose_caseworkers([row], [_rule(ANN), _rule(BEN, uuid4())], [away, full]) == {}
    # One at high risk counts twice: it does not fit where one is left, and one at standard risk does.
    room = FreeCaseworker(BEN, "Ben", 4, 5, False)
    small = _referral(is_ranked_high=False)
    found = propose_caseworkers([row, small, small], [_rule(ANN), _rule(BEN)], [away, room])
    assert {key: (each.name, each.rule.code) for key, each in found.items()} == {
        small.referral_id: ("Ben", "rule")
    }
    assert propose_caseworkers([_referral(restricted=True)], [_rule(BEN)], FREE) == {}


def test_a_rule_is_read_as_it_was_written_and_one_that_cannot_be_read_proposes_nobody() -> None:
    body = write_rule({"harms": ["hate_crime"], "languages": ["Urdu"], "to": [str(ANN), str(BEN)]})
    assert describe_rule(body, {str(ANN): "Ann"}) == (
        "harm: hate crime; language: Urdu; to: Ann, an account that is gone"
    )
    assert read_rule("x", "X", "[1]").user_ids == read_rule("x", "X", '{"to": ["nobody"]}').user_ids == ()
