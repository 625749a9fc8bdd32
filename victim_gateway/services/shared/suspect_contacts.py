"""What of a person's numbers and emails is a suspect's: looked up by keyed hash, past what the actor may see."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from victim_gateway.crypto import BlindIndex
from victim_gateway.database import bulk_insert
from victim_gateway.database.current import current_blind_index
from victim_gateway.database.transaction import as_service
from victim_gateway.email_addresses import email_readings
from victim_gateway.models import Person, PersonLink, SuspectContact
from victim_gateway.phone_numbers import numbers_in_text, phone_hash, phone_readings
from victim_gateway.queries.people.merged_records import records_of_people
from victim_gateway.rules.person_links import NEVER_CONTACT_ROLES
from victim_gateway.rules.safe_contact import known_details
from victim_gateway.rules.suspect_contacts import ForbiddenContacts, forbid_adult

_EMAIL = re.compile(r"[^\s<>,;()]+@[^\s<>,;()]+[\w]")


def forbidden_contacts(session: Session, person_ids: Collection[UUID]) -> dict[UUID, ForbiddenContacts]:
    """By record, what must never be used: recorded numbers of suspects, and those of people linked as one.

    Whichever record of the person, or of the suspect, it stands on. As the service: the number of a suspect whom the
    actor may not see is as dangerous. Both sides of such a link: on neither number is the other ever spoken to.
    """
    if not person_ids:
        return {}
    with as_service(session):
        own = records_of_people(session, person_ids)
        every = frozenset[UUID]().union(*own.values())
        found: dict[UUID, ForbiddenContacts] = {}
        for row in session.execute(_recorded(every)):
            found[row.person_id] = found.get(row.person_id, ForbiddenContacts()) | _one(
                row.kind, row.value_hash
            )
        for record, linked in _linked_records(session, every).items():
            found[record] = found.get(record, ForbiddenContacts()) | _contacts_of(session, linked)
    joined = {
        person_id: reduce(or_, (found[record] for record in records if record in found), ForbiddenContacts())
        for person_id, records in own.items()
    }
    return {person_id: forbidden for person_id, forbidden in joined.items() if forbidden}


def forbidden_of_person(session: Session, person_id: UUID) -> ForbiddenContacts:
    """What must never be used for a person, whichever of their records it was recorded on."""
    return forbidden_contacts(session, [person_id]).get(person_id, ForbiddenContacts())


def linked_as_suspects(session: Session, person_ids: Collection[UUID]) -> frozenset[UUID]:
    """Every record of those who must never be contacted about these people, and the other way round.

    As the service: the link stands, whether or not the actor may see both.
    """
    if not person_ids:
        return frozenset()
    with as_service(session):
        every = frozenset[UUID]().union(*records_of_people(session, person_ids).values())
        return frozenset[UUID]().union(*_linked_records(session, every).values())


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
    return _is_phone(index, forbidden, value) if detail == "number" else _is_email(index, forbidden, value)


def forbidden_adult_fields(
    index: BlindIndex, forbidden: ForbiddenContacts, person: Mapping[str, Any]
) -> frozenset[str]:
    """Which of the ways to a person's safe adult, or to a safe person they named, lead to a suspect.

    The adult's other contact is free text: each number and email address in it counts, however it is written.
    """
    if not forbidden:
        return frozenset()
    phones = ("guardian_phone", "safe_number")
    found = {name for name in phones if person.get(name) and _is_phone(index, forbidden, str(person[name]))}
    written = str(person.get("guardian_other_contact") or "")
    if any(_is_phone(index, forbidden, number) for number in numbers_in_text(written)) or any(
        _is_email(index, forbidden, address) for address in _EMAIL.findall(written)
    ):
        found.add("guardian_other_contact")
    return frozenset(found)


def has_forbidden_contact(session: Session, forbidden: ForbiddenContacts, text: str) -> bool:
    """Whether free text holds a number or an email address of a suspect, however it is written."""
    if not forbidden or not text:
        return False
    index = current_blind_index(session)
    return any(_is_phone(index, forbidden, number) for number in numbers_in_text(text)) or any(
        _is_email(index, forbidden, address) for address in _EMAIL.findall(text)
    )


def without_suspects_adult(
    index: BlindIndex, forbidden: ForbiddenContacts, person: Mapping[str, Any]
) -> dict[str, Any]:
    """The person's document with no safe adult, or safe person, who answers where a suspect does."""
    return forbid_adult(person, forbidden_adult_fields(index, forbidden, person))


def hash_phone_readings(index: BlindIndex, phone: str) -> frozenset[bytes]:
    """The hashes by which a number may be on record, as it is written and as it was meant."""
    return frozenset(phone_hash(index, each) for each in phone_readings(phone))


def hash_email_readings(index: BlindIndex, email: str) -> frozenset[bytes]:
    """The hashes by which an address, or another spelling of its mailbox, may be on record."""
    return frozenset(index.hash_value("email", each) for each in email_readings(email))


def hash_details(index: BlindIndex, details: Mapping[str, str]) -> list[bytes]:
    """The hashes of the number and the email of a plan, in every reading."""
    number, email = details.get("number"), details.get("email")
    phones = hash_phone_readings(index, number) if number else frozenset()
    return sorted(phones | (hash_email_readings(index, email) if email else frozenset()))


def _is_phone(index: BlindIndex, forbidden: ForbiddenContacts, value: str) -> bool:
    return not forbidden.phones.isdisjoint(hash_phone_readings(index, value))


def _is_email(index: BlindIndex, forbidden: ForbiddenContacts, value: str) -> bool:
    return not forbidden.emails.isdisjoint(hash_email_readings(index, value))


def _one(kind: str, value_hash: bytes) -> ForbiddenContacts:
    single = frozenset((value_hash,))
    return ForbiddenContacts(phones=single) if kind == "phone" else ForbiddenContacts(emails=single)


def _recorded(person_ids: Collection[UUID]) -> Any:
    return select(SuspectContact.person_id, SuspectContact.kind, SuspectContact.value_hash).where(
        bulk_insert.column_in(SuspectContact.person_id, person_ids), SuspectContact.ended_at.is_(None)
    )


def _linked_records(session: Session, records: Collection[UUID]) -> dict[UUID, set[UUID]]:
    """By record, every record of those who are linked with it as a suspect, from either side."""
    sides = (
        (PersonLink.person_id, PersonLink.other_person_id),
        (PersonLink.other_person_id, PersonLink.person_id),
    )
    links = session.execute(
        union_all(
            *(
                select(own.label("own"), other.label("other")).where(
                    bulk_insert.column_in(own, records),
                    PersonLink.role.in_(NEVER_CONTACT_ROLES),
                    PersonLink.ended_at.is_(None),
                )
                for own, other in sides
            )
        )
    ).all()
    others = records_of_people(session, {link.other for link in links})
    found: dict[UUID, set[UUID]] = {}
    for link in links:
        found.setdefault(link.own, set()).update(others[link.other])
    return found


def _contacts_of(session: Session, records: Collection[UUID]) -> ForbiddenContacts:
    rows = session.execute(
        select(Person.phone_hashes, Person.email_hash).where(bulk_insert.column_in(Person.id, records))
    ).all()
    phones = {value for row in rows for value in row.phone_hashes}
    return ForbiddenContacts(
        frozenset(phones), frozenset(row.email_hash for row in rows if row.email_hash is not None)
    )
