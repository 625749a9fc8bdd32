"""What to check before a referral is closed: open matters, which prevent it, and what the record says."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from victim_gateway.compliance.clocks import Status
from victim_gateway.compliance.editions import LOCAL
from victim_gateway.models import (
    CodeEntitlement,
    ContactAttempt,
    EntitlementClock,
    OnwardReferral,
    Organisation,
    Referral,
    Task,
    TriageAssessment,
    User,
)
from victim_gateway.rules.closing import (
    TASKS_ENDED_BY_CLOSING,
    TASKS_OF_ONWARD_REFERRALS,
    TASKS_OUTLASTING_CLOSING,
    UNCOUNTED_OUTCOMES,
    ClosingFacts,
    is_onward_referral_open,
)
from victim_gateway.rules.urgency import choose_counting_risk
from victim_gateway.vocabulary import AttemptOutcome, OnwardState, Risk, TaskKind


@dataclass(frozen=True, slots=True)
class OpenMatter:
    """One open matter. `kind` is onward, decline or task; `what` is a state or a kind of task."""

    kind: str
    what: str
    onward_referral_id: UUID | None = None
    reference: str | None = None
    provider_name: str | None = None


@dataclass(frozen=True, slots=True)
class LastAssessment:
    """When needs and risk were last assessed, and by whom."""

    assessed_at: datetime
    by: str
    risk: Risk


@dataclass(frozen=True, slots=True)
class OwedStandard:
    """One of our own standards that is not met yet; closing leaves it as closed without it."""

    entitlement_id: str
    standard: str
    due_on: date | None


def closing_facts(session: Session, referral: Referral, *, least_attempts: int) -> ClosingFacts:
    """What the outcome of a closing is checked against. A provider who made contact has reached the person."""
    reached = or_(
        exists().where(
            ContactAttempt.referral_id == referral.id, ContactAttempt.outcome == AttemptOutcome.REACHED
        ),
        exists().where(
            OnwardReferral.referral_id == referral.id, OnwardReferral.first_contact_at.is_not(None)
        ),
    )
    return ClosingFacts(
        was_reached=bool(session.scalar(select(reached))),
        attempts=count_contact_attempts(session, referral.id),
        least_attempts=least_attempts,
        risk=choose_counting_risk(referral.risk, referral.officer_grade),
    )


def last_risk(session: Session, referral_id: UUID) -> Risk | None:
    """The risk that counts; None for a referral that is not there."""
    chosen = select(Referral.risk, Referral.officer_grade).where(Referral.id == referral_id)
    row = session.execute(chosen).one_or_none()
    return choose_counting_risk(row.risk, row.officer_grade) if row is not None else None


def last_assessment(session: Session, referral_id: UUID) -> LastAssessment | None:
    """The newest assessment; None where there is none."""
    row = session.execute(
        select(TriageAssessment.assessed_at, User.name, TriageAssessment.risk)
        .join(User, User.id == TriageAssessment.by_id)
        .where(TriageAssessment.referral_id == referral_id)
        .order_by(TriageAssessment.version.desc())
        .limit(1)
    ).first()
    return LastAssessment(row.assessed_at, row.name, row.risk) if row else None


def owed_standards(session: Session, referral_id: UUID) -> tuple[OwedStandard, ...]:
    """The area's standards that the Gateway has not met on this referral, the earliest due first."""
    rows = session.execute(
        select(EntitlementClock.entitlement_id, CodeEntitlement.entitlement, EntitlementClock.due_on)
        .join(
            CodeEntitlement,
            (CodeEntitlement.edition == EntitlementClock.edition)
            & (CodeEntitlement.entitlement_id == EntitlementClock.entitlement_id),
        )
        .where(
            EntitlementClock.referral_id == referral_id,
            EntitlementClock.edition == LOCAL,
            EntitlementClock.status.in_((Status.RUNNING, Status.OVERDUE)),
            CodeEntitlement.owner == "gateway",
        )
        .order_by(EntitlementClock.due_on, EntitlementClock.entitlement_id)
    )
    return tuple(OwedStandard(row.entitlement_id, row.entitlement, row.due_on) for row in rows)


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
            Task.kind.not_in(
                (*TASKS_OF_ONWARD_REFERRALS, *TASKS_ENDED_BY_CLOSING, *TASKS_OUTLASTING_CLOSING)
            ),
        )
        .order_by(Task.created_at)
    )
    return [OpenMatter("task", row.kind.value, row.onward_referral_id) for row in rows]
