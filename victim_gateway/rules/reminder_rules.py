"""The rules of reminders as data: what ships, what an area changes in it, and from when a rule speaks.

A source (code, `services/reminders/sources.py`) gives subjects, each with a day or a moment that it hangs on; a rule
(data, `data/reminder-rules.csv`) says how far from it somebody is reminded, who, how often, by which channel and when
it is passed on. An area changes times, channel and switch; what a rule hangs on and its wording ship with the service.

Days are London days. A rule in hours counts hours that pass, so that a change of the clock moves nothing; from a day it
counts from the end of that day.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from victim_gateway import times
from victim_gateway.compliance.calendar import (
    WorkingCalendar,
    add_working_days,
    england_and_wales,
    latest_start,
)
from victim_gateway.errors import CalendarExhausted
from victim_gateway.reminder_vocabulary import (
    ReminderChannel,
    ReminderDirection,
    ReminderRecipient,
    ReminderSource,
    ReminderStop,
    ReminderUnit,
)
from victim_gateway.rules.step_dates import RiskBand

_TABLE = Path(__file__).parent.parent / "data" / "reminder-rules.csv"
# The cell of an offset that the area's profile gives (`thresholds.remind_before_due_working_days`).
_FROM_AREA = "area"
MOST_OFFSET = 4000
MOST_REPEATS = 10
MOST_APART = 400
LONGEST_REASON = 500
CHANGEABLE = (
    "is_on",
    "offset_number",
    "offset_high",
    "offset_medium",
    "unit",
    "direction",
    "local_time",
    "repeat_every",
    "repeat_most",
    "escalate_after",
    "channel",
)
"""What an area changes in a rule; also the columns of its row."""
BY_RISK = frozenset({ReminderSource.STALL})
"""Sources whose offset may be shorter at high and medium risk."""
ON_ONE_DAY = frozenset({ReminderSource.FEED})
"""Sources that hang on today alone, so that only the time of day can change."""
WITH_OVERDUE = frozenset(
    {ReminderSource.NEXT_ACTION, ReminderSource.OFFER_ANSWER, ReminderSource.PROVIDER_CLOCK}
)
"""Sources that are said anew once their day has passed, as overdue."""
BY_MOMENT = frozenset(
    {
        ReminderSource.SAFE_CONTACT_CHECK,
        ReminderSource.CONSENT_REVIEW,
        ReminderSource.FOLLOW_UP_CALL,
        ReminderSource.SURVEY,
        ReminderSource.RETENTION,
        ReminderSource.STALL,
    }
)
"""Sources that hang on a moment; the others on a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderRule:
    """One rule as it is in force. Offsets, repeats and the escalation count in `unit`.

    `offset_high` and `offset_medium` are for these risks where they differ. `repeat_most` further reminders come,
    `repeat_every` apart. After `escalate_after` an unanswered one is passed to the coordinator, once.
    `expires_after_days` after its moment a reminder is shown and no longer e-mailed. `version` counts the changes.
    """

    code: str
    name: str
    source: ReminderSource
    narrowing: tuple[str, ...]
    is_on: bool
    offset_number: int
    offset_high: int | None
    offset_medium: int | None
    unit: ReminderUnit
    direction: ReminderDirection
    local_time: str | None
    repeat_every: int | None
    repeat_most: int
    stop: ReminderStop
    recipient: ReminderRecipient
    channel: ReminderChannel
    escalate_after: int | None
    expires_after_days: int
    wording: str
    version: int = 0

    @property
    def is_urgent(self) -> bool:
        """Whether its reminders are e-mailed at once."""
        return self.channel is ReminderChannel.AT_ONCE

    def offset_of(self, band: RiskBand = RiskBand.STANDARD) -> int:
        """The offset at a risk, with its sign: negative before the day, positive after it."""
        number = {RiskBand.HIGH: self.offset_high, RiskBand.MEDIUM: self.offset_medium}.get(band)
        number = self.offset_number if number is None else number
        return {ReminderDirection.BEFORE: -number, ReminderDirection.ON: 0}.get(self.direction, number)


@dataclass(frozen=True, slots=True)
class RuleReach:
    """How far a rule reaches at a moment: it speaks of what hangs on a day up to `day`, or a moment before `before`."""

    day: date
    before: datetime


@cache
def _shipped_rows() -> tuple[Mapping[str, str], ...]:
    with _TABLE.open(encoding="utf-8", newline="") as lines:
        return tuple(csv.DictReader(lines))


@cache
def shipped_rules(remind_before_due: int) -> tuple[ReminderRule, ...]:
    """The rules as they ship with the service, with the area's days before something is due."""
    return tuple(_read_rule(row, remind_before_due) for row in _shipped_rows())


def rule_wording(code: str) -> str:
    """What the reminders of a rule say before their reference; it ships with the service and names nothing."""
    return next((row["wording"] for row in _shipped_rows() if row["code"] == code), "Something is due on")


def ends_when_seen(code: str) -> bool:
    """Whether the reminders of a rule end once their reader has marked them as seen."""
    return any(row["code"] == code and row["stop"] == ReminderStop.SEEN for row in _shipped_rows())


def lay_settings_over(
    shipped: Iterable[ReminderRule], settings: Mapping[str, Mapping[str, Any]]
) -> tuple[ReminderRule, ...]:
    """The rules in force: what the area set, by code, over what ships. A setting of an unknown rule says nothing."""
    return tuple(replace(rule, **settings.get(rule.code, {})) for rule in shipped)


