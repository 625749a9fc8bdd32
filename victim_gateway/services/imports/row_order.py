"""The order in which the rows of a piece are worked on: nobody is told the later before the earlier.

New referrals are written together, and so are those told again. Together may only stand what leaves the rows
about one person in the order of the file.
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

_Somebody = UUID | bytes | str


@dataclass
class RowGroup:
    """Rows that are worked on together: first the new referrals, then those that were here before."""

    new: list[PreparedRow] = field(default_factory=list)
    again: list[PreparedRow] = field(default_factory=list)


def group_rows_in_file_order(session: Session, incoming: Sequence[PreparedRow]) -> Iterator[RowGroup]:
    """Cut the rows where a new referral follows one told again of the same person; seldom, so mostly into one."""
    whose = _referrals(session, incoming)
    people = _people(session, incoming)
    turn, told_again = RowGroup(), set[_Somebody]()
    for item in incoming:
        reference, wanted = item.row.feed_reference, item.newcomer.victim_reference_hash
        if reference in whose:
            turn.again.append(item)
            told_again.add(whose[reference])
            continue
        somebody = reference if wanted is None else people.get(wanted, wanted)
        if somebody in told_again:
            yield turn
            turn, told_again = RowGroup(), set()
        turn.new.append(item)
        whose[reference] = somebody
    if turn.new or turn.again:
        yield turn


def _referrals(session: Session, incoming: Sequence[PreparedRow]) -> dict[str, _Somebody]:
    """Of the referrals that are here already, whose they are."""
    references = {item.row.feed_reference for item in incoming}
    found = session.execute(
        select(Referral.feed_reference, Referral.person_id).where(
            bulk_insert.column_in(Referral.feed_reference, references)
        )
    )
    return {str(row.feed_reference): row.person_id for row in found}


def _people(session: Session, incoming: Sequence[PreparedRow]) -> dict[bytes, _Somebody]:
    """Of the victims that a force names, who is known already."""
    hashes = {item.newcomer.victim_reference_hash for item in incoming} - {None}
    found = session.execute(
        select(Person.victim_reference_hash, Person.id).where(
            Person.erased_at.is_(None), bulk_insert.column_in(Person.victim_reference_hash, hashes)
        )
    )
    return {row.victim_reference_hash: row.id for row in found if row.victim_reference_hash is not None}
