"""What people have answered to being contacted by us."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from victim_gateway.database import bulk_insert
from victim_gateway.database.transaction import as_service
from victim_gateway.models import Consent
from victim_gateway.queries.people.merged_records import group_records, merges_of_records
from victim_gateway.vocabulary import ConsentPurpose


def contact_consent(session: Session, person_id: UUID) -> bool | None:
    """The person's answer in force to being contacted by us; None when it was never asked for."""
    return contact_consents(session, [person_id]).get(person_id)


def contact_consents(session: Session, person_ids: Collection[UUID]) -> dict[UUID, bool]:
    """By person, their answer in force to being contacted by us; those who are not named were never asked.

    A yes that was taken back, with no other answer since, is a no. Of a person with several records a no in any of
    them counts, unless the person has said yes since the records were merged. Read as the service: a no counts in a
    record too that the actor may not see.
    """
    with as_service(session):
        return _read_answers(session, person_ids)


def _read_answers(session: Session, person_ids: Collection[UUID]) -> dict[UUID, bool]:
    merges = merges_of_records(session, person_ids)
    groups = group_records(merges)
    rows = session.execute(
        select(
            Consent.person_id,
            (Consent.agreed & Consent.withdrawn_at.is_(None)).label("agreed"),
            func.coalesce(Consent.withdrawn_at, Consent.recorded_at).label("answered_at"),
        )
        .ext(distinct_on(Consent.person_id))
        .where(
            bulk_insert.column_in(Consent.person_id, {*person_ids, *groups}),
            Consent.purpose == ConsentPurpose.CONTACT,
        )
        .order_by(Consent.person_id, Consent.withdrawn_at.desc().nulls_first())
    )
    answers = {row.person_id: _Answer(bool(row.agreed), row.answered_at) for row in rows}
    merged_at = {record: at for _, record, at in merges}
    found: dict[UUID, bool] = {}
    for person_id in person_ids:
        said = {record: answers[record] for record in groups.get(person_id, {person_id}) if record in answers}
        if said:
            found[person_id] = not any(_is_no_that_stands(record, said, merged_at) for record in said)
    return found


class _Answer(NamedTuple):
    agreed: bool
    at: datetime


def _is_no_that_stands(
    record: UUID, said: Mapping[UUID, _Answer], merged_at: Mapping[UUID, datetime]
) -> bool:
    """Whether a record has a no after which nobody said yes, or only before the two records were one person's."""
    no = said[record]
    if no.agreed:
        return False
    return not any(
        answer.agreed
        and answer.at > max([no.at, *(merged_at[each] for each in (record, other) if each in merged_at)])
        for other, answer in said.items()
    )
