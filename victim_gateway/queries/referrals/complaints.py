"""Complaints of one referral, one of them in full, and the open ones of the area by the day they are due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import bindparam, select, tuple_
from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.errors import NotFound
from victim_gateway.models import Complaint, Organisation, Provider, Referral
from victim_gateway.vocabulary import ComplaintOutcome, ComplaintState, ComplaintSubject

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class ComplaintRow:
    """A complaint as lists show it: never who complains or of what."""

    complaint_id: UUID
    referral_id: UUID
    reference: str
    number: int
    received_on: date
    about: ComplaintSubject
    provider: str | None
    state: ComplaintState
    due_on: date | None


@dataclass(frozen=True, slots=True)
class OpenedComplaint:
    """One complaint in full; `summary` and `answer` are None for a reader who must not read them."""

    row: ComplaintRow
    received_from: str
    summary: str | None
    answer: str | None
    acknowledged_on: date | None
    answered_on: date | None
    outcome: ComplaintOutcome | None
    next_step_on: date | None
    version: int


_ROWS = (
    select(
        Complaint.id.label("complaint_id"),
        Complaint.referral_id,
        Referral.reference,
        Complaint.number,
        Complaint.received_on,
        Complaint.about,
        Organisation.name.label("provider"),
        Complaint.state,
        Complaint.due_on,
    )
    .join(Referral, Referral.id == Complaint.referral_id)
    .outerjoin(Organisation, Organisation.id == Complaint.provider_id)
)
_OF_REFERRAL = _ROWS.where(Complaint.referral_id == bindparam("referral_id")).order_by(
    Complaint.number.desc()
)


def referral_complaints(session: Session, referral_id: UUID) -> tuple[ComplaintRow, ...]:
    """The complaints of one referral, the last one first."""
    rows = session.execute(_OF_REFERRAL, {"referral_id": referral_id})
    return tuple(ComplaintRow(**row._mapping) for row in rows)


def open_complaints(
    session: Session, *, after: tuple[date, UUID] | None = None
) -> tuple[tuple[ComplaintRow, ...], bool]:
    """One page of those that are owed something, the earliest due first, and whether more follow."""
    statement = _ROWS.where(Complaint.due_on.is_not(None))
    if after is not None:
        statement = statement.where(tuple_(Complaint.due_on, Complaint.id) > after)
    rows = session.execute(statement.order_by(Complaint.due_on, Complaint.id).limit(PAGE_SIZE + 1)).all()
    shown = tuple(ComplaintRow(**row._mapping) for row in rows[:PAGE_SIZE])
    return shown, len(rows) > PAGE_SIZE


def opened_complaint(
    session: Session, referral_id: UUID, complaint_id: UUID, key: bytes, *, may_read_ours: bool
) -> OpenedComplaint:
    """One complaint in full. One about us is opened only for those who handle such. Raises NotFound."""
    complaint = session.scalar(
        select(Complaint).where(Complaint.id == complaint_id, Complaint.referral_id == referral_id)
    )
    if complaint is None:
        raise NotFound
    row = session.execute(_ROWS.where(Complaint.id == complaint_id)).one()
    is_readable = may_read_ours or complaint.about is not ComplaintSubject.GATEWAY
    summary = answer = None
    if is_readable:
        summary = encrypted_rows.unseal_row(key, "complaint", complaint.id, complaint.sealed)["summary"]
    if is_readable and complaint.sealed_answer:
        sealed = complaint.sealed_answer
        answer = encrypted_rows.unseal_row(key, "complaint_answer", complaint.id, sealed)["answer"]
    return OpenedComplaint(
        row=ComplaintRow(**row._mapping),
        received_from=complaint.received_from,
        summary=summary,
        answer=answer,
        acknowledged_on=complaint.acknowledged_on,
        answered_on=complaint.answered_on,
        outcome=complaint.outcome,
        next_step_on=complaint.next_step_on,
        version=complaint.version,
    )


def provider_names(session: Session) -> list[tuple[str, str]]:
    """Every provider's id and name, for a choice."""
    rows = session.execute(
        select(Provider.id, Organisation.name)
        .join(Organisation, Organisation.id == Provider.id)
        .order_by(Organisation.name)
    )
    return [(str(row.id), row.name) for row in rows]
