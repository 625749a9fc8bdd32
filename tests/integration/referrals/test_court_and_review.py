"""Rooms with a video link and case reviews: booked once, moved with a reason, chased, seen through the referral."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from tests.factories import casework as make
from tests.factories.casework import DAY, HOUR, MONDAY
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, NotFound, TransitionNotAllowed
from victim_gateway.models import Person, Referral
from victim_gateway.queries.referrals.court_and_review import (
    booked_video_links,
    case_reviews_of,
    own_video_links,
    room_times,
)
from victim_gateway.queries.referrals.header import referral_header
from victim_gateway.rules.court_and_review import BookingTimes
from victim_gateway.services.referrals import case_reviews, repeat_judgements, safety_devices, video_links
from victim_gateway.services.referrals.case_reviews import CaseReviewStep, NewCaseReview
from victim_gateway.services.referrals.video_links import BookingAnswers
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    BookingEnding,
    CaseReviewOutcome,
    CaseReviewState,
    DeviceState,
    MeasureState,
    Role,
    TaskKind,
)

WORKER = Actor.worker("tests")
LATER = MONDAY + 2 * HOUR
NEXT_WEEK = MONDAY + 7 * DAY


def booking(caseworker: Actor, **changed: object) -> BookingAnswers:
    asked = BookingAnswers(
        room="burton",
        times=BookingTimes(NEXT_WEEK, NEXT_WEEK + 2 * HOUR),
        court="Stafford Crown Court",
        measures={"screens": MeasureState.ASKED},
        accompanied_by_id=caseworker.user_id,
    )
    return replace(asked, **changed)  # type: ignore[arg-type]


def key_of(actor: Actor, referral_id: UUID) -> bytes:
    with transaction(actor) as session:
        return referral_header(session, referral_id, at=LATER, page="tests").key


def test_a_room_is_for_one_person_at_a_time_whoever_may_see_it_and_moves_with_a_reason(
    caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    first, second = make.assessed(caseworker), make.assessed(caseworker)
    command = Command(caseworker, LATER)
    booking_id = video_links.book_video_link(command, first, booking(caseworker))
    with owner() as session:
        session.get_one(Referral, first).restricted = True
    overlapping = BookingTimes(NEXT_WEEK + HOUR, NEXT_WEEK + 3 * HOUR)
    with pytest.raises(InvalidInput, match="booked then") as refused:
        video_links.book_video_link(command, second, booking(caseworker, times=overlapping))
    assert list(refused.value.fields) == ["on"]
    with transaction(caseworker) as session:
        seen = room_times(session, NEXT_WEEK.date(), NEXT_WEEK.date())
    assert [(each.reference, each.accompanied_by) for each in seen] == [(None, None)]
    with owner() as session:
        session.get_one(Referral, first).restricted = False
    for changed, field in (
        ({"room": "attic"}, "room"),
        ({"court": " "}, "court"),
        ({"accompanied_by_id": uuid4()}, "accompanied_by"),
        ({"measures": {"balloons": MeasureState.ASKED}}, "measures"),
        ({"times": BookingTimes(LATER, LATER + HOUR)}, "on"),
    ):
        with pytest.raises(InvalidInput) as refused:
            video_links.book_video_link(command, second, booking(caseworker, **changed))
        assert list(refused.value.fields) == [field]
    video_links.record_special_measures(command, first, booking_id, {"screens": MeasureState.GRANTED})
    # Next door to itself: the old time is free for the booking that takes its place.
    moved_id = video_links.move_video_link(
        command, first, booking_id, booking(caseworker, times=overlapping), reason="The court began later"
    )
    back_to_back = BookingTimes(NEXT_WEEK, NEXT_WEEK + HOUR)
    video_links.book_video_link(command, second, booking(caseworker, times=back_to_back))
    with pytest.raises(InvalidInput, match="Enter why"):
        video_links.cancel_video_link(command, first, moved_id, reason=" ")
    with pytest.raises(NotFound):
        video_links.cancel_video_link(command, second, moved_id, reason="Another's")
    with pytest.raises(TransitionNotAllowed, match="already"):
        video_links.cancel_video_link(command, first, booking_id, reason="Twice")
    key = key_of(caseworker, first)
    with transaction(caseworker) as session:
        standing, ended = booked_video_links(session, first, key)
        own = own_video_links(session, caseworker, at=LATER)
    assert (ended.ending, ended.ending_text) == (BookingEnding.MOVED, "The court began later")
    assert ended.measures == {"screens": MeasureState.GRANTED}
    assert standing.starts_at == overlapping.starts_at
    # The one who moved it asked for screens again: they were granted.
    assert standing.measures == {"screens": MeasureState.GRANTED}
    assert len(own) == 2

    assert video_links.remind_of_bookings(Command(WORKER, MONDAY + DAY)) == 0
    near = Command(WORKER, NEXT_WEEK - 4 * DAY)
    assert [video_links.remind_of_bookings(near) for _ in range(2)] == [2, 0]
    assert make.open_tasks(first, caseworker) == [TaskKind.VIDEO_LINK_SOON]
    video_links.cancel_video_link(command, first, moved_id, reason="She gives evidence in court")
    assert make.open_tasks(first, caseworker) == []
    with transaction(make_actor(Role.MANAGER)) as session:
        assert session.scalar(text("SELECT count(room) FROM video_link_booking")) == 3
    with pytest.raises(ProgrammingError), transaction(make_actor(Role.MANAGER)) as session:
        session.execute(text("SELECT referral_id FROM video_link_booking"))


def test_a_case_review_goes_from_asking_to_its_answer_and_is_chased_until_then(caseworker: Actor) -> None:
    command = Command(caseworker, LATER)
    asked = NewCaseReview("stafford", MONDAY.date(), is_for_person=True, text="Noise at night")
    with pytest.raises(TransitionNotAllowed, match="not about anti-social"):
        case_reviews.ask_for_case_review(command, make.assessed(caseworker), asked)
    referral_id = make.assessed(caseworker, offence="Anti-social behaviour")
    for changed, field in (
        ({"authority": "moon"}, "authority"),
        ({"asked_on": NEXT_WEEK.date()}, "asked_on"),
    ):
        with pytest.raises(InvalidInput) as refused:
            case_reviews.ask_for_case_review(command, referral_id, replace(asked, **changed))  # type: ignore[arg-type]
        assert list(refused.value.fields) == [field]
    review_id = case_reviews.ask_for_case_review(command, referral_id, asked)
    with pytest.raises(TransitionNotAllowed, match="open on this referral"):
        case_reviews.ask_for_case_review(command, referral_id, asked)
    answered = CaseReviewStep(
        CaseReviewState.ANSWERED, MONDAY.date() + 9 * DAY, CaseReviewOutcome.ACTION_PLAN, "A warden calls"
    )
    with pytest.raises(TransitionNotAllowed, match="has changed"):
        case_reviews.record_case_review_step(command, referral_id, review_id, answered)
    assert case_reviews.open_due_case_reviews(Command(WORKER, MONDAY + 8 * DAY)) == 0
    due = Command(WORKER, MONDAY + 11 * DAY)
    assert [case_reviews.open_due_case_reviews(due) for _ in range(2)] == [1, 0]
    assert make.open_tasks(referral_id, caseworker) == [TaskKind.CASE_REVIEW_DUE]
    later = Command(caseworker, MONDAY + 14 * DAY)
    met = CaseReviewStep(CaseReviewState.THRESHOLD_MET, MONDAY.date() + 8 * DAY)
    case_reviews.record_case_review_step(later, referral_id, review_id, met)
    assert make.open_tasks(referral_id, caseworker) == []
    early = replace(answered, on=MONDAY.date() + 2 * DAY)
    with pytest.raises(InvalidInput, match="the step before"):
        case_reviews.record_case_review_step(later, referral_id, review_id, early)
    case_reviews.record_case_review_step(later, referral_id, review_id, answered)
    key = key_of(caseworker, referral_id)
    with transaction(caseworker) as session:
        (review,) = case_reviews_of(session, referral_id, key)
    assert (review.state, review.outcome, review.answer) == (
        CaseReviewState.ANSWERED,
        CaseReviewOutcome.ACTION_PLAN,
        "A warden calls",
    )
    assert review.due_on is None


def test_a_loan_that_was_recorded_by_mistake_is_taken_back_once(caseworker: Actor) -> None:
    referral_id, command = make.assessed(caseworker), Command(caseworker, LATER)
    device_id = safety_devices.add_safety_device(command, kind="door_camera", serial_number="DC 9")
    loan = safety_devices.NewLoan(device_id, MONDAY.date(), MONDAY.date() + timedelta(days=30))
    loan_id = safety_devices.lend_safety_device(command, referral_id, loan)
    with pytest.raises(InvalidInput, match="what was wrong"):
        safety_devices.take_back_device_loan(command, referral_id, loan_id, reason=" ")
    safety_devices.take_back_device_loan(command, referral_id, loan_id, reason="Another person's")
    with pytest.raises(TransitionNotAllowed, match="ended already"):
        safety_devices.take_back_device_loan(command, referral_id, loan_id, reason="Twice")
    with transaction(caseworker) as session:
        assert session.scalar(text("SELECT state FROM safety_device")) == DeviceState.IN_STOCK.value
    safety_devices.lend_safety_device(command, make.assessed(caseworker), loan)


def test_the_day_to_look_again_at_a_targeted_person_opens_a_task_that_ends_with_the_next_judgement(
    caseworker: Actor, owner: Owner
) -> None:
    referral_id = make.assessed(caseworker)
    person_id = make.referral(referral_id, caseworker).person_id
    review_on = NEXT_WEEK.date()

    def judge(days: int, *, is_targeted: bool) -> None:
        repeat_judgements.record_targeting(
            Command(caseworker, MONDAY + days * DAY),
            person_id,
            is_targeted=is_targeted,
            reason="The neighbours",
            review_on=review_on if is_targeted else None,
        )

    judge(1, is_targeted=True)
    assert repeat_judgements.ask_for_due_targeting_reviews(Command(WORKER, NEXT_WEEK - DAY)) == 0
    due = Command(WORKER, NEXT_WEEK)
    assert [repeat_judgements.ask_for_due_targeting_reviews(due) for _ in range(2)] == [1, 0]
    assert make.open_tasks(referral_id, caseworker) == [TaskKind.TARGETING_REVIEW]
    judge(8, is_targeted=False)
    assert make.open_tasks(referral_id, caseworker) == []
    with owner() as session:
        assert session.get_one(Person, person_id).erased_at is None
