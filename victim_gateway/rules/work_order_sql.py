"""The order of the work queue as SQL over the columns of `referral`, for the statements and for their indexes.

PostgreSQL uses an index on an expression only where a statement has the same expression, so both are built here. All
values are members of our own enums. A change of these texts needs a migration that builds the indexes anew.
"""

from __future__ import annotations

from collections.abc import Iterable

from victim_gateway.rules.hold import WAITING_ORDER
from victim_gateway.rules.step_dates import HIGH_GRADE
from victim_gateway.rules.urgency import RISK_RANK
from victim_gateway.vocabulary import HeldReason, Risk

LAST_HARM_RANK = len(WAITING_ORDER)
"""The rank of a hold without a known reason, after all others."""


def build_due_key() -> str:
    """The due date, and for one without a date a day after all others: a key that is never null.

    A CASE and no coalesce, which PostgreSQL does not trust under row-level security: the index would not be searched.
    """
    return "(CASE WHEN next_due_on IS NULL THEN 'infinity'::date ELSE next_due_on END)"


def build_high_key() -> str:
    """0 for what is ranked as high risk, 1 for the rest: what is overdue at high risk stands first."""
    return f"(CASE WHEN {_is_ranked_high()} THEN 0 ELSE 1 END)"


def build_risk_key() -> str:
    """`RISK_RANK` with domestic abuse and an unassessed grade of "high" among the high ones."""
    ranks = {risk: rank for risk, rank in RISK_RANK.items() if risk is not Risk.HIGH}
    return _case(
        [
            (_is_ranked_high(), RISK_RANK[Risk.HIGH]),
            *((f"risk = '{risk}'", rank) for risk, rank in ranks.items()),
        ],
        otherwise=max(RISK_RANK.values()) + 1,
    )


def build_harm_key() -> str:
    """`rules.hold.waiting_rank` in SQL: the reason whose wait does the most harm, and a death last."""
    last = len(WAITING_ORDER) - 1
    first = [HeldReason.PERSON_DIED, *(reason for reason in WAITING_ORDER[:last])]
    return _case(
        [
            (f"held_reason = '{reason}' OR '{reason}' = ANY (held_reasons)", WAITING_ORDER.index(reason))
            for reason in first
        ],
        otherwise=LAST_HARM_RANK,
    )


def _is_ranked_high() -> str:
    graded = f"risk = '{Risk.UNKNOWN}' AND officer_grade = '{HIGH_GRADE}'"
    return f"domestic_abuse OR risk = '{Risk.HIGH}' OR ({graded})"


def _case(branches: Iterable[tuple[str, int]], *, otherwise: int) -> str:
    lines = " ".join(f"WHEN {condition} THEN {value}" for condition, value in branches)
    return f"(CASE {lines} ELSE {otherwise} END)"
