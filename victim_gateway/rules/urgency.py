"""The order of urgency of referrals that fall due on the same day."""

from __future__ import annotations

from collections.abc import Mapping

from victim_gateway.vocabulary import Risk

# A risk that was not assessed may be high: it comes before one that was found to be standard. Domestic abuse, and
# what the officer graded high while nobody has assessed it, come with the high ones.
RISK_RANK: Mapping[Risk, int] = {Risk.HIGH: 0, Risk.MEDIUM: 1, Risk.UNKNOWN: 2, Risk.STANDARD: 3}


def choose_counting_risk(risk: Risk, officer_grade: str | None) -> Risk:
    """Our view of the risk; the officer's where we never assessed it."""
    return Risk(officer_grade) if risk is Risk.UNKNOWN and officer_grade is not None else risk
