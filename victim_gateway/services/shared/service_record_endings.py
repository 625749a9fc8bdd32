"""What ends with an onward referral of the provider's own work: its worker, and what was planned."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy.orm import Session

from victim_gateway.database.transaction import as_service
from victim_gateway.models import ServiceAppointment, WorkerAssignment
from victim_gateway.service_record_vocabulary import AppointmentState


def end_service_record(session: Session, onward_referral_id: UUID, *, at: datetime) -> None:
    """End the live worker and cancel what is still to come; an appointment whose time is past stays as it is.

    As the service: the Gateway, which takes an onward referral back, changes nothing of a provider's work otherwise.
    """
    with as_service(session):
        session.execute(
            update(WorkerAssignment)
            .where(
                WorkerAssignment.onward_referral_id == onward_referral_id, WorkerAssignment.ended_at.is_(None)
            )
            .values(ended_at=func.greatest(WorkerAssignment.given_at, at))
        )
        session.execute(
            update(ServiceAppointment)
            .where(
                ServiceAppointment.onward_referral_id == onward_referral_id,
                ServiceAppointment.state == AppointmentState.PLANNED,
                ServiceAppointment.starts_at > at,
            )
            .values(state=AppointmentState.CANCELLED_BY_END, settled_at=at)
        )
