"""A caseworker's acts on a referral: who has it, contact, assessment, consent, notes, closing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from tests.factories import casework as make
from tests.factories.casework import MONDAY
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway import sealing
from victim_gateway.actors import Actor
from victim_gateway.errors import (
    AlreadyDone,
    InvalidInput,
    NotAllowed,
    NotFound,
    StaleVersion,
    TransitionNotAllowed,
    UnsafeContact,
)
from victim_gateway.models import (
    AuditEntry,
    CaseEvent,
    CaseFacts,
    Consent,
    EntitlementClock,
    OnwardReferral,
    Person,
    Referral,
    Reminder,
    SafeContactPlan,
    Task,
)
from victim_gateway.queries.onward.handover import Texts
from victim_gateway.services import (
    consents,
    corrections,
    notes,
    onward_referrals,
    referrals,
    safe_contact,
    tasks,
    told,
)
from victim_gateway.services.safe_contact import SafeContact
from victim_gateway.transactions import transaction
from victim_gateway.vocabulary import (
    AttemptOutcome,
    Channel,
    CloseOutcome,
    ConsentHow,
    ConsentPurpose,
    HandoverPart,
    HeldReason,
    NextAct,
    OnwardState,
    ReferralState,
    Risk,
    Role,
    SafeAnswer,
    TaskKind,
)

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def open_tasks(referral_id: UUID, actor: Actor) -> list[TaskKind]:
    with transaction(actor) as session:
        return list(
            session.scalars(select(Task.kind).where(Task.referral_id == referral_id, Task.done_at.is_(None)))
        )


def events_of(referral_id: UUID, actor: Actor, *kinds: str) -> list[str]:
    with transaction(actor) as session:
        rows = select(CaseEvent.event).where(CaseEvent.referral_id == referral_id, CaseEvent.kind.in_(kinds))
        return list(session.scalars(rows.order_by(CaseEvent.sequence)))


def clock(referral_id: UUID, entitlement_id: str, actor: Actor) -> EntitlementClock:
    with transaction(actor) as session:
        return session.scalars(
            select(EntitlementClock).where(
                EntitlementClock.referral_id == referral_id, EntitlementClock.entitlement_id == entitlement_id
            )
        ).one()


# Who has it


def test_taking_a_referral_moves_it_and_says_so_on_the_timeline(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    referral = make.referral(referral_id, caseworker)
    assert (referral.state, referral.assigned_to_id) == (ReferralState.ASSIGNED, caseworker.user_id)
    assert referral.next_act is NextAct.MAKE_CONTACT
    assert events_of(referral_id, caseworker, "story")[-1] == "referral.assigned"


def test_a_caseworker_can_not_give_a_referral_to_another(caseworker: Actor, senior: Actor) -> None:
    referral_id = make.recorded(caseworker)
    with pytest.raises(NotAllowed):
        referrals.assign(referral_id, actor=caseworker, at=MONDAY, to_user_id=senior.user_id or uuid4())


def test_nobody_but_a_caseworker_can_be_given_a_referral(senior: Actor, manager: Actor) -> None:
    referral_id = make.recorded(senior)
    with pytest.raises(InvalidInput) as refused:
        referrals.assign(referral_id, actor=senior, at=MONDAY, to_user_id=manager.user_id or uuid4())
    assert "to_user" in refused.value.fields


def test_a_version_seen_before_somebody_else_saved_is_refused_with_who_it_was(
    caseworker: Actor, senior: Actor
) -> None:
    referral_id = make.recorded(caseworker)
    seen = make.referral(referral_id, caseworker).version
    referrals.take(referral_id, actor=senior, at=MONDAY, version=seen)
    with pytest.raises(StaleVersion, match=senior.name):
        referrals.take(referral_id, actor=caseworker, at=MONDAY, version=seen)
    assert make.referral(referral_id, caseworker).assigned_to_id == senior.user_id


def test_the_same_sending_twice_does_its_work_once(caseworker: Actor) -> None:
    referral_id, sending = make.recorded(caseworker), uuid4()
    referrals.take(referral_id, actor=caseworker, at=MONDAY, submission_id=sending)
    with pytest.raises(AlreadyDone):
        referrals.take(referral_id, actor=caseworker, at=MONDAY, submission_id=sending)
    assert events_of(referral_id, caseworker, "story").count("referral.assigned") == 1


def test_a_referral_that_does_not_exist_is_not_found(caseworker: Actor) -> None:
    with pytest.raises(NotFound):
        referrals.take(uuid4(), actor=caseworker, at=MONDAY)


# Holding


def test_a_held_referral_lets_nobody_contact_the_person(caseworker: Actor) -> None:
    referral_id = make.recorded(caseworker, agreed=False)
    with pytest.raises(TransitionNotAllowed, match="held"):
        make.log_attempt(referral_id, caseworker, at=MONDAY + HOUR)


def test_a_hold_for_consent_ends_only_with_a_yes(caseworker: Actor) -> None:
    referral_id = make.recorded(caseworker, agreed=False)
    with pytest.raises(InvalidInput):
        referrals.release(referral_id, actor=caseworker, at=MONDAY + HOUR)
    referrals.release(referral_id, actor=caseworker, at=MONDAY + HOUR, how=ConsentHow.THROUGH_POLICE)
    referral = make.referral(referral_id, caseworker)
    assert (referral.state, referral.held_reason) == (ReferralState.RECEIVED, None)
    with transaction(caseworker) as session:
        answers = session.scalars(select(Consent).order_by(Consent.recorded_at, Consent.given_at)).all()
    assert [(answer.agreed, answer.withdrawn_at is None) for answer in answers] == [
        (False, False),
        (True, True),
    ]


def test_a_hold_for_want_of_an_address_ends_when_there_is_one(caseworker: Actor) -> None:
    person = {"given_name": "Nobody", "family_name": "Reachable"}
    referral_id = make.recorded(caseworker, person=person, safe_contact=SafeContact(SafeAnswer.UNKNOWN))
    with pytest.raises(TransitionNotAllowed, match="still no way"):
        referrals.release(referral_id, actor=caseworker, at=MONDAY + HOUR)
    version = make.referral(referral_id, caseworker).version
    corrections.correct(
        referral_id, actor=caseworker, at=MONDAY + HOUR, changes={"phone": "07700 900777"}, version=version
    )
    referrals.release(referral_id, actor=caseworker, at=MONDAY + HOUR)
    assert make.referral(referral_id, caseworker).state is ReferralState.RECEIVED


def test_holding_by_hand_keeps_its_reason(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    referrals.hold(
        referral_id,
        actor=caseworker,
        at=MONDAY,
        reason=HeldReason.EXPLICIT_CONSENT_NEEDED,
        words="Ask the officer",
    )
    referral = make.referral(referral_id, caseworker)
    assert (referral.state, referral.held_reason) == (ReferralState.HELD, HeldReason.EXPLICIT_CONSENT_NEEDED)
    assert referral.next_act is NextAct.RESOLVE_HOLD


# Contact


def test_reaching_the_person_stops_the_areas_first_clock_and_starts_the_next(caseworker: Actor) -> None:
    referral_id = make.in_contact(caseworker)
    assert clock(referral_id, "first_contact_attempted", caseworker).status == "met"
    due_on = clock(referral_id, "triage_assessment_completed", caseworker).due_on
    referral = make.referral(referral_id, caseworker)
    assert (referral.state, referral.next_act, referral.next_due_on) == (
        ReferralState.IN_CONTACT,
        NextAct.ASSESS,
        due_on,
    )


def test_a_try_without_an_answer_stops_the_clock_but_not_the_work(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    make.log_attempt(referral_id, caseworker, at=MONDAY + HOUR, outcome=AttemptOutcome.NO_ANSWER)
    assert clock(referral_id, "first_contact_attempted", caseworker).status == "met"
    assert make.referral(referral_id, caseworker).next_act is NextAct.MAKE_CONTACT


def test_stopping_because_it_was_not_safe_is_no_try(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    make.log_attempt(referral_id, caseworker, at=MONDAY + HOUR, outcome=AttemptOutcome.UNSAFE_STOPPED)
    assert clock(referral_id, "first_contact_attempted", caseworker).status == "running"
    assert open_tasks(referral_id, caseworker) == [TaskKind.SAFE_CONTACT_CHECK]


def test_trying_a_referral_that_nobody_had_takes_it_on(caseworker: Actor) -> None:
    referral_id = make.recorded(caseworker)
    make.log_attempt(referral_id, caseworker, at=MONDAY + HOUR, outcome=AttemptOutcome.NO_ANSWER)
    assert make.referral(referral_id, caseworker).assigned_to_id == caseworker.user_id


@pytest.mark.parametrize(
    ("plan", "outcome"),
    [
        (SafeContact(SafeAnswer.UNKNOWN), AttemptOutcome.NO_ANSWER),
        (SafeContact(SafeAnswer.NO), AttemptOutcome.NO_ANSWER),
        (SafeContact(SafeAnswer.YES, {"email": SafeAnswer.YES}), AttemptOutcome.NO_ANSWER),
        (SafeContact(SafeAnswer.YES, {"phone": SafeAnswer.YES}), AttemptOutcome.VOICEMAIL_LEFT),
    ],
)
def test_a_way_that_is_not_safe_is_recorded_only_when_owned_up_to_and_then_checked(
    caseworker: Actor, plan: SafeContact, outcome: AttemptOutcome
) -> None:
    referral_id = make.assigned(caseworker, safe_contact=plan)
    with pytest.raises(UnsafeContact):
        make.log_attempt(referral_id, caseworker, at=MONDAY + HOUR, outcome=outcome)
    make.log_attempt(referral_id, caseworker, at=MONDAY + HOUR, outcome=outcome, although_unsafe=True)
    assert TaskKind.SAFE_CONTACT_CHECK in open_tasks(referral_id, caseworker)
    assert make.referral(referral_id, caseworker).next_act is NextAct.DO_TASK


def test_safe_contact_that_was_checked_long_ago_counts_as_not_known(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    with pytest.raises(UnsafeContact, match="more than 28 days ago"):
        make.log_attempt(referral_id, caseworker, at=MONDAY + 29 * DAY)


def test_somebody_else_answering_makes_the_number_unsafe_until_asked(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    make.log_attempt(referral_id, caseworker, at=MONDAY + HOUR, outcome=AttemptOutcome.SOMEONE_ELSE_ANSWERED)
    with transaction(caseworker) as session:
        plan = session.scalars(select(SafeContactPlan).where(SafeContactPlan.superseded_at.is_(None))).one()
    assert (plan.version, plan.safe, plan.safe_channels) == (2, SafeAnswer.UNKNOWN, [])
    assert open_tasks(referral_id, caseworker) == [TaskKind.SAFE_CONTACT_CHECK]


def test_an_attempt_page_older_than_the_plan_is_refused(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    record_plan(referral_id, caseworker, SafeContact(SafeAnswer.NO))
    with pytest.raises(StaleVersion):
        make.log_attempt(referral_id, caseworker, at=MONDAY + HOUR, version=1)


@pytest.mark.parametrize("away", [HOUR, -DAY])
def test_a_try_is_after_the_referral_and_not_in_the_future(caseworker: Actor, away: timedelta) -> None:
    referral_id = make.assigned(caseworker)
    with pytest.raises(InvalidInput):
        make.log_attempt(referral_id, caseworker, at=MONDAY, attempted_at=MONDAY + away)


def record_plan(referral_id: UUID, actor: Actor, plan: SafeContact, **overrides: Any) -> None:
    said: dict[str, Any] = {"at": MONDAY + HOUR, "version": make.plan_version(referral_id, actor)}
    safe_contact.record(referral_id, actor=actor, plan=plan, **(said | overrides))


# Safe contact


def test_a_new_plan_replaces_the_one_before_and_ends_the_check(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    make.log_attempt(referral_id, caseworker, at=MONDAY + HOUR, outcome=AttemptOutcome.WRONG_NUMBER)
    record_plan(referral_id, caseworker, make.safe_to_phone(number="07700 900888"), at=MONDAY + 2 * HOUR)
    assert open_tasks(referral_id, caseworker) == []
    assert make.referral(referral_id, caseworker).next_act is NextAct.MAKE_CONTACT


def test_an_old_form_can_not_turn_unsafe_back_to_safe(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    record_plan(referral_id, caseworker, SafeContact(SafeAnswer.NO))
    with pytest.raises(StaleVersion):
        record_plan(referral_id, caseworker, make.safe_to_phone(), version=1)


def test_a_number_that_is_not_typed_again_is_kept(caseworker: Actor) -> None:
    referral_id = make.assigned(
        caseworker, safe_contact=make.safe_to_phone(number="07700 900111", code_word="fig")
    )
    record_plan(referral_id, caseworker, make.safe_to_phone(words="Mornings"))
    with transaction(caseworker) as session:
        plan = session.scalars(select(SafeContactPlan).where(SafeContactPlan.superseded_at.is_(None))).one()
        key = sealing.open_key(session, session.get_one(Person, plan.person_id).key_id)
        opened = sealing.unseal(key, "safe_contact_plan", plan.id, plan.sealed)
    assert (opened["number"], opened["code_word"], opened["words"]) == ("07700 900111", "fig", "Mornings")


def test_a_corrected_number_starts_as_not_known_to_be_safe(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    changed = corrections.correct(
        referral_id,
        actor=caseworker,
        at=MONDAY + HOUR,
        changes={"phone": "07700 900654"},
        version=make.referral(referral_id, caseworker).version,
    )
    assert changed == ("phone",)
    with transaction(caseworker) as session:
        plan = session.scalars(select(SafeContactPlan).where(SafeContactPlan.superseded_at.is_(None))).one()
        person = session.scalars(select(Person)).one()
    assert plan.safe_channels == []
    assert person.corrected_fields == ["phone"]
    assert open_tasks(referral_id, caseworker) == [TaskKind.SAFE_CONTACT_CHECK]


def test_a_corrected_birth_date_is_a_fact_from_now_on(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    corrections.correct(
        referral_id,
        actor=caseworker,
        at=MONDAY + HOUR,
        changes={"date_of_birth": "2012-01-01"},
        version=make.referral(referral_id, caseworker).version,
    )
    with transaction(caseworker) as session:
        known = session.scalars(select(CaseFacts.under_18).order_by(CaseFacts.sequence)).all()
    assert known == [False, True]


# Assessment


def test_the_first_assessment_and_the_next_are_different_events_of_the_code(caseworker: Actor) -> None:
    referral_id = make.assessed(caseworker)
    make.assess(referral_id, caseworker, at=MONDAY + DAY, risk=Risk.MEDIUM)
    assert events_of(referral_id, caseworker, "code") == [
        "needs_assessment_completed",
        "needs_reassessment_completed",
    ]
    assert make.referral(referral_id, caseworker).risk is Risk.MEDIUM


def test_enhanced_rights_hold_from_the_day_of_the_assessment(caseworker: Actor) -> None:
    referral_id = make.in_contact(caseworker)
    make.assess(referral_id, caseworker, at=MONDAY + DAY, enhanced_categories=("persistently_targeted",))
    with transaction(caseworker) as session:
        latest = session.scalars(select(CaseFacts).order_by(CaseFacts.sequence.desc())).first()
    assert latest is not None
    assert latest.enhanced == [{"category": "persistently_targeted", "from": "2026-03-03", "to": None}]


def test_nobody_is_assessed_before_they_were_reached(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    with pytest.raises(TransitionNotAllowed, match="Speak to the person first"):
        make.assess(referral_id, caseworker, at=MONDAY + HOUR)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"risk": Risk.MEDIUM, "risk_grounds": ("repeat",)}, "risk"),
        ({"risk": Risk.HIGH, "risk_grounds": ()}, "risk_grounds"),
        ({"risk": Risk.UNKNOWN}, "risk"),
        ({"needs": {}}, "need_finance_and_benefits"),
        ({"needs": {"finance_and_benefits": 9}}, "need_finance_and_benefits"),
    ],
)
def test_an_assessment_that_contradicts_itself_is_refused_where_it_does(
    caseworker: Actor, said: dict[str, Any], field: str
) -> None:
    referral_id = make.in_contact(caseworker)
    with pytest.raises(InvalidInput) as refused:
        make.assess(referral_id, caseworker, at=MONDAY + HOUR, **said)
    assert field in refused.value.fields


# Consent and providers


def offered(actor: Actor, owner: Owner, referral_id: UUID) -> UUID:
    _, service_id = make.provider(owner)
    return onward_referrals.offer(
        referral_id,
        actor=actor,
        at=MONDAY + DAY,
        service_id=service_id,
        share=frozenset({HandoverPart.NAME}),
        texts=Texts(),
        consent=onward_referrals.ConsentGiven(True, ConsentHow.SPOKEN, MONDAY + HOUR),
    )


def test_taking_back_consent_to_share_ends_the_providers_access_at_once(
    caseworker: Actor, owner: Owner
) -> None:
    referral_id = make.assessed(caseworker)
    onward_id = offered(caseworker, owner, referral_id)
    with transaction(caseworker) as session:
        consent_id = session.get_one(OnwardReferral, onward_id).consent_id
    consents.withdraw(consent_id, actor=caseworker, at=MONDAY + 2 * DAY)
    with transaction(caseworker) as session:
        onward = session.get_one(OnwardReferral, onward_id)
    assert onward.state is OnwardState.WITHDRAWN
    assert onward.provider_access_ended_at is not None
    assert make.referral(referral_id, caseworker).next_act is NextAct.REFER_OR_CLOSE
    with pytest.raises(TransitionNotAllowed):
        consents.withdraw(consent_id, actor=caseworker, at=MONDAY + 2 * DAY)


def test_a_no_to_contact_holds_a_referral_that_nobody_assessed(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    consents.record(
        referral_id,
        actor=caseworker,
        at=MONDAY + HOUR,
        purpose=ConsentPurpose.CONTACT,
        agreed=False,
        how=ConsentHow.SPOKEN,
        given_at=MONDAY + HOUR,
    )
    referral = make.referral(referral_id, caseworker)
    assert (referral.state, referral.held_reason) == (ReferralState.HELD, HeldReason.CONSENT_REFUSED)


def test_consent_to_share_names_its_provider(caseworker: Actor) -> None:
    referral_id = make.assessed(caseworker)
    with pytest.raises(InvalidInput) as refused:
        consents.record(
            referral_id,
            actor=caseworker,
            at=MONDAY + HOUR,
            purpose=ConsentPurpose.SHARE_WITH_PROVIDER,
            agreed=True,
            how=ConsentHow.SPOKEN,
            given_at=MONDAY,
        )
    assert "recipient" in refused.value.fields


def test_a_shared_note_tells_the_provider_and_their_answer_tells_the_caseworker(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    referral_id = make.assessed(caseworker)
    onward_id = offered(caseworker, owner, referral_id)
    helper = make_actor(Role.PROVIDER, organisation="new-era")
    notes.write(
        referral_id,
        actor=caseworker,
        at=MONDAY + DAY,
        subject="Hi",
        body="Please ring",
        onward_referral_id=onward_id,
    )
    notes.reply(onward_id, actor=helper, at=MONDAY + DAY, subject="Re: Hi", body="We did")
    with owner() as session:
        told_to = session.execute(
            select(Reminder.recipient_organisation_id, Reminder.recipient_user_id).order_by(
                Reminder.created_at
            )
        ).all()
    assert (helper.organisation_id, None) in told_to
    assert (None, caseworker.user_id) in told_to


# What they were told


def test_what_the_person_says_stops_a_clock_as_their_word(caseworker: Actor) -> None:
    referral_id = make.recorded(caseworker, reported_at=MONDAY - DAY)
    clock_id = clock(referral_id, "written_acknowledgement", caseworker).id
    told.record(referral_id, actor=caseworker, at=MONDAY + HOUR, clock_id=clock_id, told_on=MONDAY.date())
    stopped = clock(referral_id, "written_acknowledgement", caseworker)
    with transaction(caseworker) as session:
        event = session.get_one(CaseEvent, stopped.stop_event_id)
    assert (stopped.status, event.grade, event.source) == ("met", "victim_report", "victim")
    with pytest.raises(TransitionNotAllowed):
        told.record(referral_id, actor=caseworker, at=MONDAY + HOUR, clock_id=clock_id, told_on=MONDAY.date())


# Closing


def test_a_referral_with_something_open_is_not_closed(caseworker: Actor, owner: Owner) -> None:
    referral_id = make.assessed(caseworker)
    offered(caseworker, owner, referral_id)
    with pytest.raises(TransitionNotAllowed, match="1 thing is still open"):
        referrals.close(referral_id, actor=caseworker, at=MONDAY + DAY, outcome=CloseOutcome.NEEDS_MET)


def test_no_contact_needs_as_many_tries_as_the_area_asks_for(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    for tries in range(3):
        with pytest.raises(InvalidInput, match="Try 3 times"):
            referrals.close(referral_id, actor=caseworker, at=MONDAY + DAY, outcome=CloseOutcome.NO_CONTACT)
        make.log_attempt(
            referral_id, caseworker, at=MONDAY + (tries + 1) * HOUR, outcome=AttemptOutcome.NO_ANSWER
        )
    referrals.close(referral_id, actor=caseworker, at=MONDAY + DAY, outcome=CloseOutcome.NO_CONTACT)
    referral = make.referral(referral_id, caseworker)
    assert (referral.state, referral.next_act) == (ReferralState.CLOSED, NextAct.NOTHING)


@pytest.mark.parametrize("outcome", [CloseOutcome.OTHER, CloseOutcome.DUPLICATE])
def test_some_outcomes_need_words(caseworker: Actor, outcome: CloseOutcome) -> None:
    referral_id = make.assigned(caseworker)
    with pytest.raises(InvalidInput) as refused:
        referrals.close(referral_id, actor=caseworker, at=MONDAY, outcome=outcome)
    assert "words" in refused.value.fields


def test_a_reopened_referral_belongs_to_whoever_reopened_it_and_goes_on_where_it_was(
    caseworker: Actor, senior: Actor
) -> None:
    referral_id = make.assessed(caseworker)
    referrals.close(referral_id, actor=caseworker, at=MONDAY + DAY, outcome=CloseOutcome.NEEDS_MET)
    referrals.reopen(referral_id, actor=senior, at=MONDAY + 2 * DAY, words="They called")
    referral = make.referral(referral_id, senior)
    assert (referral.state, referral.assigned_to_id) == (ReferralState.REOPENED, senior.user_id)
    assert referral.next_act is NextAct.REFER_OR_CLOSE


def test_a_closed_referral_takes_no_attempts_and_is_not_closed_again(caseworker: Actor) -> None:
    referral_id = make.assessed(caseworker)
    referrals.close(referral_id, actor=caseworker, at=MONDAY + DAY, outcome=CloseOutcome.NEEDS_MET)
    with pytest.raises(TransitionNotAllowed):
        make.log_attempt(referral_id, caseworker, at=MONDAY + DAY, channel=Channel.PHONE)
    with pytest.raises(TransitionNotAllowed):
        referrals.close(referral_id, actor=caseworker, at=MONDAY + DAY, outcome=CloseOutcome.NEEDS_MET)


# Tasks and the next act


def test_a_task_is_asked_for_once_and_ticked_off_once(caseworker: Actor) -> None:
    referral_id = make.assessed(caseworker)
    with transaction(caseworker) as session:
        for fields in (["phone"], ["phone", "email"]):
            task_id = tasks.open_task(
                session,
                TaskKind.FEED_CONFLICT,
                referral_id,
                dedupe_key=f"feed:{referral_id}",
                at=MONDAY,
                details={"fields": fields},
            )
    assert open_tasks(referral_id, caseworker) == [TaskKind.FEED_CONFLICT]
    tasks.tick_off(task_id, actor=caseworker, at=MONDAY + DAY)
    tasks.tick_off(task_id, actor=caseworker, at=MONDAY + DAY)
    assert open_tasks(referral_id, caseworker) == []
    assert events_of(referral_id, caseworker, "story").count("task.done") == 1


def test_a_check_of_safe_contact_is_not_simply_ticked_off(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    make.log_attempt(referral_id, caseworker, at=MONDAY + HOUR, outcome=AttemptOutcome.UNSAFE_STOPPED)
    with transaction(caseworker) as session:
        task_id = session.scalars(select(Task.id)).one()
    with pytest.raises(TransitionNotAllowed):
        tasks.tick_off(task_id, actor=caseworker, at=MONDAY + DAY)


def test_the_next_act_keeps_its_beginning_while_it_stays_the_same(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    since = make.referral(referral_id, caseworker).next_since
    make.log_attempt(referral_id, caseworker, at=MONDAY + HOUR, outcome=AttemptOutcome.NO_ANSWER)
    assert make.referral(referral_id, caseworker).next_since == since
    make.log_attempt(referral_id, caseworker, at=MONDAY + 2 * HOUR)
    assert make.referral(referral_id, caseworker).next_since == MONDAY + 2 * HOUR


def test_an_offer_makes_the_referral_wait_for_the_provider(caseworker: Actor, owner: Owner) -> None:
    referral_id = make.assessed(caseworker)
    onward_id = offered(caseworker, owner, referral_id)
    referral = make.referral(referral_id, caseworker)
    with transaction(caseworker) as session:
        answer_due_on = session.get_one(OnwardReferral, onward_id).answer_due_on
    assert (referral.next_act, referral.waiting_on) == (NextAct.WAIT_FOR_PROVIDER, "provider")
    assert referral.next_due_on == answer_due_on


def test_every_act_leaves_an_audit_entry_without_a_name(caseworker: Actor, owner: Owner) -> None:
    referral_id = make.assessed(caseworker)
    referrals.close(
        referral_id, actor=caseworker, at=MONDAY + DAY, outcome=CloseOutcome.NEEDS_MET, words="Robin is fine"
    )
    with owner() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.subject_id == referral_id)).all()
    actions = {entry.action for entry in entries}
    expected = {
        "referral.recorded",
        "referral.assigned",
        "contact.attempted",
        "triage.assessed",
        "referral.closed",
    }
    assert expected <= actions
    assert not any("Robin" in entry.entry or "Testcase" in entry.entry for entry in entries)


def test_words_on_the_timeline_are_sealed(caseworker: Actor, owner: Owner) -> None:
    referral_id = make.assessed(caseworker)
    referrals.close(
        referral_id, actor=caseworker, at=MONDAY + DAY, outcome=CloseOutcome.OTHER, words="Gone to Wales"
    )
    with owner() as session:
        event = session.scalars(select(CaseEvent).where(CaseEvent.event == "referral.closed")).one()
        key_id = session.get_one(Person, session.get_one(Referral, referral_id).person_id).key_id
    assert event.sealed is not None
    assert b"Wales" not in event.sealed
    with transaction(caseworker) as session:
        opened = sealing.unseal(sealing.open_key(session, key_id), "case_event", event.id, event.sealed)
    assert opened == {"words": "Gone to Wales"}
