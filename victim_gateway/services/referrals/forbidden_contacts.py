"""Taking what is a suspect's out of the ways in which a person may be reached, the day it becomes known."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.database import bulk_insert, encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_blind_index
from victim_gateway.database.transaction import actor_of, as_service
from victim_gateway.errors import InvalidInput
from victim_gateway.models import Person, Referral
from victim_gateway.queries.people.merged_records import records_of_person
from victim_gateway.queries.people.safe_contact_plans import plan_in_force
from victim_gateway.rules.safe_adult_changes import SAFE_ANSWER
from victim_gateway.rules.safe_contact import mark_channels_unconfirmed, safe_channels
from victim_gateway.rules.suspect_contacts import (
    ADULT_CONTACT_FIELDS,
    SUSPECTS_NUMBER,
    ForbiddenContacts,
    forbid_adult,
    forbid_details,
)
from victim_gateway.services.people.person_documents import update_person_document
from victim_gateway.services.referrals.safe_contact_plans import (
    follow_new_plan,
    from_document,
    open_check_of_person,
    open_plan,
    write_plan,
)
from victim_gateway.services.shared import (
    case_locks,
    contact_consents,
    referral_holds,
    suspect_contacts,
    victim_message_stops,
)
from victim_gateway.services.shared.case_action import ReferralAction
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Channel, ReferralState

_WAITING = (ReferralState.RECEIVED, ReferralState.HELD)


def forbid_suspect_contacts(
    session: Session, person_id: UUID, *, at: datetime, with_post: bool = False
) -> None:
    """Take what is a suspect's out of the safe ways of a person, at once, and ask a caseworker for another way.

    Of every record of the person: the plan, the safe adult and the safe person they named. Where the safe adult is
    gone, what rested on that adult is held. `with_post`: where a suspect has the same postcode, post is not known to
    be safe. Providers who are helping read it at once. The person's referrals are locked, then the person.
    """
    victim_message_stops.stop_messages(session, person_id, at=at, because="suspects")
    with as_service(session):
        forbidden = suspect_contacts.forbidden_of_person(session, person_id)
        postcodes = _suspects_postcodes(session, person_id) if with_post else frozenset()
        for record_id in records_of_person(session, person_id):
            person = session.get(Person, record_id)
            if person is None or person.erased_at is not None:
                continue
            person, key = case_locks.open_person(session, record_id, lock=True)
            known = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
            is_plan_changed = _forbid_in_plan(session, person, key, known, forbidden, postcodes, at)
            is_adult_changed = _forbid_adult(session, person, key, known, forbidden, at)
            if is_plan_changed or is_adult_changed:
                open_check_of_person(session, record_id, at=at)
                follow_new_plan(session, record_id, at=at)


def forbid_for_linked(
    session: Session, person_ids: Collection[UUID], *, at: datetime, with_post: bool = False
) -> None:
    """After a change of numbers, addresses or records of these people: what is theirs is no way to those they harm.

    One statement where nobody of them is linked as a suspect or harmed by one.
    """
    session.flush()
    linked = suspect_contacts.linked_as_suspects(session, person_ids)
    if not linked:
        return
    with as_service(session):
        kept = select(Person.id).where(
            bulk_insert.column_in(Person.id, {*linked, *person_ids}), Person.erased_at.is_(None)
        )
        everyone = session.scalars(kept.order_by(Person.id)).all()
    case_locks.lock_people_referrals(session, everyone)
    for person_id in everyone:
        forbid_suspect_contacts(session, person_id, at=at, with_post=with_post)


def refuse_suspects_adult(
    session: Session, person_id: UUID, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    """A suspect, or whoever answers a suspect's phone, is nobody's safe adult, and no number of theirs is safe.

    Both are documents of the person. An adult who is recorded as not safe may have any number. Raises InvalidInput.
    """
    names = ("safe_number",) if after.get(SAFE_ANSWER) == "no" else ("safe_number", *ADULT_CONTACT_FIELDS)
    is_answered_anew = before.get(SAFE_ANSWER) != after.get(SAFE_ANSWER)
    changed = {
        name
        for name in names
        if after.get(name)
        and (before.get(name) != after[name] or (is_answered_anew and name in ADULT_CONTACT_FIELDS))
    }
    if not changed:
        return
    forbidden = suspect_contacts.forbidden_of_person(session, person_id)
    found = suspect_contacts.forbidden_adult_fields(current_blind_index(session), forbidden, after) & changed
    if found:
        raise InvalidInput(SUSPECTS_NUMBER, fields=dict.fromkeys(sorted(found), SUSPECTS_NUMBER))


def _suspects_postcodes(session: Session, person_id: UUID) -> frozenset[bytes]:
    linked = suspect_contacts.linked_as_suspects(session, [person_id])
    if not linked:
        return frozenset()
    chosen = select(Person.postcode_hash).where(
        bulk_insert.column_in(Person.id, linked), Person.postcode_hash.is_not(None)
    )
    return frozenset(value for value in session.scalars(chosen) if value is not None)


def _forbid_in_plan(
    session: Session,
    person: Person,
    key: bytes,
    known: Mapping[str, Any],
    forbidden: ForbiddenContacts,
    postcodes: Collection[bytes],
    at: datetime,
) -> bool:
    """Write the plan without a suspect's number, email or house as a safe way; False where it had none."""
    in_force = plan_in_force(session, person.id)
    document = open_plan(in_force, key)
    found = suspect_contacts.forbidden_details(session, forbidden, document, known)
    if in_force is None:
        return bool(found)
    safe, changed = forbid_details(in_force.safe, document, found)
    if person.postcode_hash in postcodes and Channel.POST in safe_channels(safe, changed):
        safe, changed = mark_channels_unconfirmed(safe, changed, {Channel.POST.value})
    if (safe, changed) == (in_force.safe, document):
        return False
    plan = from_document(changed, safe, in_force.stated_by)
    write_plan(session, person, key, plan, at=at, checked_at=in_force.checked_at)
    return True


def _forbid_adult(
    session: Session,
    person: Person,
    key: bytes,
    known: Mapping[str, Any],
    forbidden: ForbiddenContacts,
    at: datetime,
) -> bool:
    """Record that an adult with a suspect's number is not safe, and hold what rested on that adult."""
    found = suspect_contacts.forbidden_adult_fields(current_blind_index(session), forbidden, known)
    document = forbid_adult(known, found)
    if document == known:
        return False
    update_person_document(session, person, key, document, at=at)
    if ADULT_CONTACT_FIELDS & found:
        # What a caseworker has corrected no import overwrites: no file calls the adult safe again.
        person.corrected_fields = sorted({*person.corrected_fields, SAFE_ANSWER})
    session.flush()
    record_audit(
        session,
        "safe_adult.recorded",
        subject_type="person",
        subject_id=person.id,
        person_id=person.id,
        fields=sorted(found),
        why="suspect",
    )
    reconsider_holds(session, person, key, at=at)
    return True


def reconsider_holds(
    session: Session, person: Person, key: bytes, *, at: datetime, answered: Collection[str] = ()
) -> None:
    """Hold what of this record waits for work and now lacks a safe adult; only what was `answered` ends a hold."""
    agreed = contact_consents.contact_consent(session, person.id)
    waiting = select(Referral).where(Referral.person_id == person.id, Referral.state.in_(_WAITING))
    for referral in session.scalars(waiting.order_by(Referral.id)).all():
        action = ReferralAction(
            session, Command(actor_of(session), at), referral, opened_person=(person, key)
        )
        before = referral.standing_reasons
        if referral_holds.reevaluate_hold(action, answered, agreed=agreed) != before:
            action.finish()
