"""What a provider recorded because of the kind of its service, as both sides read it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.models import RecordedKindStep
from victim_gateway.provider_vocabulary import ServiceKind
from victim_gateway.service_record_vocabulary import KindStep

# What the sealed text of a step is bound to.
ONWARD_KIND_STEP = "onward_kind_step"


@dataclass(frozen=True, slots=True)
class KindStepEntry:
    """One step with its day. `taken_back_at`: it was wrong, and counts no more."""

    step_id: UUID
    kind: ServiceKind
    step: KindStep
    happened_on: date
    minutes: int | None
    text: str
    by: str
    recorded_at: datetime
    taken_back_at: datetime | None


def kind_steps(session: Session, onward_referral_id: UUID, key: bytes) -> tuple[KindStepEntry, ...]:
    """The steps of one onward referral, the newest day first; `key` is that of the handover."""
    rows = session.scalars(
        select(RecordedKindStep)
        .where(RecordedKindStep.onward_referral_id == onward_referral_id)
        .order_by(
            RecordedKindStep.happened_on.desc(), RecordedKindStep.recorded_at.desc(), RecordedKindStep.id
        )
    )
    return tuple(
        KindStepEntry(
            step_id=row.id,
            kind=row.kind,
            step=row.step,
            happened_on=row.happened_on,
            minutes=row.minutes,
            text=_text(row, key),
            by=row.by_name,
            recorded_at=row.recorded_at,
            taken_back_at=row.taken_back_at,
        )
        for row in rows
    )


def used_minutes(steps: Iterable[KindStepEntry]) -> int:
    """How much of the free time was used, without what was taken back."""
    return sum(each.minutes or 0 for each in steps if each.taken_back_at is None)


def _text(row: RecordedKindStep, key: bytes) -> str:
    if row.sealed is None:
        return ""
    return str(encrypted_rows.unseal_row(key, ONWARD_KIND_STEP, row.id, row.sealed).get("words") or "")
