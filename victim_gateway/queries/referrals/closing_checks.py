"""What is still open on a referral: it is closed only when nothing is."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from victim_gateway.models import ContactAttempt, OnwardReferral, Organisation, Task
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.vocabulary import AttemptOutcome, OnwardState, TaskKind


@dataclass(frozen=True, slots=True)
class OpenMatter:
    """One thing that is open. `kind` is onward, decline or task; `what` is a state or a kind of task."""

    kind: str
    what: str
    onward_referral_id: UUID | None = None
    reference: str | None = None
    provider_name: str | None = None


def open_matters(session: Session, referral_id: UUID) -> tuple[OpenMatter, ...]:
    """Everything that has to be finished or decided before the referral can be closed."""
    return (*_onward(session, referral_id), *_tasks(session, referral_id))


def count_contact_attempts(session: Session, referral_id: UUID) -> int:
    """How many times somebody really tried; stopping because it was not safe is no try."""
    counted = select(func.count()).where(
        ContactAttempt.referral_id == referral_id, ContactAttempt.outcome != AttemptOutcome.UNSAFE_STOPPED
    )
    return session.scalar(counted) or 0


def _onward(session: Session, referral_id: UUID) -> list[OpenMatter]:
    undecided = (OnwardReferral.state == OnwardState.DECLINED) & OnwardReferral.decline_confirmed_at.is_(None)
    rows = session.execute(
        select(OnwardReferral.id, OnwardReferral.reference, OnwardReferral.state, Organisation.name)
        .join(Organisation, Organisation.id == OnwardReferral.provider_id)
        .where(
            OnwardReferral.referral_id == referral_id,
            OnwardReferral.state.in_((OnwardState.DRAFT, *LIVE_ONWARD_STATES)) | undecided,
        )
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
    ]


def _tasks(session: Session, referral_id: UUID) -> list[OpenMatter]:
    # A decline that waits for a decision, or a question from a provider, is listed with its onward referral.
    rows = session.execute(
        select(Task.kind, Task.onward_referral_id)
        .where(
            Task.referral_id == referral_id,
            Task.done_at.is_(None),
            Task.kind.not_in((TaskKind.PROVIDER_DECLINED, TaskKind.PROVIDER_ASKED)),
        )
        .order_by(Task.created_at)
    )
    return [OpenMatter("task", row.kind.value, row.onward_referral_id) for row in rows]
