"""What a task says of an e-mail that could not be delivered; never an address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.errors import NotFound
from victim_gateway.models import OnwardReferral, Organisation, Task
from victim_gateway.vocabulary import TaskKind


@dataclass(frozen=True, slots=True)
class FailedMessage:
    """One task about e-mails of one mailbox. `provider` is None where the mailbox is a member of staff's."""

    task_id: UUID
    about: str
    problem: str
    message_count: int
    failed_at: datetime
    due_on: date | None
    provider: str | None
    onward_referral_id: UUID | None
    onward_reference: str | None


def failed_message(session: Session, referral_id: UUID, task_id: UUID) -> FailedMessage:
    """The open task of this referral. Raises NotFound."""
    row = session.execute(
        select(Task, Organisation.name, OnwardReferral.reference)
        .outerjoin(OnwardReferral, OnwardReferral.id == Task.onward_referral_id)
        .outerjoin(Organisation, Organisation.id == OnwardReferral.provider_id)
        .where(
            Task.id == task_id,
            Task.referral_id == referral_id,
            Task.kind == TaskKind.MESSAGE_FAILED,
            Task.done_at.is_(None),
        )
    ).first()
    if row is None:
        raise NotFound
    task, provider, reference = row
    return FailedMessage(
        task_id=task.id,
        about=task.details["about"],
        problem=task.details.get("problem") or "The mail server gave no reason",
        message_count=len(task.details.get("messages", ())),
        failed_at=task.created_at,
        due_on=task.due_on,
        provider=provider,
        onward_referral_id=task.onward_referral_id,
        onward_reference=reference,
    )
