"""Compute clocks from facts and events: the reference that every other computation must agree with.

The numbered rules in the comments are those of section 6 of the external contract. Everything here is a
function of its arguments; a moment becomes a London date before it is compared with a due date.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from victim_gateway.compliance.calendar import (
    WorkingCalendar,
    add_working_days,
    earlier_deadline,
    england_and_wales,
)
from victim_gateway.compliance.clocks import Clock, Ground, Standing, Status
from victim_gateway.compliance.editions import LOCAL, Edition, Entitlement
from victim_gateway.compliance.facts import NAMED_CONTACT, EnhancedPeriod, Event, Facts
from victim_gateway.errors import CalendarExhausted
from victim_gateway.times import london_date

_GATEWAY = "gateway"
_ALWAYS_SEEN = frozenset({"gateway", "mixed"})
"""Values of `observed_by` for which the gateway itself would know of the act."""


@dataclass(frozen=True, slots=True)
class _Deadline:
    limit: int | None
    enhanced: bool
    enhanced_from: date | None
    due_on: date | None
    without_change_on: date | None


def evaluate(
    editions: Iterable[Edition],
    facts: Facts,
    events: Sequence[Event],
    as_at: datetime,
    *,
    calendar: WorkingCalendar | None = None,
) -> list[Clock]:
    """Every clock that the events known at `as_at` opened, ordered by start, entitlement and subject.

    `editions` are those to measure against: the Code's, or an area's own standards. `calendar` is by
    default that of England and Wales. Raises CalendarExhausted when a due date can't be counted.
    """
    loaded_editions = tuple(editions)
    working = calendar or england_and_wales()
    # Rule 1: what was recorded later was not known.
    known = [event for event in events if event.recorded_at <= as_at]
    by_name: dict[str, list[Event]] = {}
    for event in sorted(known, key=lambda event: event.occurred_at):
        by_name.setdefault(event.event, []).append(event)
    # Rule 2: one clock for each start event and entitlement, and nothing else opens one. So a release
    # under investigation before April 2021 opens none, though a ruling on the 2015 edition would read
    # it as a release without charge: the contract wins.
    clocks = [
        _clock(edition, entitlement, start, by_name, facts, as_at, working)
        for start in known
        for edition in loaded_editions
        if edition.in_force_on(start.occurred_on)
        for entitlement in edition.opened_by(start.event)
    ]
    return sorted(clocks, key=_order)


def _order(clock: Clock) -> tuple[datetime, str, str, str]:
    return clock.started_at, clock.entitlement.entitlement_id, clock.start.subject or "", clock.edition.key


def _clock(
    edition: Edition,
    entitlement: Entitlement,
    start: Event,
    by_name: Mapping[str, Sequence[Event]],
    facts: Facts,
    as_at: datetime,
    calendar: WorkingCalendar,
) -> Clock:
    stop = _stop(start, by_name.get(entitlement.stop_event, ()))
    try:
        deadline = _deadline(edition, entitlement, start, stop, facts, london_date(as_at), calendar)
    except CalendarExhausted as exhausted:
        raise CalendarExhausted(f"{start.event}: {exhausted.message}") from exhausted
    return Clock(
        edition=edition,
        entitlement=entitlement,
        start=start,
        stop=stop,
        limit=deadline.limit,
        enhanced=deadline.enhanced,
        enhanced_from=deadline.enhanced_from,
        due_on=deadline.due_on,
        due_without_change_on=deadline.without_change_on,
        standing=_standing(entitlement, stop, deadline.due_on, facts, as_at, is_own=edition.key == LOCAL),
        as_at=as_at,
    )


def _stop(start: Event, candidates: Sequence[Event]) -> Event | None:
    """Rule 6: the earliest act on the start's London date or later; the same subject, if both name one."""
    for event in candidates:
        same_subject = None in (start.subject, event.subject) or start.subject == event.subject
        # An earlier hour of the same day counts: the times of a day are often entered roughly.
        if event.occurred_on >= start.occurred_on and same_subject:
            return event
    return None


