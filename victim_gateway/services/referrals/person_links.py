"""Links between two people with a role, and contacts of suspects: recorded, ended, never edited."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ColumnElement, insert, or_, select, update
from sqlalchemy.orm import Session

from victim_gateway.access.permissions import Permission, is_permitted
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_blind_index
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.email_addresses import mailbox_of
from victim_gateway.errors import InvalidInput, NotFound, TransitionNotAllowed
from victim_gateway.models import Person, PersonLink, Referral, SuspectContact
from victim_gateway.phone_numbers import normal_phone, phone_hash, phone_readings
from victim_gateway.queries.people.merged_records import records_of_person
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.person_links import (
    MOST_GENERATIONS,
    MUTUAL_ROLES,
    NEVER_CONTACT_ROLES,
    SPEAKING_ROLES,
    find_link_conflict,
)
from victim_gateway.services.referrals.forbidden_contacts import forbid_suspect_contacts
from victim_gateway.services.shared import case_locks, submissions, suspect_contacts
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import LinkRole

_LOOP = "This would make a person their own parent or grandparent. Check who is whose child."


def record_link(command: Command, person_id: UUID, *, other_reference: str, role: LinkRole) -> UUID:
    """Link a person with that of another referral, who is the `role` of the first.

    A suspect's link ends at once what lets the two be spoken to for each other, and takes the numbers of each out of
    the safe ones of the other. Raises NotFound, and InvalidInput for a link to oneself, one that stands already, one
    that contradicts another, or a loop of parent and child.
    """
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        other_id = find_person_of_reference(session, other_reference)
        _lock_people(session, (person_id, other_id))
        one, other = (other_id, person_id) if role is LinkRole.CHILD else (person_id, other_id)
        kept = LinkRole.PARENT if role is LinkRole.CHILD else role
        _check_link(session, one, other, kept)
        link_id = new_row_id()
        session.execute(
            insert(PersonLink).values(
                id=link_id,
                person_id=one,
                other_person_id=other,
                role=kept,
                recorded_at=command.at,
                recorded_by_id=command.actor.user_id,
            )
        )
        _audit_both(session, "person_link.recorded", one, other, role=kept, link=str(link_id))
        if kept in NEVER_CONTACT_ROLES:
            end_speaking_links(session, command, one, other)
            for each in (one, other):
                forbid_suspect_contacts(session, each, at=command.at, with_post=True)
    return link_id


def end_link(command: Command, person_id: UUID, link_id: UUID, *, reason: str) -> None:
    """End a link, which stays in the history. One that keeps a suspect away only a senior caseworker ends.

    Numbers that were taken out of the safe ones stay out until a person says that they are safe. Raises NotFound,
    InvalidInput without a reason, and TransitionNotAllowed for a link that is over.
    """
    if not reason.strip():
        message = "Enter why the link ends"
        raise InvalidInput(message, fields={"reason": message})
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        link = session.get(PersonLink, link_id)
        if link is None or person_id not in (link.person_id, link.other_person_id):
            raise NotFound
        _lock_people(session, (link.person_id, link.other_person_id))
        session.refresh(link)
        if link.ended_at is not None:
            raise TransitionNotAllowed("This link is over already. Nothing was changed.")
        if link.role in NEVER_CONTACT_ROLES:
            _require_senior(command.actor, "reason")
        person = session.get_one(Person, link.person_id)
        key = encrypted_rows.open_key(session, person.key_id)
        sealed = encrypted_rows.seal_row(key, "person_link", link.id, {"words": reason.strip()})
        _end_links(session, command, [link.id], sealed=sealed)
        _audit_both(
            session,
            "person_link.ended",
            link.person_id,
            link.other_person_id,
            role=link.role,
            link=str(link.id),
        )


def record_suspect_contact(
    command: Command, person_id: UUID, *, phone: str | None, email: str | None, whose: LinkRole
) -> None:
    """Keep the hash of a suspect's number or email, so that it is never safe for the person.

    The number itself is kept nowhere. Raises NotFound, and InvalidInput for no value, or one that is no number.
    """
    # As it was meant, where letters stand for figures: no other number is ever kept in its place.
    number = next(filter(None, map(normal_phone, phone_readings(phone))), None) if phone else None
    if phone and number is None:
        message = "Enter a phone number, like 01785 234 567 or 07700 900 982"
        raise InvalidInput(message, fields={"phone": message})
    if not (number or email):
        message = "Enter a phone number or an email address"
        raise InvalidInput(message, fields={"phone": message})
    if whose not in NEVER_CONTACT_ROLES:
        message = "Choose whose it is"
        raise InvalidInput(message, fields={"whose": message})
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        _lock_people(session, (person_id,))
        index = current_blind_index(session)
        values = {
            "phone": phone_hash(index, number) if number else None,
            "email": index.hash_value("email", mailbox_of(email)) if email else None,
        }
        new = {kind: value for kind, value in values.items() if value is not None}
        for kind, value in new.items():
            if not _is_recorded(session, person_id, kind, value):
                session.execute(
                    insert(SuspectContact).values(
                        id=new_row_id(),
                        person_id=person_id,
                        kind=kind,
                        value_hash=value,
                        whose=whose.value,
                        recorded_at=command.at,
                        recorded_by_id=command.actor.user_id,
                    )
                )
        record_audit(
            session,
            "suspect_contact.recorded",
            subject_type="person",
            subject_id=person_id,
            person_id=person_id,
            kinds=sorted(new),
            whose=whose,
        )
        forbid_suspect_contacts(session, person_id, at=command.at)


def end_suspect_contact(command: Command, person_id: UUID, contact_id: UUID) -> None:
    """Let a number count again, which only a senior caseworker may. It is not safe by that: somebody has to ask.

    Raises NotFound, InvalidInput for another than a senior caseworker, TransitionNotAllowed for one that is over.
    """
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        _require_senior(command.actor, "contact")
        contact = session.get(SuspectContact, contact_id)
        if contact is None or contact.person_id != person_id:
            raise NotFound
        _lock_people(session, (person_id,))
        session.refresh(contact)
        if contact.ended_at is not None:
            raise TransitionNotAllowed("This is over already. Nothing was changed.")
        session.execute(
            update(SuspectContact)
            .where(SuspectContact.id == contact_id)
            .values(ended_at=command.at, ended_by_id=command.actor.user_id)
        )
        record_audit(
            session,
            "suspect_contact.ended",
            subject_type="person",
            subject_id=person_id,
            person_id=person_id,
            kind=contact.kind,
        )


def refuse_same_record(person_id: UUID, other_id: UUID) -> None:
    """Raises InvalidInput where a referral of the person themselves was named."""
    if person_id == other_id:
        message = "This is a referral of the same record. Enter the reference of another one"
        raise InvalidInput(message, fields={"other_reference": message})


def find_person_of_reference(session: Session, reference: str) -> UUID:
    """The person of a referral that the actor may see. Raises InvalidInput where there is none."""
    typed = reference.strip().upper()
    person_id = session.scalar(select(Referral.person_id).where(Referral.reference == typed))
    if person_id is None:
        message = "Enter the reference of a referral that you can see, like SG-26-004217"
        raise InvalidInput(message, fields={"other_reference": message})
    return person_id


def _lock_people(session: Session, person_ids: Collection[UUID]) -> None:
    """The referrals of all, then the people, each in order: as every action on a case does. Raises NotFound."""
    case_locks.lock_people_referrals(session, person_ids)
    for person_id in sorted(set(person_ids)):
        case_locks.open_person(session, person_id, lock=True)


def _check_link(session: Session, one: UUID, other: UUID, role: LinkRole) -> None:
    """Between two people, whichever of their records a link stands on."""
    ones, others = _records_of_two(session, one, other)
    if other in ones:
        message = "This is a referral of the same person. Enter the reference of another person's referral"
        raise InvalidInput(message, fields={"other_reference": message})
    # As the service: what stands on a record that the actor may not see protects the person all the same.
    with as_service(session):
        standing = session.execute(
            select(PersonLink.person_id, PersonLink.role).where(
                between_people(ones, others), PersonLink.ended_at.is_(None)
            )
        ).all()
    if any(row.role is role and (row.person_id in ones or role in MUTUAL_ROLES) for row in standing):
        message = "These two people are linked in this way already"
        raise InvalidInput(message, fields={"other_reference": message})
    conflict = find_link_conflict(role, {row.role for row in standing})
    if conflict:
        raise InvalidInput(conflict, fields={"role": conflict})
    if role is LinkRole.PARENT and _is_ancestor(session, one, of=other):
        raise InvalidInput(_LOOP, fields={"role": _LOOP})


def _records_of_two(session: Session, one: UUID, other: UUID) -> tuple[list[UUID], list[UUID]]:
    with as_service(session):
        return records_of_person(session, one), records_of_person(session, other)


def _is_ancestor(session: Session, person_id: UUID, *, of: UUID) -> bool:
    """Whether a person is a parent of another, or a parent's parent, as far as is recorded."""
    generation = {of}
    for _ in range(MOST_GENERATIONS):
        parents = select(PersonLink.other_person_id).where(
            PersonLink.person_id.in_(generation),
            PersonLink.role == LinkRole.PARENT,
            PersonLink.ended_at.is_(None),
        )
        generation = set(session.scalars(parents))
        if person_id in generation:
            return True
        if not generation:
            return False
    return True


