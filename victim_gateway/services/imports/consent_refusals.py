"""Hold every referral of a person who refuses consent in a feed, not only the one the refusal came with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from victim_gateway.database import bulk_insert
from victim_gateway.models import CaseEvent, Referral, Task
from victim_gateway.queries.people.merged_records import group_records, merges_of_records
from victim_gateway.rules.transitions import OVER_STATES, REFERRAL_TRANSITIONS
from victim_gateway.services.imports.batches import RunningBatch
from victim_gateway.services.imports.conflicts import conflict_row, open_conflicts
from victim_gateway.services.imports.imported_person import ImportedPerson
from victim_gateway.services.imports.row_mapping import ImportedEvent, case_event_values
from victim_gateway.services.referrals.ended_survey_links import end_survey_links_of_records
from victim_gateway.services.shared import referral_holds
from victim_gateway.vocabulary import EventKind, HeldReason, ReferralState


def hold_refused_referrals(
    session: Session, batch: RunningBatch, people: Iterable[ImportedPerson]
) -> set[UUID]:
    """Hold what can be held, and open a task for what is too far on to be held; gives the referrals touched.

    Links to questions end too, on every record of a person who refused.
    """
    refused = {
        person.id: {consent["referral_id"] for consent in person.new_consents if not consent["agreed"]}
        for person in people
        if person.new_consents and not person.new_consents[-1]["agreed"]
    }
    if not refused:
        return set()
    settled = {referral_id for referral_ids in refused.values() for referral_id in referral_ids}
    # A no counts for every record of the person.
    merged = group_records(merges_of_records(session, refused))
    people_who_refused = {record for person_id in refused for record in merged.get(person_id, {person_id})}
    end_survey_links_of_records(session, people_who_refused, at=batch.imported_at)
    others = [
        row
        for row in session.execute(
            select(Referral.id, Referral.state, Referral.held_reason).where(
                bulk_insert.column_in(Referral.person_id, people_who_refused),
                Referral.state.not_in(OVER_STATES),
            )
        )
        if row.id not in settled
    ]
    can_be_held = [row for row in others if ReferralState.HELD in REFERRAL_TRANSITIONS[row.state]]
    already_held = [row for row in others if row.state is ReferralState.HELD]
    in_progress = [row for row in others if row not in can_be_held and row not in already_held]
    stopped = {
        row.id for row in (*can_be_held, *already_held) if row.held_reason is not HeldReason.CONSENT_REFUSED
    }
    if stopped:
        session.execute(
            update(Referral)
            .where(Referral.id.in_(stopped))
            .values(
                state=ReferralState.HELD,
                held_reason=HeldReason.CONSENT_REFUSED,
                held_reasons=func.array_prepend(HeldReason.CONSENT_REFUSED.value, Referral.held_reasons),
                version=Referral.version + 1,
            )
            .execution_options(synchronize_session="fetch")
        )
    bulk_insert.insert_rows(
        session, CaseEvent, [_hold_event_row(batch, row) for row in can_be_held], with_new_ids=True
    )
    bulk_insert.insert_rows(
        session,
        Task,
        [
            referral_holds.hold_task_values(row.id, {HeldReason.CONSENT_REFUSED}, at=batch.imported_at)
            for row in can_be_held
        ],
        on_conflict="ON CONFLICT DO NOTHING",
    )
    open_conflicts(session, [conflict_row(batch, row.id, {"consent_to_referral"}) for row in in_progress])
    return stopped | {row.id for row in in_progress}


def _hold_event_row(batch: RunningBatch, row: Any) -> dict[str, Any]:
    event = ImportedEvent(
        row.id,
        "referral.held",
        EventKind.STORY,
        occurred_at=batch.imported_at,
        recorded_at=batch.imported_at,
        row_number=None,
        from_state=row.state,
        to_state=ReferralState.HELD,
        reason_code=HeldReason.CONSENT_REFUSED,
    )
    return case_event_values(batch, event)
