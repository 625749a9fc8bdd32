"""What people have answered to being contacted by us."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from victim_gateway.database import bulk_insert
from victim_gateway.models import Consent
from victim_gateway.vocabulary import ConsentPurpose


def contact_consent(session: Session, person_id: UUID) -> bool | None:
    """The person's answer in force to being contacted by us; None when it was never asked for."""
    return contact_consents(session, [person_id]).get(person_id)


def contact_consents(session: Session, person_ids: Collection[UUID]) -> dict[UUID, bool]:
    """By person, their answer in force to being contacted by us; those who are not named were never asked.

    A yes that was taken back, with no other answer since, is a no.
    """
    rows = session.execute(
        select(Consent.person_id, (Consent.agreed & Consent.withdrawn_at.is_(None)).label("agreed"))
        .ext(distinct_on(Consent.person_id))
        .where(
            bulk_insert.column_in(Consent.person_id, person_ids), Consent.purpose == ConsentPurpose.CONTACT
        )
        .order_by(Consent.person_id, Consent.withdrawn_at.desc().nulls_first())
    )
    return {row.person_id: bool(row.agreed) for row in rows}
