"""Keeping the other side out of a record: no text of restorative justice tells who the suspect is.

What is known of suspects is looked up past what the actor may see: the refusal says no more than that a text looks like
it, and the text is not kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.database import bulk_insert, encrypted_rows
from victim_gateway.database.transaction import as_service
from victim_gateway.errors import InvalidInput
from victim_gateway.models import OnwardReferral, Person, ProviderService
from victim_gateway.rules.service_kinds import KIND_RULES
from victim_gateway.rules.suspect_contacts import OTHER_SIDE_NAMED, SuspectName, names_suspect
from victim_gateway.services.shared import suspect_contacts


def refuse_other_side(session: Session, person_id: UUID, texts: Mapping[str, str]) -> None:
    """Raises InvalidInput at each text that looks like the name, number or email of a suspect of this person."""
    written = {field: text for field, text in texts.items() if text}
    if not written:
        return
    with as_service(session):
        forbidden = suspect_contacts.forbidden_of_person(session, person_id)
        linked = suspect_contacts.linked_as_suspects(session, [person_id])
        own, *_ = _names_of(session, [person_id]) or [SuspectName()]
        suspects = _names_of(session, linked)
        found = [
            field
            for field, text in written.items()
            if suspect_contacts.has_forbidden_contact(session, forbidden, text)
            or names_suspect(text, suspects, own)
        ]
    if found:
        raise InvalidInput(OTHER_SIDE_NAMED, fields=dict.fromkeys(found, OTHER_SIDE_NAMED))


def refuse_other_side_named(
    session: Session, onward: OnwardReferral, texts: Mapping[str, str | None]
) -> None:
    """As `refuse_other_side`, for what either side writes on an onward referral whose kind keeps the other side out."""
    written = {field: text for field, text in texts.items() if text}
    if not written:
        return
    with as_service(session):
        service = session.get_one(ProviderService, onward.service_id)
    if KIND_RULES[service.kind].keeps_other_side_out:
        refuse_other_side(session, onward.person_id, written)


def _names_of(session: Session, person_ids: Any) -> list[SuspectName]:
    if not person_ids:
        return []
    chosen = select(Person).where(bulk_insert.column_in(Person.id, person_ids), Person.erased_at.is_(None))
    people = session.scalars(chosen).all()
    keys = encrypted_rows.open_keys(session, [person.key_id for person in people]) if people else {}
    documents = [
        encrypted_rows.unseal_row(keys[person.key_id], "person", person.id, person.sealed)
        for person in people
    ]
    return [
        SuspectName(*(str(document.get(name) or "") for name in ("given_name", "family_name", "alias")))
        for document in documents
    ]
