"""What ends with an onward referral of the provider's own work: its worker, and what was planned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy.orm import Session

from victim_gateway.database.transaction import as_service
from victim_gateway.models import ServiceAppointment, WorkerAssignment
from victim_gateway.rules.task_due_dates import cancelled_appointment_due_on
from victim_gateway.service_record_vocabulary import AppointmentManner, AppointmentState
from victim_gateway.services.shared import tasks
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import TaskKind


@dataclass(frozen=True, slots=True)
class CancelledAppointment:
    """An appointment that will not take place, as support has ended."""

    appointment_id: UUID
    starts_at: datetime
    manner: AppointmentManner


def end_service_record(
    session: Session, onward_referral_id: UUID, *, at: datetime
) -> tuple[CancelledAppointment, ...]:
    """End the live worker and cancel what is still to come, which is given, the next first.

    An appointment whose time is past stays as it is. As the service: the Gateway, which takes an onward referral back,
    changes nothing of a provider's work otherwise.
    """
    with as_service(session):
        session.execute(
            update(WorkerAssignment)
            .where(
                WorkerAssignment.onward_referral_id == onward_referral_id, WorkerAssignment.ended_at.is_(None)
            )
            .values(ended_at=func.greatest(WorkerAssignment.given_at, at))
        )
        rows = session.execute(
            update(ServiceAppointment)
            .where(
                ServiceAppointment.onward_referral_id == onward_referral_id,
                ServiceAppointment.state == AppointmentState.PLANNED,
                ServiceAppointment.starts_at > at,
            )
            .values(state=AppointmentState.CANCELLED_BY_END, settled_at=at)
            .returning(ServiceAppointment.id, ServiceAppointment.starts_at, ServiceAppointment.manner)
        ).all()
    cancelled = [CancelledAppointment(*row) for row in rows]
    return tuple(sorted(cancelled, key=lambda each: each.starts_at))


def ask_to_inform_person(
    session: Session,
    referral_id: UUID,
    onward_referral_id: UUID,
    cancelled: Sequence[CancelledAppointment],
    *,
    at: datetime,
) -> None:
    """Ask a caseworker to make sure that the person knows what will not take place, before the first of it.

    Nothing is sent by itself: whether and how the person may be reached is for a person to decide. As the service.
    """
    task = NewTask(
        kind=TaskKind.APPOINTMENT_CANCELLED,
        referral_id=referral_id,
        dedupe_key=f"{TaskKind.APPOINTMENT_CANCELLED.value}:{onward_referral_id}",
        onward_referral_id=onward_referral_id,
        details={"appointment_ids": [str(each.appointment_id) for each in cancelled]},
        due_on=cancelled_appointment_due_on(cancelled[0].starts_at, at),
    )
    tasks.open_task(session, task, at=at)
