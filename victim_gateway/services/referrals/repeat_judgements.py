"""That a person is persistently targeted, as a caseworker judged it."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.errors import InvalidInput
from victim_gateway.models import Referral, TargetingAssessment, Task
from victim_gateway.queries.people.merged_records import records_of_person
from victim_gateway.row_ids import new_row_id
from victim_gateway.services.shared import case_locks, next_action, submissions, tasks
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import ReferralState, TaskKind

LONGEST_UNTIL_REVIEW_DAYS = 366


def record_targeting(
    command: Command, person_id: UUID, *, is_targeted: bool, reason: str, review_on: date | None
) -> None:
    """Record whether a person is persistently targeted; it takes the place of what was judged before.

    It changes no clock: enhanced rights are opened by the triage assessment. Raises NotFound, and InvalidInput
    without a reason, and for a yes without a day of review in the year that follows.
    """
    today = times.london_date(command.at)
    wrong = {}
    if not reason.strip():
        wrong["reason"] = "Enter what you go by"
    if is_targeted and (review_on is None or not 0 < (review_on - today).days <= LONGEST_UNTIL_REVIEW_DAYS):
        wrong["review_on"] = "The day of the review must be after today and within a year"
    if wrong:
        raise InvalidInput(next(iter(wrong.values())), fields=wrong)
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        _, key = case_locks.open_person(session, person_id, lock=True)
        row_id = new_row_id()
        session.execute(
            insert(TargetingAssessment).values(
                id=row_id,
                person_id=person_id,
                is_targeted=is_targeted,
                assessed_at=command.at,
                assessed_by_id=command.actor.user_id,
                review_on=review_on if is_targeted else None,
                sealed=encrypted_rows.seal_row(
                    key, "targeting_assessment", row_id, {"words": reason.strip()}
                ),
            )
        )
        _finish_reviews(session, person_id, command)
        _audit(session, "targeting.assessed", person_id, is_targeted=is_targeted)


def ask_for_due_targeting_reviews(command: Command) -> int:
    """Open a task where the day has come on which it is looked at again; each judgement asks once. Safe to run twice.

    The task stands on the person's last referral. A judgement in whose place another stands asks nothing. Returns how
    many were asked for. As the service.
    """
    with transaction(command.actor) as session:
        due = session.execute(
            select(TargetingAssessment.id, TargetingAssessment.person_id)
            .where(
                TargetingAssessment.is_targeted,
                TargetingAssessment.asked_at.is_(None),
                TargetingAssessment.review_on <= times.london_date(command.at),
            )
            .order_by(TargetingAssessment.id)
            .with_for_update(skip_locked=True)
        ).all()
        asked = []
        for row in due:
            referral_id = _referral_to_ask_on(session, row.person_id, row.id)
            if referral_id is not None:
                task = NewTask(
                    kind=TaskKind.TARGETING_REVIEW,
                    referral_id=referral_id,
                    dedupe_key=targeting_review_key(row.person_id),
                )
                tasks.open_task(session, task, at=command.at)
                asked.append(referral_id)
        if due:
            judgements = TargetingAssessment.id.in_([row.id for row in due])
            session.execute(update(TargetingAssessment).where(judgements).values(asked_at=command.at))
        next_action.refresh_next_actions(session, sorted(set(asked)), at=command.at)
    return len(asked)


def targeting_review_key(person_id: UUID) -> str:
    """The dedupe key of the task to look again at whether a person is persistently targeted."""
    return f"targeting-review:{person_id}"


def _referral_to_ask_on(session: Session, person_id: UUID, judgement_id: UUID) -> UUID | None:
    """The last referral of the person; None where another judgement counts by now, or nothing is left to ask on."""
    records = records_of_person(session, person_id)
    latest = session.scalar(
        select(TargetingAssessment.id)
        .where(TargetingAssessment.person_id.in_(records))
        .order_by(TargetingAssessment.assessed_at.desc(), TargetingAssessment.id.desc())
        .limit(1)
    )
    if latest != judgement_id:
        return None
    return session.scalar(
        select(Referral.id)
        .where(Referral.person_id.in_(records), Referral.state != ReferralState.ENTERED_IN_ERROR)
        .order_by(Referral.state == ReferralState.CLOSED, Referral.received_at.desc(), Referral.id.desc())
        .limit(1)
    )


def _finish_reviews(session: Session, person_id: UUID, command: Command) -> None:
    """It was looked at: the task ends, whichever record of the person it was opened for."""
    with as_service(session):
        touched = [
            referral_id
            for record in records_of_person(session, person_id)
            for referral_id in _finish_review(session, record, command)
        ]
        if touched:
            next_action.refresh_next_actions(session, sorted(touched), at=command.at)


def _finish_review(session: Session, person_id: UUID, command: Command) -> list[UUID]:
    key = targeting_review_key(person_id)
    asked_on = session.scalars(
        select(Task.referral_id).where(Task.dedupe_key == key, Task.done_at.is_(None))
    ).all()
    tasks.finish_task(session, key, at=command.at)
    return list(asked_on)


def _audit(session: Session, audit_action: str, person_id: UUID, **details: object) -> None:
    record_audit(
        session, audit_action, subject_type="person", subject_id=person_id, person_id=person_id, **details
    )
