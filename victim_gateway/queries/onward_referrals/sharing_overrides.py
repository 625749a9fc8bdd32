"""Sharing without consent: what a senior caseworker allowed for one referral and provider, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.database.table_aliases import named_alias
from victim_gateway.models import OnwardReferral, Organisation, SharingOverride, User
from victim_gateway.rules.handover import RecordedOverride
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.vocabulary import OverrideGround, OverrideState

OPEN_STATES = (OverrideState.ASKED, OverrideState.AGREED)


@dataclass(frozen=True, slots=True)
class OverrideRecord:
    """One request to share without consent: who asked, why, what a senior said, and its last day."""

    override_id: UUID
    provider_id: UUID
    provider: str
    ground: OverrideGround
    state: OverrideState
    reason: str
    last_day_on: date
    asked_at: datetime
    asked_by: str
    asked_by_id: UUID
    decided_by: str | None


_ASKER, _DECIDER = named_alias(User, "asker"), named_alias(User, "decider")
_OF_REFERRAL = (
    select(SharingOverride, Organisation.name, _ASKER.name, _DECIDER.name)
    .join(Organisation, Organisation.id == SharingOverride.provider_id)
    .join(_ASKER, _ASKER.id == SharingOverride.asked_by_id)
    .outerjoin(_DECIDER, _DECIDER.id == SharingOverride.decided_by_id)
    .where(SharingOverride.referral_id == bindparam("referral_id"))
    .order_by(SharingOverride.asked_at.desc(), SharingOverride.id)
)


def sharing_overrides(session: Session, referral_id: UUID, key: bytes) -> tuple[OverrideRecord, ...]:
    """Every request of a referral, the newest first; `key` is the person's."""
    return tuple(
        OverrideRecord(
            override_id=row.id,
            provider_id=row.provider_id,
            provider=provider,
            ground=row.ground,
            state=row.state,
            reason=encrypted_rows.unseal_row(key, "sharing_override", row.id, row.sealed)["reason"],
            last_day_on=row.last_day_on,
            asked_at=row.asked_at,
            asked_by=asked_by,
            asked_by_id=row.asked_by_id,
            decided_by=decided_by,
        )
        for row, provider, asked_by, decided_by in session.execute(_OF_REFERRAL, {"referral_id": referral_id})
    )


def override_in_force(
    session: Session, referral_id: UUID, provider_id: UUID, on: date
) -> SharingOverride | None:
    """The senior caseworker's yes that allows sharing with a provider on a London date."""
    return session.scalar(
        select(SharingOverride).where(
            SharingOverride.referral_id == referral_id,
            SharingOverride.provider_id == provider_id,
            SharingOverride.state == OverrideState.AGREED,
            SharingOverride.last_day_on >= on,
        )
    )


def recorded_override(override: SharingOverride) -> RecordedOverride:
    """What a handover says of it. It was decided, or it would not be in force."""
    decided_at = override.decided_at or override.asked_at
    return RecordedOverride(override.ground, times.london_date(decided_at))


def onward_resting_on(session: Session, override_id: UUID) -> tuple[tuple[UUID, str], ...]:
    """Live onward referrals that an override allowed: id and reference."""
    rows = session.execute(
        select(OnwardReferral.id, OnwardReferral.reference)
        .where(
            OnwardReferral.sharing_override_id == override_id, OnwardReferral.state.in_(LIVE_ONWARD_STATES)
        )
        .order_by(OnwardReferral.id)
    )
    return tuple((row.id, row.reference) for row in rows)
