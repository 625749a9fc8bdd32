"""A new safe-contact answer: which number it is about, and what an answer with a second referral changes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import casework
from tests.factories.casework import DAY, HOUR, MONDAY
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput
from victim_gateway.models import Person, Referral
from victim_gateway.queries.people.safe_contact_plans import plan_in_force
from victim_gateway.services.referrals import safe_contact
from victim_gateway.services.referrals.safe_contact import SafeContactAnswer
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import AttemptOutcome, SafeAnswer

YES, NO = SafeAnswer.YES, SafeAnswer.NO
NUMBER = "07700 900777"


def opened_plan(referral_id: Any, actor: Actor) -> tuple[Any, dict[str, Any]]:
    with transaction(actor) as session:
        person = session.get_one(Person, session.get_one(Referral, referral_id).person_id)
        plan = plan_in_force(session, person.id)
        assert plan is not None
        key = encrypted_rows.open_key(session, person.key_id)
        return plan, encrypted_rows.unseal_row(key, "safe_contact_plan", plan.id, plan.sealed)


def record(referral_id: Any, actor: Actor, answer: SafeContactAnswer) -> None:
    version = casework.plan_version(referral_id, actor)
    safe_contact.record_safe_contact(Command(actor, MONDAY + 2 * DAY, version=version), referral_id, answer)


def test_a_number_that_was_not_safe_needs_a_word_before_it_is_safe(caseworker: Actor) -> None:
    referral_id = casework.in_contact(caseworker)
    record(referral_id, caseworker, SafeContactAnswer(YES, {"phone": YES}, number=NUMBER))
    unsafe = SafeContactAnswer(YES, {"phone": NO, "email": YES}, email="w@example.org")
    record(referral_id, caseworker, unsafe)
    silent = SafeContactAnswer(YES, {"phone": YES, "email": YES})

    with pytest.raises(InvalidInput, match="tick that it is the same") as refused:
        record(referral_id, caseworker, silent)
    assert refused.value.fields.keys() == {"number"}

    said = SafeContactAnswer(YES, {"phone": YES, "email": YES}, same_details=("number",))
    record(referral_id, caseworker, said)
    assert opened_plan(referral_id, caseworker)[1]["number"] == NUMBER
    record(referral_id, caseworker, silent)
    assert opened_plan(referral_id, caseworker)[1]["number"] == NUMBER

    casework.log_attempt(
        referral_id, caseworker, at=MONDAY + 2 * DAY + HOUR, outcome=AttemptOutcome.WRONG_NUMBER
    )
    assert opened_plan(referral_id, caseworker)[1]["number"] is None
    with pytest.raises(InvalidInput, match="tick that it is the same"):
        record(referral_id, caseworker, silent)


def test_a_second_answer_keeps_the_age_of_what_was_not_asked_again(caseworker: Actor) -> None:
    referral_id = casework.in_contact(caseworker)
    first = opened_plan(referral_id, caseworker)[0]
    person_id = first.person_id
    email = SafeContactAnswer(YES, {"email": YES}, email="w@example.org", days=("monday",))

    casework.recorded(caseworker, person_id=person_id, safe_contact=email, at=MONDAY + DAY)

    plan, document = opened_plan(referral_id, caseworker)
    assert (plan.checked_at, plan.stated_by) == (first.checked_at, first.stated_by)
    assert (document["channels"]["phone"], document["channels"]["email"]) == ("yes", "yes")
    assert document["days"] == ["monday"]
