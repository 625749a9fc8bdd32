"""How to reach a person safely, kept true in every handover that a provider can still open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import as_service
from victim_gateway.models import OnwardReferral, Person
from victim_gateway.queries.onward_referrals.handover import SAFE_CONTACT, safe_contact_document
from victim_gateway.rules.handover import read_safe_contact
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.services.compliance import case_events
from victim_gateway.services.compliance.case_events import NewCaseEvent
from victim_gateway.services.messages.provider_notices import tell_provider
from victim_gateway.vocabulary import EventKind, NoticeKind

# When, and on whose word: nothing that changes how the person is reached.
_CONFIRMATION = ("checked_on", "stated_by")


def refresh_handover_safe_contact(session: Session, person_id: UUID, at: datetime) -> int:
    """Put the person's current plan into every live onward referral of theirs; how many that were.

    Called in the transaction that changes the plan, so that no provider reads an old answer after it. As the
    service: an onward referral that the actor may not see must not go by an old answer either.
    """
    with as_service(session):
        return _refresh(session, person_id, at)


def _refresh(session: Session, person_id: UUID, at: datetime) -> int:
    live = list(
        session.scalars(
            select(OnwardReferral)
            .where(
                OnwardReferral.person_id == person_id,
                OnwardReferral.state.in_(LIVE_ONWARD_STATES),
                # One that stayed when its provider's work went to a successor is read by nobody.
                OnwardReferral.provider_access_ended_at.is_(None),
            )
            .order_by(OnwardReferral.id)
            .with_for_update()
        )
    )
    differing = reseal_handover_safe_contact(session, live, person_id, at=at)
    for onward in live:
        if onward.id in differing:
            tell_provider(session, onward, NoticeKind.SAFE_CONTACT_CHANGED, at=at)
        case_events.append_case_event(
            session,
            NewCaseEvent(
                referral_id=onward.referral_id,
                event="onward_referral.safe_contact_changed",
                kind=EventKind.STORY,
                occurred_at=at,
                recorded_at=at,
                onward_referral_id=onward.id,
                provider_id=onward.provider_id,
                subject=onward.reference,
            ),
        )
    return len(live)


def reseal_handover_safe_contact(
    session: Session, onwards: Sequence[OnwardReferral], person_id: UUID, *, at: datetime
) -> frozenset[UUID]:
    """Seal what is known now into these onward referrals; does not touch the rest of the handover.

    Gives those whose provider reads something else than before: that the same was confirmed is no change, unless the
    answer had grown too old meanwhile.
    """
    if not onwards:
        return frozenset()
    # As it is after this very transaction's changes: the number of a person may have been corrected in it.
    person = session.get_one(Person, person_id, populate_existing=True)
    keys = encrypted_rows.open_keys(session, [person.key_id, *(onward.key_id for onward in onwards)])
    on = times.london_date(at)
    recheck_days = current_settings().area.thresholds.safe_contact_recheck_days
    document = safe_contact_document(session, person, keys[person.key_id], on=on)
    differing = set()
    for onward in onwards:
        key = keys[onward.key_id]
        before = encrypted_rows.unseal_row(key, SAFE_CONTACT, onward.id, onward.safe_contact_sealed)
        before = read_safe_contact(before, on, recheck_days)
        if _without_confirmation(before) != _without_confirmation(document):
            differing.add(onward.id)
        onward.safe_contact_sealed = encrypted_rows.seal_row(key, SAFE_CONTACT, onward.id, document)
    session.flush()
    return frozenset(differing)


def _without_confirmation(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in _CONFIRMATION}
