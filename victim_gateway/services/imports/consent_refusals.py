"""Hold every referral of a person who refuses consent in a feed, not only the one the refusal came with."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from victim_gateway.database import bulk_insert
from victim_gateway.models import CaseEvent, Person, Referral, Task
from victim_gateway.rules.transitions import REFERRAL_TRANSITIONS
from victim_gateway.services.imports.batches import RunningBatch
from victim_gateway.services.imports.conflicts import conflict_row, open_conflicts
from victim_gateway.services.imports.imported_person import ImportedPerson
from victim_gateway.services.imports.prepared_row import PreparedRow
from victim_gateway.services.imports.row_mapping import ImportedEvent, case_event_values
from victim_gateway.services.shared import referral_holds
from victim_gateway.vocabulary import EventKind, HeldReason, ReferralState

_OVER = (ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR)


def referrals_to_lock(session: Session, incoming: Collection[PreparedRow]) -> set[UUID]:
    """The referrals of everyone who refuses consent in these rows: to be locked with those that are updated."""
    refusing = [item for item in incoming if item.row.consent_to_referral == "no"]
    if not refusing:
        return set()
    named = select(Person.id).where(
        bulk_insert.column_in(
            Person.victim_reference_hash, {item.new_person.victim_reference_hash for item in refusing}
        )
    )
    updated = select(Referral.person_id).where(
        bulk_insert.column_in(Referral.feed_reference, {item.row.feed_reference for item in refusing})
    )
    found = session.scalars(
        select(Referral.id).where(Referral.person_id.in_(named) | Referral.person_id.in_(updated))
    )
    return set(found)


def hold_refused_referrals(
    session: Session, batch: RunningBatch, people: Iterable[ImportedPerson]
) -> set[UUID]:
    """Hold what can be held, and open a task for what is too far on to be held; gives the referrals touched."""
    refused = {
        person.id: {consent["referral_id"] for consent in person.new_consents if not consent["agreed"]}
        for person in people
        if person.new_consents and not person.new_consents[-1]["agreed"]
    }
    if not refused:
        return set()
    others = [
        row
        for row in session.execute(
            select(Referral.id, Referral.person_id, Referral.state, Referral.held_reason).where(
                bulk_insert.column_in(Referral.person_id, refused), Referral.state.not_in(_OVER)
            )
        )
        if row.id not in refused[row.person_id]
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
