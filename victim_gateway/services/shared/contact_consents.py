"""What people have answered to being contacted by us."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from victim_gateway.database import bulk_insert
from victim_gateway.models import Consent
from victim_gateway.queries.people.merged_records import merges_of_records
from victim_gateway.vocabulary import ConsentPurpose


def contact_consent(session: Session, person_id: UUID) -> bool | None:
    """The person's answer in force to being contacted by us; None when it was never asked for."""
    return contact_consents(session, [person_id]).get(person_id)


def contact_consents(session: Session, person_ids: Collection[UUID]) -> dict[UUID, bool]:
    """By person, their answer in force to being contacted by us; those who are not named were never asked.

    A yes that was taken back, with no other answer since, is a no. Of a person with several records a no in any of
    them counts, unless the person has said yes since the records were merged.
    """
    merges = merges_of_records(session, person_ids)
    merged = {record: kept for kept, record, _ in merges} | {kept: kept for kept, _, _ in merges}
    every = {*person_ids, *merged}
    rows = session.execute(
        select(
            Consent.person_id,
            (Consent.agreed & Consent.withdrawn_at.is_(None)).label("agreed"),
            func.coalesce(Consent.withdrawn_at, Consent.recorded_at).label("answered_at"),
        )
        .ext(distinct_on(Consent.person_id))
        .where(bulk_insert.column_in(Consent.person_id, every), Consent.purpose == ConsentPurpose.CONTACT)
        .order_by(Consent.person_id, Consent.withdrawn_at.desc().nulls_first())
    )
    answers = {row.person_id: (bool(row.agreed), row.answered_at) for row in rows}
    if merges:
        answers = _answers_of_merged(answers, merged, max(at for _, _, at in merges))
    return {person_id: answers[person_id][0] for person_id in person_ids if person_id in answers}


def _answers_of_merged(
    answers: Mapping[UUID, tuple[bool, datetime]], kept_of: Mapping[UUID, UUID], merged_at: datetime
) -> dict[UUID, tuple[bool, datetime]]:
    """The answers with one for all the records of a person: the strictest of those before, or the last one since."""
    by_person: dict[UUID, list[tuple[bool, datetime]]] = {}
    for record, kept in kept_of.items():
        if record in answers:
            by_person.setdefault(kept, []).append(answers[record])
    joined = {}
    for kept, said in by_person.items():
        latest = max(said, key=lambda answer: answer[1])
        joined[kept] = latest if latest[1] > merged_at else min(said, key=lambda answer: answer[0])
    return {**answers, **{record: joined[kept] for record, kept in kept_of.items() if kept in joined}}
