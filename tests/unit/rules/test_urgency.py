"""Whose referral comes first when two fall due on the same day."""

from __future__ import annotations

from victim_gateway.rules.urgency import RISK_RANK
from victim_gateway.vocabulary import Risk


def test_every_risk_has_a_place_of_its_own_the_highest_first() -> None:
    assert sorted(Risk, key=RISK_RANK.__getitem__) == [Risk.HIGH, Risk.MEDIUM, Risk.UNKNOWN, Risk.STANDARD]
    assert len(set(RISK_RANK.values())) == len(Risk)
