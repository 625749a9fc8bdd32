"""Until when a reader may put a reminder aside. It never takes anything out of the list of work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from victim_gateway import times
from victim_gateway.rules.step_dates import RiskBand

MOST_DAYS = 14
# What is asked again so that contact stays safe, or looked at because somebody could come to harm.
SAFETY_RULES = frozenset(
    {"high_risk_review", "safe_contact_recheck", "withholding_review", "device_due_back"}
)
SAFETY_STEPS = frozenset({"find_safe_way"})

TOO_LATE = "It is due already and somebody could come to harm by waiting, so it can’t be put aside"
NOT_PAST_DUE = (
    "Choose a time before the end of {day}: somebody could come to harm if this waits past its date"
)
NOT_PAST_DUE_PROVIDER = (
    "Choose a time before the end of {day}: what is due to a person can’t be put aside past its date"
)
TOO_FAR = f"Choose a time within the next {MOST_DAYS} days"
IN_THE_PAST = "Choose a time in the future"


@dataclass(frozen=True, slots=True)
class SnoozedMatter:
    """What a snooze depends on. `risk_band` is None for a provider, which does not see it."""

    rule_code: str | None
    about: str
    is_urgent: bool
    due_on: date | None
    risk_band: RiskBand | None

    @property
    def may_harm(self) -> bool:
        """Whether somebody could come to harm by waiting past the date; what a provider can't judge may."""
        is_safety = self.rule_code in SAFETY_RULES or self.about in SAFETY_STEPS
        return self.is_urgent or is_safety or self.risk_band in (RiskBand.HIGH, None)


def refuse_snooze(matter: SnoozedMatter, until: datetime, at: datetime) -> str | None:
    """Why a reminder can't be put aside until a moment; None where it can."""
    if matter.may_harm and matter.due_on is not None:
        if matter.due_on <= times.london_date(at):
            return TOO_LATE
        if until > _end_of(matter.due_on):
            text = NOT_PAST_DUE if matter.risk_band is not None else NOT_PAST_DUE_PROVIDER
            return text.format(day=f"{matter.due_on.day} {matter.due_on:%B}")
    if until <= at:
        return IN_THE_PAST
    if until > at + timedelta(days=MOST_DAYS):
        return TOO_FAR
    return None


def _end_of(day: date) -> datetime:
    return times.from_london_wall(datetime.combine(day + timedelta(days=1), time(0)))
