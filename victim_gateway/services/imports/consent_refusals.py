"""A no that a feed brings stops the work on every referral of the person, not only on the one it came with."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from victim_gateway.database import bulk_insert
from victim_gateway.models import CaseEvent, Person, Referral
from victim_gateway.rules.transitions import REFERRAL_TRANSITIONS
from victim_gateway.services.imports.batches import RunningBatch
from victim_gateway.services.imports.conflicts import conflict_row, open_conflicts
from victim_gateway.services.imports.imported_person import ImportedPerson
from victim_gateway.services.imports.prepared_row import PreparedRow
from victim_gateway.services.imports.row_mapping import case_event_values
from victim_gateway.vocabulary import EventKind, HeldReason, ReferralState

_OVER = (ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR)


def referrals_to_lock(session: Session, incoming: Collection[PreparedRow]) -> set[UUID]:
    """The referrals of everybody who says no in these rows: to be locked with those that are told again."""
    saying_no = [item for item in incoming if item.row.consent_to_referral == "no"]
    if not saying_no:
        return set()
    named = select(Person.id).where(
        bulk_insert.column_in(
            Person.victim_reference_hash, {item.newcomer.victim_reference_hash for item in saying_no}
        )
    )
    told_again = select(Referral.person_id).where(
        bulk_insert.column_in(Referral.feed_reference, {item.row.feed_reference for item in saying_no})
    )
    found = session.scalars(
        select(Referral.id).where(Referral.person_id.in_(named) | Referral.person_id.in_(told_again))
    )
    return set(found)


def hold_refused_referrals(
    session: Session, batch: RunningBatch, people: Iterable[ImportedPerson]
) -> set[UUID]:
    """Hold what can be held, and make a task for a person of what is too far on; gives the referrals touched."""
    refused = {
        known.id: {told["referral_id"] for told in known.new_consents if not told["agreed"]}
        for known in people
        if known.new_consents and not known.new_consents[-1]["agreed"]
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
    held = [row for row in others if ReferralState.HELD in REFERRAL_TRANSITIONS[row.state]]
    again = [row for row in others if row.state is ReferralState.HELD]
    far_on = [row for row in others if row not in held and row not in again]
    stopped = {row.id for row in (*held, *again) if row.held_reason is not HeldReason.CONSENT_REFUSED}
    if stopped:
        session.execute(
            update(Referral)
            .where(Referral.id.in_(stopped))
            .values(
                state=ReferralState.HELD,
                held_reason=HeldReason.CONSENT_REFUSED,
                version=Referral.version + 1,
            )
            .execution_options(synchronize_session="fetch")
        )
    bulk_insert.insert_rows(session, CaseEvent, [_story(batch, row) for row in held], with_new_ids=True)
    open_conflicts(session, [conflict_row(batch, row.id, {"consent_to_referral"}) for row in far_on])
    return stopped | {row.id for row in far_on}


def _story(batch: RunningBatch, row: Any) -> dict[str, Any]:
    return case_event_values(
        batch,
        None,
        row.id,
        "referral.held",
        kind=EventKind.STORY,
        occurred_at=batch.imported_at,
        recorded_at=batch.imported_at,
        from_state=row.state,
        to_state=ReferralState.HELD,
        reason_code=HeldReason.CONSENT_REFUSED,
    )
