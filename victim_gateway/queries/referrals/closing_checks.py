"""The open matters of a referral, which prevent its closing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from victim_gateway.models import ContactAttempt, OnwardReferral, Organisation, Task
from victim_gateway.rules.closing import (
    TASKS_ENDED_BY_CLOSING,
    TASKS_OF_ONWARD_REFERRALS,
    UNCOUNTED_OUTCOMES,
    is_onward_referral_open,
)
from victim_gateway.vocabulary import OnwardState, TaskKind


@dataclass(frozen=True, slots=True)
class OpenMatter:
    """One open matter. `kind` is onward, decline or task; `what` is a state or a kind of task."""

    kind: str
    what: str
    onward_referral_id: UUID | None = None
    reference: str | None = None
    provider_name: str | None = None


def open_matters(session: Session, referral_id: UUID) -> tuple[OpenMatter, ...]:
    """Everything that has to be finished or decided before the referral can be closed."""
    return (*_onward(session, referral_id), *_tasks(session, referral_id))


def count_contact_attempts(session: Session, referral_id: UUID) -> int:
    """How many attempts to reach the person count."""
    counted = select(func.count()).where(
        ContactAttempt.referral_id == referral_id, ContactAttempt.outcome.not_in(UNCOUNTED_OUTCOMES)
    )
    return session.scalar(counted) or 0


def open_task_ids(session: Session, referral_id: UUID, kinds: Collection[TaskKind]) -> tuple[UUID, ...]:
    """The open tasks of these kinds on a referral, oldest first."""
    rows = select(Task.id).where(
        Task.referral_id == referral_id, Task.done_at.is_(None), Task.kind.in_(kinds)
    )
    return tuple(session.scalars(rows.order_by(Task.created_at, Task.id)))


def _onward(session: Session, referral_id: UUID) -> list[OpenMatter]:
    rows = session.execute(
        select(
            OnwardReferral.id,
            OnwardReferral.reference,
            OnwardReferral.state,
            OnwardReferral.decline_confirmed_at,
            Organisation.name,
        )
        .join(Organisation, Organisation.id == OnwardReferral.provider_id)
        .where(OnwardReferral.referral_id == referral_id)
        .order_by(OnwardReferral.offered_at)
    )
    return [
        OpenMatter(
            "decline" if row.state is OnwardState.DECLINED else "onward",
            row.state.value,
            row.id,
            row.reference,
            row.name,
        )
        for row in rows
        if is_onward_referral_open(row.state, is_decline_decided=row.decline_confirmed_at is not None)
    ]


def _tasks(session: Session, referral_id: UUID) -> list[OpenMatter]:
    rows = session.execute(
        select(Task.kind, Task.onward_referral_id)
        .where(
            Task.referral_id == referral_id,
            Task.done_at.is_(None),
            Task.kind.not_in((*TASKS_OF_ONWARD_REFERRALS, *TASKS_ENDED_BY_CLOSING)),
        )
        .order_by(Task.created_at)
    )
    return [OpenMatter("task", row.kind.value, row.onward_referral_id) for row in rows]
