"""Who is at high risk, for the order of reminders: as the order of work has it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, case, or_

from victim_gateway.models import Referral
from victim_gateway.rules.urgency import RISK_RANK
from victim_gateway.vocabulary import Risk

# Domestic abuse, and what the officer graded high while nobody has assessed it, come with the high ones.
IS_HIGH: Any = or_(
    Referral.risk == Risk.HIGH,
    Referral.domestic_abuse,
    and_(Referral.risk == Risk.UNKNOWN, Referral.officer_grade == Risk.HIGH.value),
)
RISK_ORDER: Any = case(
    (IS_HIGH, RISK_RANK[Risk.HIGH]),
    *((Referral.risk == risk, rank) for risk, rank in RISK_RANK.items() if risk is not Risk.HIGH),
    # What belongs to no referral endangers nobody.
    else_=max(RISK_RANK.values()) + 1,
)
