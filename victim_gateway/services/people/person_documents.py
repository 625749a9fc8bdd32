"""The sealed document of a person, written together with the hashes by which the person can be found."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_blind_index
from victim_gateway.models import Person
from victim_gateway.services.people.person_hashes import person_index_values


def update_person_document(
    session: Session, person: Person, key: bytes, document: dict[str, Any], *, at: datetime
) -> None:
    """Seal what is known of a person anew, and by what they can be found; the force's own id stays."""
    person.sealed = encrypted_rows.seal_row(key, "person", person.id, document)
    for name, value in person_index_values(current_blind_index(session), document).items():
        if name != "victim_reference_hash":
            setattr(person, name, value)
    person.updated_at = at
    person.version += 1