def _deadline(
    edition: Edition,
    entitlement: Entitlement,
    start: Event,
    stop: Event | None,
    facts: Facts,
    today: date,
    calendar: WorkingCalendar,
) -> _Deadline:
    """Rules 4 and 5. A shorter limit never moves a due date later, and outlasts the category behind it."""
    periods = _periods(edition, facts)
    from_the_start = _enhanced_from_the_start(edition, start.occurred_on, periods, facts)
    begun_on = None if from_the_start else _begun_since(start.occurred_on, stop, periods, today)
    limit = entitlement.limit_for(enhanced=from_the_start)
    due_on = None if limit is None else add_working_days(start.occurred_on, limit, calendar)
    if begun_on is None:
        return _Deadline(limit, from_the_start, None, due_on, due_on)
    shorter = entitlement.limit_for(enhanced=True)
    if due_on is None or shorter is None:
        return _Deadline(None, True, begun_on, None, None)
    earlier_on = earlier_deadline(due_on, begun_on, shorter, calendar)
    return _Deadline(shorter, True, begun_on, earlier_on, due_on)


def _periods(edition: Edition, facts: Facts) -> list[EnhancedPeriod]:
    if facts.is_business:
        return []
    return [
        period
        for period in facts.enhanced
        if period.category in edition.enhanced_categories and period.was_in_force
    ]


def _enhanced_from_the_start(
    edition: Edition, started_on: date, periods: Iterable[EnhancedPeriod], facts: Facts
) -> bool:
    if facts.is_business:
        return False
    by_age = facts.was_younger_than(edition.enhanced_under_age)
    return by_age or any(period.in_force_on(started_on) for period in periods)


def _begun_since(
    started_on: date, stop: Event | None, periods: Iterable[EnhancedPeriod], today: date
) -> date | None:
    """The first day on which a category began while the clock ran, as known today."""
    begun = [
        period.from_on
        for period in periods
        if started_on < period.from_on <= today and (stop is None or stop.occurred_on >= period.from_on)
    ]
    # The earliest beginning gives the earliest due date: the limit is the same for every category.
    return min(begun, default=None)


def _standing(
    entitlement: Entitlement,
    stop: Event | None,
    due_on: date | None,
    facts: Facts,
    as_at: datetime,
    *,
    is_own: bool,
) -> Standing:
    """Rule 7: the first that fits, in this order.

    `is_own` is true for the area's own standards. What the gateway still owed by them when it closed the referral
    is overdue from then on: closing makes no figure better, and the contract's statuses have no other for it.
    """
    blocked = _blocked(entitlement, facts)
    if blocked is not None:
        return blocked
    if stop is not None:
        return Standing(Status.MET if _in_time(stop.occurred_at, due_on) else Status.MET_LATE)
    ended = _ended(entitlement, due_on, facts, as_at)
    if ended is not None:
        return ended
    closed = facts.closed_at
    if is_own and entitlement.owner == _GATEWAY and closed is not None and closed <= as_at:
        return Standing(Status.OVERDUE, Ground.CLOSED, at=closed)
    if _in_time(as_at, due_on):
        return Standing(Status.RUNNING)
    seen = entitlement.observed_by in _ALWAYS_SEEN or entitlement.observed_by in facts.observers
    return Standing(Status.OVERDUE if seen else Status.UNKNOWN)


def _in_time(moment: datetime, due_on: date | None) -> bool:
    return due_on is None or london_date(moment) <= due_on


def _blocked(entitlement: Entitlement, facts: Facts) -> Standing | None:
    """Rule 3: a condition known to be false, by what is said of it or by the victim's basis."""
    if facts.is_business and facts.conditions.get(NAMED_CONTACT) is False:
        return Standing(Status.NOT_APPLICABLE, Ground.NO_NAMED_CONTACT)
    for name in entitlement.applies_when:
        if facts.is_condition_false(name):
            return Standing(Status.NOT_APPLICABLE, Ground.CONDITION_FALSE, condition=name)
    return None


def _ended(entitlement: Entitlement, due_on: date | None, facts: Facts, as_at: datetime) -> Standing | None:
    """What ends an unstopped clock: cancelled or declined in time, or not safe to do now."""
    cancelled = facts.cancelled_at
    if cancelled is not None and cancelled <= as_at and _in_time(cancelled, due_on):
        return Standing(Status.NOT_APPLICABLE, Ground.CANCELLED, at=cancelled)
    own = entitlement.entitlement_id
    declined = [item.at for item in facts.declined if item.entitlement_id == own and item.at <= as_at]
    first = min(declined, default=None)
    if first is not None and _in_time(first, due_on):
        return Standing(Status.DECLINED, Ground.DECLINED, at=first)
    withheld = [
        item.from_at
        for item in facts.withheld_for_safety
        if item.entitlement_id == own and item.holds_at(as_at)
    ]
    if withheld:
        return Standing(Status.WITHHELD_FOR_SAFETY, Ground.WITHHELD, at=min(withheld))
    return None
