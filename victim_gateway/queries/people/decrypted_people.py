"""Open what is sealed about people for the rows of one page, with one query for the keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows


@dataclass(frozen=True, slots=True)
class SealedPerson:
    """A person's row as it is kept."""

    person_id: UUID
    key_id: UUID
    sealed: bytes
    is_erased: bool = False


@dataclass(frozen=True, slots=True)
class JoinedPerson:
    """A person's row with that of their key, read in one statement; both are None where the key is not the reader's."""

    person: SealedPerson
    keyring_id: str | None
    wrapped: bytes | None


def open_joined_people(people: Iterable[JoinedPerson]) -> dict[UUID, Mapping[str, Any]]:
    """The opened documents by person; an erased person's is empty. Raises SealBroken where a key is missing."""
    opened: dict[UUID, Mapping[str, Any]] = {}
    for joined in people:
        person = joined.person
        if person.is_erased or person.person_id in opened:
            opened.setdefault(person.person_id, {})
            continue
        key = encrypted_rows.unwrap_row_key(person.key_id, joined.keyring_id, joined.wrapped)
        opened[person.person_id] = encrypted_rows.unseal_row(key, "person", person.person_id, person.sealed)
    return opened


def open_person_documents(session: Session, people: Iterable[SealedPerson]) -> dict[UUID, Mapping[str, Any]]:
    """The opened documents by person; an erased person's is empty."""
    wanted = {person.person_id: person for person in people}
    readable = [person for person in wanted.values() if not person.is_erased]
    keys = encrypted_rows.open_keys(session, [person.key_id for person in readable])
    opened: dict[UUID, Mapping[str, Any]] = {person_id: {} for person_id in wanted}
    for person in readable:
        key = keys[person.key_id]
        opened[person.person_id] = encrypted_rows.unseal_row(key, "person", person.person_id, person.sealed)
    return opened


def birth_date_of(document: Mapping[str, Any]) -> date | None:
    """The date of birth, where it is known."""
    born = document.get("date_of_birth")
    return date.fromisoformat(born) if born else None


def age_of(document: Mapping[str, Any], day: date) -> int | None:
    """Whole years on a London date, where the date of birth is known."""
    born = birth_date_of(document)
    return None if born is None else times.age_on(born, day)
