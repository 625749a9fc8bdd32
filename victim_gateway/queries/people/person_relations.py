"""What is known of a person beside their document: linked people, numbers of suspects, whether they are targeted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.table_aliases import named_alias
from victim_gateway.models import (
    Person,
    PersonDistinction,
    PersonLink,
    SuspectContact,
    TargetingAssessment,
    User,
)
from victim_gateway.queries.people.decrypted_people import SealedPerson, open_person_documents
from victim_gateway.rules.person_links import NEVER_CONTACT_ROLES, describe_link
from victim_gateway.rules.person_names import person_name


@dataclass(frozen=True, slots=True)
class LinkedPerson:
    """Another person, what they are to this one, and since when; `ended_at` where it is over."""

    link_id: UUID
    person_id: UUID
    name: str
    relation: str
    is_never_contact: bool
    recorded_at: datetime
    recorded_by: str
    ended_at: datetime | None
    ended_by: str | None


@dataclass(frozen=True, slots=True)
class DistinguishedPerson:
    """A person who was compared with this person and is another one, and who said so."""

    distinction_id: UUID
    person_id: UUID
    name: str
    recorded_at: datetime
    recorded_by: str


@dataclass(frozen=True, slots=True)
class KeptSuspectContact:
    """That a number or email of a suspect is known; the value itself is kept nowhere."""

    contact_id: UUID
    kind: str
    whose: str
    recorded_at: datetime
    recorded_by: str


@dataclass(frozen=True, slots=True)
class TargetingRecord:
    """One judgement whether the person is persistently targeted; `is_due` where somebody has to look again."""

    is_targeted: bool
    assessed_at: datetime
    assessed_by: str
    review_on: date | None
    reason: str
    is_due: bool


def linked_people(session: Session, records: Sequence[UUID]) -> tuple[LinkedPerson, ...]:
    """Links from either side, those that stand first; of a person whom the reader may not see there are none."""
    recorder, ender = named_alias(User, "recorder"), named_alias(User, "ender")
    rows = session.execute(
        select(PersonLink, recorder.name, ender.name)
        .join(recorder, recorder.id == PersonLink.recorded_by_id)
        .outerjoin(ender, ender.id == PersonLink.ended_by_id)
        .where(or_(PersonLink.person_id.in_(records), PersonLink.other_person_id.in_(records)))
        .order_by(PersonLink.ended_at.is_not(None), PersonLink.recorded_at.desc(), PersonLink.id)
    ).all()
    others = {
        link.id: link.other_person_id if link.person_id in records else link.person_id for link, _, _ in rows
    }
    names = _names(session, set(others.values()))
    return tuple(
        LinkedPerson(
            link_id=link.id,
            person_id=others[link.id],
            name=names[others[link.id]],
            relation=describe_link(link.role, from_other=link.person_id not in records),
            is_never_contact=link.role in NEVER_CONTACT_ROLES,
            recorded_at=link.recorded_at,
            recorded_by=recorded_by,
            ended_at=link.ended_at,
            ended_by=ended_by,
        )
        for link, recorded_by, ended_by in rows
        if others[link.id] in names
    )


def distinguished_people(session: Session, records: Sequence[UUID]) -> tuple[DistinguishedPerson, ...]:
    """Of whom a caseworker said that they are other people than this one, as it stands, the newest first."""
    rows = session.execute(
        select(PersonDistinction, User.name)
        .join(User, User.id == PersonDistinction.recorded_by_id)
        .where(
            or_(PersonDistinction.lower_id.in_(records), PersonDistinction.higher_id.in_(records)),
            PersonDistinction.taken_back_at.is_(None),
        )
        .order_by(PersonDistinction.recorded_at.desc(), PersonDistinction.id)
    ).all()
    others = {row.id: row.higher_id if row.lower_id in records else row.lower_id for row, _ in rows}
    names = _names(session, set(others.values()))
    return tuple(
        DistinguishedPerson(row.id, others[row.id], names[others[row.id]], row.recorded_at, by)
        for row, by in rows
        if others[row.id] in names
    )


def kept_suspect_contacts(session: Session, records: Sequence[UUID]) -> tuple[KeptSuspectContact, ...]:
    """That numbers of suspects are recorded for the person, and by whom; never the numbers."""
    rows = session.execute(
        select(
            SuspectContact.id,
            SuspectContact.kind,
            SuspectContact.whose,
            SuspectContact.recorded_at,
            User.name,
        )
        .join(User, User.id == SuspectContact.recorded_by_id)
        .where(SuspectContact.person_id.in_(records), SuspectContact.ended_at.is_(None))
        .order_by(SuspectContact.recorded_at, SuspectContact.id)
    )
    return tuple(KeptSuspectContact(*row) for row in rows)


def targeting_records(
    session: Session, keys: Mapping[UUID, bytes], at: datetime
) -> tuple[TargetingRecord, ...]:
    """Every judgement, the newest first, which is the one that counts."""
    rows = session.execute(
        select(TargetingAssessment, User.name)
        .join(User, User.id == TargetingAssessment.assessed_by_id)
        .where(TargetingAssessment.person_id.in_(keys))
        .order_by(TargetingAssessment.assessed_at.desc(), TargetingAssessment.id.desc())
    )
    return tuple(
        TargetingRecord(
            is_targeted=each.is_targeted,
            assessed_at=each.assessed_at,
            assessed_by=name,
            review_on=each.review_on,
            reason=encrypted_rows.unseal_row(
                keys[each.person_id], "targeting_assessment", each.id, each.sealed
            )["words"],
            is_due=number == 0 and each.review_on is not None and each.review_on <= times.london_date(at),
        )
        for number, (each, name) in enumerate(rows)
    )


def _names(session: Session, person_ids: set[UUID]) -> dict[UUID, str]:
    if not person_ids:
        return {}
    rows = session.execute(
        select(Person.id, Person.key_id, Person.sealed).where(
            Person.id.in_(person_ids), Person.erased_at.is_(None)
        )
    )
    documents = open_person_documents(session, (SealedPerson(row.id, row.key_id, row.sealed) for row in rows))
    record_audit(session, "people.linked_seen", shown=[str(person_id) for person_id in sorted(documents)])
    return {person_id: person_name(document) for person_id, document in documents.items()}
