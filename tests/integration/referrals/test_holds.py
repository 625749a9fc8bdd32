"""Held until safe: what a caseworker records ends a hold, on every referral it counts for, and nothing else does."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from tests.factories import casework as make
from tests.factories.casework import DAY, HOUR, MONDAY
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, NotAllowed, StaleVersion, TransitionNotAllowed
from victim_gateway.models import AuditEntry, CaseFacts, OnwardReferral, Person, Referral, Task
from victim_gateway.services.referrals import consents, corrections, status, tasks
from victim_gateway.services.referrals.consents import ConsentAnswer
from victim_gateway.services.referrals.safe_adult import (
    CapacityAnswer,
    SafeAdult,
    record_capacity_answer,
    record_safe_adult,
)
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    CloseOutcome,
    ConsentHow,
    ConsentPurpose,
    Harm,
    HeldReason,
    NextAction,
    ReferralState,
    Role,
    SafeAnswer,
    TaskKind,
)

MOTHER = SafeAdult("Kim Testcase", "mother", SafeAnswer.YES, phone="07700 900777")
SCHOOL = CapacityAnswer(
    "Sam Nurse, school nurse", date(2026, 3, 1), "Understands what we do and asks for it."
)
CHILD, EXPLICIT, REFUSED = (
    HeldReason.CHILD_WITHOUT_SAFE_ADULT,
    HeldReason.EXPLICIT_CONSENT_NEEDED,
    HeldReason.CONSENT_REFUSED,
)


def of_child(caseworker: Actor, **changes: Any) -> Any:
    """A referral about a child of 12, of whom no adult is known."""
    person = make.person_document(date_of_birth="2014-01-05")
    return make.recorded(caseworker, **({"person": person} | changes))


def reasons_of(referral_id: Any, actor: Actor) -> tuple[HeldReason, ...]:
    return make.referral(referral_id, actor).standing_reasons


def say_yes(referral_id: Any, caseworker: Actor) -> None:
    answer = ConsentAnswer(
        purpose=ConsentPurpose.CONTACT, agreed=True, how=ConsentHow.THROUGH_POLICE, given_at=MONDAY
    )
    consents.record_consent(Command(caseworker, MONDAY + HOUR), referral_id, answer)


def test_a_child_without_a_safe_adult_is_held_with_a_task_for_the_same_day(caseworker: Actor) -> None:
    referral_id = of_child(caseworker)
    referral = make.referral(referral_id, caseworker)
    assert (referral.state, referral.held_reason) == (ReferralState.HELD, CHILD)
    assert (referral.next_action, referral.next_due_on) == (NextAction.RESOLVE_HOLD, MONDAY.date())
    assert make.open_tasks(referral_id, caseworker) == [TaskKind.HOLD_DECISION]
    with pytest.raises(TransitionNotAllowed, match="held"):
        make.log_attempt(referral_id, caseworker, at=MONDAY + HOUR)


@pytest.mark.parametrize(
    "adult",
    [
        {"guardian_name": "Kim", "guardian_phone": "07700 900777", "guardian_safe_to_contact": "yes"},
        {"guardian_name": "Kim", "guardian_other_contact": "the school", "guardian_safe_to_contact": "yes"},
    ],
)
def test_a_child_whose_adult_was_named_with_the_referral_is_not_held(
    caseworker: Actor, adult: dict[str, str]
) -> None:
    person = make.person_document(date_of_birth="2014-01-05") | adult
    assert reasons_of(make.recorded(caseworker, person=person), caseworker) == ()


def test_naming_a_safe_adult_ends_the_hold_and_its_task_and_is_sealed_and_audited(
    caseworker: Actor, owner: Owner
) -> None:
    referral_id = of_child(caseworker)
    assert record_safe_adult(Command(caseworker, MONDAY + HOUR), referral_id, MOTHER) == ()
    referral = make.referral(referral_id, caseworker)
    assert (referral.state, referral.held_reasons) == (ReferralState.RECEIVED, [])
    assert make.open_tasks(referral_id, caseworker) == []
    assert make.events_of(referral_id, caseworker, "story")[-2:] == [
        "safe_adult.recorded",
        "referral.released",
    ]
    with owner() as session:
        person = session.get_one(Person, referral.person_id)
        entries = session.scalars(select(AuditEntry).where(AuditEntry.subject_id == referral_id)).all()
        assert b"Kim" not in person.sealed
        assert "guardian_name" in person.corrected_fields
    assert "safe_adult.recorded" in {entry.action for entry in entries}
    assert not any("Kim" in entry.entry for entry in entries)
    with transaction(caseworker) as session:
        person = session.get_one(Person, referral.person_id)
        key = encrypted_rows.open_key(session, person.key_id)
        document = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
    assert (document["guardian_name"], document["guardian_phone"]) == ("Kim Testcase", "+447700900777")


@pytest.mark.parametrize("safe", [SafeAnswer.NO, SafeAnswer.UNKNOWN])
def test_an_adult_who_is_not_known_to_be_safe_ends_nothing(caseworker: Actor, safe: SafeAnswer) -> None:
    referral_id = of_child(caseworker)
    adult = SafeAdult("Kim Testcase", "mother", safe, phone="07700 900777")
    assert record_safe_adult(Command(caseworker, MONDAY + HOUR), referral_id, adult) == (CHILD,)
    assert make.open_tasks(referral_id, caseworker) == [TaskKind.HOLD_DECISION]


@pytest.mark.parametrize(
    ("adult", "field"),
    [
        (SafeAdult(" ", "mother", SafeAnswer.YES, phone="07700 900777"), "guardian_name"),
        (SafeAdult("Kim", "", SafeAnswer.YES, phone="07700 900777"), "guardian_relationship"),
        (SafeAdult("Kim", "mother", SafeAnswer.YES), "guardian_phone"),
        (SafeAdult("Kim", "mother", SafeAnswer.UNKNOWN, phone="12"), "guardian_phone"),
    ],
)
def test_a_safe_adult_whom_nobody_could_reach_is_refused(
    caseworker: Actor, adult: SafeAdult, field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        record_safe_adult(Command(caseworker, MONDAY + HOUR), of_child(caseworker), adult)
    assert field in refused.value.fields


def test_an_adult_who_is_not_safe_is_called_anything_else_by_a_senior_with_a_reason(
    caseworker: Actor, make_actor: MakeActor
) -> None:
    referral_id, senior = of_child(caseworker), make_actor(Role.SENIOR)
    unsafe = SafeAdult("Kim Testcase", "mother", SafeAnswer.NO, phone="07700 900777")
    record_safe_adult(Command(caseworker, MONDAY + HOUR), referral_id, unsafe)
    for adult in (MOTHER, SafeAdult("Kym", "aunt", SafeAnswer.UNKNOWN)):
        with pytest.raises(InvalidInput, match="Only a senior"):
            record_safe_adult(
                Command(caseworker, MONDAY + 2 * HOUR), referral_id, adult, reason="She said so"
            )
    with pytest.raises(InvalidInput, match="Enter why"):
        record_safe_adult(Command(senior, MONDAY + 2 * HOUR), referral_id, MOTHER)
    assert record_safe_adult(Command(senior, MONDAY + 2 * HOUR), referral_id, MOTHER, reason="Cleared") == ()
    # Another adult by a correction is not the one who was called safe.
    changes = {"guardian_name": "Bob Testcase", "guardian_safe_to_contact": "yes"}
    corrections.correct_details(
        Command(caseworker, MONDAY + 3 * HOUR), referral_id, changes, reason="The name was wrong"
    )
    assert reasons_of(referral_id, caseworker) == (CHILD,)


def test_a_mark_of_domestic_abuse_that_is_taken_off_ends_the_hold_that_it_was(
    caseworker: Actor, make_actor: MakeActor
) -> None:
    typed: dict[str, Any] = {"agreed": None, "flags": frozenset({"domestic_abuse"})}
    by_mark = make.recorded(caseworker, **typed)
    ticked = frozenset({Harm.DOMESTIC_ABUSE, Harm.BURGLARY_AND_THEFT})
    by_harm = make.recorded(caseworker, **typed, harms=ticked)
    assert reasons_of(by_mark, caseworker) == reasons_of(by_harm, caseworker) == (EXPLICIT,)
    senior = Command(make_actor(Role.SENIOR), MONDAY + HOUR)
    corrections.correct_details(senior, by_mark, {"domestic_abuse": False}, reason="The neighbour did it")
    assert reasons_of(by_mark, caseworker) == ()
    for changes in ({"domestic_abuse": False}, {"chosen_harms": ["burglary_and_theft"]}):
        assert reasons_of(by_harm, caseworker) == (EXPLICIT,)
        corrections.correct_details(senior, by_harm, changes, reason="The neighbour did it")
    assert reasons_of(by_harm, caseworker) == ()


def test_a_safe_adult_counts_for_every_referral_of_the_child(caseworker: Actor) -> None:
    first = of_child(caseworker)
    person_id = make.referral(first, caseworker).person_id
    second = make.recorded(caseworker, person_id=person_id, person={})
    assert reasons_of(second, caseworker) == (CHILD,)
    record_safe_adult(Command(caseworker, MONDAY + HOUR), first, MOTHER)
    assert reasons_of(first, caseworker) == reasons_of(second, caseworker) == ()
    assert make.open_tasks(second, caseworker) == []


def test_a_capacity_answer_counts_for_its_own_referral_only(caseworker: Actor) -> None:
    first = of_child(caseworker)
    second = make.recorded(caseworker, person_id=make.referral(first, caseworker).person_id, person={})
    assert record_capacity_answer(Command(caseworker, MONDAY + HOUR), first, SCHOOL) == ()
    assert reasons_of(second, caseworker) == (CHILD,)


@pytest.mark.parametrize(
    ("answer", "field"),
    [
        (CapacityAnswer("", date(2026, 3, 1), "Understands it"), "assessed_by"),
        (CapacityAnswer("Sam", date(2026, 3, 9), "Understands it"), "assessed_on"),
        (CapacityAnswer("Sam", date(2026, 3, 1), " "), "note"),
    ],
)
def test_a_capacity_answer_says_who_when_and_why(
    caseworker: Actor, answer: CapacityAnswer, field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        record_capacity_answer(Command(caseworker, MONDAY + HOUR), of_child(caseworker), answer)
    assert field in refused.value.fields


def test_a_form_of_an_older_page_names_nobody(caseworker: Actor) -> None:
    referral_id = of_child(caseworker)
    seen = make.referral(referral_id, caseworker).version
    record_capacity_answer(Command(caseworker, MONDAY + HOUR, version=seen), referral_id, SCHOOL)
    with pytest.raises(StaleVersion):
        record_safe_adult(Command(caseworker, MONDAY + 2 * HOUR, version=seen), referral_id, MOTHER)


def test_with_two_reasons_each_has_to_end(caseworker: Actor) -> None:
    referral_id = of_child(caseworker, agreed=None, flags=frozenset({"domestic_abuse"}))
    assert reasons_of(referral_id, caseworker) == (EXPLICIT, CHILD)
    say_yes(referral_id, caseworker)
    assert reasons_of(referral_id, caseworker) == (CHILD,)
    assert make.events_of(referral_id, caseworker, "story").count("referral.hold_changed") == 1
    record_safe_adult(Command(caseworker, MONDAY + 2 * HOUR), referral_id, MOTHER)
    assert make.referral(referral_id, caseworker).state is ReferralState.RECEIVED


def test_a_sexual_offence_needs_explicit_consent(caseworker: Actor) -> None:
    referral_id = make.recorded(caseworker, offence="Sexual assault", agreed=None)
    assert reasons_of(referral_id, caseworker) == (EXPLICIT,)
    say_yes(referral_id, caseworker)
    assert reasons_of(referral_id, caseworker) == ()


def test_a_most_serious_crime_opens_enhanced_rights_by_hand_too(caseworker: Actor) -> None:
    referral_id = make.recorded(caseworker, offence="Attempted murder")
    plain = make.recorded(caseworker, offence="Violence and sexual offences")
    with transaction(caseworker) as session:
        found = {
            row.referral_id: [item["category"] for item in row.enhanced]
            for row in session.scalars(select(CaseFacts))
        }
    assert (found[referral_id], found[plain]) == (["most_serious_crime"], [])


def test_a_yes_that_is_recorded_ends_a_refusal_on_every_referral_and_its_fact(caseworker: Actor) -> None:
    first = make.recorded(caseworker)
    person_id = make.referral(first, caseworker).person_id
    second = make.recorded(caseworker, person_id=person_id, person={}, agreed=False)
    assert reasons_of(first, caseworker) == reasons_of(second, caseworker) == (REFUSED,)
    say_yes(second, caseworker)
    assert reasons_of(first, caseworker) == reasons_of(second, caseworker) == ()
    with transaction(caseworker) as session:
        newest = select(CaseFacts).where(CaseFacts.referral_id == first).order_by(CaseFacts.sequence.desc())
        assert session.scalars(newest.limit(1)).one().conditions["not_opted_out"] is True


def test_a_corrected_birth_date_of_a_child_holds_what_nobody_works_on(
    caseworker: Actor, make_actor: MakeActor
) -> None:
    senior = make_actor(Role.SENIOR)
    referral_id = make.recorded(caseworker)
    version = make.referral(referral_id, caseworker).version
    command = Command(caseworker, MONDAY + HOUR, version=version)
    corrections.correct_details(command, referral_id, {"date_of_birth": "2014-01-05"})
    assert reasons_of(referral_id, caseworker) == (CHILD,)
    corrections.correct_details(
        Command(senior, MONDAY + 2 * HOUR), referral_id, {"date_of_birth": None}, reason="A guess"
    )
    assert reasons_of(referral_id, caseworker) == (CHILD,)
    corrections.correct_details(
        Command(caseworker, MONDAY + 3 * HOUR), referral_id, {"date_of_birth": "1984-01-05"}
    )
    assert reasons_of(referral_id, caseworker) == ()


def test_an_assigned_referral_goes_back_to_its_caseworker(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    status.hold_referral(
        Command(caseworker, MONDAY + HOUR),
        referral_id,
        reason=HeldReason.OUT_OF_SCOPE,
        text="A mistake",
    )
    assert make.open_tasks(referral_id, caseworker) == [TaskKind.HOLD_DECISION]
    assert (
        status.release_referral(Command(caseworker, MONDAY + 2 * HOUR), referral_id, text="It was not") == ()
    )
    assert make.referral(referral_id, caseworker).state is ReferralState.ASSIGNED


@pytest.mark.parametrize("reason", [HeldReason.PERSON_DIED, HeldReason.WITHDRAWN_BY_FORCE])
def test_a_death_or_a_withdrawal_is_not_only_a_hold(caseworker: Actor, reason: HeldReason) -> None:
    with pytest.raises(InvalidInput, match="on its own page"):
        status.hold_referral(Command(caseworker, MONDAY + HOUR), make.assigned(caseworker), reason=reason)


def test_a_release_that_ends_nothing_is_refused_with_what_is_missing(caseworker: Actor) -> None:
    with pytest.raises(TransitionNotAllowed, match="Name an adult"):
        status.release_referral(Command(caseworker, MONDAY + HOUR), of_child(caseworker))


def test_a_held_referral_is_closed_without_its_task_in_the_way(caseworker: Actor) -> None:
    referral_id = of_child(caseworker)
    status.close_referral(Command(caseworker, MONDAY + DAY), referral_id, outcome=CloseOutcome.OUT_OF_AREA)
    referral = make.referral(referral_id, caseworker)
    assert (referral.state, referral.held_reasons) == (ReferralState.CLOSED, [])
    assert make.open_tasks(referral_id, caseworker) == []


def test_closing_and_reopening_is_no_way_around_a_hold(caseworker: Actor) -> None:
    referral_id = of_child(caseworker)
    status.close_referral(Command(caseworker, MONDAY + DAY), referral_id, outcome=CloseOutcome.OUT_OF_AREA)
    status.reopen_referral(Command(caseworker, MONDAY + 2 * DAY), referral_id, text="They rang")
    assert reasons_of(referral_id, caseworker) == (CHILD,)


@pytest.fixture
def out_of_scope(caseworker: Actor, owner: Owner) -> Any:
    """A referral held as out of scope, as one is where the area takes no such type."""
    referral_id = make.recorded(caseworker)
    with owner() as session:
        referral = session.get_one(Referral, referral_id)
        referral.state = ReferralState.HELD
        referral.set_held_reasons([HeldReason.OUT_OF_SCOPE])
    return referral_id


def test_a_senior_takes_what_is_out_of_scope_with_a_reason(
    caseworker: Actor, senior: Actor, out_of_scope: Any
) -> None:
    command = Command(senior, MONDAY + HOUR)
    with pytest.raises(NotAllowed):
        status.take_out_of_scope_referral(Command(caseworker, MONDAY + HOUR), out_of_scope, text="Still")
    with pytest.raises(InvalidInput):
        status.take_out_of_scope_referral(command, out_of_scope, text=" ")
    assert status.take_out_of_scope_referral(command, out_of_scope, text="The mediator is away") == ()
    referral = make.referral(out_of_scope, senior)
    assert (referral.state, referral.corrected_fields) == (ReferralState.RECEIVED, ["scope_decision"])


def test_only_what_is_held_as_out_of_scope_can_be_taken_so(senior: Actor) -> None:
    with pytest.raises(TransitionNotAllowed):
        status.take_out_of_scope_referral(
            Command(senior, MONDAY + HOUR), make.recorded(senior), text="All the same"
        )


def test_a_task_about_a_hold_ends_with_the_hold_and_not_by_a_tick(caseworker: Actor) -> None:
    referral_id = of_child(caseworker)
    with transaction(caseworker) as session:
        task_id = session.scalars(select(Task.id).where(Task.referral_id == referral_id)).one()
    with pytest.raises(TransitionNotAllowed):
        tasks.tick_off_task(Command(caseworker, MONDAY + DAY), referral_id, task_id=task_id)


def test_a_held_referral_is_not_offered_to_a_provider(caseworker: Actor, owner: Owner) -> None:
    referral_id = of_child(caseworker)
    with pytest.raises(TransitionNotAllowed):
        make.offered(caseworker, owner, referral_id)
    with transaction(Actor.worker("tests")) as session:
        assert session.scalars(select(OnwardReferral)).all() == []
