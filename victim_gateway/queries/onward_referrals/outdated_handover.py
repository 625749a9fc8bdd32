"""What a provider was told beside what is recorded now, within the parts that were shared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import as_service
from victim_gateway.errors import NotFound
from victim_gateway.models import Consent, HandoverVersion, OnwardReferral, User
from victim_gateway.queries.onward_referrals.handover import HANDOVER, gather_handover_source
from victim_gateway.rules.handover import (
    HandoverSource,
    HandoverText,
    RecordedConsent,
    RecordedOverride,
    compose_handover,
    read_basis,
    read_handover,
    read_handover_values,
)
from victim_gateway.rules.handover_changes import HandoverChange, handover_changes
from victim_gateway.vocabulary import HandoverPart

HANDOVER_VERSION = "handover_version"
AMENDMENT = "handover_version.amendment"


@dataclass(frozen=True, slots=True)
class EarlierHandover:
    """A handover before it was shared again: what it held, what then changed, when and by whom."""

    number: int
    handover: dict[str, Any]
    fields: tuple[str, ...]
    replaced_at: datetime
    replaced_by: str


@dataclass(frozen=True, slots=True)
class HandoverAmendment:
    """What changed with one sharing, as both sides see it: old and new values, why, who and when."""

    number: int
    changes: tuple[HandoverChange, ...]
    reason: str
    by: str
    amended_at: datetime


def handover_amendments(session: Session, onward_referral_id: UUID) -> tuple[HandoverAmendment, ...]:
    """The amendments of one onward referral that the reader may open, newest first.

    Column by column: of an old handover a provider may read what was amended, and nothing else.
    """
    rows = session.execute(
        select(
            HandoverVersion.id,
            HandoverVersion.number,
            HandoverVersion.amendment_sealed,
            HandoverVersion.replaced_at,
            OnwardReferral.key_id,
        )
        .join(OnwardReferral, OnwardReferral.id == HandoverVersion.onward_referral_id)
        .where(
            HandoverVersion.onward_referral_id == onward_referral_id,
            HandoverVersion.amendment_sealed.is_not(None),
        )
        .order_by(HandoverVersion.number.desc())
    ).all()
    keys = encrypted_rows.open_keys(session, [row.key_id for row in rows]) if rows else {}
    return tuple(
        _amendment(row, encrypted_rows.unseal_row(keys[row.key_id], AMENDMENT, row.id, row.amendment_sealed))
        for row in rows
    )


def _amendment(row: Any, opened: Mapping[str, Any]) -> HandoverAmendment:
    names = [change["field"] for change in opened["changes"]]
    shown = {
        when: read_handover_values({change["field"]: change[when] for change in opened["changes"]})
        for when in ("before", "now")
    }
    return HandoverAmendment(
        number=row.number,
        changes=tuple(
            HandoverChange(name, shown["before"].get(name), shown["now"].get(name)) for name in names
        ),
        reason=opened["reason"],
        by=opened["by"],
        amended_at=row.replaced_at,
    )


def compose_current_handover(
    session: Session,
    onward: OnwardReferral,
    shared: Mapping[str, Any],
    on: date,
    source: HandoverSource | None = None,
) -> dict[str, Any]:
    """The same parts, texts and consent as in a stored handover, with what is recorded now. Raises NotFound.

    `source` is what is recorded now where it was gathered before; only its safe contact depends on a day.
    """
    return compose_handover(
        source or gather_handover_source(session, onward.referral_id, on=on),
        [HandoverPart(part) for part in shared["parts"]],
        HandoverText(
            what_happened=shared.get("what_happened") or "",
            wants=shared.get("wants") or "",
            remarks=shared.get("words") or "",
            kind=shared.get("kind"),
        ),
        _basis(session, onward, shared),
        on,
    )


def _basis(
    session: Session, onward: OnwardReferral, shared: Mapping[str, Any]
) -> RecordedConsent | RecordedOverride:
    """What the handover says it rests on, unless it was begun without consent and the person has agreed since."""
    basis = read_basis(shared)
    if isinstance(basis, RecordedOverride) and onward.consent_id is not None:
        with as_service(session):
            answer = session.get_one(Consent, onward.consent_id)
        return RecordedConsent(answer.how, answer.given_at)
    return basis


def outdated_fields(session: Session, onward_referral_id: UUID) -> tuple[HandoverChange, ...]:
    """What a provider has and what is recorded now, field by field, as pages show them. Raises NotFound."""
    onward = session.get(OnwardReferral, onward_referral_id)
    if onward is None:
        raise NotFound
    key = encrypted_rows.open_key(session, onward.key_id)
    shared = encrypted_rows.unseal_row(key, HANDOVER, onward.id, onward.handover_sealed)
    current = compose_current_handover(session, onward, shared, date.fromisoformat(shared["shared_on"]))
    shown, now = read_handover(shared), read_handover(current)
    return tuple(
        HandoverChange(change.field, shown.get(change.field), now.get(change.field))
        for change in handover_changes(shared, current)
    )


def earlier_handovers(session: Session, onward_referral_id: UUID) -> tuple[EarlierHandover, ...]:
    """The handovers that were replaced, newest first; for the Gateway alone."""
    rows = session.execute(
        select(HandoverVersion, OnwardReferral.key_id, User.name)
        .join(OnwardReferral, OnwardReferral.id == HandoverVersion.onward_referral_id)
        .join(User, User.id == HandoverVersion.replaced_by_id)
        .where(HandoverVersion.onward_referral_id == onward_referral_id)
        .order_by(HandoverVersion.number.desc())
    ).all()
    keys = encrypted_rows.open_keys(session, [row.key_id for row in rows]) if rows else {}
    return tuple(
        EarlierHandover(
            number=version.number,
            handover=read_handover(
                encrypted_rows.unseal_row(keys[key_id], HANDOVER_VERSION, version.id, version.sealed)
            ),
            fields=tuple(version.fields),
            replaced_at=version.replaced_at,
            replaced_by=name,
        )
        for version, key_id, name in rows
    )
