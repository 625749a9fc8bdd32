"""One onward referral for either side: what was shared, its state, its messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.errors import NotFound
from victim_gateway.models import (
    CaseEvent,
    EntitlementClock,
    Note,
    OnwardReferral,
    Organisation,
    ProviderService,
)
from victim_gateway.provider_vocabulary import ServiceKind
from victim_gateway.queries.onward_referrals.handover import HANDOVER, SAFE_CONTACT
from victim_gateway.queries.onward_referrals.provider_notices import NoticeEntry, notices_of, refuse_ended
from victim_gateway.queries.referrals.alerts import referral_alerts
from victim_gateway.rules.alerts import PersonAlert, list_alerts
from victim_gateway.rules.contact_links import sign_name
from victim_gateway.rules.handover import read_handover, read_safe_contact, shared_alert_facts
from victim_gateway.rules.provider_inbox import provider_due_on
from victim_gateway.vocabulary import DeclineReason, OnwardState, ServiceOutcome

# Shown by the entry beside it: an acceptance or a decline is an answer.
NOT_SHOWN_EVENTS = ("onward_referral_answered", "event_voided", "business_service_offered")


@dataclass(frozen=True, slots=True)
class OnwardTimelineEntry:
    """One entry of the timeline of this onward referral, and of nothing else."""

    event: str
    occurred_at: datetime
    recorded_at: datetime
    by: str | None
    organisation: str | None
    reason_code: str | None
    text: str | None
    codes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OnwardMessage:
    """What one side wrote to the other."""

    written_at: datetime
    by: str
    organisation: str
    is_mine: bool
    subject: str
    body: str

    @property
    def signed(self) -> str:
        """Who wrote it, with the organisation."""
        return sign_name(self.by, self.organisation)


@dataclass(frozen=True, slots=True)
class OnwardReferralView:
    """An onward referral as its reader may see it. `due_on` is the provider's next deadline, if any.

    `alerts` are of what is recorded now; for the provider, of what was shared with it and nothing else.
    """

    id: UUID
    reference: str
    referral_id: UUID
    provider_id: UUID
    provider: str
    service_id: UUID
    service: str
    kind: ServiceKind
    state: OnwardState
    version: int
    offered_at: datetime
    answer_due_on: date | None
    due_on: date | None
    acknowledged_at: datetime | None
    answered_at: datetime | None
    first_contact_planned_on: date | None
    first_contact_at: datetime | None
    ended_at: datetime | None
    decline_reason: DeclineReason | None
    is_decline_decided: bool
    decline_mistake_at: datetime | None
    proposed_service_id: UUID | None
    outcome: ServiceOutcome | None
    is_open_to_provider: bool
    handover: dict[str, Any]
    safe_contact: dict[str, Any]
    alerts: tuple[PersonAlert, ...]
    timeline: tuple[OnwardTimelineEntry, ...]
    messages: tuple[OnwardMessage, ...]
    notices: tuple[NoticeEntry, ...]

    @property
    def is_restorative(self) -> bool:
        """Whether it is to restorative justice."""
        return self.kind is ServiceKind.RESTORATIVE_JUSTICE


def onward_referral_view(
    session: Session, onward_referral_id: UUID, *, reader_organisation_id: UUID | None, at: datetime
) -> OnwardReferralView:
    """One onward referral, opened; that it was seen is audited.

    Raises NotFound when it is absent or not the reader's: providers find only what is theirs and live.
    """
    row = session.execute(
        select(OnwardReferral, Organisation.name, ProviderService.name, ProviderService.kind)
        .join(Organisation, Organisation.id == OnwardReferral.provider_id)
        .join(ProviderService, ProviderService.id == OnwardReferral.service_id)
        .where(OnwardReferral.id == onward_referral_id)
    ).first()
    if row is None:
        refuse_ended(session, onward_referral_id)
        raise NotFound
    onward, provider, service, kind = row
    key = encrypted_rows.open_key(session, onward.key_id)
    record_audit(
        session,
        "onward_referral.viewed",
        subject_type="onward_referral",
        subject_id=onward.id,
        person_id=onward.person_id,
        reference=onward.reference,
    )
    handover = read_handover(encrypted_rows.unseal_row(key, HANDOVER, onward.id, onward.handover_sealed))
    safe_contact = read_safe_contact(
        encrypted_rows.unseal_row(key, SAFE_CONTACT, onward.id, onward.safe_contact_sealed),
        times.london_date(at),
        current_settings().area.thresholds.safe_contact_recheck_days,
    )
    is_provider = reader_organisation_id == onward.provider_id
    return OnwardReferralView(
        id=onward.id,
        reference=onward.reference,
        referral_id=onward.referral_id,
        provider_id=onward.provider_id,
        provider=provider,
        service_id=onward.service_id,
        service=service,
        kind=kind,
        state=onward.state,
        version=onward.version,
        offered_at=onward.offered_at,
        answer_due_on=onward.answer_due_on,
        due_on=provider_due_on(onward.state, _due_on(session, onward.id), onward.answer_due_on),
        acknowledged_at=onward.acknowledged_at,
        answered_at=onward.answered_at,
        first_contact_planned_on=onward.first_contact_planned_on,
        first_contact_at=onward.first_contact_at,
        ended_at=onward.ended_at,
        decline_reason=onward.decline_reason,
        is_decline_decided=onward.decline_confirmed_at is not None,
        decline_mistake_at=onward.decline_mistake_at,
        proposed_service_id=onward.proposed_service_id,
        outcome=onward.outcome,
        is_open_to_provider=onward.provider_access_ended_at is None,
        handover=handover,
        safe_contact=safe_contact,
        alerts=list_alerts(shared_alert_facts(handover, safe_contact))
        if is_provider
        else referral_alerts(session, onward.referral_id, at=at),
        timeline=_timeline(session, onward.id, key),
        messages=_messages(session, onward.id, key, reader_organisation_id),
        notices=notices_of(session, onward.id),
    )


def _due_on(session: Session, onward_referral_id: UUID) -> date | None:
    return session.scalar(
        select(EntitlementClock.due_on)
        .join(CaseEvent, CaseEvent.id == EntitlementClock.start_event_id)
        .where(
            CaseEvent.onward_referral_id == onward_referral_id,
            EntitlementClock.status.in_(("running", "overdue")),
        )
        .order_by(EntitlementClock.due_on)
        .limit(1)
    )


def _timeline(session: Session, onward_referral_id: UUID, key: bytes) -> tuple[OnwardTimelineEntry, ...]:
    """Newest first."""
    rows = session.execute(
        select(CaseEvent, Organisation.name)
        .outerjoin(Organisation, Organisation.id == CaseEvent.organisation_id)
        .where(CaseEvent.onward_referral_id == onward_referral_id, CaseEvent.event.not_in(NOT_SHOWN_EVENTS))
        .order_by(CaseEvent.recorded_at.desc(), CaseEvent.sequence.desc())
    )
    return tuple(
        OnwardTimelineEntry(
            event=event.event,
            occurred_at=event.occurred_at,
            recorded_at=event.recorded_at,
            by=event.actor_name,
            organisation=organisation,
            reason_code=event.reason_code,
            text=_text(event, key),
            codes=event.details,
        )
        for event, organisation in rows
    )


def _text(event: CaseEvent, key: bytes) -> str | None:
    if not event.sealed:
        return None
    text: str | None = encrypted_rows.unseal_row(key, "case_event", event.id, event.sealed).get("words")
    return text


def _messages(
    session: Session, onward_referral_id: UUID, key: bytes, reader_organisation_id: UUID | None
) -> tuple[OnwardMessage, ...]:
    """In the order in which they were written."""
    rows = session.execute(
        select(Note, Organisation.name)
        .join(Organisation, Organisation.id == Note.organisation_id)
        .where(Note.onward_referral_id == onward_referral_id)
        .order_by(Note.written_at, Note.id)
    )
    found = []
    for note, organisation in rows:
        said = encrypted_rows.unseal_row(key, "note", note.id, note.sealed)
        found.append(
            OnwardMessage(
                written_at=note.written_at,
                by=note.by_name,
                organisation=organisation,
                is_mine=note.organisation_id == reader_organisation_id,
                subject=said["subject"],
                body=said["body"],
            )
        )
    return tuple(found)
