"""The clock of a service whose first contact is due from the report: started with the offer, ended with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.database.table_aliases import named_alias
from victim_gateway.database.transaction import as_service
from victim_gateway.models import CaseEvent, EntitlementClock, OnwardReferral, ProviderService, Referral
from victim_gateway.rules.service_kinds import KIND_RULES
from victim_gateway.services.compliance import case_events
from victim_gateway.services.shared.case_action import EventDetails
from victim_gateway.services.shared.onward_referral_action import LocalEvent, OnwardReferralAction
from victim_gateway.vocabulary import EventKind

NO_LONGER_OWED = "no_longer_owed"


def start_contact_from_report(action: OnwardReferralAction, subject: str | None) -> date | None:
    """Start the clock where the kind of the service has one, from the report; gives the day the contact is due.

    `subject` is that of the offer, by which the first contact stops it. None: no such clock, or none in the area.
    """
    session, onward = action.session, action.onward
    with as_service(session):
        service = session.get_one(ProviderService, onward.service_id)
        if not KIND_RULES[service.kind].contact_runs_from_report:
            return None
        reported_at = _reported_at(session, onward)
    details = EventDetails(occurred_at=reported_at)
    event = replace(
        action.new_event(LocalEvent.CONTACT_FROM_REPORT, EventKind.LOCAL, details), subject=subject
    )
    case_events.append_case_event(session, event)
    return session.scalar(
        select(EntitlementClock.due_on).where(EntitlementClock.start_event_id == event.event_id)
    )


def release_contact_from_report(session: Session, onward: OnwardReferral, *, at: datetime) -> None:
    """The contact is owed no more: take the start of its clock back where the person was not contacted.

    Late or not: what was reported before the offer would count as this provider's delay. As the service.
    """
    voiding = named_alias(CaseEvent, "voiding")
    standing = (
        select(CaseEvent.id)
        .outerjoin(voiding, voiding.voids_id == CaseEvent.id)
        .where(
            CaseEvent.onward_referral_id == onward.id,
            CaseEvent.event == LocalEvent.CONTACT_FROM_REPORT,
            voiding.id.is_(None),
        )
    )
    if onward.first_contact_at is not None:
        return
    with as_service(session):
        for event_id in session.scalars(standing).all():
            case_events.void_case_event_without_clocks(session, event_id, at=at, reason_code=NO_LONGER_OWED)


def _reported_at(session: Session, onward: OnwardReferral) -> datetime:
    """When it was reported, or reached us if that came first, as the area's promise to businesses counts it."""
    referral = session.get_one(Referral, onward.referral_id)
    return min(referral.reported_at or referral.received_at, referral.received_at)