def end_speaking_links(session: Session, command: Command, one: UUID, other: UUID) -> None:
    """Whoever is a suspect, or lives with one, speaks for nobody whom that suspect harms; of no record of theirs."""
    ones, others = _records_of_two(session, one, other)
    with as_service(session):
        ended = session.execute(
            select(PersonLink.id, PersonLink.person_id, PersonLink.other_person_id).where(
                between_people(ones, others),
                PersonLink.role.in_(SPEAKING_ROLES),
                PersonLink.ended_at.is_(None),
            )
        ).all()
        if ended:
            _end_links(session, command, [link.id for link in ended])
    for link in ended:
        _audit_both(
            session,
            "person_link.ended",
            link.person_id,
            link.other_person_id,
            links=[str(link.id)],
            why="suspect",
        )


def end_contradicted_links(session: Session, command: Command, person_id: UUID) -> None:
    """After a merge: nobody speaks for a person on one record who must never be contacted about them on another."""
    with as_service(session):
        records = records_of_person(session, person_id)
    for other_id in sorted(suspect_contacts.linked_as_suspects(session, records)):
        end_speaking_links(session, command, person_id, other_id)


def _end_links(
    session: Session, command: Command, link_ids: Collection[UUID], *, sealed: bytes | None = None
) -> None:
    session.execute(
        update(PersonLink)
        .where(PersonLink.id.in_(link_ids))
        .values(ended_at=command.at, ended_by_id=command.actor.user_id, ended_sealed=sealed)
    )


