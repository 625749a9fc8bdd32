"""Which records are one person: each record of a merge stays what it is, and points to the one that was kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    SelectBase,
    Uuid,
    any_,
    cast,
    func,
    or_,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from victim_gateway.database import bulk_insert
from victim_gateway.database.table_aliases import named_alias
from victim_gateway.extensions import Base
from victim_gateway.models import Person, PersonMerge


def kept_record(session: Session, person_id: UUID) -> UUID:
    """The record under which a person is shown: that into which this one was merged, or itself."""
    kept = select(PersonMerge.kept_id).where(
        PersonMerge.merged_id == person_id, PersonMerge.undone_at.is_(None)
    )
    return session.scalar(kept) or person_id


def records_of_person(session: Session, person_id: UUID) -> list[UUID]:
    """Every record of the person whose record this is, in order; just this one where nothing was merged."""
    merges = session.execute(
        select(PersonMerge.kept_id, PersonMerge.merged_id).where(
            PersonMerge.undone_at.is_(None), PersonMerge.kept_id.in_(_kept_ids(person_id))
        )
    ).all()
    return sorted({person_id, *(row.kept_id for row in merges), *(row.merged_id for row in merges)})


def living_records(session: Session, person_ids: Collection[UUID]) -> list[UUID]:
    """Those of these records that are not erased, in order: of an erased one nothing is left to write for."""
    if not person_ids:
        return []
    chosen = select(Person.id).where(bulk_insert.column_in(Person.id, person_ids), Person.erased_at.is_(None))
    return list(session.scalars(chosen.order_by(Person.id)))


def records_of_people(session: Session, person_ids: Collection[UUID]) -> dict[UUID, frozenset[UUID]]:
    """By record, every record of the same person with itself, for many at once with one statement."""
    if not person_ids:
        return {}
    own = named_alias(PersonMerge, "own_merge")
    among = bulk_insert.column_in(own.merged_id, person_ids) | bulk_insert.column_in(own.kept_id, person_ids)
    merges = session.execute(
        select(PersonMerge.kept_id, PersonMerge.merged_id).where(
            PersonMerge.undone_at.is_(None),
            PersonMerge.kept_id.in_(select(own.kept_id).where(own.undone_at.is_(None), among)),
        )
    ).all()
    of_kept: dict[UUID, set[UUID]] = {}
    kept_of: dict[UUID, UUID] = {}
    for kept_id, merged_id in merges:
        of_kept.setdefault(kept_id, {kept_id}).add(merged_id)
        kept_of[kept_id] = kept_of[merged_id] = kept_id
    return {
        person_id: frozenset(of_kept[kept_of[person_id]]) if person_id in kept_of else frozenset((person_id,))
        for person_id in person_ids
    }


def is_record_of(
    column: InstrumentedAttribute[UUID], person_id: Any, *, of_row: type[Base] | None = None
) -> ColumnElement[bool]:
    """For a statement: the column names this record or another one of the same person.

    As an array that is worked out once, so that an index on the column is used, by a function of the database whose
    plan is made once in a session. `of_row` is the table of the statement whose row `person_id` is a column of, where
    it is no value.
    """
    records = select(func.records_of_person(cast(person_id, Uuid)))
    if of_row is not None:
        records = records.correlate(of_row)
    return column == any_(cast(records.scalar_subquery(), ARRAY(Uuid)))


def merges_of_records(
    session: Session, person_ids: Collection[UUID] | SelectBase
) -> list[tuple[UUID, UUID, datetime]]:
    """The merges that stand of the people whose records these are: kept record, merged record, since when.

    Those too that only other records of theirs are in: two records that were merged into one are one person.
    """
    own = named_alias(PersonMerge, "theirs_merge")
    is_theirs = (
        column.in_(person_ids)
        if isinstance(person_ids, SelectBase)
        else bulk_insert.column_in(column, person_ids)
        for column in (own.merged_id, own.kept_id)
    )
    rows = session.execute(
        select(PersonMerge.kept_id, PersonMerge.merged_id, PersonMerge.merged_at)
        .where(
            PersonMerge.undone_at.is_(None),
            PersonMerge.kept_id.in_(select(own.kept_id).where(own.undone_at.is_(None), or_(*is_theirs))),
        )
        .order_by(PersonMerge.kept_id, PersonMerge.merged_id)
    )
    return [(row.kept_id, row.merged_id, row.merged_at) for row in rows]


def group_records(merges: Iterable[tuple[UUID, UUID, datetime]]) -> dict[UUID, set[UUID]]:
    """By record of these merges, all the records of its person."""
    groups: dict[UUID, set[UUID]] = {}
    for kept_id, merged_id, _ in merges:
        groups.setdefault(kept_id, {kept_id}).add(merged_id)
    return {record: group for group in groups.values() for record in group}


def _kept_ids(person_id: Any) -> Select[UUID]:
    """The record that was kept, asked of either side; none where nothing was merged."""
    merge = named_alias(PersonMerge, "kept_merge")
    return select(merge.kept_id).where(
        merge.undone_at.is_(None), or_(merge.merged_id == person_id, merge.kept_id == person_id)
    )
