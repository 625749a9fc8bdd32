"""What is due of a caseworker's own referrals, in references and days alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import Boolean, literal_column, select
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.models import Referral
from victim_gateway.queries.referrals.work_order import DUE_KEY
from victim_gateway.vocabulary import NextAction, WaitingOn

MOST_DAYS = 500


@dataclass(frozen=True, slots=True)
class DueDay:
    """By when the caseworker's next step on one referral is due."""

    referral_id: UUID
    reference: str
    next_action: NextAction
    due_on: date


def own_due_days(session: Session, actor: Actor) -> tuple[DueDay, ...]:
    """The days of the actor's open referrals where our own step is next, the earliest first."""
    rows = session.execute(
        select(Referral.id, Referral.reference, Referral.next_action, Referral.next_due_on)
        .where(
            Referral.assigned_to_id == actor.user_id,
            literal_column(f"referral.next_act <> '{NextAction.NOTHING}'", Boolean),
            Referral.waiting_on != WaitingOn.PROVIDER,
            Referral.next_due_on.is_not(None),
        )
        .order_by(DUE_KEY, Referral.id)
        .limit(MOST_DAYS)
    )
    return tuple(
        DueDay(row.id, row.reference, row.next_action, row.next_due_on)
        for row in rows
        if row.next_due_on is not None
    )
