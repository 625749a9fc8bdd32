"""By when a next action is due of itself, where no task, offer or standard of the area says it earlier.

Whatever waits has a date. A step starts on the day on which it became the next one, or on the day of the last
progress in it, if that was later: another try to reach the person, another safe-contact plan, an assessment, an
act of the provider. From there the area's profile gives it so many working days, the fewer the higher the risk.
`STEP_PROGRESS` says what counts as progress of which action.

Where the sources are silent, the rule is what protects the person:
- domestic abuse waits no longer than high risk does, whatever an assessment says;
- a risk that nobody has assessed counts as medium, not as standard, and as high where the officer graded it high:
  a lower grade of the officer loosens nothing;
- beyond the table of bank holidays every day counts as a working day: an earlier date is better than none.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from victim_gateway.compliance.calendar import WorkingCalendar, add_working_days, england_and_wales
from victim_gateway.errors import CalendarExhausted
from victim_gateway.vocabulary import NextAction, Risk

if TYPE_CHECKING:
    from config.step_limits import StepLimit, StepLimits

PROVIDER_ANSWER = "provider_answer"
"""The limit of a provider's answer to an offer; the others are of next actions."""


class RiskBand(StrEnum):
    """How long a person at this risk may wait; the value is a field of `StepLimit`."""

    HIGH = "high"
    MEDIUM = "medium"
    STANDARD = "standard"


BAND_OF_RISK: Mapping[Risk, RiskBand] = {
    Risk.HIGH: RiskBand.HIGH,
    Risk.MEDIUM: RiskBand.MEDIUM,
    Risk.UNKNOWN: RiskBand.MEDIUM,
    Risk.STANDARD: RiskBand.STANDARD,
}


HIGH_GRADE = "high"
"""The officer's grade that shortens what is due while nobody has assessed the risk."""


class StepProgress(StrEnum):
    """The last day on which something was done in a step; the value is its column in SQL."""

    ATTEMPT = "last_attempt_on"
    """A try to reach the person."""
    SAFE_CONTACT = "last_plan_on"
    """A safe-contact plan was recorded."""
    ASSESSMENT = "last_assessment_on"
    PROVIDER = "last_provider_on"
    """An act on an onward referral, of the provider or of us."""


STEP_PROGRESS: Mapping[NextAction, tuple[StepProgress, ...]] = {
    NextAction.FIND_SAFE_CONTACT: (StepProgress.SAFE_CONTACT,),
    NextAction.MAKE_CONTACT: (StepProgress.ATTEMPT,),
    NextAction.REFER_OR_CLOSE: (StepProgress.ASSESSMENT,),
    NextAction.WAIT_FOR_PROVIDER: (StepProgress.ASSESSMENT, StepProgress.PROVIDER),
    NextAction.REVIEW_SUPPORT: (StepProgress.ASSESSMENT,),
}


def risk_band(risk: Risk, *, domestic_abuse: bool, officer_grade: str | None = None) -> RiskBand:
    """How long this referral may wait. Our own assessment takes the place of the officer's grade."""
    graded_high = risk is Risk.UNKNOWN and officer_grade == HIGH_GRADE
    return RiskBand.HIGH if domestic_abuse or graded_high else BAND_OF_RISK[risk]


def find_step_limit(limits: StepLimits, name: str) -> StepLimit:
    """The limit of a next action, or of PROVIDER_ANSWER."""
    return dict(limits)[name]


def step_due_on(
    start: date, limit: StepLimit, band: RiskBand, calendar: WorkingCalendar | None = None
) -> date:
    """The day on which a step that starts on `start` is due."""
    return working_days_after(start, int(getattr(limit, band.value)), calendar)


def working_days_after(start: date, days: int, calendar: WorkingCalendar | None = None) -> date:
    """So many working days after `start`; where the calendar does not reach, so many days."""
    calendar = calendar or england_and_wales()
    try:
        if start >= calendar.first_day:
            return add_working_days(start, days, calendar)
    except CalendarExhausted:
        pass
    return start + timedelta(days=days)
