"""What passed while the service was away: never sent, and listed with who was to know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import as_service
from victim_gateway.models import Message, Organisation, Referral, Reminder, User
from victim_gateway.queries.reminders.risk_order import IS_HIGH, RISK_ORDER
from victim_gateway.vocabulary import MessageState

LISTED_DAYS = 30
MOST = 200


@dataclass(frozen=True, slots=True)
class UnsentReminder:
    """A reminder whose time went by before its reader was told; `reader` is a person or an organisation."""

    referral_id: UUID
    reference: str
    about: str
    due_on: date | None
    expires_at: datetime | None
    reader: str
    is_high_risk: bool
    is_settled: bool


def unsent_reminders(session: Session, actor: Actor, at: datetime) -> tuple[UnsentReminder, ...]:
    """Those of the last 30 days that this reader may see: open before settled, by risk, the newest first."""
    since = at - timedelta(days=LISTED_DAYS)
    with as_service(session):
        # Who was written to is nobody else's to read; which reminders were not, is a senior's.
        unsent = session.scalars(
            select(Message.reminder_id)
            .where(
                Message.state == MessageState.EXPIRED,
                Message.reminder_id.is_not(None),
                Message.created_at > since,
            )
            .limit(MOST)
        ).all()
    rows = session.execute(_rows(unsent, since)).all()
    record_audit(session, "reminders.unsent_viewed", shown=[row.reference for row in rows])
    return tuple(UnsentReminder(**row._mapping) for row in rows)


def _rows(unsent: Any, since: datetime) -> Any:
    passed_before = (Reminder.expires_at <= Reminder.created_at) & (Reminder.created_at > since)
    is_settled = Reminder.resolved_at.is_not(None)
    return (
        select(
            Reminder.referral_id,
            Reminder.reference,
            Reminder.about,
            Reminder.due_on,
            Reminder.expires_at,
            func.coalesce(User.name, Organisation.name, "The senior caseworkers").label("reader"),
            IS_HIGH.label("is_high_risk"),
            is_settled.label("is_settled"),
        )
        .join(Referral, Referral.id == Reminder.referral_id)
        .outerjoin(User, User.id == Reminder.recipient_user_id)
        .outerjoin(Organisation, Organisation.id == Reminder.recipient_organisation_id)
        .where(or_(Reminder.id.in_(unsent), passed_before))
        .order_by(is_settled, RISK_ORDER, Reminder.created_at.desc(), Reminder.id)
        .limit(MOST)
    )
