"""A child turns 18: contact and consent are the young person's own from that day on (Victims' Code, hard case 6).

What is done by itself only protects: the adult who was safe to speak to is no longer, and every way of contact has to
be asked for anew. Nothing is answered in the young person's place: a caseworker asks them, and until they have
answered nothing new is shared with a provider. Support that goes on is not cut off overnight.

It is due where a referral is open and something from their childhood stands: a referral, a plan of how to reach them,
a yes or no, or an adult who may be spoken to, on any of their records. So it is looked for on the birthday, and again
whenever that can begin: a referral is reopened or added, a birth date is put right, records are merged or parted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import audit_log, encrypted_rows
from victim_gateway.database.current import current_blind_index
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.errors import TransitionNotAllowed
from victim_gateway.models import CaseEvent, Consent, Person, Referral, SafeContactPlan, Task
from victim_gateway.queries.people.decrypted_people import birth_date_of
from victim_gateway.queries.people.merged_records import is_record_of, living_records, records_of_person
from victim_gateway.rules.coming_of_age import adult_from, born_18_years_before
from victim_gateway.rules.safe_adult_changes import SAFE_ANSWER
from victim_gateway.rules.safe_contact import CONTACT_CHANNELS
from victim_gateway.rules.transitions import OVER_STATES
from victim_gateway.services.people.person_documents import update_person_document
from victim_gateway.services.referrals.forbidden_contacts import reconsider_holds
from victim_gateway.services.referrals.safe_contact import mark_safe_contact_unconfirmed
from victim_gateway.services.shared import case_locks, contact_consents, next_action, referral_holds, tasks
from victim_gateway.services.shared.case_action import ReferralAction
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    ConsentGiver,
    ConsentHow,
    ConsentPurpose,
    ReferralState,
    SafeAnswer,
    TaskKind,
)

log = structlog.get_logger()

CAME_OF_AGE = "person.came_of_age"
LOOK_BACK_DAYS = 31
"""Of the sweep: a pass that did not run for a month misses no person. Who has no open referral then is found later."""
# Who may answer for an adult: the person, or who was given the power to by law where they can't. A parent may not.
_SPEAKS_FOR_ADULT = (ConsentGiver.PERSON, ConsentGiver.ATTORNEY, ConsentGiver.DEPUTY)
_ANSWERED = frozenset({"date_of_birth", SAFE_ANSWER})
# On a referral that was entered in error no person was asked.
_IS_ASKING = (CaseEvent.event == CAME_OF_AGE, Referral.state != ReferralState.ENTERED_IN_ERROR)


@dataclass(frozen=True, slots=True)
class _DueHandover:
    """The open referral on which an adult has to be asked; `has_old_plan`: how to reach them is a child's answer."""

    referral: Referral
    has_old_plan: bool


def hand_over_to_new_adults(command: Command) -> int:
    """For each child with an open referral who turned 18 lately: contact has to be asked anew, and a task says so.

    Found by the keyed hash of the birth date, which is stored nowhere in the open. Each is asked for once; safe to run
    twice at once. Returns how many there were. As the service. One record that fails stops no other person's: it is
    logged, and raised as an ExceptionGroup once everybody else was gone through.
    """
    with transaction(command.actor) as session:
        found = _candidates(session, times.london_date(command.at))
    count, failures = 0, []
    for person_id in found:
        try:
            count += _hand_over(command, person_id)
        except Exception as error:
            log.error("coming_of_age.failed", person_id=str(person_id), error=type(error).__name__)
            failures.append(error)
    if failures:
        raise ExceptionGroup("some who turned 18 could not be handed over", failures)
    return count


def refuse_without_answer(action: ReferralAction, task: Task) -> None:
    """Raises TransitionNotAllowed where the young person has not said themselves whether we may contact them.

    A yes or a no of their own that stands, recorded by a colleague since the task was opened and given as an adult, on
    any of their records. An attorney or a deputy answers for one who can't decide; what a parent,
    the police or another agency says is no answer of theirs.
    """
    session, person = action.session, action.person
    document = encrypted_rows.unseal_row(action.key, "person", person.id, person.sealed)
    answered = select(Consent.id).where(
        is_record_of(Consent.person_id, person.id),
        Consent.purpose == ConsentPurpose.CONTACT,
        Consent.recorded_at >= task.created_at,
        Consent.recorded_by_id.is_not(None),
        Consent.given_by.in_(_SPEAKS_FOR_ADULT),
        Consent.how.not_in((ConsentHow.THROUGH_POLICE, ConsentHow.THROUGH_AGENCY)),
        Consent.withdrawn_at.is_(None),
    )
    born = birth_date_of(document)
    if born is not None:
        answered = answered.where(Consent.given_at >= adult_from(born))
    # As the service: the answer may stand on a record that the actor may not see.
    with as_service(session):
        has_answered = session.scalar(answered.limit(1)) is not None
    if not has_answered:
        raise TransitionNotAllowed(
            "Record first what they say themselves about being contacted, under Consent: their own yes or no."
        )


