"""Bookings of a video link, and reviews of cases of anti-social behaviour: what can be, and what is owed by when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from victim_gateway import times
from victim_gateway.compliance.calendar import add_working_days, england_and_wales
from victim_gateway.errors import CalendarExhausted
from victim_gateway.vocabulary import CaseReviewState, Harm

if TYPE_CHECKING:
    from collections.abc import Collection

    from config.area_support import CaseReviewProfile

LONGEST_BOOKING = timedelta(hours=12)
FURTHEST_AHEAD_DAYS = 731
CASE_REVIEW_STEPS: Mapping[CaseReviewState, frozenset[CaseReviewState]] = {
    CaseReviewState.ASKED: frozenset(
        {CaseReviewState.THRESHOLD_MET, CaseReviewState.THRESHOLD_NOT_MET, CaseReviewState.WITHDRAWN}
    ),
    CaseReviewState.THRESHOLD_MET: frozenset({CaseReviewState.ANSWERED, CaseReviewState.WITHDRAWN}),
    CaseReviewState.THRESHOLD_NOT_MET: frozenset(),
    CaseReviewState.ANSWERED: frozenset(),
    CaseReviewState.WITHDRAWN: frozenset(),
}
OPEN_REVIEWS = (CaseReviewState.ASKED, CaseReviewState.THRESHOLD_MET)


@dataclass(frozen=True, slots=True)
class BookingTimes:
    """From when until when a room is booked, as aware moments."""

    starts_at: datetime
    ends_at: datetime


def refused_booking_times(asked: BookingTimes, now: datetime) -> Mapping[str, str]:
    """Why a room can't be booked so, by field; empty where it can."""
    if asked.starts_at <= now:
        return {"on": "The day and the time must be in the future"}
    if times.london_date(asked.starts_at) > times.london_date(now) + timedelta(days=FURTHEST_AHEAD_DAYS):
        return {"on": "The day must be within two years"}
    if not timedelta() < asked.ends_at - asked.starts_at <= LONGEST_BOOKING:
        return {"until_time": "The end must be after the beginning, on the same day"}
    return {}


def remind_from(on: date, *, working_days: int) -> date:
    """The day from which staff are reminded of a booking: so many working days before it."""
    calendar, day = england_and_wales(), on
    try:
        while working_days and (
            day not in calendar.working_days or add_working_days(day, working_days, calendar) > on
        ):
            day -= timedelta(days=1)
    except CalendarExhausted:
        return on - timedelta(days=2 * working_days)
    return day


def case_review_due(
    state: CaseReviewState, asked_on: date, threshold_on: date | None, profile: CaseReviewProfile
) -> date | None:
    """By when the authority owes its next step; None where nothing is owed, or the area sets no day.

    Whether the threshold is met is counted from the asking, the answer from that decision.
    """
    if state is CaseReviewState.ASKED:
        start, days = asked_on, profile.threshold_working_days
    elif state is CaseReviewState.THRESHOLD_MET:
        start, days = threshold_on or asked_on, profile.answer_working_days
    else:
        return None
    try:
        return None if days is None else add_working_days(start, days, england_and_wales())
    except CalendarExhausted:
        return None


def may_ask_for_case_review(recorded_as: str, harms: Collection[Harm]) -> bool:
    """Whether a referral is about anti-social behaviour."""
    return recorded_as == "asb" or Harm.ANTI_SOCIAL_BEHAVIOUR in harms
