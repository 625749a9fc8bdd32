"""What of a provider's inbox is shown: one worker's, what can't wait, what is late; each as a condition for SQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, literal_column, select, true, union_all
from sqlalchemy.orm import Session

from victim_gateway.database.table_aliases import named_alias
from victim_gateway.models import OnwardReferral, ServiceAppointment, User, WorkerAssignment
from victim_gateway.queries.onward_referrals.inbox_order import DUE_KEY, inbox_order, is_live, stands_in
from victim_gateway.queries.onward_referrals.provider_workers import can_work_for
from victim_gateway.rules.provider_inbox import InboxSection
from victim_gateway.rules.provider_urgency import WaitingHarm
from victim_gateway.rules.service_records import WORKING_STATES
from victim_gateway.service_record_vocabulary import AppointmentState
from victim_gateway.vocabulary import OnwardState, Risk

# So many of each reason are shown above the sections; a link leads to all of them.
MOST_IN_DANGER = 10
_GIVEN = named_alias(OnwardReferral, "given")


class InboxDue(StrEnum):
    """By when something is due: before today, today, in the week after; or an attendance that nobody recorded."""

    LATE = "late"
    TODAY = "today"
    WEEK = "week"
    ATTENDANCE = "attendance"


@dataclass(frozen=True, slots=True)
class InboxFilter:
    """Which onward referrals of the inbox are shown; empty: all.

    `is_unassigned`: accepted, and no worker has it, or one whose account was disabled or lost its access.
    """

    worker_id: UUID | None = None
    is_unassigned: bool = False
    harm: WaitingHarm | None = None
    due: InboxDue | None = None

    def condition(self, *, today: date, now: datetime) -> ColumnElement[bool]:
        """What an onward referral has to be; for a statement over `onward_referral`."""
        wanted: ColumnElement[bool] = true()
        if self.worker_id is not None:
            wanted &= belongs_to(self.worker_id)
        if self.is_unassigned:
            wanted &= lacks_worker()
        if self.harm is not None:
            wanted &= harm_condition(self.harm, today)
        if self.due is not None:
            wanted &= due_condition(self.due, today=today, now=now)
        return wanted


EVERYTHING = InboxFilter()
MINE, UNASSIGNED = "mine", "unassigned"
COUNTED = (MINE, UNASSIGNED, *InboxDue, *WaitingHarm)
"""What is counted over the whole inbox; each number is a link to what it counts."""


def counted_filters(user_id: UUID | None) -> dict[str, InboxFilter]:
    """The filters that the page counts, by the names of COUNTED; a reader without an account has none."""
    return {
        MINE: InboxFilter(worker_id=user_id or UUID(int=0)),
        UNASSIGNED: InboxFilter(is_unassigned=True),
        **{due.value: InboxFilter(due=due) for due in InboxDue},
        **{harm.value: InboxFilter(harm=harm) for harm in WaitingHarm},
    }


def belongs_to(worker_id: UUID) -> ColumnElement[bool]:
    """Whether this worker has it now."""
    return OnwardReferral.id.in_(
        select(WorkerAssignment.onward_referral_id).where(
            WorkerAssignment.worker_id == worker_id, WorkerAssignment.ended_at.is_(None)
        )
    )


def lacks_worker() -> ColumnElement[bool]:
    """Whether it was accepted and no worker has it: none was given it, or the account can't work with it."""
    # Columns by name: of an account a provider may read some columns only.
    working = exists(
        select(WorkerAssignment.id)
        .join(User, User.id == WorkerAssignment.worker_id)
        .where(
            WorkerAssignment.onward_referral_id == OnwardReferral.id,
            WorkerAssignment.ended_at.is_(None),
            can_work_for(OnwardReferral.provider_id, OnwardReferral.service_id),
        )
        .correlate(OnwardReferral)
    )
    return OnwardReferral.state.in_(WORKING_STATES) & ~working


def due_condition(due: InboxDue, *, today: date, now: datetime) -> ColumnElement[bool]:
    """Whether something was due by then."""
    if due is InboxDue.ATTENDANCE:
        return is_live() & OnwardReferral.id.in_(
            select(ServiceAppointment.onward_referral_id).where(
                ServiceAppointment.state == AppointmentState.PLANNED, ServiceAppointment.starts_at <= now
            )
        )
    days = {
        InboxDue.LATE: DUE_KEY < today,
        InboxDue.TODAY: DUE_KEY == today,
        InboxDue.WEEK: DUE_KEY.between(today + timedelta(days=1), today + timedelta(days=7)),
    }
    return is_live() & days[due]


def harm_condition(harm: WaitingHarm, today: date) -> ColumnElement[bool]:
    """Whether the person would come to harm by waiting, for this reason."""
    if harm is WaitingHarm.HIGH_RISK:
        return (
            is_live()
            & (OnwardReferral.shared_risk == Risk.HIGH)
            & (OnwardReferral.state != OnwardState.IN_SERVICE)
        )
    if harm is WaitingHarm.CONTACT_LATE:
        return stands_in(InboxSection.CONTACT) & (DUE_KEY < today)
    if harm is WaitingHarm.MISSED:
        return is_live() & OnwardReferral.id.in_(
            select(ServiceAppointment.onward_referral_id).where(
                ServiceAppointment.state == AppointmentState.MISSED,
                ServiceAppointment.followed_up_at.is_(None),
            )
        )
    return is_live() & OnwardReferral.id.in_(
        select(WorkerAssignment.onward_referral_id)
        .join(User, User.id == WorkerAssignment.worker_id)
        .join(_GIVEN, _GIVEN.id == WorkerAssignment.onward_referral_id)
        .where(WorkerAssignment.ended_at.is_(None), ~can_work_for(_GIVEN.provider_id, _GIVEN.service_id))
    )


def waiting_harms(session: Session, today: date) -> dict[UUID, frozenset[WaitingHarm]]:
    """Who can't wait, and why, of the reader's own: the first MOST_IN_DANGER of each reason by their day."""
    parts: list[Any] = []
    for harm in WaitingHarm:
        first = (
            select(OnwardReferral.id, literal_column(f"'{harm}'").label("harm"))
            .where(harm_condition(harm, today))
            .order_by(*inbox_order())
            .limit(literal_column(str(MOST_IN_DANGER)))
            .subquery()
        )
        parts.append(select(first))
    found: dict[UUID, set[WaitingHarm]] = {}
    for row in session.execute(union_all(*parts)):
        found.setdefault(row.id, set()).add(WaitingHarm(row.harm))
    return {onward_id: frozenset(harms) for onward_id, harms in found.items()}
