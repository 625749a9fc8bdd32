"""A child turns 18: contact and consent are the young person's own from that day on (Victims' Code, hard case 6).

What is done by itself only protects: the adult who was safe to speak to is no longer, and every way of contact has to
be asked for anew. Nothing is answered in the young person's place: a caseworker asks them, and until they have
answered nothing new is shared with a provider. Support that goes on is not cut off overnight.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_blind_index
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.errors import NotFound, TransitionNotAllowed
from victim_gateway.models import CaseEvent, Consent, Person, Referral, Task
from victim_gateway.queries.people.decrypted_people import birth_date_of
from victim_gateway.queries.people.merged_records import is_record_of
from victim_gateway.rules.safe_adult_changes import SAFE_ANSWER
from victim_gateway.rules.safe_contact import CONTACT_CHANNELS
from victim_gateway.services.people.person_documents import update_person_document
from victim_gateway.services.referrals.safe_contact import mark_safe_contact_unconfirmed
from victim_gateway.services.shared import case_locks, contact_consents, referral_holds
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

ADULT_AGE = 18
CAME_OF_AGE = "person.came_of_age"
LOOK_BACK_DAYS = 31
"""A pass that did not run for a month misses no person."""
# Who may answer for an adult: the person, or who was given the power to by law where they can't. A parent may not.
_SPEAKS_FOR_ADULT = (ConsentGiver.PERSON, ConsentGiver.ATTORNEY, ConsentGiver.DEPUTY)
_OVER = (ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR)


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
        answered = answered.where(Consent.given_at >= _adult_from(born))
    # As the service: the answer may stand on a record that the actor may not see.
    with as_service(session):
        has_answered = session.scalar(answered.limit(1)) is not None
    if not has_answered:
        raise TransitionNotAllowed(
            "Record first what they say themselves about being contacted, under Consent: their own yes or no."
        )


def _hand_over(command: Command, person_id: UUID) -> bool:
    with transaction(command.actor) as session:
        case_locks.lock_person_referrals(session, person_id)
        try:
            person, key = case_locks.open_person(session, person_id, lock=True)
        except NotFound:
            return False
        document = encrypted_rows.unseal_row(key, "person", person_id, person.sealed)
        referral = _newest_from_childhood(session, person_id, birth_date_of(document), command.at)
        # Again, locked: another pass may have asked meanwhile.
        if referral is None or _was_asked(session, person_id):
            return False
        action = ReferralAction(session, command, referral, opened_person=(person, key))
        if document.get(SAFE_ANSWER) == SafeAnswer.YES:
            changed = {**document, SAFE_ANSWER: SafeAnswer.UNKNOWN.value}
            update_person_document(session, person, key, changed, at=command.at)
            person.corrected_fields = sorted({*person.corrected_fields, SAFE_ANSWER})
            session.flush()
        mark_safe_contact_unconfirmed(action, CONTACT_CHANNELS)
        action.open_task(TaskKind.CAME_OF_AGE, dedupe_key=f"came-of-age:{person_id}")
        action.add_timeline_entry(CAME_OF_AGE)
        action.record_audit(CAME_OF_AGE)
        agreed = contact_consents.contact_consent(session, person_id)
        answered = {"date_of_birth", SAFE_ANSWER}
        referral_holds.reevaluate_hold(action, answered, agreed=agreed)
        referral_holds.reevaluate_other_referrals(action, answered, agreed=agreed)
        action.finish()
    return True


def _candidates(session: Session, today: date) -> list[UUID]:
    index = current_blind_index(session)
    hashes = [
        index.hash_repeated("date_of_birth", born.isoformat())
        for number in range(LOOK_BACK_DAYS)
        for born in _born_18_years_before(today - timedelta(days=number))
    ]
    of_person = select(Referral.id).where(Referral.person_id == Person.id)
    statement = select(Person.id).where(
        Person.dob_hash.in_(hashes),
        Person.erased_at.is_(None),
        Person.kind == "person",
        of_person.where(Referral.state.not_in(_OVER)).exists(),
        ~of_person.join(CaseEvent, CaseEvent.referral_id == Referral.id)
        .where(CaseEvent.event == CAME_OF_AGE)
        .exists(),
    )
    return list(session.scalars(statement.order_by(Person.id)))


def _born_18_years_before(day: date) -> Iterator[date]:
    """The birth dates of those who turn 18 on a day: also of 29 February, where that year has none."""
    year = day.year - ADULT_AGE
    if (day.month, day.day) != (2, 29) or _is_leap(year):
        yield day.replace(year=year)
    if (day.month, day.day) == (3, 1) and _is_leap(year) and not _is_leap(day.year):
        yield date(year, 2, 29)


def _adult_from(born: date) -> datetime:
    """When a person turns 18; those of 29 February on 1 March: 18 years on, there is none."""
    month, day = (3, 1) if (born.month, born.day) == (2, 29) else (born.month, born.day)
    return datetime.combine(date(born.year + ADULT_AGE, month, day), time.min, times.LONDON)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _newest_from_childhood(
    session: Session, person_id: UUID, born: date | None, at: datetime
) -> Referral | None:
    """The newest open referral that came while the person was a child, where they are no child any more."""
    if born is None or times.age_on(born, times.london_date(at)) < ADULT_AGE:
        return None
    chosen = select(Referral).where(
        Referral.person_id == person_id,
        Referral.state.not_in(_OVER),
        Referral.received_at < _adult_from(born),
    )
    return session.scalars(chosen.order_by(Referral.received_at.desc(), Referral.id).limit(1)).first()


def _was_asked(session: Session, person_id: UUID) -> bool:
    said = select(CaseEvent.id).join(Referral, Referral.id == CaseEvent.referral_id)
    chosen = said.where(Referral.person_id == person_id, CaseEvent.event == CAME_OF_AGE)
    return session.scalar(chosen.limit(1)) is not None