def hand_over_if_due(
    session: Session, command: Command, person_id: UUID, *, within: ReferralAction | None = None
) -> bool:
    """Ask an adult anew where an answer from their childhood stands and a referral is open; whether it was due.

    Call it with every referral of the person locked (`LockScope.PERSON_REFERRALS`). `within` is the action that is
    open on one of them: it is asked on that one, where it is open, and the caller finishes it.
    """
    session.flush()
    with as_service(session):
        due = _find_due(session, person_id, command.at, within.referral_id if within else None)
        if due is None:
            return False
        if within is not None and within.referral_id == due.referral.id:
            _ask_anew(within, due)
        else:
            opened = case_locks.open_person(session, due.referral.person_id, lock=True)
            action = ReferralAction(session, command, due.referral, opened_person=opened)
            _ask_anew(action, due)
            action.finish()
    return True


def follow_birth_date(
    session: Session, command: Command, person_id: UUID, *, within: ReferralAction | None = None
) -> None:
    """After another birth date: an adult is asked anew, and of a child no answer as an adult is waited for any more.

    Locked as for `hand_over_if_due`. What was taken off when they seemed to be 18 stays off: a caseworker asks.
    """
    if hand_over_if_due(session, command, person_id, within=within):
        return
    with as_service(session):
        born = _birth_date(person_id, _open_records(session, person_id))
        if born is None or adult_from(born) <= command.at:
            return
        asked = session.execute(
            select(Task.id, Referral.id.label("referral_id"))
            .join(Referral, Referral.id == Task.referral_id)
            .where(
                is_record_of(Referral.person_id, person_id),
                Task.kind == TaskKind.CAME_OF_AGE,
                Task.done_at.is_(None),
            )
        ).all()
        for task in asked:
            tasks.finish_task(session, task.id, at=command.at)
        next_action.refresh_next_actions(session, [task.referral_id for task in asked], at=command.at)


def _hand_over(command: Command, person_id: UUID) -> bool:
    """One person by the sweep: nothing is locked until it is clear that they have to be asked."""
    with transaction(command.actor) as session:
        if _find_due(session, person_id, command.at) is None:
            return False
    with transaction(command.actor) as session:
        case_locks.lock_person_referrals(session, person_id)
        # Looked at again, locked: another pass may have asked meanwhile.
        return hand_over_if_due(session, command, person_id)


def _ask_anew(action: ReferralAction, due: _DueHandover) -> None:
    session, person_id = action.session, action.referral.person_id
    _forget_safe_adults(action)
    if due.has_old_plan:
        mark_safe_contact_unconfirmed(action, CONTACT_CHANNELS)
    action.open_task(TaskKind.CAME_OF_AGE, dedupe_key=f"came-of-age:{person_id}")
    action.add_timeline_entry(CAME_OF_AGE)
    action.record_audit(CAME_OF_AGE)
    agreed = contact_consents.contact_consent(session, person_id)
    referral_holds.reevaluate_hold(action, _ANSWERED, agreed=agreed)
    referral_holds.reevaluate_other_referrals(action, _ANSWERED, agreed=agreed)


def _forget_safe_adults(action: ReferralAction) -> None:
    """On every record of the person: who was safe to speak to for a child is not known to be for an adult."""
    session, own_id = action.session, action.referral.person_id
    for record_id in living_records(session, records_of_person(session, own_id)):
        person, key = case_locks.open_person(session, record_id, lock=True)
        # As it is stored: an import writes past the objects that the session keeps.
        session.refresh(person)
        document = encrypted_rows.unseal_row(key, "person", record_id, person.sealed)
        if document.get(SAFE_ANSWER) == SafeAnswer.YES:
            changed = {**document, SAFE_ANSWER: SafeAnswer.UNKNOWN.value}
            update_person_document(session, person, key, changed, at=action.at)
            person.corrected_fields = sorted({*person.corrected_fields, SAFE_ANSWER})
            session.flush()
        if record_id != own_id:
            audit_log.record_audit(
                session, CAME_OF_AGE, subject_type="person", subject_id=record_id, person_id=record_id
            )
            reconsider_holds(session, person, key, at=action.at, answered=_ANSWERED)
            next_action.refresh_person_referrals(session, record_id, at=action.at)


