"""After a time without passes: what passed meanwhile is written down as passed, and sent to nobody.

The pass itself says what is so now. What would have been said in between and is no longer so, the day before a due
date, a repeat, a file that was late, is found by asking the rules for moments of that time, from what is recorded now.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.models import Referral, Reminder, ReminderGap, ReminderWatch
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.reminder_rules import ReminderRule, start_of_day
from victim_gateway.services.reminders import _sql
from victim_gateway.services.reminders.source_parts import PassValues

# A pass comes every minute; a release takes some minutes to be replaced.
LONGEST_PAUSE = timedelta(minutes=30)
_LOOKED_BACK = timedelta(days=14)
_APART = timedelta(hours=6)


def note_pass(session: Session, at: datetime) -> datetime | None:
    """Note that a pass runs; gives when the one before ran, where that is longer ago than LONGEST_PAUSE."""
    before = session.scalar(select(ReminderWatch.last_pass_at))
    written = upsert(ReminderWatch).values(id=1, last_pass_at=at)
    latest = func.greatest(ReminderWatch.last_pass_at, written.excluded.last_pass_at)
    session.execute(
        written.on_conflict_do_update(index_elements=[ReminderWatch.id], set_={"last_pass_at": latest})
    )
    return before if before is not None and at - before > LONGEST_PAUSE else None


def record_passed_reminders(
    session: Session, rules: Sequence[ReminderRule], from_at: datetime, values: PassValues
) -> int:
    """Write down what passed between `from_at` and the moment of the pass; gives how many."""
    at = values.at
    now = {row.key for row in _wanted(session, rules, values)}
    passed: dict[str, tuple[Any, datetime]] = {}
    for moment in _moments_between(from_at, at):
        for row in _wanted(session, rules, PassValues(moment, values.recheck_days)):
            if not row.is_made and row.key not in now:
                passed[row.key] = (row, moment)
    references = _references(session, [row.referral_id for row, _ in passed.values()])
    if passed:
        session.execute(
            upsert(Reminder).on_conflict_do_nothing(),
            [_passed_row(row, moment, at, references) for row, moment in passed.values()],
        )
    session.add(ReminderGap(from_at=from_at, until_at=at, passed=len(passed)))
    session.flush()
    return len(passed)


def _wanted(session: Session, rules: Sequence[ReminderRule], values: PassValues) -> list[Any]:
    built = _sql.build_wanted(rules, values)
    return [
        row
        for row in session.execute(built.statement, built.values)
        if row.user_id is not None or row.organisation_id is not None
    ]


def _moments_between(from_at: datetime, until_at: datetime) -> Iterator[datetime]:
    """Moments of a time without passes: the last of each London day, and some in between."""
    moment = max(from_at, until_at - _LOOKED_BACK)
    while moment < until_at:
        yield moment
        tonight = start_of_day(times.london_date(moment) + timedelta(days=1)) - timedelta(seconds=1)
        moment = min(moment + _APART, tonight) if moment < tonight else moment + timedelta(seconds=1)


def _passed_row(row: Any, moment: datetime, at: datetime, references: dict[Any, str]) -> dict[str, Any]:
    return {
        "id": new_row_id(),
        "kind": row.kind,
        "dedupe_key": row.key,
        "rule_code": row.code,
        "is_urgent": row.urgent,
        "occurrence": row.occurrence,
        "referral_id": row.referral_id,
        "onward_referral_id": row.onward_id,
        "task_id": row.task_id,
        "recipient_user_id": row.user_id,
        "recipient_organisation_id": row.organisation_id,
        "recipient_role": row.role,
        "about": row.about,
        "reference": row.reference or references[row.referral_id],
        "due_on": row.due_on,
        "created_at": at,
        "resolved_at": at,
        "expires_at": moment,
    }


def _references(session: Session, ids: Sequence[Any]) -> dict[Any, str]:
    rows = session.execute(select(Referral.id, Referral.reference).where(Referral.id.in_(ids)))
    return {row.id: row.reference for row in rows}
