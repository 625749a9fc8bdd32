"""The timeline of a referral, newest first: when each event happened, when we learned of it, and from whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, bindparam, func, select
from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.database.table_aliases import named_alias
from victim_gateway.models import CaseEvent, OnwardReferral, Organisation
from victim_gateway.vocabulary import EventKind, EvidenceGrade

KINDS = ("story", "code", "local")


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One event. `note` is the text written about it; `is_voided`: a later correction took it back."""

    event: str
    kind: EventKind
    occurred_at: datetime
    recorded_at: datetime
    by: str | None
    organisation: str | None
    source: str
    grade: EvidenceGrade
    subject: str | None
    from_state: str | None
    to_state: str | None
    reason_code: str | None
    details: dict[str, Any]
    note: str | None
    onward_referral_id: UUID | None
    onward_reference: str | None
    provider: str | None
    is_voided: bool


def timeline_page(
    session: Session,
    referral_id: UUID,
    key: bytes,
    *,
    kinds: Sequence[str] = KINDS,
    limit: int = 50,
    offset: int = 0,
) -> tuple[tuple[TimelineEntry, ...], int]:
    """One page of the entries of these kinds, and how many there are. `key` is the person's."""
    chosen = {"referral_id": referral_id, "kinds": list(kinds)}
    rows = session.execute(_ENTRIES, {**chosen, "size": limit, "skipped": offset}).all()
    # Past the last page there is no row to tell how many there are.
    total = rows[0].total if rows else session.scalar(_TOTAL, chosen) or 0 if offset else 0
    keys = _handover_keys(session, rows)
    return tuple(_entry(row, keys.get(row.onward_key_id, key)) for row in rows), total


_CHOSEN = (
    CaseEvent.referral_id == bindparam("referral_id"),
    CaseEvent.kind.in_(bindparam("kinds", expanding=True)),
    CaseEvent.voids_id.is_(None),
)
_PROVIDER, _ACTOR, _VOIDING = (
    named_alias(Organisation, "provider"),
    named_alias(Organisation, "actor"),
    named_alias(CaseEvent, "voiding"),
)
# Made once: to build a statement takes longer than to send it.
_TOTAL = select(func.count()).select_from(CaseEvent).where(*_CHOSEN)
_ENTRIES = (
    select(
        CaseEvent,
        _ACTOR.name.label("organisation"),
        _PROVIDER.name.label("provider"),
        OnwardReferral.reference.label("onward_reference"),
        OnwardReferral.key_id.label("onward_key_id"),
        _VOIDING.id.label("voided_by"),
        _TOTAL.scalar_subquery().label("total"),
    )
    .outerjoin(_ACTOR, _ACTOR.id == CaseEvent.organisation_id)
    .outerjoin(OnwardReferral, OnwardReferral.id == CaseEvent.onward_referral_id)
    .outerjoin(_PROVIDER, _PROVIDER.id == OnwardReferral.provider_id)
    .outerjoin(_VOIDING, _VOIDING.voids_id == CaseEvent.id)
    .where(*_CHOSEN)
    .order_by(CaseEvent.occurred_at.desc(), CaseEvent.sequence.desc())
    .limit(bindparam("size", type_=Integer))
    .offset(bindparam("skipped", type_=Integer))
)


def _handover_keys(session: Session, rows: Sequence[Any]) -> dict[UUID, bytes]:
    """Open the handover keys: notes of an onward referral are sealed under the key that both sides have."""
    wanted = {row.onward_key_id for row in rows if row.onward_key_id and row[0].sealed}
    return encrypted_rows.open_keys(session, wanted) if wanted else {}


def _entry(row: Any, key: bytes) -> TimelineEntry:
    event: CaseEvent = row[0]
    note = None
    if event.sealed:
        note = encrypted_rows.unseal_row(key, "case_event", event.id, event.sealed).get("words")
    return TimelineEntry(
        event=event.event,
        kind=event.kind,
        occurred_at=event.occurred_at,
        recorded_at=event.recorded_at,
        by=event.actor_name,
        organisation=row.organisation,
        source=event.source,
        grade=event.grade,
        subject=event.subject,
        from_state=event.from_state,
        to_state=event.to_state,
        reason_code=event.reason_code,
        details=event.details,
        note=note,
        onward_referral_id=event.onward_referral_id,
        onward_reference=row.onward_reference,
        provider=row.provider,
        is_voided=row.voided_by is not None,
    )
