"""The safe adult of a person with several records: the strictest answer counts, and a merge can be undone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import as_service
from victim_gateway.models import Person, PersonMerge
from victim_gateway.queries.people.merged_records import records_of_people, records_of_person
from victim_gateway.rules.hold import SAFE_ADULT_FIELDS
from victim_gateway.rules.safe_adult_changes import SAFE_ANSWER, joined_safe_answer, leaves_not_safe
from victim_gateway.services.people.person_documents import update_person_document
from victim_gateway.services.referrals.forbidden_contacts import reconsider_holds
from victim_gateway.services.referrals.opened_records import OpenedRecord, open_record

_ADULTS = "safe_adults"


def join_safe_adults(session: Session, person_ids: Collection[UUID], *, at: datetime) -> dict[str, Any]:
    """Make the strictest answer about an adult count in every record of these; gives what was changed, by record."""
    changed: dict[str, Any] = {}
    with as_service(session):
        every = frozenset[UUID]().union(*records_of_people(session, person_ids).values())
        records = [open_record(session, each, lock=True) for each in sorted(every) if _is_kept(session, each)]
        for record in records:
            others = [other.document for other in records if other is not record]
            before, answer = record.document.get(SAFE_ANSWER), joined_safe_answer(record.document, others)
            if answer == before:
                continue
            document = {**record.document, SAFE_ANSWER: answer}
            person = record.person
            changed[str(person.id)] = {
                "before": before,
                "joined": _adult_of(document),
                "was_corrected": SAFE_ANSWER in person.corrected_fields,
            }
            person.corrected_fields = sorted({*person.corrected_fields, SAFE_ANSWER})
            update_person_document(session, person, record.key, document, at=at)
            session.flush()
            reconsider_holds(session, person, record.key, at=at)
    return changed


def merge_details(reason: str | None, adults: Mapping[str, Any]) -> dict[str, Any]:
    """What is sealed of a merge: why, and the answers about safe adults that it changed; empty without either."""
    text = (reason or "").strip()
    return ({"words": text} if text else {}) | ({_ADULTS: dict(adults)} if adults else {})


def restore_safe_adults(session: Session, merge: PersonMerge, kept: OpenedRecord, *, at: datetime) -> None:
    """Put back the answers that a merge made stricter, where nothing of the adult was recorded since."""
    if merge.sealed is None:
        return
    details = encrypted_rows.unseal_row(kept.key, "person_merge", merge.id, merge.sealed)
    with as_service(session):
        for record_id, change in (details.get(_ADULTS) or {}).items():
            if not _is_kept(session, UUID(record_id)):
                continue
            record = open_record(session, UUID(record_id), lock=True)
            if _adult_of(record.document) != change["joined"]:
                continue
            document = {**record.document, SAFE_ANSWER: change["before"]}
            if change["before"] is None:
                document.pop(SAFE_ANSWER)
            if not change["was_corrected"]:
                record.person.corrected_fields = [
                    name for name in record.person.corrected_fields if name != SAFE_ANSWER
                ]
            update_person_document(session, record.person, record.key, document, at=at)
            session.flush()
            reconsider_holds(session, record.person, record.key, at=at, answered=SAFE_ADULT_FIELDS)


def leaves_not_safe_elsewhere(session: Session, person_id: UUID, after: Mapping[str, Any]) -> bool:
    """Whether another record of the person says that the adult is not safe, and this document something else."""
    with as_service(session):
        others = [each for each in records_of_person(session, person_id) if each != person_id]
        return any(
            leaves_not_safe(open_record(session, each).document, after)
            for each in others
            if _is_kept(session, each)
        )


def _adult_of(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in SAFE_ADULT_FIELDS if document.get(name)}


def _is_kept(session: Session, person_id: UUID) -> bool:
    person = session.get(Person, person_id)
    return person is not None and person.erased_at is None
