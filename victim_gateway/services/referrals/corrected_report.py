"""When the crime was reported, put right: the event is taken back and recorded anew, and the clocks follow.

What was known until now stays as it was known: figures as at an earlier moment, published ones too, do not move.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select

from victim_gateway.database.table_aliases import named_alias
from victim_gateway.models import CaseEvent
from victim_gateway.services.compliance import case_events
from victim_gateway.services.shared.case_action import EventDetails, ReferralAction
from victim_gateway.services.shared.onward_referral_action import LocalEvent
from victim_gateway.vocabulary import EventKind, EvidenceGrade

REPORTED = "reported_to_police"
BUSINESS_REPORTED = "business_referral_received"
CORRECTED = "corrected"


def correct_report_event(action: ReferralAction, reported_at: datetime | None) -> None:
    """Void the report that is on record and append the right one; None: it was not reported.

    The new event keeps the source and the grade of the old one: a corrected day is the same statement.
    """
    _correct_business_report(action, reported_at)
    standing = _void_standing_events(action, REPORTED)
    if reported_at is None:
        return
    source = standing[-1].source if standing else "victim"
    grade = standing[-1].grade if standing else EvidenceGrade.VICTIM_REPORT
    new = replace(
        action.new_event(REPORTED, EventKind.CODE), occurred_at=reported_at, source=source, grade=grade
    )
    action.append_event(new)


def _correct_business_report(action: ReferralAction, reported_at: datetime | None) -> None:
    """The area promises a business an answer from the report, or from when it reached us if that came first."""
    if _void_standing_events(action, BUSINESS_REPORTED):
        received_at = action.referral.received_at
        occurred_at = min(reported_at or received_at, received_at)
        action.record_local_event(BUSINESS_REPORTED, EventDetails(occurred_at=occurred_at))
        _correct_contact_from_report(action, occurred_at)


def _correct_contact_from_report(action: ReferralAction, occurred_at: datetime) -> None:
    """A business adviser's contact is due from the report too: its clock runs from the right one."""
    for event in _void_standing_events(action, LocalEvent.CONTACT_FROM_REPORT):
        details = EventDetails(occurred_at=occurred_at)
        new = action.new_event(LocalEvent.CONTACT_FROM_REPORT, EventKind.LOCAL, details)
        action.append_event(
            replace(
                new,
                subject=event.subject,
                onward_referral_id=event.onward_referral_id,
                provider_id=event.provider_id,
            )
        )


def _void_standing_events(action: ReferralAction, event: str) -> Sequence[CaseEvent]:
    session, voiding = action.session, named_alias(CaseEvent, "voiding")
    standing = session.scalars(
        select(CaseEvent)
        .outerjoin(voiding, voiding.voids_id == CaseEvent.id)
        .where(CaseEvent.referral_id == action.referral.id, CaseEvent.event == event, voiding.id.is_(None))
        .order_by(CaseEvent.sequence)
    ).all()
    for each in standing:
        case_events.void_case_event_without_clocks(session, each.id, at=action.at, reason_code=CORRECTED)
    return standing
