"""A child turns 18: contact is asked anew, no adult speaks for them any more, and nothing is answered for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from tests.factories import casework as make
from tests.factories.feeds import feed_row
from tests.factories.imports import import_rows, imported_person, imported_referral
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import TransitionNotAllowed
from victim_gateway.models import CaseEvent, Consent, Person, Referral, SafeContactPlan, Task
from victim_gateway.services.referrals import (
    coming_of_age,
    consents,
    corrections,
    merged_people,
    status,
    tasks,
)
from victim_gateway.services.referrals.consents import ConsentAnswer
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    CloseOutcome,
    ConsentGiver,
    ConsentHow,
    ConsentPurpose,
    ReferralState,
    Role,
    SafeAnswer,
    TaskKind,
)

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
        chosen = select(Task).where(
            Task.referral_id == referral_id, Task.kind == TaskKind.CAME_OF_AGE, Task.done_at.is_(None)
        )
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


def asked(owner: Owner, *referral_ids: UUID) -> int:
    with owner() as session:
        chosen = select(CaseEvent.id).where(
            CaseEvent.referral_id.in_(referral_ids), CaseEvent.event == coming_of_age.CAME_OF_AGE
        )
        return len(session.scalars(chosen).all())


def close(owner: Owner, *referral_ids: UUID) -> None:
    with owner() as session:
        over = {"state": ReferralState.CLOSED, "closed_at": BEFORE, "outcome": CloseOutcome.OTHER}
        session.execute(
            update(Referral).where(Referral.id.in_(referral_ids)).values(assigned_to_id=None, **over)
        )


def safe_adult(actor: Actor, referral_id: UUID) -> str | None:
    person_id = make.referral(referral_id, actor).person_id
    with transaction(actor) as session:
        person = session.get_one(Person, person_id)
        key = encrypted_rows.open_key(session, person.key_id)
        document = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
    answer: str | None = document.get("guardian_safe_to_contact")
    return answer


def correct_birth_date(actor: Actor, referral_id: UUID, born: str, *, at: datetime) -> None:
    corrections.correct_details(
        Command(actor, at), referral_id, {"date_of_birth": born}, reason="It was read wrongly"
    )


def test_who_turned_18_while_nothing_was_open_is_asked_once_when_a_referral_opens_again(
    caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    senior, born = make_actor(Role.SENIOR), "2008-03-02"
    reopened, returned, misread = (child(caseworker, each) for each in (born, born, "2010-03-02"))
    row = feed_row(
        date_of_birth=born, reported_at="2026-02-09T09:00:00", transferred_at="2026-02-10T09:00:00"
    )
    row |= {"occurred_from": "2026-02-08T20:00:00", **ADULT}
    import_rows(row, at=BEFORE)
    closed = [reopened, returned, imported_referral(row).id]
    close(owner, *closed)
    # Long after the days that the sweep looks back.
    late = TODAY + timedelta(days=60)
    assert coming_of_age.hand_over_to_new_adults(Command(SERVICE, late)) == 0

    status.reopen_referral(Command(caseworker, late), reopened, text="They called again")
    person_id = make.referral(returned, caseworker).person_id
    new = make.recorded(caseworker, at=late, person={}, person_id=person_id)
    correct_birth_date(senior, misread, born, at=late)
    again = {**row, **{name: feed_row()[name] for name in ("feed_reference", "crime_number")}}
    import_rows(again, at=late)

    asked_on = (reopened, new, misread, imported_referral(again).id)
    for referral_id in asked_on:
        assert (len(open_tasks(owner, referral_id)), asked(owner, referral_id)) == (1, 1)
        assert safe_adult(caseworker, referral_id) == "unknown"
    # Once: neither with the next referral, nor because the file comes again.
    next_one = make.recorded(caseworker, at=late + timedelta(days=1), person={}, person_id=person_id)
    last = {**row, **{name: feed_row()[name] for name in ("feed_reference", "crime_number")}}
    import_rows(last, at=late + timedelta(days=1))
    assert asked(owner, next_one, imported_referral(last).id) == 0
    assert imported_person(last)["guardian_safe_to_contact"] == "unknown"
    # They are a child after all: no answer as an adult is waited for.
    correct_birth_date(senior, misread, "2010-03-02", at=late + timedelta(days=1))
    assert open_tasks(owner, misread) == []


def test_a_birth_date_that_was_wrong_once_keeps_nobody_from_being_asked_and_every_record_counts(
    caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    senior = make_actor(Role.SENIOR)
    both = [child(caseworker, "2008-02-20") for _ in range(2)]
    people = [make.referral(each, caseworker).person_id for each in both]
    merged_people.merge_people(Command(caseworker, BEFORE + timedelta(hours=3)), *people)
    # By a birth date that is ten days too early: one task for the two records, and no adult on either.
    early = TODAY - timedelta(days=9)
    assert coming_of_age.hand_over_to_new_adults(Command(SERVICE, early)) == 1
    assert coming_of_age.hand_over_to_new_adults(Command(SERVICE, early)) == 0
    assert [safe_adult(caseworker, each) for each in both] == ["unknown", "unknown"]
    for each in both:
        correct_birth_date(senior, each, "2008-03-02", at=early + timedelta(hours=1))
    assert [open_tasks(owner, each) for each in both] == [[], []]

    assert coming_of_age.hand_over_to_new_adults(Command(SERVICE, TODAY)) == 1
    assert asked(owner, *both) == 2


def test_what_another_record_has_from_their_childhood_is_asked_about_when_the_two_are_merged(
    caseworker: Actor, owner: Owner
) -> None:
    young = child(caseworker, "2008-03-02")
    late = TODAY + timedelta(days=60)
    close(owner, young)
    document = make.person_document(date_of_birth="2008-03-02")
    grown = make.assessed(caseworker, at=late, person=document)
    people = [make.referral(each, caseworker).person_id for each in (grown, young)]

    merged_people.merge_people(Command(caseworker, late + timedelta(hours=3)), *people)

    assert (len(open_tasks(owner, grown)), safe_adult(caseworker, young)) == (1, "unknown")
