"""Incidents that several referrals share: the list, one of them, and what a referral's page says of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from victim_gateway.database import bulk_insert, encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.table_aliases import named_alias
from victim_gateway.database.transaction import as_service
from victim_gateway.errors import NotFound
from victim_gateway.models import (
    Incident,
    IncidentDescription,
    IncidentReferral,
    Person,
    PersonLink,
    Referral,
    User,
)
from victim_gateway.queries.people.merged_records import is_record_of, records_of_people
from victim_gateway.queries.referrals.work_order import HIGH_KEY
from victim_gateway.rules.incidents import find_suspects_within
from victim_gateway.rules.person_links import NEVER_CONTACT_ROLES
from victim_gateway.vocabulary import NextAction, ReferralState, Risk

PAGE_SIZE = 50
MOST_PROPOSED = 200
MOST_VERSIONS = 20
_CURRENT = IncidentReferral.left_at.is_(None)


@dataclass(frozen=True, slots=True)
class IncidentText:
    """One version of what is known of an incident, opened."""

    version: int
    title: str
    facts: str
    happened_on: date | None
    recorded_at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class IncidentMember:
    """A referral of an incident, without a name."""

    referral_id: UUID
    reference: str
    offence: str
    state: ReferralState
    risk: Risk
    officer_grade: str | None
    next_action: NextAction
    next_due_on: date | None
    assigned_to: str | None


@dataclass(frozen=True, slots=True)
class PastMember:
    """A referral that was taken out again, and why."""

    referral_id: UUID
    reference: str
    left_at: datetime
    left_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class IncidentCounts:
    """How many referrals an incident has, how many of them the reader may see, and of those how many at high risk."""

    all: int
    seen: int
    high_risk: int

    @property
    def hidden(self) -> int:
        """Those that only others may see: counted, and nothing more is said of them."""
        return self.all - self.seen


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """One incident of the list."""

    incident_id: UUID
    number: int
    title: str
    happened_on: date | None
    recorded_at: datetime
    counts: IncidentCounts


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """One incident. `has_suspect`: one of its people must never be contacted about another of them.

    `texts`: the newest MOST_VERSIONS of what was known.
    """

    incident_id: UUID
    number: int
    version: int
    texts: tuple[IncidentText, ...]
    counts: IncidentCounts
    members: tuple[IncidentMember, ...]
    has_more: bool
    past: tuple[PastMember, ...]
    has_suspect: bool

    @property
    def text(self) -> IncidentText:
        """What is known of it now."""
        return self.texts[0]


@dataclass(frozen=True, slots=True)
class SameCrimeReferral:
    """A referral of another person with the same crime number that is in no incident, without a name."""

    referral_id: UUID
    reference: str
    offence: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class SameIncidentReferral:
    """A referral of an incident by its reference alone."""

    referral_id: UUID
    reference: str


@dataclass(frozen=True, slots=True)
class NoteRecipients:
    """Which referrals a note to all of an incident goes to, and which it is kept from because of a suspect."""

    referrals: tuple[SameIncidentReferral, ...]
    kept_from: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class SharedIncident:
    """What a referral's page says: its incident with the number of others in it, or that others share its crime.

    `same_crime` counts the referrals of other people with the same crime number that are in no incident, and
    `same_crime_incident` is the number of one that a referral with the same crime number is in.
    """

    incident_id: UUID | None
    number: int | None
    others: int
    same_crime: int = 0
    same_crime_incident: int | None = None


def incident_list(session: Session, *, after: int | None = None) -> tuple[tuple[IncidentRow, ...], bool]:
    """A page of incidents, the newest first; `after` is the number of the last one seen. Audited."""
    statement = select(Incident).order_by(Incident.number.desc()).limit(PAGE_SIZE + 1)
    if after is not None:
        statement = statement.where(Incident.number < after)
    found = list(session.scalars(statement))
    shown = found[:PAGE_SIZE]
    record_audit(session, "incidents.listed", shown=[str(each.id) for each in shown])
    if not shown:
        return (), False
    texts = _newest_texts(session, shown)
    counts = _counts(session, [each.id for each in shown])
    rows = tuple(
        IncidentRow(
            incident_id=each.id,
            number=each.number,
            title=texts[each.id].title,
            happened_on=texts[each.id].happened_on,
            recorded_at=each.recorded_at,
            counts=counts[each.id],
        )
        for each in shown
    )
    return rows, len(found) > PAGE_SIZE


def incident_page(session: Session, incident_id: UUID, *, after: str | None = None) -> IncidentPage:
    """One incident with a page of its referrals, in order of reference. Audited. Raises NotFound."""
    incident = session.get(Incident, incident_id)
    if incident is None:
        raise NotFound
    record_audit(session, "incident.viewed", subject_type="incident", subject_id=incident_id)
    key = encrypted_rows.open_key(session, incident.key_id)
    members, has_more = _members(session, incident_id, after)
    return IncidentPage(
        incident_id=incident_id,
        number=incident.number,
        version=incident.version,
        texts=_texts(session, incident_id, key),
        counts=_counts(session, [incident_id])[incident_id],
        members=members,
        has_more=has_more,
        past=_past(session, incident_id, key),
        has_suspect=bool(suspects_within(session, incident_id)),
    )


def shared_incident(session: Session, referral: Referral) -> SharedIncident:
    """The incident of a referral, or that others share its crime number: certain only where the force is the same."""
    own = session.execute(
        select(Incident.id, Incident.number)
        .join(IncidentReferral, IncidentReferral.incident_id == Incident.id)
        .where(IncidentReferral.referral_id == referral.id, _CURRENT)
    ).first()
    if own is not None:
        return SharedIncident(own.id, own.number, _count_all(session, [own.id]).get(own.id, 1) - 1)
    if referral.crime_number_hash is None:
        return SharedIncident(None, None, 0)
    same = session.execute(_with_same_crime(referral)).all()
    numbers = sorted({row.number for row in same if row.number is not None})
    return SharedIncident(
        None,
        None,
        0,
        same_crime=sum(row.number is None for row in same),
        # Where they were put into two incidents, it can't be said for sure into which this one belongs.
        same_crime_incident=numbers[0] if len(numbers) == 1 else None,
    )


def referrals_of_same_crime(session: Session, referral: Referral) -> tuple[SameCrimeReferral, ...]:
    """The referrals of other people with the same crime number that are in no incident, as the reader may see them."""
    if referral.crime_number_hash is None:
        return ()
    return tuple(
        SameCrimeReferral(row.id, row.reference, row.offence, row.received_at)
        for row in session.execute(_with_same_crime(referral))
        if row.number is None
    )


def note_recipients(session: Session, incident_id: UUID) -> NoteRecipients:
    """Whom a note to all goes to, of those that the reader may see, in the order of their references.

    Not to those entered in error, and not to those whose person is erased or a suspect for another one.
    """
    rows = session.execute(
        select(Referral.id, Referral.reference)
        .join(IncidentReferral, IncidentReferral.referral_id == Referral.id)
        .join(Person, Person.id == Referral.person_id)
        .where(
            IncidentReferral.incident_id == incident_id,
            _CURRENT,
            Referral.state != ReferralState.ENTERED_IN_ERROR,
            Person.erased_at.is_(None),
        )
        .order_by(Referral.reference)
    ).all()
    kept_from = suspects_within(session, incident_id) & {row.id for row in rows}
    return NoteRecipients(
        tuple(SameIncidentReferral(row.id, row.reference) for row in rows if row.id not in kept_from),
        kept_from,
    )


def suspects_within(session: Session, incident_id: UUID) -> frozenset[UUID]:
    """The referrals of an incident whose person is a suspect, or lives with one, for another person of it.

    As the service: what stands on a record that the reader may not see protects all the same.
    """
    with as_service(session):
        rows = session.execute(
            select(Referral.id, Referral.person_id)
            .join(IncidentReferral, IncidentReferral.referral_id == Referral.id)
            .where(IncidentReferral.incident_id == incident_id, _CURRENT)
        ).all()
        person_of = {row.id: row.person_id for row in rows}
        records_of = records_of_people(session, set(person_of.values()))
        records = {record for group in records_of.values() for record in group}
        links = session.execute(
            select(PersonLink.person_id, PersonLink.other_person_id).where(
                bulk_insert.column_in(PersonLink.person_id, records),
                PersonLink.role.in_(NEVER_CONTACT_ROLES),
                PersonLink.ended_at.is_(None),
            )
        ).all()
    return find_suspects_within(person_of, records_of, [(one, other) for one, other in links])


def _with_same_crime(referral: Referral) -> Select[UUID, str, str, datetime, int]:
    """Referrals with the same crime number of the same force, of other people, with the incident of each."""
    current = named_alias(IncidentReferral, "current")
    left = select(IncidentReferral.incident_id).where(
        IncidentReferral.referral_id == referral.id, IncidentReferral.left_at.is_not(None)
    )
    return (
        select(Referral.id, Referral.reference, Referral.offence, Referral.received_at, Incident.number)
        .outerjoin(current, (current.referral_id == Referral.id) & current.left_at.is_(None))
        .outerjoin(Incident, Incident.id == current.incident_id)
        .where(
            Referral.crime_number_hash == referral.crime_number_hash,
            Referral.force.is_not_distinct_from(referral.force),
            ~is_record_of(Referral.person_id, referral.person_id),
            Referral.state != ReferralState.ENTERED_IN_ERROR,
            # What a person took out again is not proposed a second time.
            current.incident_id.is_(None) | current.incident_id.not_in(left),
        )
        .order_by(Referral.id)
        .limit(MOST_PROPOSED)
    )


def _texts(session: Session, incident_id: UUID, key: bytes) -> tuple[IncidentText, ...]:
    rows = session.execute(
        select(IncidentDescription, User.name)
        .join(User, User.id == IncidentDescription.by_id)
        .where(IncidentDescription.incident_id == incident_id)
        .order_by(IncidentDescription.version.desc())
        .limit(MOST_VERSIONS)
    )
    return tuple(_text(row, name, key) for row, name in rows)


def _newest_texts(session: Session, incidents: Collection[Incident]) -> Mapping[UUID, IncidentText]:
    keys = encrypted_rows.open_keys(session, [each.key_id for each in incidents])
    key_of = {each.id: keys[each.key_id] for each in incidents}
    rows = session.execute(
        select(IncidentDescription, User.name)
        .join(User, User.id == IncidentDescription.by_id)
        .join(
            Incident,
            (Incident.id == IncidentDescription.incident_id)
            & (Incident.version == IncidentDescription.version),
        )
        .where(Incident.id.in_(key_of))
    )
    return {row.incident_id: _text(row, name, key_of[row.incident_id]) for row, name in rows}


def _text(row: IncidentDescription, by: str, key: bytes) -> IncidentText:
    document = encrypted_rows.unseal_row(key, "incident_description", row.id, row.sealed)
    return IncidentText(
        version=row.version,
        title=document["title"],
        facts=document["facts"],
        happened_on=row.happened_on,
        recorded_at=row.recorded_at,
        by=by,
    )


def _counts(session: Session, incident_ids: Collection[UUID]) -> Mapping[UUID, IncidentCounts]:
    """Counted by the service and by the reader: the difference is what only others may see."""
    of_these = IncidentReferral.incident_id.in_(incident_ids) & _CURRENT
    seen = session.execute(
        select(
            IncidentReferral.incident_id,
            func.count().label("seen"),
            func.count().filter(HIGH_KEY == 0).label("high_risk"),
        )
        .join(Referral, Referral.id == IncidentReferral.referral_id)
        .where(of_these)
        .group_by(IncidentReferral.incident_id)
    ).all()
    by_id = {row.incident_id: row for row in seen}
    total = _count_all(session, incident_ids)
    return {
        each: IncidentCounts(
            all=total.get(each, 0),
            seen=by_id[each].seen if each in by_id else 0,
            high_risk=by_id[each].high_risk if each in by_id else 0,
        )
        for each in incident_ids
    }


def _count_all(session: Session, incident_ids: Collection[UUID]) -> Mapping[UUID, int]:
    """How many referrals each has, those too that only others may see: a number, and nothing more of them."""
    with as_service(session):
        rows = session.execute(
            select(IncidentReferral.incident_id, func.count().label("number"))
            .where(IncidentReferral.incident_id.in_(incident_ids), _CURRENT)
            .group_by(IncidentReferral.incident_id)
        ).all()
    return {row.incident_id: row.number for row in rows}


def _members(
    session: Session, incident_id: UUID, after: str | None
) -> tuple[tuple[IncidentMember, ...], bool]:
    statement = (
        select(
            Referral.id,
            Referral.reference,
            Referral.offence,
            Referral.state,
            Referral.risk,
            Referral.officer_grade,
            Referral.next_action,
            Referral.next_due_on,
            User.name,
        )
        .join(IncidentReferral, IncidentReferral.referral_id == Referral.id)
        .outerjoin(User, User.id == Referral.assigned_to_id)
        .where(IncidentReferral.incident_id == incident_id, _CURRENT)
        .order_by(Referral.reference)
        .limit(PAGE_SIZE + 1)
    )
    if after is not None:
        statement = statement.where(Referral.reference > after)
    found = [IncidentMember(*row) for row in session.execute(statement)]
    return tuple(found[:PAGE_SIZE]), len(found) > PAGE_SIZE


def _past(session: Session, incident_id: UUID, key: bytes) -> tuple[PastMember, ...]:
    rows = session.execute(
        select(IncidentReferral, Referral.reference, User.name)
        .join(Referral, Referral.id == IncidentReferral.referral_id)
        .join(User, User.id == IncidentReferral.left_by_id)
        .where(IncidentReferral.incident_id == incident_id, IncidentReferral.left_at.is_not(None))
        .order_by(IncidentReferral.left_at.desc(), IncidentReferral.id)
        .limit(PAGE_SIZE)
    )
    found = []
    for row, reference, name in rows:
        if row.left_at is None or row.left_sealed is None:
            continue
        said = encrypted_rows.unseal_row(key, "incident_referral", row.id, row.left_sealed)
        found.append(PastMember(row.referral_id, reference, row.left_at, name, said["words"]))
    return tuple(found)