def find_reach(
    rule: ReminderRule, at: datetime, *, repeat: int = 0, band: RiskBand = RiskBand.STANDARD
) -> RuleReach:
    """How far the rule, or its repeat of this number from 0, reaches at a moment."""
    offset = rule.offset_of(band) + repeat * (rule.repeat_every or 0)
    if rule.unit is ReminderUnit.HOURS:
        moment = at - timedelta(hours=offset)
        return RuleReach(times.london_date(moment) - timedelta(days=1), moment + timedelta(microseconds=1))
    day = _reach_in_days(rule.unit, offset, _day_that_began(rule.local_time, at))
    return RuleReach(day, start_of_day(day + timedelta(days=1)))


def find_escalation_limit(rule: ReminderRule, at: datetime) -> datetime | None:
    """Before which moment an unanswered reminder must have been made to be passed on; None: it never is."""
    if rule.escalate_after is None:
        return None
    if rule.unit is ReminderUnit.HOURS:
        return at - timedelta(hours=rule.escalate_after)
    day = _reach_in_days(rule.unit, rule.escalate_after, times.london_date(at))
    return start_of_day(day + timedelta(days=1))


def start_of_day(day: date) -> datetime:
    """The moment at which a London day begins, in UTC."""
    return times.from_london_wall(datetime.combine(day, time()))


def find_rule_mistakes(rule: ReminderRule) -> dict[str, str]:
    """What is wrong with a rule as changed, by field; nothing where it may be saved."""
    return _offset_mistakes(rule) | _repeat_mistakes(rule) | _direction_mistakes(rule)


def _offset_mistakes(rule: ReminderRule) -> dict[str, str]:
    wrong: dict[str, str] = {}
    if not 0 <= rule.offset_number <= MOST_OFFSET:
        wrong["offset_number"] = f"Enter a whole number from 0 to {MOST_OFFSET:,}"
    elif (rule.direction is ReminderDirection.ON) is not (rule.offset_number == 0):
        wrong["offset_number"] = "On the day is 0, and before or after it at least 1"
    for name in ("offset_high", "offset_medium"):
        number = getattr(rule, name)
        if number is not None and not 0 < number <= rule.offset_number:
            wrong[name] = "Enter a number from 1 to that of standard risk: more risk never waits longer"
    high, medium = rule.offset_high, rule.offset_medium
    if high is not None and medium is not None and high > medium:
        wrong["offset_high"] = "High risk waits no longer than medium risk"
    return wrong


def _repeat_mistakes(rule: ReminderRule) -> dict[str, str]:
    wrong: dict[str, str] = {}
    if (rule.repeat_every is None) is not (rule.repeat_most == 0):
        wrong["repeat_most"] = "Say how often and how far apart, or leave both empty"
    elif not 0 <= rule.repeat_most <= MOST_REPEATS:
        wrong["repeat_most"] = f"Enter a whole number from 0 to {MOST_REPEATS}"
    for name in ("repeat_every", "escalate_after"):
        number = getattr(rule, name)
        if number is not None and not 1 <= number <= MOST_APART:
            wrong[name] = f"Enter a whole number from 1 to {MOST_APART}"
    return wrong


def _direction_mistakes(rule: ReminderRule) -> dict[str, str]:
    if rule.source in BY_RISK and rule.direction is not ReminderDirection.AFTER:
        return {"direction": "What has stood still is asked about after some time"}
    if rule.source in ON_ONE_DAY and rule.direction is not ReminderDirection.ON:
        return {"direction": "This is said on the day itself"}
    return {}


def _read_rule(row: Mapping[str, str], remind_before_due: int) -> ReminderRule:
    is_from_area = row["offset"] == _FROM_AREA
    offset = remind_before_due if is_from_area else int(row["offset"])
    return ReminderRule(
        code=row["code"],
        name=row["name"],
        source=ReminderSource(row["source"]),
        narrowing=tuple(row["narrowing"].split()),
        is_on=row["is_on"] == "yes",
        offset_number=offset,
        offset_high=_number(row["offset_high"]),
        offset_medium=_number(row["offset_medium"]),
        unit=ReminderUnit(row["unit"]),
        # An area that warns no day before warns on the day.
        direction=ReminderDirection(row["direction"]) if offset else ReminderDirection.ON,
        local_time=row["local_time"] or None,
        repeat_every=_number(row["repeat_every"]),
        repeat_most=int(row["repeat_most"]),
        stop=ReminderStop(row["stop"]),
        recipient=ReminderRecipient(row["recipient"]),
        channel=ReminderChannel(row["channel"]),
        escalate_after=_number(row["escalate_after"]),
        expires_after_days=int(row["expires_after_days"]),
        wording=row["wording"],
    )


def _number(cell: str) -> int | None:
    return int(cell) if cell else None


def _day_that_began(local_time: str | None, at: datetime) -> date:
    """The London day whose reminders have come: yesterday until the rule's time of day."""
    today = times.london_date(at)
    if local_time is None:
        return today
    begins = times.from_london_wall(datetime.combine(today, time.fromisoformat(local_time)))
    return today if at >= begins else today - timedelta(days=1)


def _reach_in_days(
    unit: ReminderUnit, offset: int, today: date, calendar: WorkingCalendar | None = None
) -> date:
    """The latest day with its offset gone by; past the table of bank holidays nothing is said too early."""
    if unit is ReminderUnit.DAYS:
        return today - timedelta(days=offset)
    calendar = calendar or england_and_wales()
    try:
        if offset <= 0:
            return add_working_days(today, -offset, calendar)
        return latest_start(today, offset, calendar)
    except CalendarExhausted:
        return today if offset <= 0 else today - timedelta(days=2 * offset)


def find_silent_rules(rules: Iterable[ReminderRule]) -> list[str]:
    """The codes of the rules whose reminders are shown in the service alone, by no e-mail."""
    return [rule.code for rule in rules if rule.channel is ReminderChannel.SERVICE]
