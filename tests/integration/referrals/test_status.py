"""Who has a referral, holding and releasing it, closing and reopening it, and what happens next."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

import pytest
from sqlalchemy import select

from tests.factories import casework as make
from tests.factories.casework import DAY, HOUR, MONDAY
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import (
    AlreadyDone,
    InvalidInput,
    NotAllowed,
    NotFound,
    StaleVersion,
    TransitionNotAllowed,
)
from victim_gateway.models import (
    AuditEntry,
    CaseEvent,
    Consent,
    EntitlementClock,
    OnwardReferral,
    Person,
    Referral,
    Task,
)
from victim_gateway.queries.referrals.rights import explained_clocks
from victim_gateway.rules.closing import RiskView
from victim_gateway.services.referrals import corrections, status, tasks
from victim_gateway.services.referrals.assessment_reviews import ReviewAnswer, review_assessment
from victim_gateway.services.referrals.safe_contact import SafeContactAnswer
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.tasks import NewTask, open_task
from victim_gateway.vocabulary import (
    AttemptOutcome,
    Channel,
    CloseOutcome,
    ConsentHow,
    HeldReason,
    NextAction,
    ReferralState,
    Risk,
    SafeAnswer,
    TaskKind,
)


def test_taking_a_referral_moves_it_and_says_so_on_the_timeline(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    referral = make.referral(referral_id, caseworker)
    assert (referral.state, referral.assigned_to_id) == (ReferralState.ASSIGNED, caseworker.user_id)
    assert referral.next_action is NextAction.MAKE_CONTACT
    assert make.events_of(referral_id, caseworker, "story")[-1] == "referral.assigned"


def test_a_caseworker_can_not_give_a_referral_to_another(caseworker: Actor, senior: Actor) -> None:
    referral_id = make.recorded(caseworker)
    with pytest.raises(NotAllowed):
        status.assign_referral(Command(caseworker, MONDAY), referral_id, to_user_id=senior.user_id or uuid4())


def test_nobody_but_a_caseworker_can_be_given_a_referral(senior: Actor, manager: Actor) -> None:
    referral_id = make.recorded(senior)
    with pytest.raises(InvalidInput) as refused:
        status.assign_referral(Command(senior, MONDAY), referral_id, to_user_id=manager.user_id or uuid4())
    assert "to_user" in refused.value.fields


def test_a_version_seen_before_somebody_else_saved_is_refused_with_who_it_was(
    caseworker: Actor, senior: Actor
) -> None:
    referral_id = make.recorded(caseworker)
    seen = make.referral(referral_id, caseworker).version
    status.take_referral(Command(senior, MONDAY, version=seen), referral_id)
    with pytest.raises(StaleVersion, match=senior.name):
        status.take_referral(Command(caseworker, MONDAY, version=seen), referral_id)
    assert make.referral(referral_id, caseworker).assigned_to_id == senior.user_id


def test_the_same_sending_twice_does_its_work_once(caseworker: Actor) -> None:
    referral_id, sending = make.recorded(caseworker), uuid4()
    status.take_referral(Command(caseworker, MONDAY, submission_id=sending), referral_id)
    with pytest.raises(AlreadyDone):
        status.take_referral(Command(caseworker, MONDAY, submission_id=sending), referral_id)
    assert make.events_of(referral_id, caseworker, "story").count("referral.assigned") == 1


def test_a_referral_that_does_not_exist_is_not_found(caseworker: Actor) -> None:
    with pytest.raises(NotFound):
        status.take_referral(Command(caseworker, MONDAY), uuid4())


def test_a_held_referral_lets_nobody_contact_the_person(caseworker: Actor) -> None:
    referral_id = make.recorded(caseworker, agreed=False)
    with pytest.raises(TransitionNotAllowed, match="held"):
        make.log_attempt(referral_id, caseworker, at=MONDAY + HOUR)


def test_a_hold_for_consent_ends_only_with_a_yes(caseworker: Actor) -> None:
    referral_id = make.recorded(caseworker, agreed=False)
    with pytest.raises(InvalidInput):
        status.release_referral(Command(caseworker, MONDAY + HOUR), referral_id)
    status.release_referral(Command(caseworker, MONDAY + HOUR), referral_id, how=ConsentHow.THROUGH_POLICE)
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
    referral_id = make.recorded(caseworker, person=person, safe_contact=SafeContactAnswer(SafeAnswer.UNKNOWN))
    with pytest.raises(TransitionNotAllowed, match="Add a phone number"):
        status.release_referral(Command(caseworker, MONDAY + HOUR), referral_id)
    version = make.referral(referral_id, caseworker).version
    corrections.correct_details(
        Command(caseworker, MONDAY + HOUR, version=version), referral_id, {"phone": "07700 900777"}
    )
    assert make.referral(referral_id, caseworker).state is ReferralState.RECEIVED


def test_holding_by_hand_keeps_its_reason(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    status.hold_referral(
        Command(caseworker, MONDAY),
        referral_id,
        reason=HeldReason.EXPLICIT_CONSENT_NEEDED,
        text="Ask the officer",
    )
    referral = make.referral(referral_id, caseworker)
    assert (referral.state, referral.held_reason) == (ReferralState.HELD, HeldReason.EXPLICIT_CONSENT_NEEDED)
    assert referral.next_action is NextAction.RESOLVE_HOLD


def test_a_referral_with_something_open_is_not_closed(caseworker: Actor, owner: Owner) -> None:
    referral_id = make.assessed(caseworker)
    make.offered(caseworker, owner, referral_id)
    with pytest.raises(TransitionNotAllowed, match="1 thing is still open"):
        status.close_referral(Command(caseworker, MONDAY + DAY), referral_id, outcome=CloseOutcome.NEEDS_MET)


def test_no_contact_needs_as_many_tries_as_the_area_asks_for(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    for tries in range(3):
        with pytest.raises(InvalidInput, match="Try 3 times"):
            status.close_referral(
                Command(caseworker, MONDAY + DAY), referral_id, outcome=CloseOutcome.NO_CONTACT
            )
        make.log_attempt(
            referral_id, caseworker, at=MONDAY + (tries + 1) * HOUR, outcome=AttemptOutcome.NO_ANSWER
        )
    status.close_referral(Command(caseworker, MONDAY + DAY), referral_id, outcome=CloseOutcome.NO_CONTACT)
    referral = make.referral(referral_id, caseworker)
    assert (referral.state, referral.next_action) == (ReferralState.CLOSED, NextAction.NOTHING)


@pytest.mark.parametrize(
    ("outcome", "days", "status_then", "because"),
    [
        (CloseOutcome.OUT_OF_AREA, 1, "overdue", "the referral was closed on Tuesday 3 March 2026"),
        (CloseOutcome.OUT_OF_AREA, 14, "overdue", "the referral was closed on Monday 16 March 2026"),
        (CloseOutcome.DECLINED, 1, "declined", "the victim declined this on Tuesday 3 March 2026"),
        (CloseOutcome.DECLINED, 14, "overdue", "the referral was closed on Monday 16 March 2026"),
    ],
)
def test_closing_leaves_what_our_standards_still_ask_as_closed_without_it(
    caseworker: Actor, outcome: CloseOutcome, days: int, status_then: str, because: str
) -> None:
    """Only a person who was reached and said no, in time, takes a duty away; reopening takes it up again."""
    referral_id, closed_at = make.in_contact(caseworker), MONDAY + days * DAY
    status.close_referral(Command(caseworker, closed_at), referral_id, outcome=outcome)

    def triage_clock(at: datetime) -> tuple[str, str]:
        with transaction(caseworker) as session:
            stored = session.scalars(
                select(EntitlementClock.status).where(
                    EntitlementClock.referral_id == referral_id,
                    EntitlementClock.entitlement_id == "triage_assessment_completed",
                )
            ).one()
            (clock,) = [
                each
                for each in explained_clocks(session, referral_id, at=at)
                if each.is_local and "triage assessment" in each.because
            ]
        assert clock.status == stored
        return stored, clock.because

    stored, sentence = triage_clock(closed_at)
    assert stored == status_then
    assert because in sentence
    status.reopen_referral(Command(caseworker, closed_at + HOUR), referral_id, text="They called")
    assert triage_clock(closed_at + HOUR)[0] == ("running" if days == 1 else "overdue")


def test_needs_are_not_met_where_nobody_reached_the_person(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    make.log_attempt(referral_id, caseworker, at=MONDAY + HOUR, outcome=AttemptOutcome.NO_ANSWER)
    with pytest.raises(InvalidInput, match="Nobody has reached the person") as refused:
        status.close_referral(Command(caseworker, MONDAY + DAY), referral_id, outcome=CloseOutcome.NEEDS_MET)
    assert set(refused.value.fields) == {"outcome"}
    make.log_attempt(referral_id, caseworker, at=MONDAY + 2 * HOUR, outcome=AttemptOutcome.REACHED)
    status.close_referral(Command(caseworker, MONDAY + DAY), referral_id, outcome=CloseOutcome.NEEDS_MET)
    assert make.referral(referral_id, caseworker).state is ReferralState.CLOSED


def test_closing_lowers_no_high_risk_and_keeps_who_looked_at_it_when(
    caseworker: Actor, senior: Actor, owner: Owner
) -> None:
    referral_id = make.assessed(caseworker, risk=Risk.HIGH)
    command = Command(caseworker, MONDAY + DAY)
    view, lower = RiskView(Risk.HIGH, "She has moved"), RiskView(Risk.STANDARD, "He is in prison until 2030")
    with pytest.raises(TransitionNotAllowed):
        status.close_referral(command, referral_id, outcome=CloseOutcome.DECLINED, risk_view=view)
    review_assessment(Command(senior, MONDAY + 2 * HOUR, version=1), referral_id, ReviewAnswer(True))
    for by in (caseworker, senior):
        for wrong_view, field in ((None, "risk_now"), (lower, "risk_now"), (view, "outcome")):
            with pytest.raises(InvalidInput) as refused:
                status.close_referral(
                    Command(by, MONDAY + DAY),
                    referral_id,
                    outcome=CloseOutcome.NEEDS_MET,
                    risk_view=wrong_view,
                )
            assert set(refused.value.fields) == {field}
    status.close_referral(command, referral_id, outcome=CloseOutcome.DECLINED, risk_view=view)
    assert make.referral(referral_id, caseworker).risk is Risk.HIGH
    with transaction(caseworker) as session:
        event = session.scalars(select(CaseEvent).where(CaseEvent.event == "risk.reviewed")).one()
    assert (event.occurred_at, event.actor_id) == (command.at, caseworker.user_id)
    assert event.details == {"risk": "high", "before": "high"}
    status.reopen_referral(Command(caseworker, MONDAY + 2 * DAY), referral_id, text="She rang")
    assert make.referral(referral_id, caseworker).risk is Risk.HIGH
    # Needs are met once an assessment lowered it and a senior agreed.
    make.assess(referral_id, caseworker, at=MONDAY + 2 * DAY)
    review_assessment(Command(senior, MONDAY + 3 * DAY, version=2), referral_id, ReviewAnswer(True))
    status.close_referral(Command(caseworker, MONDAY + 3 * DAY), referral_id, outcome=CloseOutcome.NEEDS_MET)
    assert make.referral(referral_id, caseworker).risk is Risk.STANDARD
    # An officer's high grade that was never assessed is not passed over either.
    graded = make.assigned(caseworker)
    with owner() as session:
        session.get_one(Referral, graded).officer_grade = "high"
    with pytest.raises(InvalidInput) as refused:
        status.close_referral(Command(caseworker, MONDAY + DAY), graded, outcome=CloseOutcome.OUT_OF_AREA)
    assert set(refused.value.fields) == {"risk_now"}


@pytest.mark.parametrize("outcome", [CloseOutcome.OTHER, CloseOutcome.DUPLICATE])
def test_some_outcomes_need_words(caseworker: Actor, outcome: CloseOutcome) -> None:
    referral_id = make.assigned(caseworker)
    with pytest.raises(InvalidInput) as refused:
        status.close_referral(Command(caseworker, MONDAY), referral_id, outcome=outcome)
    assert "outcome_text" in refused.value.fields


def test_a_reopened_referral_belongs_to_whoever_reopened_it_and_goes_on_where_it_was(
    caseworker: Actor, senior: Actor
) -> None:
    referral_id = make.assessed(caseworker)
    status.close_referral(Command(caseworker, MONDAY + DAY), referral_id, outcome=CloseOutcome.NEEDS_MET)
    status.reopen_referral(Command(senior, MONDAY + 2 * DAY), referral_id, text="They called")
    referral = make.referral(referral_id, senior)
    assert (referral.state, referral.assigned_to_id) == (ReferralState.REOPENED, senior.user_id)
    assert referral.next_action is NextAction.REFER_OR_CLOSE


def test_a_closed_referral_takes_no_attempts_and_is_not_closed_again(caseworker: Actor) -> None:
    referral_id = make.assessed(caseworker)
    status.close_referral(Command(caseworker, MONDAY + DAY), referral_id, outcome=CloseOutcome.NEEDS_MET)
    with pytest.raises(TransitionNotAllowed):
        make.log_attempt(referral_id, caseworker, at=MONDAY + DAY, channel=Channel.PHONE)
    with pytest.raises(TransitionNotAllowed):
        status.close_referral(Command(caseworker, MONDAY + DAY), referral_id, outcome=CloseOutcome.NEEDS_MET)


def test_a_task_is_asked_for_once_and_ticked_off_once(caseworker: Actor) -> None:
    referral_id = make.assessed(caseworker)
    with transaction(caseworker) as session:
        for fields in (["phone"], ["phone", "email"]):
            asked = NewTask(
                kind=TaskKind.FEED_CONFLICT,
                referral_id=referral_id,
                dedupe_key=f"feed:{referral_id}",
                details={"fields": fields},
            )
            task_id = open_task(session, asked, at=MONDAY)
    assert make.open_tasks(referral_id, caseworker) == [TaskKind.FEED_CONFLICT]
    tasks.tick_off_task(Command(caseworker, MONDAY + DAY), referral_id, task_id=task_id)
    tasks.tick_off_task(Command(caseworker, MONDAY + DAY), referral_id, task_id=task_id)
    assert make.open_tasks(referral_id, caseworker) == []
    assert make.events_of(referral_id, caseworker, "story").count("task.done") == 1


def test_a_task_is_found_through_its_own_referral_only(caseworker: Actor) -> None:
    referral_id, other_id = make.assessed(caseworker), make.assessed(caseworker)
    with transaction(caseworker) as session:
        asked = NewTask(kind=TaskKind.FEED_CONFLICT, referral_id=other_id, dedupe_key=f"feed:{other_id}")
        task_id = open_task(session, asked, at=MONDAY)

    with pytest.raises(NotFound) as theirs:
        tasks.tick_off_task(Command(caseworker, MONDAY + DAY), referral_id, task_id=task_id)
    with pytest.raises(NotFound) as absent:
        tasks.tick_off_task(Command(caseworker, MONDAY + DAY), referral_id, task_id=uuid4())

    assert str(theirs.value) == str(absent.value)
    assert make.open_tasks(other_id, caseworker) == [TaskKind.FEED_CONFLICT]
    assert "task.done" not in make.events_of(other_id, caseworker, "story")


def test_a_check_of_safe_contact_is_not_simply_ticked_off(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    make.log_attempt(referral_id, caseworker, at=MONDAY + HOUR, outcome=AttemptOutcome.UNSAFE_STOPPED)
    with transaction(caseworker) as session:
        task_id = session.scalars(select(Task.id)).one()
    with pytest.raises(TransitionNotAllowed):
        tasks.tick_off_task(Command(caseworker, MONDAY + DAY), referral_id, task_id=task_id)


def test_the_next_act_keeps_its_beginning_while_it_stays_the_same(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    since = make.referral(referral_id, caseworker).next_since
    make.log_attempt(referral_id, caseworker, at=MONDAY + HOUR, outcome=AttemptOutcome.NO_ANSWER)
    assert make.referral(referral_id, caseworker).next_since == since
    make.log_attempt(referral_id, caseworker, at=MONDAY + 2 * HOUR)
    assert make.referral(referral_id, caseworker).next_since == MONDAY + 2 * HOUR


def test_an_offer_makes_the_referral_wait_for_the_provider(caseworker: Actor, owner: Owner) -> None:
    referral_id = make.assessed(caseworker)
    onward_id = make.offered(caseworker, owner, referral_id)
    referral = make.referral(referral_id, caseworker)
    with transaction(caseworker) as session:
        answer_due_on = session.get_one(OnwardReferral, onward_id).answer_due_on
    assert (referral.next_action, referral.waiting_on) == (NextAction.WAIT_FOR_PROVIDER, "provider")
    assert referral.next_due_on == answer_due_on


def test_every_act_leaves_an_audit_entry_without_a_name(caseworker: Actor, owner: Owner) -> None:
    referral_id = make.assessed(caseworker)
    status.close_referral(
        Command(caseworker, MONDAY + DAY), referral_id, outcome=CloseOutcome.NEEDS_MET, text="Robin is fine"
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
    status.close_referral(
        Command(caseworker, MONDAY + DAY), referral_id, outcome=CloseOutcome.OTHER, text="Gone to Wales"
    )
    with owner() as session:
        event = session.scalars(select(CaseEvent).where(CaseEvent.event == "referral.closed")).one()
        key_id = session.get_one(Person, session.get_one(Referral, referral_id).person_id).key_id
    assert event.sealed is not None
    assert b"Wales" not in event.sealed
    with transaction(caseworker) as session:
        opened = encrypted_rows.unseal_row(
            encrypted_rows.open_key(session, key_id), "case_event", event.id, event.sealed
        )
    assert opened == {"words": "Gone to Wales"}
