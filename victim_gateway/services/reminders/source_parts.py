"""Parts of the SQL of sources: what a statement binds, and the columns, keys and look-ups that sources share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from victim_gateway import times
from victim_gateway.reminder_vocabulary import ReminderSource, ReminderStop, ReminderUnit
from victim_gateway.rules.reminder_rules import BY_MOMENT, ReminderRule, find_reach, start_of_day
from victim_gateway.rules.step_dates import RiskBand

WHERE_OPEN = "r.next_act <> 'nothing'"
REFERRAL_COLUMNS = "r.id, r.reference, r.assigned_to_id"


@dataclass(frozen=True, slots=True)
class SourceQuery:
    """One source as SQL: its SELECT, after the tables that it names."""

    select: str
    tables: tuple[str, ...] = ()


class PassValues:
    """What a statement binds, gathered while its text is made."""

    def __init__(self, at: datetime, recheck_days: int) -> None:
        """`recheck_days` are the area's between two checks of safe contact."""
        self.at = at
        self.recheck_days = recheck_days
        self.today = times.london_date(at)
        self.bound: dict[str, Any] = {"at": at, "today": self.today}

    def bind(self, name: str, value: Any) -> str:
        """Bind a value; gives what stands for it in the text."""
        self.bound[name] = value
        return f":{name}"

    def reach(self, rule: ReminderRule, repeat: int = 0, band: RiskBand = RiskBand.STANDARD) -> str:
        """The limit of a rule: the day up to which, or the moment before which, it speaks."""
        found = find_reach(rule, self.at, repeat=repeat, band=band)
        name = f"{rule.code}_{repeat}_{band.value}"
        if rule.source not in BY_MOMENT:
            return self.bind(name, found.day)
        is_plan = rule.source is ReminderSource.SAFE_CONTACT_CHECK
        return self.bind(name, found.before - timedelta(days=self.recheck_days if is_plan else 0))

    def since(self, rule: ReminderRule) -> str:
        """The day, or moment, from which on a source that ends by itself is still spoken of."""
        days, found = timedelta(days=rule.expires_after_days), find_reach(rule, self.at)
        if rule.source in BY_MOMENT:
            return self.bind(f"{rule.code}_since", start_of_day(times.london_date(found.before) - days))
        return self.bind(f"{rule.code}_since", found.day - days)


def plain_source(rule: ReminderRule, subjects: str) -> SourceQuery:
    """A source whose subjects have the columns of `subject_columns` and of the referral."""
    key = f"'{rule.code}:' || s.thing || ':' || s.shown_on || {key_suffix('s.occurrence')}"
    expires_on = (
        "s.shown_on"
        if rule.stop is ReminderStop.ANCHOR_PASSED
        else f"s.shown_on + {as_days(rule, rule.offset_of()) + rule.expires_after_days}"
        f" + s.occurrence * {as_days(rule, rule.repeat_every or 0)}"
    )
    return SourceQuery(
        f"""SELECT {key}, 'task_waiting', '{rule.code}', {urgent_value(rule)}, s.occurrence, s.id, NULL::uuid,
        NULL::uuid, s.task_id, '{rule.code}', s.shown_on, s.reference, '{rule.recipient}', s.assigned_to_id, NULL::uuid,
        {expires_on}
    FROM ({subjects}) s
    WHERE {keep_unseen(rule, key)}"""  # noqa: S608
    )


def subject_columns(
    rule: ReminderRule,
    values: PassValues,
    *,
    thing: str,
    day: str,
    moment: str | None = None,
    task_id: str = "NULL::uuid",
) -> str:
    """What a subject is, the London day that it hangs on, and which repeat speaks of it."""
    occurrence = repeat_number(rule, values, moment or day)
    return f"{thing} AS thing, {day} AS shown_on, {occurrence} AS occurrence, {task_id} AS task_id"


def referral_of(key: str, condition: str = "true") -> str:
    """The referral of a key, looked up for its row."""
    return f"SELECT {REFERRAL_COLUMNS} FROM referral r WHERE r.id = {key} AND {condition} LIMIT 1"  # noqa: S608


def newest_referral(person: str, condition: str) -> str:
    """One referral of a person stands for all of theirs: what is to be asked is asked once."""
    return (
        f"SELECT {REFERRAL_COLUMNS} FROM referral r WHERE r.person_id = {person} AND {condition}"  # noqa: S608
        " ORDER BY r.received_at DESC, r.id LIMIT 1"
    )


def worker_of(onward: str) -> str:
    """The provider's worker who has an onward referral."""
    return f"(SELECT w.worker_id FROM onward_worker w WHERE w.onward_referral_id = {onward} AND w.ended_at IS NULL)"  # noqa: S608


def repeat_number(rule: ReminderRule, values: PassValues, anchor: str) -> str:
    """Which repeat of the rule speaks of a row, from 0."""
    compared = "<" if rule.source in BY_MOMENT else "<="
    counted = [
        f"({anchor} {compared} {values.reach(rule, repeat)})::int"
        for repeat in range(1, rule.repeat_most + 1)
    ]
    return f"({' + '.join(counted)})" if counted else "0"


def key_suffix(occurrence: str) -> str:
    """What tells the key of a repeat from that of the first; the first has none."""
    return "''" if occurrence == "0" else f"CASE WHEN {occurrence} > 0 THEN '#' || {occurrence} ELSE '' END"


def keep_unseen(rule: ReminderRule, key: str) -> str:
    """For a rule that stops once its reader has seen it: the reminder of this key was not marked as seen."""
    if rule.stop is not ReminderStop.SEEN:
        return "true"
    return f"(SELECT h.seen_at FROM reminder h WHERE h.dedupe_key = {key}) IS NULL"  # noqa: S608


def urgent_value(rule: ReminderRule) -> str:
    """Whether the rule's reminders are urgent, as SQL."""
    return "true" if rule.is_urgent else "false"


def by_action(rules: Sequence[ReminderRule], build: Callable[[ReminderRule], str]) -> str:
    """The value of the rule to which the referral's next action belongs."""
    cases = [(rule.narrowing, build(rule)) for rule in rules]
    if len({value for _, value in cases}) == 1:
        return cases[0][1]
    branches = " ".join(f"WHEN r.next_act IN ({code_list(actions)}) THEN {value}" for actions, value in cases)
    return f"CASE {branches} END"


def code_list(codes: Iterable[str]) -> str:
    """Codes of ours as a list of SQL."""
    return ", ".join(f"'{code}'" for code in codes)


def london_day(moment: str) -> str:
    """The London day of a moment, as SQL."""
    return f"({moment} AT TIME ZONE 'Europe/London')::date"


def as_days(rule: ReminderRule, number: int) -> int:
    """So many days at most as the unit's number takes, bank holidays aside; nothing for what lies before its day."""
    if number <= 0:
        return 0
    if rule.unit is ReminderUnit.HOURS:
        return number // 24 + 1
    return number if rule.unit is ReminderUnit.DAYS else number * 7 // 5 + 2
