"""When tasks fall due: one rule for those that an import opens and those that a caseworker's action opens."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from victim_gateway import times
from victim_gateway.compliance.calendar import england_and_wales, last_working_day_before, next_working_day
from victim_gateway.errors import CalendarExhausted
from victim_gateway.vocabulary import TaskKind

# Days after the London date of opening. The kinds that are not named have no date of their own: what they
# are about has a clock.
_DAYS_UNTIL_DUE = {
    TaskKind.SAFE_CONTACT_CHECK: 0,
    TaskKind.FEED_CONFLICT: 0,
    TaskKind.POSSIBLE_SAME_PERSON: 1,
    TaskKind.REFERENCE_CONFLICT: 0,
    TaskKind.HOLD_DECISION: 1,
    # The provider acts on what it has until then.
    TaskKind.SHARE_AGAIN: 0,
    TaskKind.SHARING_REFUSED: 0,
    # Opened when the working day in which it should have been read is over.
    TaskKind.CORRECTION_UNREAD: 0,
    TaskKind.MESSAGE_FAILED: 1,
    TaskKind.MESSAGE_TO_PERSON: 1,
    # Opened on the day on which the plan was to be looked at again.
    TaskKind.PLAN_REVIEW: 0,
    # Opened on the day after it was due back.
    TaskKind.DEVICE_OVERDUE: 1,
    # A person asked to be rung, or wrote something: at once where they do not feel safe.
    TaskKind.SURVEY_FOLLOW_UP: 1,
    # Opened on the day of the review.
    TaskKind.TARGETING_REVIEW: 0,
    TaskKind.RESTORATIVE_JUSTICE_WANTED: 5,
    TaskKind.RESTORATIVE_JUSTICE_DECISION: 1,
    # The area's profile says how many days a review has; this is what holds where nobody asks it.
    TaskKind.HIGH_RISK_REVIEW: 1,
    TaskKind.ASSESS_AGAIN: 1,
    TaskKind.MARAC_DECISION: 1,
    TaskKind.CHILD_SAFEGUARDING: 0,
    TaskKind.CAME_OF_AGE: 1,
    TaskKind.WITHHOLDING_DECISION: 1,
    TaskKind.ATTACHMENT_REFUSED: 1,
    # The person may be in danger while it waits.
    TaskKind.OVERRIDE_DECISION: 0,
    # Opened on the day on which it ends.
    TaskKind.OVERRIDE_REVIEW: 0,
    # The meeting sets the day; this is what holds where none is said.
    TaskKind.GROUP_REVIEW_STEP: 1,
    # Opened on the day of the review.
    TaskKind.WITHHOLDING_REVIEW: 0,
    # The person waits for help until it is done.
    TaskKind.ONWARD_DECISION: 1,
    # The day follows from the appointment; this is what holds where none is said.
    TaskKind.APPOINTMENT_CANCELLED: 0,
    TaskKind.PROGRESS_UNREAD: 1,
}


def task_due_on(kind: TaskKind, opened_at: datetime, *, is_urgent: bool = False) -> date | None:
    """The working day on which a task that is opened at a moment falls due; None for a kind without a date.

    Counted from the London date, which near midnight in summer is not the date in UTC. One that is urgent is due
    on the same day, or on the next working day where that day is none.
    """
    days = _DAYS_UNTIL_DUE.get(kind)
    if days is None:
        return None
    if is_urgent:
        days = 0
    return next_working_day(times.london_date(opened_at) + timedelta(days=days), england_and_wales())


def cancelled_appointment_due_on(starts_at: datetime, at: datetime) -> date:
    """The day by which a person has to know that an appointment will not take place: before it, or at once.

    Today where it is tomorrow or today, also on a day that is not worked: they would wait for somebody.
    """
    today = times.london_date(at)
    try:
        before = last_working_day_before(times.london_date(starts_at), england_and_wales())
    except CalendarExhausted:
        return today
    return max(today, before)
