"""The plan, the support given, readings and what became of needs: recorded, refused, sealed, guarded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from tests.factories import casework as make
from tests.factories.casework import DAY, HOUR, MONDAY
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import (
    AlreadyDone,
    InvalidInput,
    NotFound,
    StaleVersion,
    TransitionNotAllowed,
    UnsafeContact,
)
from victim_gateway.models import (
    AuditEntry,
    OutcomeReading,
    Person,
    Referral,
    SupportActivity,
    SupportGoal,
    SupportPlan,
)
from victim_gateway.queries.referrals import support_record
from victim_gateway.services.referrals import (
    consents,
    outcome_readings,
    status,
    support_activities,
    support_plan,
)
from victim_gateway.services.referrals.outcome_readings import NeedAnswer, NewReading
from victim_gateway.services.referrals.support_activities import SupportGiven
from victim_gateway.services.referrals.support_plan import GoalAnswers
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    AttemptOutcome,
    CloseOutcome,
    ConsentHow,
    ConsentPurpose,
    GoalState,
    NeedOutcome,
    NextAction,
    ReadingStage,
    Role,
    SafeAnswer,
    SupportManner,
    TaskKind,
)

TUESDAY = MONDAY + DAY
ON_MONDAY = MONDAY.date()
NEED = "finance_and_benefits"
GOAL = GoalAnswers(
    "To pay the locksmith", NEED, agreed_on=ON_MONDAY, target_on=ON_MONDAY + timedelta(days=14)
)
MEETING = SupportGiven("emotional_support", SupportManner.IN_PERSON, given_on=ON_MONDAY, minutes=90)
CALL = SupportGiven("advice", SupportManner.PHONE, given_on=ON_MONDAY, minutes=25, text="Locks and lights.")
VALUES = {
    "emotional_wellbeing": 1,
    "money_and_practicalities": 2,
    "close_relationships": 3,
    "safety_at_home": 2,
    "legal_process": 4,
}


def key_of(session: Any, referral_id: UUID) -> bytes:
    keys = select(Person.key_id).join(Referral, Referral.person_id == Person.id)
    return encrypted_rows.open_key(session, session.scalars(keys.where(Referral.id == referral_id)).one())


def command(actor: Actor, at: Any = TUESDAY, version: int | None = None) -> Command:
    return Command(actor, at, submission_id=uuid4(), version=version)


def test_a_goal_keeps_every_version_and_a_stale_one_is_refused(caseworker: Actor, owner: Owner) -> None:
    referral_id = make.assessed(caseworker)
    sending = command(caseworker)
    goal_id = support_plan.add_support_goal(sending, referral_id, GOAL)
    with pytest.raises(AlreadyDone):
        support_plan.add_support_goal(sending, referral_id, GOAL)
    reached = replace(GOAL, state=GoalState.REACHED, remarks="Paid by the fund")
    support_plan.change_support_goal(command(caseworker, version=1), referral_id, goal_id, reached)
    with pytest.raises(StaleVersion):
        support_plan.change_support_goal(command(caseworker, version=1), referral_id, goal_id, GOAL)
    with pytest.raises(InvalidInput) as refused:
        support_plan.change_support_goal(
            command(caseworker, version=2), referral_id, goal_id, replace(GOAL, need="wealth")
        )
    assert list(refused.value.fields) == ["need"]
    other = make.assessed(caseworker)
    with pytest.raises(NotFound):
        support_plan.change_support_goal(command(caseworker, version=2), other, goal_id, reached)
    with transaction(caseworker) as session:
        (goal,) = support_record.planned_goals(session, referral_id, key_of(session, referral_id))
    assert (goal.now.state, goal.now.version, goal.now.remarks) == (GoalState.REACHED, 2, "Paid by the fund")
    assert [(item.state, item.text) for item in goal.earlier] == [(GoalState.OPEN, GOAL.text)]
    with owner() as session:
        stored = session.scalars(select(SupportGoal.sealed)).all()
        entries = session.scalars(select(AuditEntry.entry).where(AuditEntry.action.like("support.%"))).all()
    assert all(b"locksmith" not in sealed for sealed in stored)
    assert len(entries) == 2
    assert all("locksmith" not in entry for entry in entries)


def test_a_plan_is_asked_for_once_on_its_day_and_a_new_day_ends_the_task(
    caseworker: Actor, owner: Owner
) -> None:
    referral_id = make.assessed(caseworker)
    closed = make.assessed(caseworker)
    review_on = TUESDAY.date() + timedelta(days=7)
    for each in (referral_id, closed):
        support_plan.set_plan_review(command(caseworker, version=0), each, review_on=review_on)
    with pytest.raises(StaleVersion):
        support_plan.set_plan_review(command(caseworker, version=0), referral_id, review_on=review_on)
    for wrong in (MONDAY.date(), TUESDAY.date() + timedelta(days=93)):
        with pytest.raises(InvalidInput) as refused:
            support_plan.set_plan_review(command(caseworker, version=1), referral_id, review_on=wrong)
        assert list(refused.value.fields) == ["review_on"]
    status.close_referral(Command(caseworker, TUESDAY), closed, outcome=CloseOutcome.NEEDS_MET, text=None)
    worker = Actor.worker("tests")
    assert support_plan.ask_for_due_reviews(Command(worker, TUESDAY + 6 * DAY)) == 0
    assert support_plan.ask_for_due_reviews(Command(worker, TUESDAY + 7 * DAY)) == 1
    assert support_plan.ask_for_due_reviews(Command(worker, TUESDAY + 8 * DAY)) == 0
    assert make.open_tasks(referral_id, caseworker) == [TaskKind.PLAN_REVIEW]
    assert make.open_tasks(closed, caseworker) == []
    assert make.referral(referral_id, caseworker).next_action is NextAction.DO_TASK
    later = TUESDAY + 8 * DAY
    support_plan.set_plan_review(
        command(caseworker, later, version=1), referral_id, review_on=later.date() + timedelta(days=30)
    )
    assert make.open_tasks(referral_id, caseworker) == []
    with owner() as session:
        plans = session.scalars(select(SupportPlan).where(SupportPlan.referral_id == referral_id)).all()
    assert sorted((plan.version, plan.superseded_at is None) for plan in plans) == [(1, False), (2, True)]


def test_a_plan_that_is_due_keeps_no_referral_from_being_closed(caseworker: Actor) -> None:
    referral_id = make.assessed(caseworker)
    support_plan.set_plan_review(command(caseworker, version=0), referral_id, review_on=TUESDAY.date())
    support_plan.ask_for_due_reviews(Command(Actor.worker("tests"), TUESDAY))
    status.close_referral(
        Command(caseworker, TUESDAY), referral_id, outcome=CloseOutcome.NEEDS_MET, text=None
    )
    assert make.open_tasks(referral_id, caseworker) == []


def test_a_call_counts_as_support_only_where_it_was_logged_and_checked_as_a_contact(
    caseworker: Actor,
) -> None:
    referral_id = make.assessed(caseworker)
    goal_id = support_plan.add_support_goal(command(caseworker), referral_id, GOAL)
    with pytest.raises(InvalidInput, match="Log the call first") as refused:
        support_activities.record_support_activity(
            command(caseworker), referral_id, replace(CALL, given_on=TUESDAY.date())
        )
    assert list(refused.value.fields) == ["manner"]
    make.log_attempt(referral_id, caseworker, at=TUESDAY, outcome=AttemptOutcome.NO_ANSWER)
    with pytest.raises(InvalidInput, match="Log the call first"):
        support_activities.record_support_activity(
            command(caseworker, TUESDAY + HOUR), referral_id, replace(CALL, given_on=TUESDAY.date())
        )
    letter = SupportGiven("letter", SupportManner.POST, given_on=ON_MONDAY, minutes=10)
    with pytest.raises(InvalidInput, match="No letter of that day"):
        support_activities.record_support_activity(command(caseworker), referral_id, letter)
    activity_id = support_activities.record_support_activity(
        command(caseworker), referral_id, replace(CALL, goal_id=goal_id)
    )
    with transaction(caseworker) as session:
        activity = session.get_one(SupportActivity, activity_id)
        assert activity.contact_attempt_id is not None
        assert b"Locks" not in activity.sealed
        (entry,) = support_record.support_entries(session, referral_id, key_of(session, referral_id))
    assert (entry.text, entry.goal_id, entry.minutes) == ("Locks and lights.", goal_id, 25)
    with pytest.raises(IntegrityError, match="contact_has_attempt"), transaction(caseworker) as session:
        session.execute(
            text(
                "INSERT INTO support_activity SELECT (json_populate_record(a, json_build_object("
                "'id', gen_random_uuid(), 'contact_attempt_id', NULL))).* FROM support_activity a"
            )
        )


IMPOSSIBLE: tuple[tuple[dict[str, Any], str], ...] = (
    ({"kind": "shopping"}, "kind"),
    ({"kind": "letter"}, "manner"),
    ({"kind": "court_day", "manner": SupportManner.WITHOUT_CONTACT}, "manner"),
    ({"minutes": 0}, "minutes"),
    ({"minutes": 721}, "minutes"),
    ({"given_on": TUESDAY.date() + timedelta(days=1)}, "given_on"),
    ({"given_on": ON_MONDAY - timedelta(days=1)}, "given_on"),
    ({"goal_id": uuid4()}, "goal"),
)


def test_an_activity_that_can_not_be_true_is_refused_at_its_field(caseworker: Actor) -> None:
    referral_id = make.assessed(caseworker)
    for changed, field in IMPOSSIBLE:
        with pytest.raises(InvalidInput) as refused:
            support_activities.record_support_activity(
                command(caseworker), referral_id, replace(MEETING, **changed)
            )
        assert list(refused.value.fields) == [field], changed


def say_no(caseworker: Actor, referral_id: UUID) -> None:
    answer = consents.ConsentAnswer(
        purpose=ConsentPurpose.CONTACT, agreed=False, how=ConsentHow.SPOKEN, given_at=MONDAY + HOUR
    )
    consents.record_consent(Command(caseworker, MONDAY + HOUR), referral_id, answer)


def forbid_contact(caseworker: Actor, referral_id: UUID) -> None:
    make.record_plan(
        referral_id, caseworker, make.safe_to_phone(safe=SafeAnswer.NO, channels={}), at=MONDAY + HOUR
    )


def leave_open(caseworker: Actor, referral_id: UUID) -> None:
    make.record_plan(
        referral_id, caseworker, make.safe_to_phone(safe=SafeAnswer.UNKNOWN, channels={}), at=MONDAY + HOUR
    )


def test_no_meeting_is_recorded_where_the_person_said_no_to_contact(caseworker: Actor) -> None:
    referral_id = make.assessed(caseworker)
    say_no(caseworker, referral_id)
    with pytest.raises(TransitionNotAllowed, match="said no"):
        support_activities.record_support_activity(
            command(caseworker), referral_id, replace(MEETING, unsafe_reason="They came in")
        )


@pytest.mark.parametrize("leave_unsafe", [forbid_contact, leave_open])
def test_a_meeting_that_nobody_called_safe_says_how_it_came_about_and_asks_for_a_check(
    caseworker: Actor, leave_unsafe: Callable[[Actor, UUID], None]
) -> None:
    referral_id = make.assessed(caseworker)
    leave_unsafe(caseworker, referral_id)
    with pytest.raises(UnsafeContact) as refused:
        support_activities.record_support_activity(command(caseworker), referral_id, MEETING)
    assert list(refused.value.fields) == ["unsafe_reason"]
    came_in = replace(MEETING, unsafe_reason="They came in")
    support_activities.record_support_activity(command(caseworker), referral_id, came_in)
    assert TaskKind.SAFE_CONTACT_CHECK in make.open_tasks(referral_id, caseworker)
    assert make.referral(referral_id, caseworker).next_action is NextAction.FIND_SAFE_CONTACT
    # What was asked later says nothing of a meeting before.
    make.record_plan(referral_id, caseworker, make.safe_to_phone(), at=MONDAY + 2 * DAY)
    before = replace(MEETING, given_on=MONDAY.date())
    with pytest.raises(UnsafeContact, match="On that day nobody had said"):
        support_activities.record_support_activity(
            command(caseworker, MONDAY + 2 * DAY + HOUR), referral_id, before
        )


def test_a_meeting_after_too_long_without_a_check_asks_for_the_check_first(caseworker: Actor) -> None:
    referral_id = make.assessed(caseworker)

    def meet(days: int) -> UUID:
        at = MONDAY + days * DAY
        meeting = replace(MEETING, given_on=at.date())
        return support_activities.record_support_activity(command(caseworker, at), referral_id, meeting)

    meet(28)
    with pytest.raises(UnsafeContact, match="more than 28 days ago"):
        meet(29)


def test_no_support_is_recorded_before_the_person_was_reached_or_after_the_end(caseworker: Actor) -> None:
    with pytest.raises(TransitionNotAllowed, match="Reach the person first"):
        support_activities.record_support_activity(command(caseworker), make.assigned(caseworker), MEETING)
    referral_id = make.assessed(caseworker)
    status.close_referral(
        Command(caseworker, TUESDAY), referral_id, outcome=CloseOutcome.NEEDS_MET, text=None
    )
    support_activities.record_support_activity(command(caseworker, TUESDAY + HOUR), referral_id, MEETING)
    with pytest.raises(TransitionNotAllowed, match="closed before that day"):
        support_activities.record_support_activity(
            command(caseworker, TUESDAY + DAY),
            referral_id,
            replace(MEETING, given_on=TUESDAY.date() + timedelta(days=1)),
        )
    with pytest.raises(TransitionNotAllowed):
        support_plan.add_support_goal(command(caseworker, TUESDAY + HOUR), referral_id, GOAL)


def test_a_wrong_entry_is_replaced_or_taken_back_and_stays_to_be_read(caseworker: Actor) -> None:
    referral_id = make.assessed(caseworker)
    first = support_activities.record_support_activity(command(caseworker), referral_id, MEETING)
    second = support_activities.correct_support_activity(
        command(caseworker), referral_id, first, replace(MEETING, minutes=60), reason="It was an hour."
    )
    with pytest.raises(TransitionNotAllowed, match="taken back already"):
        support_activities.void_support_activity(command(caseworker), referral_id, first, reason="Again")
    with pytest.raises(InvalidInput):
        support_activities.void_support_activity(command(caseworker), referral_id, second, reason=" ")
    with pytest.raises(NotFound):
        support_activities.void_support_activity(
            command(caseworker), make.assessed(caseworker), second, reason="Not theirs"
        )
    with transaction(caseworker) as session:
        entries = support_record.support_entries(session, referral_id, key_of(session, referral_id))
    assert support_record.minutes_by_kind(entries) == {"emotional_support": 60}
    support_activities.void_support_activity(command(caseworker), referral_id, second, reason="Not at all")
    with transaction(caseworker) as session:
        entries = support_record.support_entries(session, referral_id, key_of(session, referral_id))
    assert len(entries) == 2
    assert support_record.minutes_by_kind(entries) == {}
    assert make.events_of(referral_id, caseworker, "story").count("support.voided") == 2
    with pytest.raises(ProgrammingError, match="permission denied"), transaction(caseworker) as session:
        session.execute(text("UPDATE support_activity SET minutes = 5"))
    # What was taken back is out of reach: the statement finds no row that it may change.
    with transaction(caseworker) as session:
        session.execute(text("UPDATE support_activity SET voided_at = NULL, voided_by_id = NULL"))
        assert session.scalar(text("SELECT count(*) FROM support_activity WHERE voided_at IS NULL")) == 0


def test_readings_show_the_distance_and_are_taken_back_in_order(caseworker: Actor) -> None:
    referral_id = make.assessed(caseworker)

    def read(stage: ReadingStage, days: int, **values: int) -> UUID:
        at = MONDAY + days * DAY
        reading = NewReading(stage, at.date(), VALUES | values, text="Better nights")
        return outcome_readings.record_outcome_reading(command(caseworker, at), referral_id, reading)

    with pytest.raises(InvalidInput, match="at the start first"):
        read(ReadingStage.END, 1)
    start_id = read(ReadingStage.START, 1)
    with pytest.raises(InvalidInput, match="already"):
        read(ReadingStage.START, 2)
    with pytest.raises(InvalidInput, match="from 1 to 5"):
        read(ReadingStage.REVIEW, 2, safety_at_home=6)
    end_id = read(ReadingStage.END, 9, safety_at_home=5)
    with pytest.raises(InvalidInput, match="already"):
        read(ReadingStage.END, 10)
    with pytest.raises(TransitionNotAllowed, match="later readings"):
        outcome_readings.void_outcome_reading(command(caseworker), referral_id, start_id, reason="Mistyped")
    with pytest.raises(IntegrityError, match="uq_outcome_reading_once"), transaction(caseworker) as session:
        session.add(
            OutcomeReading(
                referral_id=referral_id,
                measure="victim_star",
                stage=ReadingStage.END,
                values=VALUES,
                taken_on=TUESDAY.date(),
                recorded_at=TUESDAY,
                by_id=caseworker.user_id,
                sealed=b"x",
            )
        )
        session.flush()
    for reading_id in (end_id, start_id):
        outcome_readings.void_outcome_reading(command(caseworker), referral_id, reading_id, reason="Mistyped")
    with pytest.raises(TransitionNotAllowed, match="taken back already"):
        outcome_readings.void_outcome_reading(command(caseworker), referral_id, end_id, reason="Mistyped")
    read(ReadingStage.START, 3)
    with transaction(caseworker) as session:
        readings = support_record.taken_readings(session, referral_id, key_of(session, referral_id))
        closing = support_record.closing_outcomes(session, referral_id)
    assert [reading.voided_at is None for reading in readings] == [False, True, False]
    assert {reading.text for reading in readings} == {"Better nights"}
    assert (closing.has_start, closing.has_end) == (True, False)


def test_what_became_of_a_need_is_said_again_as_a_new_version_and_never_twice(caseworker: Actor) -> None:
    referral_id = make.assessed(caseworker)
    met = NeedAnswer(NeedOutcome.ACHIEVED)
    partly = NeedAnswer(NeedOutcome.PARTLY_ACHIEVED, "Half of it was paid")

    def say(**answers: NeedAnswer) -> int:
        return outcome_readings.record_need_results(command(caseworker), referral_id, answers)

    for answers, field in (
        ({"wealth": met}, "outcome_wealth"),
        ({NEED: NeedAnswer(NeedOutcome.NOT_ACHIEVED, " ")}, f"remarks_{NEED}"),
        ({}, ""),
    ):
        with pytest.raises(InvalidInput) as refused:
            say(**answers)
        assert list(refused.value.fields) == [field]
    assert say(**{NEED: partly, "drugs_and_alcohol": met}) == 2
    assert say(**{NEED: partly, "drugs_and_alcohol": met}) == 0
    assert say(**{NEED: met}) == 1
    with transaction(caseworker) as session:
        results = support_record.need_results(session, referral_id, key_of(session, referral_id))
        closing = support_record.closing_outcomes(session, referral_id)
    assert {need: result.outcome for need, result in results.items()} == {
        NEED: NeedOutcome.ACHIEVED,
        "drugs_and_alcohol": NeedOutcome.ACHIEVED,
    }
    assert len(closing.needs) == 8
    assert NEED not in closing.unanswered


def test_managers_count_support_and_read_no_word_of_it_and_providers_see_nothing(
    caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    referral_id = make.assessed(caseworker)
    support_plan.add_support_goal(command(caseworker), referral_id, GOAL)
    support_activities.record_support_activity(command(caseworker), referral_id, MEETING)
    start = NewReading(ReadingStage.START, ON_MONDAY, VALUES)
    outcome_readings.record_outcome_reading(command(caseworker), referral_id, start)
    with transaction(make_actor(Role.MANAGER)) as session:
        assert session.scalar(text("SELECT sum(minutes) FROM support_activity")) == 90
        assert session.scalar(text('SELECT count("values") FROM outcome_reading')) == 1
    for table in ("support_goal", "support_activity", "outcome_reading", "need_result"):
        for role in (Role.MANAGER, Role.ADMIN, Role.AUDITOR):
            with pytest.raises(ProgrammingError), transaction(make_actor(role)) as session:
                session.execute(text(f"SELECT sealed FROM {table}"))
    with owner() as session:
        session.get_one(Referral, referral_id).restricted = True
    with transaction(caseworker) as session:
        for table in ("support_goal", "support_activity", "outcome_reading"):
            assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 0
    with pytest.raises(NotFound):
        support_activities.record_support_activity(command(caseworker), referral_id, MEETING)
