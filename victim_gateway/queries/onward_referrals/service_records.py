"""A provider's work on one onward referral: as the provider reads it, and as much of it as the Gateway may."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.database.table_aliases import named_alias
from victim_gateway.errors import NotFound
from victim_gateway.models import OnwardReferral, ProgressNote, ServedNeed, ServiceAppointment, Task, User
from victim_gateway.queries.onward_referrals.kind_steps import KindStepEntry, kind_steps
from victim_gateway.queries.onward_referrals.provider_workers import WorkerSpell, worker_history
from victim_gateway.rules.service_records import AppointmentTimes
from victim_gateway.service_record_vocabulary import AppointmentManner, AppointmentState, ServedNeedOutcome
from victim_gateway.vocabulary import TaskKind

# What sealed values are bound to.
ONWARD_APPOINTMENT, ONWARD_PROGRESS_NOTE = "onward_appointment", "onward_progress_note"
_OPEN_MISSED = (ServiceAppointment.state == AppointmentState.MISSED) & ServiceAppointment.followed_up_at.is_(
    None
)

_FACTS: tuple[Any, ...] = (
    ServiceAppointment.id,
    ServiceAppointment.starts_at,
    ServiceAppointment.ends_at,
    ServiceAppointment.manner,
    ServiceAppointment.worker_id,
    ServiceAppointment.state,
    ServiceAppointment.version,
    _OPEN_MISSED.label("needs_follow_up"),
    User.name.label("worker"),
)


@dataclass(frozen=True, slots=True)
class AppointmentEntry:
    """One appointment. `place` and `remarks` are None for the Gateway, which never reads them."""

    appointment_id: UUID
    times: AppointmentTimes
    manner: AppointmentManner
    worker_id: UUID
    worker: str
    state: AppointmentState
    needs_follow_up: bool
    version: int
    place: str | None = None
    remarks: str | None = None

    def is_coming(self, at: datetime) -> bool:
        """Whether it is planned and its time has not come."""
        return self.state is AppointmentState.PLANNED and self.times.starts_at > at

    def is_attendance_due(self, at: datetime) -> bool:
        """Whether its time has come and nobody recorded if the person came."""
        return self.state is AppointmentState.PLANNED and self.times.starts_at <= at


@dataclass(frozen=True, slots=True)
class ProgressEntry:
    """A note of the provider's own; `is_shared`: the Gateway reads it too."""

    written_at: datetime
    by: str
    is_shared: bool
    text: str
    note_id: UUID


@dataclass(frozen=True, slots=True)
class NeedEntry:
    """What became of a need, as last recorded."""

    need: str
    outcome: ServedNeedOutcome
    step: int | None
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class ServiceRecord:
    """A provider's work on one onward referral. Workers and notes are the newest first, appointments the last first."""

    workers: tuple[WorkerSpell, ...]
    appointments: tuple[AppointmentEntry, ...]
    notes: tuple[ProgressEntry, ...]
    needs: dict[str, NeedEntry]
    kind_steps: tuple[KindStepEntry, ...] = ()

    @property
    def worker(self) -> WorkerSpell | None:
        """Who has it now."""
        return next((spell for spell in self.workers if spell.ended_at is None), None)

    def next_appointment(self, at: datetime) -> AppointmentEntry | None:
        """The next one that is planned."""
        coming = [each for each in self.appointments if each.is_coming(at)]
        return coming[-1] if coming else None

    def coming_appointments(self, at: datetime) -> tuple[AppointmentEntry, ...]:
        """What is planned still, the next first."""
        return tuple(each for each in reversed(self.appointments) if each.is_coming(at))

    def due_attendance(self, at: datetime) -> tuple[AppointmentEntry, ...]:
        """Those of which nobody recorded whether the person came, the oldest first."""
        return tuple(each for each in reversed(self.appointments) if each.is_attendance_due(at))


@dataclass(frozen=True, slots=True)
class AppointmentMark:
    """What a list says of the appointments of one onward referral."""

    starts_at: datetime
    manner: AppointmentManner
    state: AppointmentState


def service_record(session: Session, onward_referral_id: UUID, *, is_provider: bool) -> ServiceRecord:
    """The work of a provider on an onward referral; the Gateway reads the facts of it, and the notes that were shared.

    Raises NotFound when it is absent or not the reader's. That it was seen is audited where the page is opened.
    """
    key_id = session.scalar(select(OnwardReferral.key_id).where(OnwardReferral.id == onward_referral_id))
    if key_id is None:
        raise NotFound
    key = encrypted_rows.open_key(session, key_id)
    return ServiceRecord(
        workers=worker_history(session, onward_referral_id, key if is_provider else None),
        appointments=_appointments(session, onward_referral_id, key if is_provider else None),
        notes=_notes(session, onward_referral_id, key),
        needs=_needs(session, onward_referral_id),
        kind_steps=kind_steps(session, onward_referral_id, key),
    )


def find_appointment(record: ServiceRecord, appointment_id: UUID) -> AppointmentEntry:
    """One appointment of a record. Raises NotFound."""
    found = next((each for each in record.appointments if each.appointment_id == appointment_id), None)
    if found is None:
        raise NotFound
    return found


