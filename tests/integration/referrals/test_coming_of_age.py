"""A child turns 18: contact is asked anew, no adult speaks for them any more, and nothing is answered for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from tests.factories import casework as make
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import TransitionNotAllowed
from victim_gateway.models import Consent, Person, SafeContactPlan, Task
from victim_gateway.services.referrals import coming_of_age, consents, tasks
from victim_gateway.services.referrals.consents import ConsentAnswer
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import ConsentGiver, ConsentHow, ConsentPurpose, SafeAnswer, TaskKind

SERVICE = Actor.worker("tests")
# The first working day of March 2026; those born on 29 February 2008 turn 18 on the day before.
TODAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
BEFORE = TODAY - timedelta(days=20)
ADULT = {
    "guardian_name": "Pat Carer",
    "guardian_relationship": "aunt",
    "guardian_phone": "07700 900321",
    "guardian_safe_to_contact": "yes",
}


def child(actor: Actor, born: str, *, at: datetime = BEFORE) -> UUID:
    return make.assessed(actor, at=at, person=make.person_document(date_of_birth=born, **ADULT))


def own_answer(**different: Any) -> ConsentAnswer:
    said = {
        "purpose": ConsentPurpose.CONTACT,
        "agreed": True,
        "how": ConsentHow.SPOKEN,
        "given_by": ConsentGiver.PERSON,
        "given_at": TODAY + timedelta(hours=1),
    }
    return ConsentAnswer(**{**said, **different})


def open_tasks(owner: Owner, referral_id: UUID) -> list[Task]:
    with owner() as session:
        chosen = select(Task).where(Task.referral_id == referral_id, Task.kind == TaskKind.CAME_OF_AGE)
        return list(session.scalars(chosen))


def test_whoever_turned_18_is_asked_themselves_before_anything_new_is_shared(
    caseworker: Actor, owner: Owner
) -> None:
    turned, leap, still_child = (
        child(caseworker, born) for born in ("2008-03-02", "2008-02-29", "2008-03-03")
    )
    long_ago, came_as_adult = child(caseworker, "1990-03-02"), child(caseworker, "2008-02-20", at=TODAY)
    command = Command(SERVICE, TODAY)

    assert coming_of_age.hand_over_to_new_adults(command) == 2
    assert coming_of_age.hand_over_to_new_adults(command) == 0

    for referral_id in (still_child, long_ago, came_as_adult):
        assert open_tasks(owner, referral_id) == []
    for referral_id in (turned, leap):
        person_id = make.referral(referral_id, caseworker).person_id
        with transaction(caseworker) as session:
            person = session.get_one(Person, person_id)
            key = encrypted_rows.open_key(session, person.key_id)
            document = encrypted_rows.unseal_row(key, "person", person_id, person.sealed)
            plan = session.scalars(
                select(SafeContactPlan).where(
                    SafeContactPlan.person_id == person_id, SafeContactPlan.superseded_at.is_(None)
                )
            ).one()
            # Nothing is said in their place: what was answered before is not turned into a no.
            withdrawn = session.scalars(select(Consent.withdrawn_at).where(Consent.person_id == person_id))
            assert list(withdrawn) == [None]
        assert document["guardian_safe_to_contact"] == "unknown"
        assert document["guardian_name"] == "Pat Carer"
        assert plan.safe is not SafeAnswer.YES
        assert plan.safe_channels == []

    with pytest.raises(TransitionNotAllowed, match="turned 18"):
        make.offered(caseworker, owner, turned)
    (task,) = open_tasks(owner, turned)
    with pytest.raises(TransitionNotAllowed, match="Record first what they say themselves"):
        tasks.tick_off_task(Command(caseworker, TODAY), turned, task_id=task.id)
    later = Command(caseworker, TODAY + timedelta(hours=2))
    # Of the police, of another who speaks for them, and of the child they were: none is their own answer as an adult.
    for other in (
        own_answer(how=ConsentHow.THROUGH_POLICE, given_by=None),
        own_answer(given_by=ConsentGiver.OTHER, giver_name="Pat Carer"),
        own_answer(given_at=TODAY - timedelta(days=1)),
    ):
        consents.record_consent(later, turned, other)
        with pytest.raises(TransitionNotAllowed, match="their own yes or no"):
            tasks.tick_off_task(later, turned, task_id=task.id)
    consents.record_consent(later, turned, own_answer())
    tasks.tick_off_task(later, turned, task_id=task.id)
    # A no is an answer too; a yes that was taken back is none.
    (task,) = open_tasks(owner, leap)
    yes = consents.record_consent(later, leap, own_answer())
    consents.withdraw_consent(later, yes)
    with pytest.raises(TransitionNotAllowed, match="their own yes or no"):
        tasks.tick_off_task(later, leap, task_id=task.id)
    consents.record_consent(later, leap, own_answer(agreed=False))
    tasks.tick_off_task(later, leap, task_id=task.id)
    # The day after: those who turn 18 then, and none a second time.
    assert coming_of_age.hand_over_to_new_adults(Command(SERVICE, TODAY + timedelta(days=1))) == 1


def test_one_record_that_can_not_be_opened_keeps_no_other_person_from_being_asked(
    caseworker: Actor, owner: Owner
) -> None:
    referral_ids = [child(caseworker, "2008-03-02") for _ in range(2)]
    by_person = {make.referral(each, caseworker).person_id: each for each in referral_ids}
    # The one that is gone through first.
    broken = min(by_person)
    with owner() as session:
        session.execute(update(Person).where(Person.id == broken).values(sealed=b"broken"))

    for _ in range(2):
        with pytest.raises(ExceptionGroup, match="turned 18"):
            coming_of_age.hand_over_to_new_adults(Command(SERVICE, TODAY))
    assert {each: len(open_tasks(owner, by_person[each])) for each in by_person} == {
        broken: 0,
        max(by_person): 1,
    }
