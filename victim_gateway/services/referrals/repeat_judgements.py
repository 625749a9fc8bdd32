"""That a person is persistently targeted, as a caseworker judged it."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput
from victim_gateway.models import TargetingAssessment
from victim_gateway.row_ids import new_row_id
from victim_gateway.services.shared import case_locks, submissions
from victim_gateway.services.shared.command import Command

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
        _audit(session, "targeting.assessed", person_id, is_targeted=is_targeted)


def _audit(session: Session, audit_action: str, person_id: UUID, **details: object) -> None:
    record_audit(
        session, audit_action, subject_type="person", subject_id=person_id, person_id=person_id, **details
    )
