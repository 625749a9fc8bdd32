"""A child turns 18: contact is asked anew, no adult speaks for them any more, and nothing is answered for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

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
from victim_gateway.vocabulary import ConsentHow, ConsentPurpose, SafeAnswer, TaskKind

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
    answer = ConsentAnswer(
        purpose=ConsentPurpose.CONTACT,
        agreed=True,
        how=ConsentHow.SPOKEN,
        given_at=TODAY + timedelta(hours=1),
    )
    later = Command(caseworker, TODAY + timedelta(hours=2))
    consents.record_consent(later, turned, answer)
    tasks.tick_off_task(later, turned, task_id=task.id)
    # The day after: whoever turns 18 then, and nobody a second time.
    assert coming_of_age.hand_over_to_new_adults(Command(SERVICE, TODAY + timedelta(days=1))) == 1