def between_people(ones: Collection[UUID], others: Collection[UUID]) -> ColumnElement[bool]:
    """For a statement: the link stands between a record of the one person and a record of the other."""
    return or_(
        PersonLink.person_id.in_(ones) & PersonLink.other_person_id.in_(others),
        PersonLink.person_id.in_(others) & PersonLink.other_person_id.in_(ones),
    )


def _is_recorded(session: Session, person_id: UUID, kind: str, value: bytes) -> bool:
    return (
        session.scalar(
            select(SuspectContact.id).where(
                SuspectContact.person_id == person_id,
                SuspectContact.kind == kind,
                SuspectContact.value_hash == value,
                SuspectContact.ended_at.is_(None),
            )
        )
        is not None
    )


def _require_senior(actor: Actor, field: str) -> None:
    if not is_permitted(actor.role, Permission.LOOSEN_PROTECTION):
        message = "This protects the person, so only a senior caseworker can end it. Ask one to do it."
        raise InvalidInput(message, fields={field: message})


def _audit_both(session: Session, audit_action: str, one: UUID, other: UUID, **details: object) -> None:
    """In the audit of both people: whoever asks who knew of one of them finds it."""
    for person_id, linked in ((one, other), (other, one)):
        record_audit(
            session,
            audit_action,
            subject_type="person",
            subject_id=person_id,
            person_id=person_id,
            other_person=str(linked),
            **details,
        )
