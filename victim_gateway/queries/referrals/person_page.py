"""A person's page: who they are, what to beware of, every referral, consents, safe contact, links, who is helping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.errors import NotFound
from victim_gateway.models import (
    Consent,
    MaracDecision,
    OnwardReferral,
    Organisation,
    Person,
    ProviderService,
    Referral,
    SafeContactPlan,
    User,
)
from victim_gateway.queries.people.decrypted_people import (
    age_of,
    birth_date_of,
)
from victim_gateway.queries.people.merged_records import records_of_person
from victim_gateway.queries.people.person_relations import (
    DistinguishedPerson,
    KeptSuspectContact,
    LinkedPerson,
    TargetingRecord,
    distinguished_people,
    kept_suspect_contacts,
    linked_people,
    targeting_records,
)
from victim_gateway.queries.referrals.alerts import channels_safe_at, compose_alerts, contact_facts_of
from victim_gateway.queries.referrals.marac import describe_marac, last_marac_referral
from victim_gateway.queries.referrals.overview import ConsentRecord
from victim_gateway.rules.alerts import AlertKind, PersonAlert
from victim_gateway.rules.person_names import person_name
from victim_gateway.rules.recorded_fields import display_value
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.vocabulary import (
    ConsentPurpose,
    NextAction,
    OnwardState,
    ReferralState,
    Risk,
    SafeAnswer,
)

MOST_REFERRALS = 50


@dataclass(frozen=True, slots=True)
class PersonReferral:
    """One referral of the person, with what is next on it."""

    referral_id: UUID
    reference: str
    offence: str
    received_at: datetime
    state: ReferralState
    risk: Risk
    next_action: NextAction
    next_due_on: date | None
    assigned_to: str | None


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """One version of how the person may be reached, without numbers and addresses."""

    version: int
    safe: SafeAnswer
    safe_channels: tuple[str, ...]
    stated_by: str
    checked_at: datetime | None
    recorded_at: datetime
    recorded_by: str | None
    is_in_force: bool
    is_of_this_record: bool


@dataclass(frozen=True, slots=True)
class Helper:
    """A provider who is helping, or was asked to, and with which referral."""

    onward_referral_id: UUID
    reference: str
    provider: str
    service: str
    state: OnwardState
    offered_at: datetime


@dataclass(frozen=True, slots=True)
class RecordIdentity:
    """Who one record says the person is."""

    person_id: UUID
    name: str
    alias: str | None
    organisation: str | None
    born_on: date | None
    age: int | None
    sex: str | None
    town: str | None
    language: str | None


@dataclass(frozen=True, slots=True)
class MaracReferral:
    """That the person was referred to MARAC, from which referral and when."""

    referral_id: UUID
    decided_on: date


@dataclass(frozen=True, slots=True)
class PersonPage:
    """`records` begins with the record whose page this is; there are more where others were merged into it."""

    person_id: UUID
    kind: str
    records: tuple[RecordIdentity, ...]
    alerts: tuple[PersonAlert, ...]
    referrals: tuple[PersonReferral, ...]
    consents: tuple[ConsentRecord, ...]
    plans: tuple[PlanVersion, ...]
    links: tuple[LinkedPerson, ...]
    distinguished: tuple[DistinguishedPerson, ...]
    suspect_contacts: tuple[KeptSuspectContact, ...]
    helpers: tuple[Helper, ...]
    targeting: tuple[TargetingRecord, ...]
    marac_referrals: tuple[MaracReferral, ...]

    @property
    def name(self) -> str:
        """As the record says that was kept."""
        return self.records[0].name

    @property
    def newest_referral_id(self) -> UUID | None:
        """Where to act for the person: the newest open referral that the reader may see, else the newest."""
        is_over = (ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR)
        open_ones = [each for each in self.referrals if each.state not in is_over]
        first = next(iter(open_ones or self.referrals), None)
        return first.referral_id if first else None


def person_page(session: Session, person_id: UUID, *, at: datetime, page: str = "person") -> PersonPage:
    """Everything of a person that the reader may see. The view is audited, for each record of the person.

    Restricted referrals of others leave no trace. Raises NotFound for a person who is absent, erased or restricted.
    """
    record_ids = records_of_person(session, person_id)
    people = {
        person.id: person
        for person in session.scalars(
            select(Person).where(Person.id.in_(record_ids), Person.erased_at.is_(None))
        )
    }
    if person_id not in people:
        raise NotFound
    order = [person_id, *(record for record in record_ids if record != person_id and record in people)]
    for record in order:
        record_audit(
            session, "person.viewed", subject_type="person", subject_id=record, person_id=record, page=page
        )
    keys = encrypted_rows.open_keys(session, [people[record].key_id for record in order])
    documents = {
        record: encrypted_rows.unseal_row(
            keys[people[record].key_id], "person", record, people[record].sealed
        )
        for record in order
    }
    referrals = _referrals(session, order)
    plans = _plans(session, order)
    links = linked_people(session, order)
    facts = _AlertParts(people, keys, documents, plans, _last_marac(session, order))
    return PersonPage(
        person_id=person_id,
        kind=people[person_id].kind,
        records=tuple(_identity(record, documents[record], times.london_date(at)) for record in order),
        alerts=_alerts(facts, referrals, links, at),
        referrals=tuple(_referral(referral, name) for referral, name in referrals),
        consents=_consents(session, order),
        plans=tuple(
            _plan_version(plan, name, person_id)
            for plan, name in plans
            if plan.person_id == person_id or plan.superseded_at is not None
        ),
        links=links,
        distinguished=distinguished_people(session, order),
        suspect_contacts=kept_suspect_contacts(session, order),
        helpers=_helpers(session, [referral.id for referral, _ in referrals]),
        targeting=targeting_records(session, {record: keys[people[record].key_id] for record in order}, at),
        marac_referrals=_marac_referrals(session, order),
    )


def _last_marac(session: Session, record_ids: Sequence[UUID]) -> Sequence[Any] | None:
    one = select(last_marac_referral(Referral.person_id)).where(Referral.person_id.in_(record_ids)).limit(1)
    found: Sequence[Any] | None = session.scalar(one)
    return found


def _marac_referrals(session: Session, record_ids: Sequence[UUID]) -> tuple[MaracReferral, ...]:
    rows = session.execute(
        select(MaracDecision.referral_id, MaracDecision.decided_on)
        .join(Referral, Referral.id == MaracDecision.referral_id)
        .where(
            Referral.person_id.in_(record_ids),
            MaracDecision.is_referred,
            MaracDecision.taken_back_at.is_(None),
        )
        .order_by(MaracDecision.decided_on.desc(), MaracDecision.id)
    )
    return tuple(MaracReferral(row.referral_id, row.decided_on) for row in rows)


@dataclass(frozen=True, slots=True)
class _AlertParts:
    people: Mapping[UUID, Person]
    keys: Mapping[UUID, bytes]
    documents: Mapping[UUID, Mapping[str, Any]]
    plans: Sequence[tuple[SafeContactPlan, str | None]]
    last_marac: Sequence[Any] | None


def _alerts(
    parts: _AlertParts,
    referrals: Sequence[tuple[Referral, str | None]],
    links: Sequence[LinkedPerson],
    at: datetime,
) -> tuple[PersonAlert, ...]:
    """The alerts of every open referral, each once, with that of a link to a suspect; the most dangerous first."""
    found: dict[AlertKind, PersonAlert] = {}
    is_over = (ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR)
    open_ones = [referral for referral, _ in referrals if referral.state not in is_over]
    is_linked = any(link.is_never_contact and link.ended_at is None for link in links)
    for referral in open_ones or [referral for referral, _ in referrals[:1]]:
        person = parts.people[referral.person_id]
        key, document = parts.keys[person.key_id], parts.documents[person.id]
        plan = next(
            (plan for plan, _ in parts.plans if plan.person_id == person.id and plan.superseded_at is None),
            None,
        )
        contact = contact_facts_of(document, plan, key)
        age = age_of(document, times.london_date(at)) if person.kind == "person" else None
        details = encrypted_rows.unseal_row(key, "referral", referral.id, referral.sealed)
        for alert in compose_alerts(
            referral,
            contact,
            details,
            age=age,
            safe_channels=channels_safe_at(contact, at),
            marac=describe_marac(parts.last_marac, referral, times.london_date(at)),
            never_contact=is_linked,
        ):
            found.setdefault(alert.kind, alert)
    if is_linked:
        found.setdefault(AlertKind.NEVER_CONTACT, PersonAlert(AlertKind.NEVER_CONTACT))
    if AlertKind.DO_NOT_CONTACT in found:
        found.pop(AlertKind.NOT_KNOWN_TO_BE_SAFE, None)
    return tuple(found[kind] for kind in AlertKind if kind in found)


def _identity(person_id: UUID, document: Mapping[str, Any], today: date) -> RecordIdentity:
    return RecordIdentity(
        person_id=person_id,
        name=person_name(document),
        alias=document.get("alias"),
        organisation=document.get("organisation_name"),
        born_on=birth_date_of(document),
        age=age_of(document, today),
        sex=display_value("sex", document.get("sex")),
        town=document.get("town"),
        language=document.get("language"),
    )


def _referrals(session: Session, records: Sequence[UUID]) -> list[tuple[Referral, str | None]]:
    rows = session.execute(
        select(Referral, User.name)
        .outerjoin(User, User.id == Referral.assigned_to_id)
        .where(Referral.person_id.in_(records))
        .order_by(Referral.received_at.desc(), Referral.id)
        .limit(MOST_REFERRALS)
    )
    return [(referral, name) for referral, name in rows]


def _referral(referral: Referral, assigned_to: str | None) -> PersonReferral:
    return PersonReferral(
        referral_id=referral.id,
        reference=referral.reference,
        offence=referral.offence,
        received_at=referral.received_at,
        state=referral.state,
        risk=referral.risk,
        next_action=referral.next_action,
        next_due_on=referral.next_due_on,
        assigned_to=assigned_to,
    )


def _consents(session: Session, records: Sequence[UUID]) -> tuple[ConsentRecord, ...]:
    """Answers about contact, and about sharing where the reader may see the referral that it was about."""
    seen = select(Referral.id).where(Referral.person_id.in_(records))
    rows = session.execute(
        select(
            Consent.id,
            Consent.purpose,
            Organisation.name,
            Consent.agreed,
            Consent.how,
            Consent.given_at,
            Consent.withdrawn_at,
        )
        .outerjoin(Organisation, Organisation.id == Consent.recipient_organisation_id)
        .where(
            Consent.person_id.in_(records),
            or_(Consent.purpose == ConsentPurpose.CONTACT, Consent.referral_id.in_(seen)),
        )
        .order_by(Consent.withdrawn_at.is_not(None), Consent.recorded_at.desc(), Consent.id)
    )
    return tuple(ConsentRecord(*row) for row in rows)


def _plans(session: Session, records: Sequence[UUID]) -> list[tuple[SafeContactPlan, str | None]]:
    rows = session.execute(
        select(SafeContactPlan, User.name)
        .outerjoin(User, User.id == SafeContactPlan.recorded_by_id)
        .where(SafeContactPlan.person_id.in_(records))
        .order_by(SafeContactPlan.recorded_at.desc(), SafeContactPlan.version.desc(), SafeContactPlan.id)
    )
    return [(plan, name) for plan, name in rows]


def _plan_version(plan: SafeContactPlan, recorded_by: str | None, person_id: UUID) -> PlanVersion:
    return PlanVersion(
        version=plan.version,
        safe=plan.safe,
        safe_channels=tuple(plan.safe_channels),
        stated_by=plan.stated_by,
        checked_at=plan.checked_at,
        recorded_at=plan.recorded_at,
        recorded_by=recorded_by,
        is_in_force=plan.superseded_at is None,
        is_of_this_record=plan.person_id == person_id,
    )


def _helpers(session: Session, referral_ids: Sequence[UUID]) -> tuple[Helper, ...]:
    """Onward referrals that are live, of the referrals that the reader may see."""
    rows = session.execute(
        select(
            OnwardReferral.id,
            OnwardReferral.reference,
            Organisation.name,
            ProviderService.name,
            OnwardReferral.state,
            OnwardReferral.offered_at,
        )
        .join(Organisation, Organisation.id == OnwardReferral.provider_id)
        .join(ProviderService, ProviderService.id == OnwardReferral.service_id)
        .where(OnwardReferral.referral_id.in_(referral_ids), OnwardReferral.state.in_(LIVE_ONWARD_STATES))
        .order_by(OnwardReferral.offered_at.desc(), OnwardReferral.id)
    )
    return tuple(Helper(*row) for row in rows)
