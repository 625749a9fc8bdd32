"""The people of the pass over the whole population, and which pairs of them are settled already.

Left out are businesses, erased and restricted people, records that were merged into another, suspects and those who
live with one, and records of which every referral was entered in error. As for a new record, nobody is to learn from
a proposal that a restricted person is known here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.database import bulk_insert
from victim_gateway.database.table_aliases import named_alias
from victim_gateway.models import Person, PersonDistinction, PersonLink, PersonMerge, Referral, Task
from victim_gateway.queries.people.decrypted_people import SealedPerson
from victim_gateway.queries.people.merged_records import records_of_people
from victim_gateway.rules.person_links import NEVER_CONTACT_ROLES
from victim_gateway.vocabulary import ReferralState, TaskKind

Pair = tuple[UUID, UUID]
_OVER = (ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR)
_ASKING_KINDS = (TaskKind.POSSIBLE_SAME_PERSON, TaskKind.REFERENCE_CONFLICT)


@dataclass(frozen=True, slots=True)
class OpenReferral:
    """The newest open referral of a person."""

    referral_id: UUID
    person_id: UUID


def people_to_link(session: Session, after: UUID | None, limit: int) -> list[SealedPerson]:
    """The next people in order of their ids, as they are kept."""
    return _sealed(session, after=after, limit=limit)


def still_linkable(session: Session, person_ids: Collection[UUID]) -> list[SealedPerson]:
    """Those of these people who belong to the pass now."""
    return _sealed(session, among=person_ids)


def settled_pairs(session: Session, pairs: Collection[Pair]) -> set[Pair]:
    """Those pairs about which nobody is to be asked: told apart, one person already, linked, or asked before.

    What was said of any record of a person holds for all their records.
    """
    people = {person_id for pair in pairs for person_id in pair}
    records = records_of_people(session, people)
    every = sorted({record for group in records.values() for record in group})
    known = _distinguished(session, every) | _linked(session, every) | _asked(session, every)
    return {
        (one, other)
        for one, other in pairs
        if other in records[one]
        or any(frozenset(each) in known for each in product(records[one], records[other]))
    }


def newest_open_referrals(session: Session, person_ids: Collection[UUID]) -> Mapping[UUID, OpenReferral]:
    """By person, their newest open referral that is not restricted; those without one are left out."""
    rows = session.execute(
        select(Referral.id, Referral.person_id)
        .where(
            bulk_insert.column_in(Referral.person_id, person_ids),
            Referral.state.not_in(_OVER),
            Referral.restricted.is_(False),
        )
        .order_by(Referral.received_at, Referral.id)
    )
    return {row.person_id: OpenReferral(row.id, row.person_id) for row in rows}


def _sealed(
    session: Session,
    *,
    after: UUID | None = None,
    among: Collection[UUID] | None = None,
    limit: int | None = None,
) -> list[SealedPerson]:
    merge, link = named_alias(PersonMerge, "merge_of_person"), named_alias(PersonLink, "link_of_person")
    of_person = select(Referral.id).where(Referral.person_id == Person.id)
    # What was recorded on a record that was merged into this one leaves the person out as well.
    own, merged = named_alias(PersonMerge, "own_merge_of_person"), named_alias(Person, "merged_record")
    of_merged = select(own.id).where(own.kept_id == Person.id, own.undone_at.is_(None))
    is_suspect = link.role.in_(NEVER_CONTACT_ROLES), link.ended_at.is_(None)
    statement = (
        select(Person.id, Person.key_id, Person.sealed)
        .where(
            Person.kind == "person",
            Person.erased_at.is_(None),
            Person.restricted.is_(False),
            of_person.where(Referral.state != ReferralState.ENTERED_IN_ERROR).exists(),
            ~of_person.where(Referral.restricted).exists(),
            ~select(merge.id).where(merge.merged_id == Person.id, merge.undone_at.is_(None)).exists(),
            ~select(link.id).where(link.other_person_id == Person.id, *is_suspect).exists(),
            ~of_merged.join(link, link.other_person_id == own.merged_id).where(*is_suspect).exists(),
            ~of_merged.join(merged, merged.id == own.merged_id).where(merged.restricted).exists(),
            ~of_merged.join(Referral, Referral.person_id == own.merged_id)
            .where(Referral.restricted)
            .exists(),
        )
        .order_by(Person.id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(Person.id > after)
    if among is not None:
        statement = statement.where(bulk_insert.column_in(Person.id, among))
    return [SealedPerson(row.id, row.key_id, row.sealed) for row in session.execute(statement)]


def _distinguished(session: Session, records: Sequence[UUID]) -> set[frozenset[UUID]]:
    rows = session.execute(
        select(PersonDistinction.lower_id, PersonDistinction.higher_id).where(
            bulk_insert.column_in(PersonDistinction.lower_id, records),
            PersonDistinction.taken_back_at.is_(None),
        )
    )
    return {frozenset((row.lower_id, row.higher_id)) for row in rows}


def _linked(session: Session, records: Sequence[UUID]) -> set[frozenset[UUID]]:
    """Whoever is linked as another's parent, household or anything else is another person."""
    rows = session.execute(
        select(PersonLink.person_id, PersonLink.other_person_id).where(
            bulk_insert.column_in(PersonLink.person_id, records), PersonLink.ended_at.is_(None)
        )
    )
    return {frozenset((row.person_id, row.other_person_id)) for row in rows}


def _asked(session: Session, records: Sequence[UUID]) -> set[frozenset[UUID]]:
    """Pairs that a task names: one that waits asks already, one that is done was answered."""
    rows = session.execute(
        select(Referral.person_id, Task.details)
        .join(Referral, Referral.id == Task.referral_id)
        .where(
            Task.kind.in_(_ASKING_KINDS),
            bulk_insert.column_in(Referral.person_id, records),
        )
    )
    return {
        frozenset((row.person_id, UUID(person_id)))
        for row in rows
        for person_id in _named_people(row.details)
    }


def _named_people(details: Mapping[str, object]) -> Iterable[str]:
    weighed, named = details.get("people"), details.get("person_ids")
    for item in weighed if isinstance(weighed, list) else []:
        yield item["person_id"]
    yield from named if isinstance(named, list) else []
