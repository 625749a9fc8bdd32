"""Assessments that wait for a senior caseworker, the one due first at the top: read from a small index of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Boolean, and_, literal_column, select, tuple_
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.table_aliases import named_alias
from victim_gateway.models import Referral, ReferralAccess, Task, TriageAssessment, User
from victim_gateway.vocabulary import Risk, Role

PAGE_SIZE = 50
# As the text that the index has: with a parameter it would not be recognised.
_WAITS = literal_column("task.done_at IS NULL AND task.kind = 'high_risk_review'", Boolean)


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One assessment to review, without a name. `is_own`: the reader made it, so somebody else reviews it."""

    task_id: UUID
    due_on: date | None
    referral_id: UUID
    reference: str
    offence: str
    risk: Risk
    causes: tuple[str, ...]
    assessed_at: datetime
    by: str
    is_own: bool


def possible_reviewers(session: Session, referral: Referral, *, author_id: UUID) -> tuple[str, ...]:
    """The names of the senior caseworkers who can review an assessment, or answer a complaint about its author.

    Never the author, nor who may not see the referral.
    """
    seniors = select(User.name).where(
        User.role == Role.SENIOR, User.disabled_at.is_(None), User.id != author_id
    )
    if referral.restricted:
        listed = select(ReferralAccess.user_id).where(ReferralAccess.referral_id == referral.id)
        seniors = seniors.where(User.id.in_(listed))
    return tuple(session.scalars(seniors.order_by(User.name, User.id)))


def reviews_waiting(
    session: Session, actor: Actor, *, after: tuple[date, UUID] | None = None
) -> tuple[tuple[ReviewRow, ...], bool]:
    """A page of the list, and whether more follows. `after` is the due day and task of the last row seen."""
    version = named_alias(TriageAssessment, "version")
    last = (
        select(version.id)
        .where(version.referral_id == Task.referral_id)
        .order_by(version.version.desc())
        .limit(1)
        .correlate(Task)
        .scalar_subquery()
    )
    statement = (
        select(
            Task.id,
            Task.due_on,
            Referral.id.label("referral_id"),
            Referral.reference,
            Referral.offence,
            TriageAssessment.risk,
            TriageAssessment.review_causes,
            TriageAssessment.assessed_at,
            TriageAssessment.by_id,
            User.name,
        )
        .join(Referral, Referral.id == Task.referral_id)
        # By the referral first: what a sub-select gives is compared after the policy, row by row of the whole table.
        .join(
            TriageAssessment,
            and_(TriageAssessment.referral_id == Task.referral_id, TriageAssessment.id == last),
        )
        .join(User, User.id == TriageAssessment.by_id)
        .where(_WAITS)
        .order_by(Task.due_on, Task.id)
        .limit(PAGE_SIZE + 1)
    )
    if after is not None:
        statement = statement.where(tuple_(Task.due_on, Task.id) > after)
    rows = session.execute(statement).all()
    shown = tuple(
        ReviewRow(
            task_id=row.id,
            due_on=row.due_on,
            referral_id=row.referral_id,
            reference=row.reference,
            offence=row.offence,
            risk=row.risk,
            causes=tuple(row.review_causes),
            assessed_at=row.assessed_at,
            by=row.name,
            is_own=row.by_id == actor.user_id,
        )
        for row in rows[:PAGE_SIZE]
    )
    record_audit(session, "reviews.viewed", shown=[row.reference for row in shown])
    return shown, len(rows) > PAGE_SIZE
