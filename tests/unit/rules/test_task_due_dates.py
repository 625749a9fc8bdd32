"""When tasks fall due: on working days, counted from the London date."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from victim_gateway import times
from victim_gateway.compliance.calendar import england_and_wales, next_working_day
from victim_gateway.rules.task_due_dates import cancelled_appointment_due_on, task_due_on
from victim_gateway.vocabulary import TaskKind

CALENDAR = england_and_wales()
DATED = (
    TaskKind.SAFE_CONTACT_CHECK,
    TaskKind.FEED_CONFLICT,
    TaskKind.POSSIBLE_SAME_PERSON,
    TaskKind.REFERENCE_CONFLICT,
    TaskKind.HOLD_DECISION,
    TaskKind.SHARE_AGAIN,
    TaskKind.CORRECTION_UNREAD,
    TaskKind.SHARING_REFUSED,
    TaskKind.MESSAGE_FAILED,
    TaskKind.PLAN_REVIEW,
    TaskKind.DEVICE_OVERDUE,
    TaskKind.RESTORATIVE_JUSTICE_WANTED,
    TaskKind.RESTORATIVE_JUSTICE_DECISION,
    TaskKind.HIGH_RISK_REVIEW,
    TaskKind.ASSESS_AGAIN,
    TaskKind.MARAC_DECISION,
    TaskKind.CHILD_SAFEGUARDING,
    TaskKind.WITHHOLDING_DECISION,
    TaskKind.ATTACHMENT_REFUSED,
    TaskKind.OVERRIDE_DECISION,
    TaskKind.OVERRIDE_REVIEW,
    TaskKind.WITHHOLDING_REVIEW,
    TaskKind.GROUP_REVIEW_STEP,
    TaskKind.SURVEY_FOLLOW_UP,
    TaskKind.MESSAGE_TO_PERSON,
    TaskKind.CAME_OF_AGE,
    TaskKind.TARGETING_REVIEW,
    TaskKind.ONWARD_DECISION,
    TaskKind.APPOINTMENT_CANCELLED,
    TaskKind.PROGRESS_UNREAD,
)


@pytest.mark.parametrize(
    ("day", "due"),
    [
        ("2026-01-09", "2026-01-09"),
        ("2026-01-10", "2026-01-12"),
        ("2026-07-11", "2026-07-13"),
        ("2026-07-12", "2026-07-13"),
        ("2026-04-03", "2026-04-07"),
        ("2026-12-25", "2026-12-29"),
        ("2027-12-25", "2027-12-29"),
        ("2026-01-01", "2026-01-02"),
    ],
)
def test_the_next_working_day_is_the_day_itself_or_the_first_after_weekend_easter_or_christmas(
    day: str, due: str
) -> None:
    assert next_working_day(date.fromisoformat(day), CALENDAR) == date.fromisoformat(due)


@given(st.dates(CALENDAR.first_day, CALENDAR.last_day - timedelta(days=14)))
def test_within_the_table_it_is_the_first_of_its_working_days_that_is_not_earlier(day: date) -> None:
    assert next_working_day(day, CALENDAR) == min(worked for worked in CALENDAR.working_days if worked >= day)


@given(st.dates(CALENDAR.last_day + timedelta(days=1), CALENDAR.last_day + timedelta(days=4000)))
def test_past_the_table_every_weekday_counts_as_worked_and_nothing_is_refused(day: date) -> None:
    due = next_working_day(day, CALENDAR)

    assert due.weekday() < 5
    assert due - day <= timedelta(days=2)


@pytest.mark.parametrize(
    ("opened_at", "today", "tomorrow"),
    [
        # 00:30 and 23:30 in London; in summer the first is still the day before in UTC.
        ("2026-01-14T00:30:00+00:00", "2026-01-14", "2026-01-15"),
        ("2026-01-14T23:30:00+00:00", "2026-01-14", "2026-01-15"),
        ("2026-07-15T00:30:00+01:00", "2026-07-15", "2026-07-16"),
        ("2026-07-15T23:30:00+01:00", "2026-07-15", "2026-07-16"),
        # Saturday has begun in London, in UTC it is Friday.
        ("2026-07-11T00:30:00+01:00", "2026-07-13", "2026-07-13"),
        # The days on which the clocks change.
        ("2026-03-29T12:00:00+01:00", "2026-03-30", "2026-03-30"),
        ("2026-10-25T12:00:00+00:00", "2026-10-26", "2026-10-26"),
        # Maundy Thursday and Christmas Eve.
        ("2026-04-02T12:00:00+01:00", "2026-04-02", "2026-04-07"),
        ("2026-12-24T12:00:00+00:00", "2026-12-24", "2026-12-29"),
    ],
)
def test_a_check_is_due_the_day_it_is_opened_and_a_comparison_of_people_a_day_later(
    opened_at: str, today: str, tomorrow: str
) -> None:
    moment = datetime.fromisoformat(opened_at).astimezone(UTC)

    assert task_due_on(TaskKind.SAFE_CONTACT_CHECK, moment) == date.fromisoformat(today)
    assert task_due_on(TaskKind.FEED_CONFLICT, moment) == date.fromisoformat(today)
    assert task_due_on(TaskKind.POSSIBLE_SAME_PERSON, moment) == date.fromisoformat(tomorrow)
    assert task_due_on(TaskKind.SHARE_AGAIN, moment) == date.fromisoformat(today)
    assert task_due_on(TaskKind.MESSAGE_FAILED, moment) == date.fromisoformat(tomorrow)


@pytest.mark.parametrize("kind", [kind for kind in TaskKind if kind not in DATED])
def test_what_has_a_clock_of_its_own_gets_no_date(kind: TaskKind) -> None:
    assert task_due_on(kind, datetime(2026, 7, 15, tzinfo=UTC)) is None


@given(
    st.datetimes(datetime(2018, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)), st.sampled_from(DATED)
)
def test_no_task_falls_due_on_a_weekend_a_bank_holiday_or_before_it_was_opened(
    opened_at: datetime, kind: TaskKind
) -> None:
    due = task_due_on(kind, opened_at)

    assert due is not None
    assert due >= times.london_date(opened_at)
    assert due.weekday() < 5
    assert due not in CALENDAR.holidays


@pytest.mark.parametrize(
    ("opened_at", "urgent_due", "due"),
    [
        ("2026-03-10T09:00:00+00:00", "2026-03-10", "2026-03-11"),
        ("2026-03-13T09:00:00+00:00", "2026-03-13", "2026-03-16"),
        ("2026-03-14T09:00:00+00:00", "2026-03-16", "2026-03-16"),
        ("2026-07-10T23:30:00+00:00", "2026-07-13", "2026-07-13"),
    ],
)
def test_an_urgent_decision_about_a_hold_is_due_the_same_working_day(
    opened_at: str, urgent_due: str, due: str
) -> None:
    moment = datetime.fromisoformat(opened_at)

    assert task_due_on(TaskKind.HOLD_DECISION, moment, is_urgent=True) == date.fromisoformat(urgent_due)
    assert task_due_on(TaskKind.HOLD_DECISION, moment) == date.fromisoformat(due)


@pytest.mark.parametrize(
    ("ended", "appointment", "due"),
    [
        # A Tuesday: in a week, tomorrow, today.
        ("2026-07-14T09:00", "2026-07-21T10:00", "2026-07-20"),
        ("2026-07-14T09:00", "2026-07-15T10:00", "2026-07-14"),
        ("2026-07-14T09:00", "2026-07-14T15:00", "2026-07-14"),
        # On a Monday: by the Friday before. Ended on the Saturday between: at once.
        ("2026-07-14T09:00", "2026-07-20T10:00", "2026-07-17"),
        ("2026-07-18T09:00", "2026-07-20T10:00", "2026-07-18"),
        # The Tuesday after Easter: by Maundy Thursday.
        ("2026-03-30T09:00", "2026-04-07T10:00", "2026-04-02"),
        # Half past midnight in London is still the day before in UTC.
        ("2026-07-14T09:00", "2026-07-16T23:30", "2026-07-16"),
        # Beyond the table of bank holidays nothing is guessed: at once.
        ("2026-07-14T09:00", "2099-07-16T10:00", "2026-07-14"),
    ],
)
def test_a_person_knows_before_the_appointment_or_at_once(ended: str, appointment: str, due: str) -> None:
    at, starts_at = (datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (ended, appointment))

    assert cancelled_appointment_due_on(starts_at, at) == date.fromisoformat(due)
