"""Changing a rule of reminders: its times, channel and switch, with a reason; and what that would do today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.access.permissions import Permission, is_permitted
from victim_gateway.database.advisory_locks import AdvisoryLock, lock_until_commit
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.errors import InvalidInput, NotAllowed, StaleVersion
from victim_gateway.models import Referral, ReminderRuleChange, ReminderRuleSetting
from victim_gateway.queries.compliance.clocks_sql import plan_for_many_rows
from victim_gateway.queries.reminders.rules_in_force import rule_in_force, rules_in_force
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.reminder_rules import (
    CHANGEABLE,
    LONGEST_REASON,
    ReminderRule,
    find_rule_mistakes,
    start_of_day,
)
from victim_gateway.services.reminders import _sql
from victim_gateway.services.reminders.reminder_pass import pass_values
from victim_gateway.services.shared import submissions
from victim_gateway.services.shared.command import Command

MOST_REFERENCES = 20


@dataclass(frozen=True, slots=True)
class RuleToday:
    """What a rule says by the end of a day: `standing` was said, `to_come` not yet.

    `references` are of both, the first that the reader may see.
    """

    standing: int
    to_come: int
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeToday:
    """What a change of a rule does today: so many reminders more, and so many that stand would be taken back."""

    more: int
    fewer: int


def change_reminder_rule(command: Command, code: str, changes: Mapping[str, Any], *, reason: str) -> bool:
    """Change a rule from the next pass on; gives whether anything changed. The command's version is the rule's.

    Raises NotAllowed for anybody but a senior caseworker, NotFound, StaleVersion, and InvalidInput where the rule would
    make no sense or no reason is given.
    """
    if not is_permitted(command.actor.role, Permission.CHANGE_REMINDER_RULES):
        raise NotAllowed("Only a senior caseworker changes the rules of reminders.")
    reason = " ".join(reason.split())
    if not reason or len(reason) > LONGEST_REASON:
        message = "Enter why" if not reason else f"Shorten this to {LONGEST_REASON} characters"
        raise InvalidInput(message, fields={"reason": message})
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        lock_until_commit(session, AdvisoryLock.REMINDER_RULES)
        before = rule_in_force(session, code)
        if command.version is not None and command.version != before.version:
            raise StaleVersion("Another senior caseworker changed this rule after you opened the page.")
        after = change_rule(before, changes)
        if after == before:
            return False
        _write(session, command, before, replace(after, version=before.version + 1), reason)
    return True


def change_rule(rule: ReminderRule, changes: Mapping[str, Any]) -> ReminderRule:
    """The rule with these changes. Raises InvalidInput by field."""
    after = replace(rule, **{name: changes[name] for name in CHANGEABLE if name in changes})
    wrong = find_rule_mistakes(after)
    if wrong:
        raise InvalidInput(next(iter(wrong.values())), fields=wrong)
    return after


def list_rules_today(session: Session, at: datetime) -> dict[str, RuleToday]:
    """What each rule that is switched on says by the end of the day of `at`, by code."""
    rules = [rule for rule in rules_in_force(session) if rule.is_on]
    counted = {row.code: _today(row) for row in _counts_by_tonight(session, rules, at)}
    return {rule.code: counted.get(rule.code, RuleToday(0, 0)) for rule in rules}


def list_rule_today(session: Session, rule: ReminderRule, at: datetime) -> RuleToday:
    """What one rule says by the end of the day of `at`, with references that the reader may see."""
    rows = _counts_by_tonight(session, [rule], at)
    ids = {referral_id for row in rows for referral_id in row.referral_ids if referral_id is not None}
    references = session.scalars(
        select(Referral.reference)
        .where(Referral.id.in_(ids))
        .order_by(Referral.reference)
        .limit(MOST_REFERENCES)
    ).all()
    record_audit(session, "reminder_rule.viewed", rule=rule.code, shown=list(references))
    today = _today(rows[0]) if rows else RuleToday(0, 0)
    return replace(today, references=tuple(references))


def preview_rule_change(
    session: Session, rule: ReminderRule, changes: Mapping[str, Any], at: datetime
) -> ChangeToday:
    """What a change would do by the end of the day of `at`; changes nothing. Raises InvalidInput by field."""
    after = change_rule(rule, changes)
    now = {row.key: row.is_made for row in _wanted_by_tonight(session, [rule], at)}
    then = {row.key: row.is_made for row in _wanted_by_tonight(session, [after], at)}
    return ChangeToday(
        more=sum(key not in now for key in then),
        fewer=sum(key not in then for key in now),
    )


def _wanted_by_tonight(session: Session, rules: list[ReminderRule], at: datetime) -> list[Any]:
    built = _sql.build_wanted(rules, pass_values(_tonight(at)))
    # Counted as the service: a restricted referral is one of the rule's too. Nothing of it is given but a count.
    with as_service(session):
        plan_for_many_rows(session)
        return list(session.execute(built.statement, built.values))


def _counts_by_tonight(session: Session, rules: list[ReminderRule], at: datetime) -> list[Any]:
    built = _sql.build_counts(rules, pass_values(_tonight(at)))
    with as_service(session):
        plan_for_many_rows(session)
        return list(session.execute(built.statement, built.values))


def _tonight(at: datetime) -> datetime:
    return start_of_day(times.london_date(at) + timedelta(days=1)) - timedelta(seconds=1)


def _today(row: Any) -> RuleToday:
    return RuleToday(row.made, row.number - row.made)


def _write(
    session: Session, command: Command, before: ReminderRule, after: ReminderRule, reason: str
) -> None:
    values = {name: getattr(after, name) for name in (*CHANGEABLE, "version")}
    values |= {"changed_at": command.at, "by_id": command.actor.user_id}
    session.execute(
        upsert(ReminderRuleSetting)
        .values(code=after.code, **values)
        .on_conflict_do_update(index_elements=[ReminderRuleSetting.code], set_=values)
    )
    session.execute(
        insert(ReminderRuleChange).values(
            id=new_row_id(),
            code=after.code,
            version=after.version,
            changed_at=command.at,
            by_id=command.actor.user_id,
            by_name=command.actor.name,
            reason=reason,
            before=_document(before, after),
            after=_document(after, before),
        )
    )
    record_audit(session, "reminder_rule.changed", rule=after.code, version=after.version)


def _document(rule: ReminderRule, other: ReminderRule) -> dict[str, Any]:
    """The values in which a rule differs from another."""
    changed = {
        name: getattr(rule, name) for name in CHANGEABLE if getattr(rule, name) != getattr(other, name)
    }
    return {name: value.value if isinstance(value, Enum) else value for name, value in changed.items()}
