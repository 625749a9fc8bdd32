"""The rules of reminders in force: what the area changed, laid over what ships with the service."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.database.current import current_settings
from victim_gateway.errors import NotFound
from victim_gateway.models import ReminderRuleChange, ReminderRuleSetting
from victim_gateway.rules.reminder_rules import CHANGEABLE, ReminderRule, lay_settings_over, shipped_rules


@dataclass(frozen=True, slots=True)
class RuleChangeLine:
    """One change of a rule, as its history shows it."""

    version: int
    changed_at: datetime
    by: str
    reason: str
    before: dict[str, Any]
    after: dict[str, Any]


def rules_as_shipped() -> tuple[ReminderRule, ...]:
    """The rules as they ship, with the area's days before something is due."""
    return shipped_rules(current_settings().area.thresholds.remind_before_due_working_days)


def rules_in_force(session: Session) -> tuple[ReminderRule, ...]:
    """Every rule, those that are switched off too, in the order in which they ship."""
    changed = {
        row.code: {name: getattr(row, name) for name in (*CHANGEABLE, "version")}
        for row in session.scalars(select(ReminderRuleSetting))
    }
    return lay_settings_over(rules_as_shipped(), changed)


def rule_in_force(session: Session, code: str) -> ReminderRule:
    """One rule. Raises NotFound."""
    found = next((rule for rule in rules_in_force(session) if rule.code == code), None)
    if found is None:
        raise NotFound
    return found


def rule_changes(session: Session, code: str) -> list[RuleChangeLine]:
    """What changed in a rule, the last change first."""
    rows = session.scalars(
        select(ReminderRuleChange)
        .where(ReminderRuleChange.code == code)
        .order_by(ReminderRuleChange.version.desc())
    )
    return [
        RuleChangeLine(row.version, row.changed_at, row.by_name, row.reason, row.before, row.after)
        for row in rows
    ]
