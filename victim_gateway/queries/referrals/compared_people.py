"""A referral's person beside the people whom a task asks to compare them with."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.database.current import current_settings
from victim_gateway.models import Person
from victim_gateway.queries.people import search
from victim_gateway.queries.people.decrypted_people import SealedPerson, birth_date_of, open_person_documents
from victim_gateway.queries.people.search import FoundPerson
from victim_gateway.queries.referrals.header import ComparablePerson, OpenTask, ReferralHeader
from victim_gateway.rules.identity_explanations import explain_match
from victim_gateway.rules.identity_match import compare_identities, identity_record
from victim_gateway.rules.person_names import person_name
from victim_gateway.rules.recorded_fields import display_value
from victim_gateway.vocabulary import TaskKind

# Contact details are never shown on this page, only whether they agree: it would tell who lives where.
_CONTACT = ("phone", "email", "postcode")


@dataclass(frozen=True, slots=True)
class IdentityDetails:
    """What of a person is laid beside that of another."""

    name: str
    alias: str | None
    organisation: str | None
    born_on: date | None
    sex: str | None
    town: str | None


@dataclass(frozen=True, slots=True)
class ComparedPerson:
    """A person to compare: why they are proposed, who they are, and in words which contact details agree."""

    why: str
    contact: str
    details: IdentityDetails
    found: FoundPerson


def possible_same_people(session: Session, head: ReferralHeader, *, today: date) -> tuple[FoundPerson, ...]:
    """The people whom the open tasks propose as the same person, the best match first, each with why."""
    found: dict[UUID, tuple[str, ...]] = {}
    for task in head.tasks:
        if task.kind is TaskKind.POSSIBLE_SAME_PERSON:
            for person in task.people:
                found[person.person_id] = tuple(filter(None, (explain_match(person.levels),)))
    return search.find_people(session, found, today=today) if found else ()


def people_to_compare(
    session: Session, head: ReferralHeader, task: OpenTask, *, today: date
) -> tuple[ComparedPerson, ...]:
    """The people of a task beside the referral's own, the best match first. Audited as a comparison.

    Left out are the referral's own person, who is erased, and who is not the reader's to see.
    """
    wanted = [person for person in task.people if person.person_id != head.referral.person_id]
    documents = _documents(session, [person.person_id for person in wanted])
    shown = [person for person in wanted if person.person_id in documents]
    found = search.find_people(session, {person.person_id: () for person in shown}, today=today)
    by_id = {person.person_id: person for person in found}
    return tuple(
        _compared(head, person, documents[person.person_id], by_id[person.person_id])
        for person in shown
        if person.person_id in by_id
    )


def identity_details(document: Mapping[str, Any]) -> IdentityDetails:
    """What of a person's document is compared in the open."""
    return IdentityDetails(
        name=person_name(document),
        alias=document.get("alias"),
        organisation=document.get("organisation_name"),
        born_on=birth_date_of(document),
        sex=display_value("sex", document.get("sex")),
        town=document.get("town"),
    )


def _compared(
    head: ReferralHeader, person: ComparablePerson, document: Mapping[str, Any], found: FoundPerson
) -> ComparedPerson:
    weights = current_settings().area.identity
    now = compare_identities(identity_record(head.person), identity_record(document), weights).levels
    return ComparedPerson(
        why=explain_match(person.levels or now),
        contact=explain_match({field: now[field] for field in _CONTACT}),
        details=identity_details(document),
        found=found,
    )


def _documents(session: Session, person_ids: Collection[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
    if not person_ids:
        return {}
    rows = session.execute(
        select(Person.id, Person.key_id, Person.sealed).where(
            Person.id.in_(person_ids), Person.erased_at.is_(None)
        )
    )
    return open_person_documents(session, (SealedPerson(row.id, row.key_id, row.sealed) for row in rows))
