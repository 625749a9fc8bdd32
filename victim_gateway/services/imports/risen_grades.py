"""Let an officer's grade that a feed raised above our last assessment count, and ask to assess again."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.database import bulk_insert
from victim_gateway.models import Referral, Task, TriageAssessment
from victim_gateway.rules.risk_rules import higher_risk, is_grade_above
from victim_gateway.rules.transitions import OVER_STATES
from victim_gateway.services.imports.batches import RunningBatch
from victim_gateway.services.imports.update_records import ReferralUpdate
from victim_gateway.services.shared.tasks import assess_again_key, new_task_values
from victim_gateway.vocabulary import Risk, TaskKind


def heed_risen_grades(session: Session, batch: RunningBatch, updates: Sequence[ReferralUpdate]) -> None:
    """Raise the risk of the referrals whose grade rose, as a correction does (`assessment_tasks`), set-wise."""
    risen = [
        change.referral
        for change in updates
        if is_grade_above(change.referral.officer_grade, change.grade_before)
        and change.referral.risk is not Risk.UNKNOWN
    ]
    if not risen:
        return
    ours = _last_risks(session, risen)
    above = [
        referral
        for referral in risen
        if referral.id in ours and is_grade_above(referral.officer_grade, ours[referral.id])
    ]
    for referral in above:
        referral.risk = higher_risk(referral.risk, referral.officer_grade)
    session.flush()
    rows = [
        new_task_values(
            TaskKind.ASSESS_AGAIN, referral.id, assess_again_key(referral.id), at=batch.imported_at
        )
        for referral in above
        if referral.state not in OVER_STATES
    ]
    bulk_insert.insert_rows(session, Task, rows, on_conflict="ON CONFLICT DO NOTHING")


def _last_risks(session: Session, referrals: Sequence[Referral]) -> dict[UUID, Risk]:
    """Our last assessment's risk of each referral that has one."""
    versions = (
        select(TriageAssessment.referral_id, TriageAssessment.risk)
        .where(bulk_insert.column_in(TriageAssessment.referral_id, {referral.id for referral in referrals}))
        .order_by(TriageAssessment.version)
    )
    # The newest comes last.
    return {row.referral_id: Risk(row.risk) for row in session.execute(versions)}
