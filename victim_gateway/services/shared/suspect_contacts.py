"""What of a person's numbers and emails is a suspect's: looked up by keyed hash, past what the actor may see."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from victim_gateway.database import bulk_insert
from victim_gateway.database.current import current_blind_index
from victim_gateway.database.transaction import as_service
from victim_gateway.models import Person, PersonLink, SuspectContact
from victim_gateway.phone_numbers import normal_phone, phone_hash
from victim_gateway.queries.people.merged_records import records_of_person
from victim_gateway.rules.person_links import NEVER_CONTACT_ROLES
from victim_gateway.rules.safe_contact import known_details
from victim_gateway.rules.suspect_contacts import ForbiddenContacts


def forbidden_contacts(session: Session, person_ids: Collection[UUID]) -> dict[UUID, ForbiddenContacts]:
    """By person, what must never be used: recorded numbers of suspects, and those of people linked as one.

    As the service: the number of a suspect whom the actor may not see is as dangerous. Both sides of such a link: on
    neither number is the other ever spoken to.
    """
    if not person_ids:
        return {}
    found: dict[UUID, ForbiddenContacts] = {}
    with as_service(session):
        for row in session.execute(_recorded(person_ids)):
            found[row.person_id] = found.get(row.person_id, ForbiddenContacts()) | _one(
                row.kind, row.value_hash
            )
        for row in session.execute(_linked(person_ids)):
            emails = frozenset() if row.email_hash is None else frozenset((row.email_hash,))
            one = ForbiddenContacts(frozenset(row.phone_hashes), emails)
            found[row.person_id] = found.get(row.person_id, ForbiddenContacts()) | one
    return {person_id: forbidden for person_id, forbidden in found.items() if forbidden}


def forbidden_of_person(session: Session, person_id: UUID) -> ForbiddenContacts:
    """What must never be used for a person, whichever of their records it was recorded on."""
    with as_service(session):
        records = records_of_person(session, person_id)
    found = forbidden_contacts(session, records)
    every = ForbiddenContacts()
    for forbidden in found.values():
        every |= forbidden
    return every


def forbidden_details(
    session: Session,
    forbidden: ForbiddenContacts,
    document: Mapping[str, Any],
    person: Mapping[str, Any],
) -> frozenset[str]:
    """Which details of a plan (`number`, `email`), its own or those on record, are a suspect's."""
    if not forbidden:
        return frozenset()
    known = known_details(document, person)
    return frozenset(
        name for name in ("number", "email") if is_forbidden(session, forbidden, name, known.get(name))
    )


def is_forbidden(session: Session, forbidden: ForbiddenContacts, detail: str, value: str | None) -> bool:
    """Whether a `number` or an `email` is a suspect's."""
    if not value or not forbidden:
        return False
    index = current_blind_index(session)
    if detail == "number":
        return phone_hash(index, normal_phone(value) or value) in forbidden.phones
    return index.hash_value("email", value.strip().casefold()) in forbidden.emails


def _one(kind: str, value_hash: bytes) -> ForbiddenContacts:
    single = frozenset((value_hash,))
    return ForbiddenContacts(phones=single) if kind == "phone" else ForbiddenContacts(emails=single)


def _recorded(person_ids: Collection[UUID]) -> Any:
    return select(SuspectContact.person_id, SuspectContact.kind, SuspectContact.value_hash).where(
        bulk_insert.column_in(SuspectContact.person_id, person_ids), SuspectContact.ended_at.is_(None)
    )


def _linked(person_ids: Collection[UUID]) -> Any:
    """Those who are linked as a suspect, from either side, with their numbers."""
    sides = (
        (PersonLink.person_id, PersonLink.other_person_id),
        (PersonLink.other_person_id, PersonLink.person_id),
    )
    return union_all(
        *(
            select(own.label("person_id"), Person.phone_hashes, Person.email_hash)
            .join(Person, Person.id == other)
            .where(
                bulk_insert.column_in(own, person_ids),
                PersonLink.role.in_(NEVER_CONTACT_ROLES),
                PersonLink.ended_at.is_(None),
            )
            for own, other in sides
        )
    )
