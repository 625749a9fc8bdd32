"""Promises of one referral that are kept back for safety, or that a senior caseworker is asked about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from victim_gateway.compliance.plain_rights import plain_rights
from victim_gateway.database import encrypted_rows
from victim_gateway.database.table_aliases import named_alias
from victim_gateway.models import User, Withholding
from victim_gateway.vocabulary import WithholdingState

OPEN_STATES = (WithholdingState.ASKED, WithholdingState.AGREED)


@dataclass(frozen=True, slots=True)
class KeptBackRight:
    """One promise: what it is, why it is not kept now, who asked and decided, and when it is looked at again."""

    withholding_id: UUID
    entitlement_id: str
    promise: str
    state: WithholdingState
    reason: str
    asked_at: datetime
    asked_by: str
    asked_by_id: UUID
    decided_by: str | None
    review_on: date


_ASKER, _DECIDER = named_alias(User, "asker"), named_alias(User, "decider")
_OF_REFERRAL = (
    select(Withholding, _ASKER.name.label("asked_by"), _DECIDER.name.label("decided_by"))
    .join(_ASKER, _ASKER.id == Withholding.asked_by_id)
    .outerjoin(_DECIDER, _DECIDER.id == Withholding.decided_by_id)
    .where(Withholding.referral_id == bindparam("referral_id"), Withholding.state.in_(OPEN_STATES))
    .order_by(Withholding.review_on, Withholding.id)
)


def kept_back_rights(session: Session, referral_id: UUID, key: bytes) -> tuple[KeptBackRight, ...]:
    """Those that stand, the earliest review first; `key` is the person's."""
    rows = session.execute(_OF_REFERRAL, {"referral_id": referral_id})
    return tuple(_kept_back(row[0], row.asked_by, row.decided_by, key) for row in rows)


def kept_back_ids(session: Session, referral_id: UUID) -> frozenset[str]:
    """The entitlements that nobody may mention now."""
    return frozenset(
        session.scalars(
            select(Withholding.entitlement_id).where(
                Withholding.referral_id == referral_id, Withholding.state.in_(OPEN_STATES)
            )
        )
    )


def _kept_back(row: Withholding, asked_by: str, decided_by: str | None, key: bytes) -> KeptBackRight:
    plain = plain_rights().get(row.entitlement_id)
    return KeptBackRight(
        withholding_id=row.id,
        entitlement_id=row.entitlement_id,
        promise=plain.promise if plain else row.entitlement_id.replace("_", " "),
        state=row.state,
        reason=encrypted_rows.unseal_row(key, "withholding", row.id, row.sealed)["reason"],
        asked_at=row.asked_at,
        asked_by=asked_by,
        asked_by_id=row.asked_by_id,
        decided_by=decided_by,
        review_on=row.review_on,
    )
