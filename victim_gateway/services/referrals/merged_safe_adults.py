"""The safe adult of a person with several records: the strictest answer counts, and a merge can be undone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import as_service
from victim_gateway.models import CaseEvent, Person, PersonMerge, Referral
from victim_gateway.queries.people.decrypted_people import birth_date_of
from victim_gateway.queries.people.merged_records import (
    living_records,
    records_of_people,
    records_of_person,
)
from victim_gateway.rules.coming_of_age import is_new_adult
from victim_gateway.rules.hold import SAFE_ADULT_FIELDS
from victim_gateway.rules.safe_adult_changes import SAFE_ANSWER, joined_safe_answer, leaves_not_safe
from victim_gateway.services.people.person_documents import update_person_document
from victim_gateway.services.referrals.forbidden_contacts import reconsider_holds
from victim_gateway.services.referrals.opened_records import OpenedRecord, open_record
from victim_gateway.services.shared import case_locks, next_action
from victim_gateway.vocabulary import SafeAnswer

_ADULTS, _DIED = "safe_adults", "deceased"


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


def spread_protective_answers(session: Session, person_id: UUID, *, at: datetime) -> None:
    """Make what was just recorded of one record count for the person's others, where it protects: at once.

    That an adult is not safe, or not known to be any more, and a death. Nothing becomes safe by it. The referrals of
    every record are locked (`LockScope.PERSON_REFERRALS`), then the person.
    """
    session.flush()
    with as_service(session):
        others = set(records_of_person(session, person_id)) - {person_id}
        if not others:
            return
        source = _read_record(session, person_id)
        for other_id in living_records(session, others):
            other = _read_record(session, other_id)
            document = dict(other.document)
            answer = joined_safe_answer(document, [source.document])
            if answer is not None and answer != document.get(SAFE_ANSWER):
                document[SAFE_ANSWER] = answer
                other.person.corrected_fields = sorted({*other.person.corrected_fields, SAFE_ANSWER})
            if source.document.get(_DIED):
                document[_DIED] = source.document[_DIED]
            changed = sorted(name for name in document if document[name] != other.document.get(name))
            if not changed:
                continue
            update_person_document(session, other.person, other.key, document, at=at)
            session.flush()
            record_audit(
                session,
                "person.joined_answer",
                subject_type="person",
                subject_id=other_id,
                person_id=other_id,
                fields=changed,
                other_person=str(person_id),
            )
            reconsider_holds(session, other.person, other.key, at=at)
            next_action.refresh_person_referrals(session, other_id, at=at)


def _read_record(session: Session, person_id: UUID) -> OpenedRecord:
    """As it is stored: an import writes past the objects that the session keeps."""
    session.refresh(case_locks.open_person(session, person_id, lock=True)[0])
    return open_record(session, person_id)


def merge_details(reason: str | None, adults: Mapping[str, Any]) -> dict[str, Any]:
    """What is sealed of a merge: why, and the answers about safe adults that it changed; empty without either."""
    text = (reason or "").strip()
    return ({"words": text} if text else {}) | ({_ADULTS: dict(adults)} if adults else {})


def restore_safe_adults(session: Session, merge: PersonMerge, kept: OpenedRecord, *, at: datetime) -> None:
    """Put back the answers that a merge made stricter, where nothing of the adult was recorded since.

    The pointer is gone already. Beside the records that are still the same person's the strictest answer counts, as
    before, and for who turned 18 since no adult is safe again. Where an answer was given again since, or a referral
    brought one, all stays as it is: it is not known any more of which of the two it was said.
    """
    if merge.sealed is None:
        return
    details = encrypted_rows.unseal_row(kept.key, "person_merge", merge.id, merge.sealed)
    adults: Mapping[str, Any] = details.get(_ADULTS) or {}
    pair = (merge.kept_id, merge.merged_id)
    with as_service(session):
        if not adults or _was_answered_since(session, pair, merge.merged_at):
            return
        for record_id, change in adults.items():
            if _is_kept(session, UUID(record_id)):
                _restore_answer(session, UUID(record_id), change, merge.merged_at, at=at)
    for person_id in pair:
        join_safe_adults(session, (person_id,), at=at)


def _restore_answer(
    session: Session, record_id: UUID, change: Mapping[str, Any], merged_at: datetime, *, at: datetime
) -> None:
    record = open_record(session, record_id, lock=True)
    if _adult_of(record.document) != change["joined"]:
        return
    answer = change["before"]
    if answer == SafeAnswer.YES and is_new_adult(birth_date_of(record.document), merged_at, at):
        answer = SafeAnswer.UNKNOWN.value
    document = {**record.document, SAFE_ANSWER: answer}
    if answer is None:
        document.pop(SAFE_ANSWER)
    if not change["was_corrected"] and answer == change["before"]:
        record.person.corrected_fields = [
            name for name in record.person.corrected_fields if name != SAFE_ANSWER
        ]
    update_person_document(session, record.person, record.key, document, at=at)
    session.flush()
    reconsider_holds(session, record.person, record.key, at=at, answered=SAFE_ADULT_FIELDS)


def _was_answered_since(session: Session, person_ids: Collection[UUID], since: datetime) -> bool:
    """Whether it was said again that the adult is not safe, or not known to be, on any record of these people.

    By a caseworker, by a file that changed it, or with a new referral: what only repeats a no changes no record.
    """
    records = frozenset[UUID]().union(*records_of_people(session, person_ids).values())
    names = [CaseEvent.details[place].contains([SAFE_ANSWER]) for place in ("fields", "not_applied")]
    said_again = or_(
        and_(CaseEvent.event == "safe_adult.recorded", CaseEvent.details["safe"].astext != SafeAnswer.YES),
        and_(CaseEvent.event == "referral.updated_by_feed", or_(*names)),
    )
    events = (
        select(CaseEvent.id)
        .join(Referral, Referral.id == CaseEvent.referral_id)
        .where(Referral.person_id.in_(records), CaseEvent.recorded_at >= since, said_again)
    )
    came_since = select(Referral.id).where(Referral.person_id.in_(records), Referral.received_at >= since)
    return bool(session.scalar(select(events.exists() | came_since.exists())))


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
