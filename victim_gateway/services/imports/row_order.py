"""Group rows so that rows about one person are applied in file order.

The new referrals of a group are written together, then its updates together. Rows may share a group only where
that leaves the rows about one person in the order of the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.database import bulk_insert
from victim_gateway.models import Person, Referral
from victim_gateway.services.imports.prepared_row import PreparedRow

# A person's id where it is known, else the hash of the force's reference, else the referral's own reference.
_PersonKey = UUID | bytes | str


@dataclass
class RowGroup:
    """Rows that are written together: first the new referrals, then the updates of referrals stored before."""

    new: list[PreparedRow] = field(default_factory=list)
    updates: list[PreparedRow] = field(default_factory=list)


def group_rows_in_file_order(session: Session, incoming: Sequence[PreparedRow]) -> Iterator[RowGroup]:
    """Start a group where a new referral follows an update of the same person. That is rare: mostly one group."""
    person_of_referral = _people_of_referrals(session, incoming)
    person_of_hash = _people_of_hashes(session, incoming)
    group, updated_people = RowGroup(), set[_PersonKey]()
    for item in incoming:
        reference, reference_hash = item.row.feed_reference, item.new_person.victim_reference_hash
        if reference in person_of_referral:
            group.updates.append(item)
            updated_people.add(person_of_referral[reference])
            continue
        person = reference if reference_hash is None else person_of_hash.get(reference_hash, reference_hash)
        if person in updated_people:
            yield group
            group, updated_people = RowGroup(), set()
        group.new.append(item)
        person_of_referral[reference] = person
    if group.new or group.updates:
        yield group


def _people_of_referrals(session: Session, incoming: Sequence[PreparedRow]) -> dict[str, _PersonKey]:
    """The person of each referral that is stored already, by feed reference."""
    references = {item.row.feed_reference for item in incoming}
    found = session.execute(
        select(Referral.feed_reference, Referral.person_id).where(
            bulk_insert.column_in(Referral.feed_reference, references)
        )
    )
    return {str(row.feed_reference): row.person_id for row in found}


def _people_of_hashes(session: Session, incoming: Sequence[PreparedRow]) -> dict[bytes, _PersonKey]:
    """The person of each victim reference that is stored already, by its hash."""
    hashes = {item.new_person.victim_reference_hash for item in incoming} - {None}
    found = session.execute(
        select(Person.victim_reference_hash, Person.id).where(
            Person.erased_at.is_(None), bulk_insert.column_in(Person.victim_reference_hash, hashes)
        )
    )
    return {row.victim_reference_hash: row.id for row in found if row.victim_reference_hash is not None}
