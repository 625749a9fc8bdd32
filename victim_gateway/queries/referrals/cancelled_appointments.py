"""People who may wait for a visit that does not come: appointments cancelled when support ended, close at hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.compliance.calendar import add_working_days, england_and_wales
from victim_gateway.errors import CalendarExhausted
from victim_gateway.models import Referral, ServiceAppointment, Task
from victim_gateway.vocabulary import Risk, TaskKind

MOST = 20


@dataclass(frozen=True, slots=True)
class CloseAppointment:
    """The first appointment of a task that is within two working days, or past without the person having been told."""

    referral_id: UUID
    reference: str
    starts_at: datetime
    risk: Risk


def close_cancelled_appointments(session: Session, actor: Actor, today: date) -> tuple[CloseAppointment, ...]:
    """Those of this user's referrals and of referrals that nobody has: at high risk first, then by their time.

    A task is due on the last working day before its appointment: due by the next working day, it is within two.
    """
    first = (
        select(ServiceAppointment.starts_at)
        .where(
            ServiceAppointment.id
            == Task.details["appointment_ids"][0].astext.cast(ServiceAppointment.id.type)
        )
        .scalar_subquery()
    )
    rows = session.execute(
        select(Referral.id, Referral.reference, first.label("starts_at"), Referral.risk)
        .join(Task, Task.referral_id == Referral.id)
        .where(
            Task.kind == TaskKind.APPOINTMENT_CANCELLED,
            Task.done_at.is_(None),
            Task.due_on <= _next_working_day(today),
            or_(Referral.assigned_to_id == actor.user_id, Referral.assigned_to_id.is_(None)),
        )
        .order_by(Referral.risk != Risk.HIGH, "starts_at", Referral.id)
        .limit(MOST)
    )
    return tuple(CloseAppointment(*row) for row in rows)


def _next_working_day(today: date) -> date:
    try:
        return add_working_days(today, 1, england_and_wales())
    except CalendarExhausted:
        return today + timedelta(days=1)
