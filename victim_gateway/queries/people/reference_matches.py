"""People by a part of their crime number or of the force's reference."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.crypto import BlindIndex, fold_text
from victim_gateway.database import encrypted_rows
from victim_gateway.database.bulk_insert import column_in
from victim_gateway.models import Person, Referral
from victim_gateway.queries.people import lookups

PART = " in part"


def people_with_reference_part(
    session: Session, index: BlindIndex, folded: str, at_most: int
) -> dict[UUID, list[str]]:
    """People with a referral whose crime number or force's reference holds this text, and which of them it is."""
    candidates = lookups.referrals_with_reference_part(session, index, folded, at_most)
    rows = session.execute(
        select(Referral.id, Referral.person_id, Referral.feed_reference, Referral.sealed, Person.key_id)
        .join(Person, Person.id == Referral.person_id)
        .where(column_in(Referral.id, list(candidates)), Person.erased_at.is_(None))
        .order_by(Referral.received_at.desc(), Referral.id)
    ).all()
    keys = encrypted_rows.open_keys(session, [row.key_id for row in rows]) if rows else {}
    found: dict[UUID, list[str]] = {}
    for row in rows:
        document = encrypted_rows.unseal_row(keys[row.key_id], "referral", row.id, row.sealed)
        values = {"crime number": document.get("crime_number"), "force's reference": row.feed_reference}
        for name, value in values.items():
            whole = fold_text(value or "")
            label = name if whole == folded else f"{name}{PART}"
            labels = found.setdefault(row.person_id, [])
            if folded in whole and label not in labels:
                labels.append(label)
    return {who: labels for who, labels in found.items() if labels}
