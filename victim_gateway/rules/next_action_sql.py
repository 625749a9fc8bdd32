"""The table of next actions as SQL expressions, built from the same rows that `next_action_of` reads.

`build_rule_number_case` reads a row called `facts` with a column for each field of `NextActionFacts` (`state`, and
the arrays `onward_states` and `open_tasks`), for each `ReferralFlag` and for each `DueDate`. Only the dates may
be null: SQL takes "not unknown" for unknown, and a `Negated` condition would answer otherwise than in Python.
The others read the number that it gave, in a column called `rule`, with the columns of the dates and `band`.

All values are members of our own enums, so nothing that a user typed can stand in these texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

from victim_gateway.rules.next_action import (
    NEXT_ACTION_RULES,
    AllOf,
    AnyOf,
    Condition,
    DueDate,
    FlagIsSet,
    Negated,
    OnwardReferralIn,
    OpenTaskOf,
    StateIn,
)
from victim_gateway.rules.step_dates import (
    BAND_OF_RISK,
    HIGH_GRADE,
    STEP_PROGRESS,
    RiskBand,
    StepProgress,
    find_step_limit,
)
from victim_gateway.vocabulary import Risk

if TYPE_CHECKING:
    from config.step_limits import StepLimit, StepLimits


def build_rule_number_case() -> str:
    """The number of the first rule that holds, counted from 1 in the order of the table."""
    rules = enumerate(NEXT_ACTION_RULES, start=1)
    return _join_case((render_condition(rule.when), str(number)) for number, rule in rules)


def build_action_case() -> str:
    """The next action of the rule in `rule`."""
    return _case_by_rule(f"'{rule.action}'" for rule in NEXT_ACTION_RULES)


def build_waiting_on_case() -> str:
    """Who must take the action of the rule in `rule`."""
    return _case_by_rule(f"'{rule.waiting_on}'" for rule in NEXT_ACTION_RULES)


def build_due_on_case(step_due_on: str) -> str:
    """The earliest of the dates that count for the rule in `rule`, the step's own among them."""
    return _case_by_rule(_render_earliest(rule.due, step_due_on) for rule in NEXT_ACTION_RULES)


def build_band_case() -> str:
    """The band of the columns `risk`, `domestic_abuse` and `officer_grade`, which may be null."""
    graded_high = f"risk = '{Risk.UNKNOWN}' AND officer_grade = '{HIGH_GRADE}'"
    bands = [(f"domestic_abuse OR ({graded_high})", f"'{RiskBand.HIGH}'")]
    return _join_case([*bands, *((f"risk = '{risk}'", f"'{band}'") for risk, band in BAND_OF_RISK.items())])


def build_step_days_case(limits: StepLimits) -> str:
    """The working days of the step of the rule in `rule`, by `band`; null where nothing is to be done."""
    return _case_by_rule(
        _render_limit(find_step_limit(limits, rule.action)) if rule.due else "CAST(NULL AS integer)"
        for rule in NEXT_ACTION_RULES
    )


def build_progress_case(columns: Mapping[StepProgress, str]) -> str:
    """The last day of progress in the step of the rule in `rule`, from an expression for each kind of progress.

    Only those of the rule that decides are evaluated; null where there was none.
    """
    return _case_by_rule(
        f"greatest({', '.join(columns[each] for each in STEP_PROGRESS[rule.action])})"
        if rule.action in STEP_PROGRESS
        else "CAST(NULL AS date)"
        for rule in NEXT_ACTION_RULES
    )


def render_condition(condition: Condition) -> str:
    """The condition as an SQL expression over `facts` that is never null."""
    match condition:
        case StateIn(states):
            return f"facts.state = ANY ({_render_array(states)})"
        case OnwardReferralIn(states):
            return f"facts.onward_states && {_render_array(states)}"
        case OpenTaskOf(kinds):
            return f"facts.open_tasks && {_render_array(kinds)}"
        case FlagIsSet(flag):
            return f"facts.{flag}"
        case AllOf(conditions):
            return _join_conditions("AND", conditions) or "true"
        case AnyOf(conditions):
            return _join_conditions("OR", conditions) or "false"
        case Negated(inner):
            return f"NOT ({render_condition(inner)})"
    assert_never(condition)


def _join_conditions(operator: str, conditions: Iterable[Condition]) -> str:
    return f" {operator} ".join(f"({render_condition(condition)})" for condition in conditions)


def _render_array(members: Iterable[StrEnum]) -> str:
    # Quoted as a whole, it takes the type of the column beside it, whichever text type that is. Sorted, so that
    # the statement is the same text in every process.
    return f"'{{{','.join(sorted(members))}}}'"


def _render_earliest(dates: tuple[DueDate, ...], step_due_on: str) -> str:
    return f"least({', '.join([*dates, step_due_on])})" if dates else "CAST(NULL AS date)"


def _render_limit(limit: StepLimit) -> str:
    if limit.high == limit.medium == limit.standard:
        return str(limit.standard)
    return (
        f"CASE band WHEN 'high' THEN {limit.high} WHEN 'medium' THEN {limit.medium} ELSE {limit.standard} END"
    )


def _case_by_rule(values: Iterable[str]) -> str:
    """A CASE that gives the first value for rule 1 and so on; rules with the same value share a line."""
    numbers: dict[str, list[str]] = {}
    for number, value in enumerate(values, start=1):
        numbers.setdefault(value, []).append(str(number))
    return _join_case((f"rule IN ({', '.join(found)})", value) for value, found in numbers.items())


def _join_case(branches: Iterable[tuple[str, str]]) -> str:
    lines = "\n".join(f"    WHEN {condition} THEN {value}" for condition, value in branches)
    return f"CASE\n{lines}\nEND"
