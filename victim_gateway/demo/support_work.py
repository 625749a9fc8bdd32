"""What is done for people beside the steps of a referral: a plan, devices, court, reviews, and how it went."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, time, timedelta

from sqlalchemy import select

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.demo.case import DemoCase
from victim_gateway.errors import InvalidInput, TransitionNotAllowed
from victim_gateway.models import Referral
from victim_gateway.rules.court_and_review import BookingTimes
from victim_gateway.services.referrals import (
    case_reviews,
    complaints,
    outcome_readings,
    repeat_judgements,
    safety_devices,
    support_activities,
    support_plan,
    surveys,
    video_links,
)
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    ComplaintSubject,
    MeasureState,
    ReadingStage,
    SupportManner,
    SurveyStage,
)

_WEEK = timedelta(days=7)
# Every so many of those who were reached by telephone are asked how it went.
ASKED_OF = 3


def make_plan(case: DemoCase) -> None:
    """Agree a goal, record what was done for it and how the person is doing; the day to look again comes soon."""
    profile, today = current_settings().area, times.london_date(case.at)
    goal = support_plan.GoalAnswers(
        "To go to court without being seen by the others", profile.needs.areas[0][0], agreed_on=today
    )
    goal_id = support_plan.add_support_goal(_command(case), case.id, goal)
    support_plan.set_plan_review(Command(case.owner, case.at, version=0), case.id, review_on=today + _WEEK)
    given = support_activities.SupportGiven(
        "advocacy",
        SupportManner.WITHOUT_CONTACT,
        given_on=today,
        minutes=40,
        goal_id=goal_id,
        text="Asked the Witness Care Unit for a separate entrance.",
    )
    support_activities.record_support_activity(_command(case), case.id, given)
    _read_outcomes(case, ReadingStage.START, 2)


def look_at_plan_again(case: DemoCase) -> None:
    """A second reading, a little better than the first."""
    _read_outcomes(case, ReadingStage.REVIEW, 3)


def lend_alarm(case: DemoCase) -> None:
    """Lend an alarm that is due back before the demonstration begins; one more stays in the stock."""
    for number in ("PA 1041", "PA 1042"):
        device_id = safety_devices.add_safety_device(
            _command(case), kind="personal_alarm", serial_number=number
        )
    today = times.london_date(case.at)
    loan = safety_devices.NewLoan(device_id, today, today + _WEEK)
    with suppress(TransitionNotAllowed):
        safety_devices.lend_safety_device(_command(case), case.id, loan)


def book_room(case: DemoCase) -> None:
    """Book the area's first room with a video link, some weeks ahead; an area without one books none."""
    rooms = current_settings().area.support.video_link.rooms
    if not rooms:
        return
    day = times.london_date(case.at) + timedelta(days=42)
    begins = times.from_london_wall(datetime.combine(day, time(10)))
    asked = video_links.BookingAnswers(
        room=rooms[0][0],
        times=BookingTimes(begins, begins + timedelta(hours=3)),
        court="Stafford Crown Court",
        measures={"live_link": MeasureState.GRANTED, "intermediary": MeasureState.ASKED},
        accompanied_by_id=case.owner.user_id,
    )
    video_links.book_video_link(_command(case), case.id, asked)


def complain(case: DemoCase) -> None:
    """Record a complaint about the police that is not acknowledged yet."""
    complaint = complaints.NewComplaint(
        received_on=times.london_date(case.at),
        received_from="person",
        about=ComplaintSubject.POLICE,
        summary="Nobody told me that the hearing was moved.",
    )
    complaints.record_complaint(_command(case), case.id, complaint)


def ask_for_review(case: DemoCase) -> None:
    """Judge that the person is persistently targeted, and record that they asked for a case review."""
    today = times.london_date(case.at)
    with transaction(case.owner) as session:
        person_id = session.scalars(select(Referral.person_id).where(Referral.id == case.id)).one()
    repeat_judgements.record_targeting(
        _command(case),
        person_id,
        is_targeted=True,
        reason="The same neighbours, four times since the spring.",
        review_on=today + timedelta(days=2),
    )
    authority, _ = current_settings().area.support.case_review.authorities[0]
    # Asked for before they came to us.
    new = case_reviews.NewCaseReview(
        authority, today - 2 * _WEEK, is_for_person=False, text="Noise and threats at night."
    )
    case_reviews.ask_for_case_review(_command(case), case.id, new)


def ask_how_it_went(case: DemoCase) -> None:
    """Type in what some of those say who were just reached by telephone; the rest are not asked."""
    number = case.planned.number
    if number % ASKED_OF:
        return
    answers = {"overall": str(5 - number % 4), "kept_informed": "4", "respect": "yes"}
    given = surveys.SurveyAnswers(answers, "Please ring before eight." if number % 4 == 3 else "")
    # Not by telephone, or a person who must not be asked: then it is left.
    with suppress(TransitionNotAllowed, InvalidInput):
        surveys.record_survey_answers(
            _command(case), case.id, stage=SurveyStage.AFTER_FIRST_CONTACT, given=given
        )


def open_what_is_due(actor: Actor, at: datetime) -> None:
    """Open the tasks that the minute-by-minute pass would open."""
    command = Command(actor, at)
    complaints.open_due_complaints(command)
    support_plan.ask_for_due_reviews(command)
    safety_devices.ask_for_overdue_devices(command)
    repeat_judgements.ask_for_due_targeting_reviews(command)
    video_links.remind_of_bookings(command)
    case_reviews.open_due_case_reviews(command)


def _read_outcomes(case: DemoCase, stage: ReadingStage, value: int) -> None:
    areas = current_settings().area.support.outcome_measure.areas
    values = {key: value + place % 2 for place, (key, _) in enumerate(areas)}
    reading = outcome_readings.NewReading(stage, times.london_date(case.at), values)
    outcome_readings.record_outcome_reading(_command(case), case.id, reading)


def _command(case: DemoCase) -> Command:
    return Command(case.owner, case.at)
