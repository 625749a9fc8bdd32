"""Ask about MARAC where a feed made it a question: domestic abuse that it says now, or a grade that it raised."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.database import bulk_insert
from victim_gateway.models import MaracDecision, Task
from victim_gateway.rules.marac import is_marac_question
from victim_gateway.rules.transitions import OVER_STATES
from victim_gateway.services.imports.batches import RunningBatch
from victim_gateway.services.imports.update_records import ReferralUpdate
from victim_gateway.services.shared.tasks import marac_key, new_task_values
from victim_gateway.vocabulary import TaskKind


def ask_about_marac(session: Session, batch: RunningBatch, updates: Sequence[ReferralUpdate]) -> None:
    """Open the question, unless a referral to MARAC is open. No feed ends it: that takes a person."""
    asked = {
        change.referral.id
        for change in updates
        if not change.was_marac_question
        and is_marac_question(change.referral.risk, change.referral.harms)
        and change.referral.state not in OVER_STATES
    }
    if not asked:
        return
    referred = select(MaracDecision.referral_id).where(
        bulk_insert.column_in(MaracDecision.referral_id, asked),
        MaracDecision.is_referred,
        MaracDecision.outcome.is_(None),
    )
    rows = [
        new_task_values(TaskKind.MARAC_DECISION, referral_id, marac_key(referral_id), at=batch.imported_at)
        for referral_id in sorted(asked - set(session.scalars(referred)))
    ]
    bulk_insert.insert_rows(session, Task, rows, on_conflict="ON CONFLICT DO NOTHING")
