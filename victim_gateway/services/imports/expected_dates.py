"""By when the first action on a new referral will be due, worked out before its clocks are written.

`refresh_next_actions` computes the date from what is stored and has the last word. Where it finds the same date it
writes nothing, so that the widest row of an import is not written a second time, with all its index entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import lru_cache

from victim_gateway import times
from victim_gateway.compliance.calendar import add_working_days, england_and_wales
from victim_gateway.database.current import current_settings
from victim_gateway.errors import CalendarExhausted
from victim_gateway.feeds.facts import ReferralFacts
from victim_gateway.rules.step_dates import RiskBand, find_step_limit, step_due_on
from victim_gateway.vocabulary import NextAction


def expected_due_on(
    action: NextAction,
    facts: ReferralFacts,
    band: RiskBand,
    *,
    received_at: datetime,
    starts: Mapping[str, datetime],
    task_dates: Iterable[date],
) -> date:
    """The earliest of the step's own date, the dates of its tasks, and those of the area's clocks that we owe.

    `starts` are the events that open clocks of the area's own standards, with their moments.
    """
    area = current_settings().area
    limit = find_step_limit(area.thresholds.next_action_working_days, action)
    dates = [step_due_on(times.london_date(received_at), limit, band), *task_dates]
    # The business clause: nothing is promised to a business that names no contact.
    if facts.conditions.get("named_contact", True):
        is_enhanced = facts.victim_basis != "business_contact" and bool(facts.enhanced or facts.under_18)
        for event, at in starts.items():
            dates += _clock_dates(area.key, event, times.london_date(at), is_enhanced)
    return min(dates)


# Most referrals of a file come in on a few days.
@lru_cache(maxsize=4096)
def _clock_dates(area_key: str, event: str, start: date, is_enhanced: bool) -> list[date]:
    dates = []
    for standard in current_settings().area.standards:
        if standard.start_event == event and standard.owner == "gateway":
            shorter = standard.enhanced_limit if is_enhanced else None
            limit = standard.standard_limit if shorter is None else shorter
            try:
                dates.append(add_working_days(start, limit, england_and_wales()))
            except CalendarExhausted:
                # Refused, with the date, where the clocks are written.
                continue
    return dates