def _candidates(session: Session, today: date) -> list[UUID]:
    """Records with an open referral of those who turned 18 in the last days and were not asked since."""
    index = current_blind_index(session)
    born_of = {
        index.hash_repeated("date_of_birth", born.isoformat()): born
        for number in range(LOOK_BACK_DAYS)
        for born in born_18_years_before(today - timedelta(days=number))
    }
    theirs = is_record_of(Referral.person_id, Person.id, of_row=Person)
    is_open = select(Referral.id).where(theirs, Referral.state.not_in(OVER_STATES)).correlate(Person)
    asked = select(func.max(CaseEvent.recorded_at)).join(Referral, Referral.id == CaseEvent.referral_id)
    asked_at = asked.where(theirs, *_IS_ASKING).correlate(Person).scalar_subquery()
    found = session.execute(
        select(Person.id, Person.dob_hash, asked_at.label("asked_at"))
        .where(
            Person.dob_hash.in_(born_of),
            Person.erased_at.is_(None),
            Person.kind == "person",
            is_open.exists(),
        )
        .order_by(Person.id)
    )
    return [
        row.id
        for row in found
        if row.asked_at is None or row.asked_at < adult_from(born_of[bytes(row.dob_hash)])
    ]


def _find_due(
    session: Session, person_id: UUID, at: datetime, first: UUID | None = None
) -> _DueHandover | None:
    """The open referral, `first` before newer ones, on which an adult has to be asked; None where nothing is due."""
    records = _open_records(session, person_id)
    born = _birth_date(person_id, records)
    if born is None or at < adult_from(born) or any(document.get("deceased") for _, document in records):
        return None
    grown_up = adult_from(born)
    chosen = session.scalars(
        select(Referral)
        .where(is_record_of(Referral.person_id, person_id), Referral.state.not_in(OVER_STATES))
        .order_by((Referral.id == first).desc(), Referral.received_at.desc(), Referral.id)
        .limit(1)
        # As it is stored: an import writes past the objects that the session keeps.
        .execution_options(populate_existing=True)
    ).first()
    if chosen is None or _was_asked(session, person_id, grown_up):
        return None
    has_old_plan = _has_plan_from_before(session, person_id, grown_up)
    has_old_adult = any(
        person.created_at < grown_up and document.get(SAFE_ANSWER) == SafeAnswer.YES
        for person, document in records
    )
    if has_old_plan or has_old_adult or _is_known_from_before(session, person_id, grown_up):
        return _DueHandover(chosen, has_old_plan)
    return None


def _open_records(session: Session, person_id: UUID) -> list[tuple[Person, Mapping[str, Any]]]:
    """Every record of a person that is not erased, as it is stored, with what is sealed in it."""
    opened = []
    for record_id in living_records(session, records_of_person(session, person_id)):
        person, key = case_locks.open_person(session, record_id)
        session.refresh(person)
        if person.kind == "person":
            opened.append((person, encrypted_rows.unseal_row(key, "person", record_id, person.sealed)))
    return opened


def _birth_date(person_id: UUID, records: list[tuple[Person, Mapping[str, Any]]]) -> date | None:
    """By this record; where it says nothing, by another one of the same person."""
    born = {person.id: birth_date_of(document) for person, document in records}
    return born.get(person_id) or next((day for day in born.values() if day is not None), None)


def _was_asked(session: Session, person_id: UUID, grown_up: datetime) -> bool:
    """Since they really turned 18: what was asked because of a birth date that was wrong counts for nothing."""
    said = select(CaseEvent.id).join(Referral, Referral.id == CaseEvent.referral_id)
    chosen = said.where(
        is_record_of(Referral.person_id, person_id), *_IS_ASKING, CaseEvent.recorded_at >= grown_up
    )
    return session.scalar(chosen.limit(1)) is not None


def _has_plan_from_before(session: Session, person_id: UUID, grown_up: datetime) -> bool:
    said = select(SafeContactPlan.id).where(
        is_record_of(SafeContactPlan.person_id, person_id),
        SafeContactPlan.superseded_at.is_(None),
        func.coalesce(SafeContactPlan.checked_at, SafeContactPlan.recorded_at) < grown_up,
    )
    return session.scalar(said.limit(1)) is not None


def _is_known_from_before(session: Session, person_id: UUID, grown_up: datetime) -> bool:
    """Whether an open referral, or an answer that stands, is from their childhood."""
    referral = select(Referral.id).where(
        is_record_of(Referral.person_id, person_id),
        Referral.state.not_in(OVER_STATES),
        Referral.received_at < grown_up,
    )
    answer = select(Consent.id).where(
        is_record_of(Consent.person_id, person_id),
        Consent.withdrawn_at.is_(None),
        Consent.given_at < grown_up,
    )
    return bool(session.scalar(select(referral.exists() | answer.exists())))