def appointment_marks(
    session: Session, onward_referral_ids: Collection[UUID]
) -> dict[UUID, tuple[AppointmentMark, ...]]:
    """What is planned, and what was missed without a follow-up, by onward referral and in order of time."""
    if not onward_referral_ids:
        return {}
    rows = session.execute(
        select(
            ServiceAppointment.onward_referral_id,
            ServiceAppointment.starts_at,
            ServiceAppointment.manner,
            ServiceAppointment.state,
        )
        .where(
            ServiceAppointment.onward_referral_id.in_(onward_referral_ids),
            (ServiceAppointment.state == AppointmentState.PLANNED) | _OPEN_MISSED,
        )
        .order_by(ServiceAppointment.starts_at)
    ).all()
    found: dict[UUID, list[AppointmentMark]] = {}
    for row in rows:
        mark = AppointmentMark(row.starts_at, row.manner, row.state)
        found.setdefault(row.onward_referral_id, []).append(mark)
    return {onward_id: tuple(marks) for onward_id, marks in found.items()}


def unread_note_ids(session: Session, onward_referral_id: UUID) -> frozenset[UUID]:
    """The notes that the provider shared and no caseworker has said to have read."""
    details = session.scalars(
        select(Task.details).where(
            Task.onward_referral_id == onward_referral_id,
            Task.kind == TaskKind.PROGRESS_UNREAD,
            Task.done_at.is_(None),
        )
    )
    return frozenset(UUID(each["note_id"]) for each in details)


def appointments_of_task(session: Session, appointment_ids: Collection[UUID]) -> tuple[AppointmentEntry, ...]:
    """Appointments that a task is about, the next first, as the Gateway reads them."""
    rows = session.execute(
        select(*_FACTS)
        .join(User, User.id == ServiceAppointment.worker_id)
        .where(ServiceAppointment.id.in_(appointment_ids))
        .order_by(ServiceAppointment.starts_at, ServiceAppointment.id)
    )
    return tuple(_appointment(row, None) for row in rows)


def planned_times_of_worker(
    session: Session, worker_id: UUID, *, around: AppointmentTimes, but: UUID | None = None
) -> Iterable[AppointmentTimes]:
    """The planned appointments of a worker that take some of a time; `but` is the one that is being changed."""
    rows = session.execute(
        select(ServiceAppointment.id, ServiceAppointment.starts_at, ServiceAppointment.ends_at).where(
            ServiceAppointment.worker_id == worker_id,
            ServiceAppointment.state == AppointmentState.PLANNED,
            ServiceAppointment.starts_at < around.ends_at,
            ServiceAppointment.ends_at > around.starts_at,
        )
    )
    return [AppointmentTimes(row.starts_at, row.ends_at) for row in rows if row.id != but]


def clashing_references(session: Session, worker_ids: Collection[UUID], *, at: datetime) -> tuple[str, ...]:
    """The references of those with whom one of these workers has an appointment at the time of another, in order."""
    other = named_alias(ServiceAppointment, "other")
    rows = session.scalars(
        select(OnwardReferral.reference)
        .join(ServiceAppointment, ServiceAppointment.onward_referral_id == OnwardReferral.id)
        .join(
            other,
            (other.worker_id == ServiceAppointment.worker_id)
            & (other.id != ServiceAppointment.id)
            & (other.state == AppointmentState.PLANNED)
            & (other.starts_at < ServiceAppointment.ends_at)
            & (other.ends_at > ServiceAppointment.starts_at),
        )
        .where(
            ServiceAppointment.worker_id.in_(worker_ids),
            ServiceAppointment.state == AppointmentState.PLANNED,
            ServiceAppointment.starts_at > at,
        )
        .distinct()
        .order_by(OnwardReferral.reference)
    )
    return tuple(rows)


def _appointments(
    session: Session, onward_referral_id: UUID, key: bytes | None
) -> tuple[AppointmentEntry, ...]:
    facts = (*_FACTS, *((ServiceAppointment.sealed,) if key is not None else ()))
    rows = session.execute(
        select(*facts)
        .join(User, User.id == ServiceAppointment.worker_id)
        .where(ServiceAppointment.onward_referral_id == onward_referral_id)
        .order_by(ServiceAppointment.starts_at.desc(), ServiceAppointment.id)
    )
    return tuple(_appointment(row, key) for row in rows)


def _appointment(row: Any, key: bytes | None) -> AppointmentEntry:
    document = (
        encrypted_rows.unseal_row(key, ONWARD_APPOINTMENT, row.id, row.sealed) if key is not None else {}
    )
    return AppointmentEntry(
        appointment_id=row.id,
        times=AppointmentTimes(row.starts_at, row.ends_at),
        manner=row.manner,
        worker_id=row.worker_id,
        worker=row.worker,
        state=row.state,
        needs_follow_up=row.needs_follow_up,
        version=row.version,
        place=document.get("place") or None,
        remarks=document.get("words") or None,
    )


def _notes(session: Session, onward_referral_id: UUID, key: bytes) -> tuple[ProgressEntry, ...]:
    """As far as row-level security shows them: to the Gateway those that were shared."""
    rows = session.scalars(
        select(ProgressNote)
        .where(ProgressNote.onward_referral_id == onward_referral_id)
        .order_by(ProgressNote.written_at.desc(), ProgressNote.id)
    )
    return tuple(
        ProgressEntry(
            written_at=note.written_at,
            by=note.by_name,
            is_shared=note.is_shared,
            text=encrypted_rows.unseal_row(key, ONWARD_PROGRESS_NOTE, note.id, note.sealed)["words"],
            note_id=note.id,
        )
        for note in rows
    )


def _needs(session: Session, onward_referral_id: UUID) -> dict[str, NeedEntry]:
    rows = session.scalars(select(ServedNeed).where(ServedNeed.onward_referral_id == onward_referral_id))
    return {row.need: NeedEntry(row.need, row.outcome, row.step, row.recorded_at) for row in rows}
