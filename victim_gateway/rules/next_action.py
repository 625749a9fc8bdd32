"""The table of next actions: what has to happen next on a referral, who must take it, and by when.

`NEXT_ACTION_RULES` is read from top to bottom and the first rule whose condition holds decides; the last one
always holds. The table has two readers: `next_action_of` for the facts of one referral in Python, and
`next_action_sql`, which turns the same rows into SQL for many referrals at once. A generated test holds the
two together on a real database.

Safe contact comes before everything that needs a call. A caseworker may call only where the safe-contact plan in
force says yes and names a way that is safe; in every other state, silence and a yes without a way among them, the
next action is to find a safe way. A check of safe contact that was asked for (the task) is the same action: the
two are one thing to do, and belong to the person: a check that hangs on one referral counts for all of theirs that
have not ended. An answer that is older than the area's days between two checks is no answer any more. What a
provider asks or answers comes before it, since that needs no call, and so does giving the referral to a caseworker.
While a provider helps the person we wait for the provider, even where we ourselves may not call, unless a check was
asked for.

Whatever waits has a date: the earliest of the dates that a rule names and of the date that the step has of itself
(`rules/step_dates.py`).

To add a rule: put a `NextActionRule` where it belongs in the order. Nothing else changes; the unit tests ask
for one example of it and refuse a rule that an earlier one hides.

To add a fact:
1. yes or no: a member of `ReferralFlag`; a date: a member of `DueDate`; one of several values: a field of
   `NextActionFacts`, a condition class beside `StateIn`, and its line in `next_action_sql.render_condition`
   (mypy names the place);
2. a column of the same name in the `facts` part of the statement in `services/shared/next_action.py`, and a
   date in `ruled` too;
3. the same fact read in `tests/integration/referrals/test_next_action.py`.
To add an action: a member of `NextAction`, its label and reason on the page, its days in `config/step_limits.py`
and the area profiles, and a migration of the check `ck_referral_nextact`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from victim_gateway.rules.step_dates import (
    STEP_PROGRESS,
    RiskBand,
    StepProgress,
    find_step_limit,
    step_due_on,
)
from victim_gateway.vocabulary import NextAction, OnwardState, ReferralState, TaskKind, WaitingOn

if TYPE_CHECKING:
    from config.step_limits import StepLimits


class ReferralFlag(StrEnum):
    """A fact that is true or not; the value is its column in SQL."""

    ASSIGNED = "is_assigned"
    DECLINE_UNCONFIRMED = "has_unconfirmed_decline"
    """A provider declined and no caseworker has confirmed that yet."""
    ASSESSED = "has_assessment"
    REACHED = "was_reached"
    """A contact attempt reached the person."""
    SAFE_TO_CONTACT = "is_safe_to_contact"
    """The safe-contact plan in force says yes, names a way of contact that is safe and has a number or an address,
    and the person was asked within the area's days between two checks."""


class DueDate(StrEnum):
    """A London date by which something on the referral is due; the value is its column in SQL."""

    TASK = "task_due_on"
    """The earliest among the open tasks."""
    OFFER_ANSWER = "answer_due_on"
    """The earliest answer owed by a provider who has been offered the person."""
    GATEWAY_CLOCK = "gateway_clock_due_on"
    """The earliest among the running local clocks that the Gateway owns."""
    PROVIDER_CLOCK = "provider_clock_due_on"
    """The same of the providers, while they may still see their onward referral."""


@dataclass(frozen=True, slots=True)
class CurrentAction:
    """The next action as it was last computed, and the London date since which it is that."""

    action: NextAction
    waiting_on: WaitingOn
    since_on: date


@dataclass(frozen=True, slots=True)
class NextActionFacts:
    """All that the rules read about one referral on a London date. A due date that is absent is not running."""

    state: ReferralState
    on: date
    flags: frozenset[ReferralFlag] = frozenset()
    onward_states: frozenset[OnwardState] = frozenset()
    """The states of all its onward referrals."""
    open_tasks: frozenset[TaskKind] = frozenset()
    """The kinds of its tasks that are not done; while it has not ended, a check of safe contact that hangs on another
    referral of the person too."""
    due_dates: Mapping[DueDate, date] = field(default_factory=dict)
    band: RiskBand = RiskBand.STANDARD
    progress: Mapping[StepProgress, date] = field(default_factory=dict)
    current: CurrentAction | None = None
    """None where no next action was computed before."""


@dataclass(frozen=True, slots=True)
class StateIn:
    """The referral is in one of these states."""

    states: frozenset[ReferralState]

    def holds(self, facts: NextActionFacts) -> bool:
        return facts.state in self.states


@dataclass(frozen=True, slots=True)
class OnwardReferralIn:
    """At least one onward referral is in one of these states."""

    states: frozenset[OnwardState]

    def holds(self, facts: NextActionFacts) -> bool:
        return bool(facts.onward_states & self.states)


@dataclass(frozen=True, slots=True)
class OpenTaskOf:
    """At least one open task is of one of these kinds."""

    kinds: frozenset[TaskKind]

    def holds(self, facts: NextActionFacts) -> bool:
        return bool(facts.open_tasks & self.kinds)


@dataclass(frozen=True, slots=True)
class FlagIsSet:
    """The flag is true."""

    flag: ReferralFlag

    def holds(self, facts: NextActionFacts) -> bool:
        return self.flag in facts.flags


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every condition holds; with none in it, always."""

    conditions: tuple[Condition, ...]

    def holds(self, facts: NextActionFacts) -> bool:
        return all(condition.holds(facts) for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one condition holds."""

    conditions: tuple[Condition, ...]

    def holds(self, facts: NextActionFacts) -> bool:
        return any(condition.holds(facts) for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class Negated:
    """The condition does not hold."""

    condition: Condition

    def holds(self, facts: NextActionFacts) -> bool:
        return not self.condition.holds(facts)


Condition: TypeAlias = StateIn | OnwardReferralIn | OpenTaskOf | FlagIsSet | AllOf | AnyOf | Negated


@dataclass(frozen=True, slots=True)
class NextActionRule:
    """One row of the table. The earliest of the dates named in `due`, or of the step itself, counts.

    With none named nothing is to be done, and no date counts.
    """

    when: Condition
    action: NextAction
    waiting_on: WaitingOn
    due: tuple[DueDate, ...]


@dataclass(frozen=True, slots=True)
class NextActionResult:
    """The answer for one referral, as its row keeps it."""

    action: NextAction
    waiting_on: WaitingOn
    due_on: date | None


def _state(*states: ReferralState) -> StateIn:
    return StateIn(frozenset(states))


def _task(*kinds: TaskKind) -> OpenTaskOf:
    return OpenTaskOf(frozenset(kinds))


def _onward(*states: OnwardState) -> OnwardReferralIn:
    return OnwardReferralIn(frozenset(states))


def _all_of(*conditions: Condition) -> AllOf:
    return AllOf(conditions)


def _any_of(*conditions: Condition) -> AnyOf:
    return AnyOf(conditions)


ANY_OPEN_TASK = _task(*TaskKind)
# Support comes first: a wish for restorative justice never stands before it, and is done by referring on.
# Nor does a senior's review of a high risk: support is not kept waiting for it.
TASK_BESIDE_SUPPORT = _task(
    TaskKind.RESTORATIVE_JUSTICE_WANTED,
    TaskKind.RESTORATIVE_JUSTICE_DECISION,
    TaskKind.HIGH_RISK_REVIEW,
)
OTHER_OPEN_TASK = _task(*(kind for kind in TaskKind if kind not in TASK_BESIDE_SUPPORT.kinds))
ASSIGNED = FlagIsSet(ReferralFlag.ASSIGNED)
ASSESSED = FlagIsSet(ReferralFlag.ASSESSED)
REACHED = FlagIsSet(ReferralFlag.REACHED)
PROVIDER_ASKED = _any_of(_onward(OnwardState.INFORMATION_REQUESTED), _task(TaskKind.PROVIDER_ASKED))
OFFER_FAILED = _any_of(
    FlagIsSet(ReferralFlag.DECLINE_UNCONFIRMED), _task(TaskKind.PROVIDER_DECLINED, TaskKind.OFFER_EXPIRED)
)
WITH_PROVIDER = _onward(
    OnwardState.OFFERED, OnwardState.ACKNOWLEDGED, OnwardState.ACCEPTED, OnwardState.IN_SERVICE
)
IN_CARE_OF_PROVIDER = _onward(OnwardState.ACCEPTED, OnwardState.IN_SERVICE)
UNASSIGNED = _any_of(_state(ReferralState.RECEIVED), Negated(ASSIGNED))
UNSAFE = _any_of(
    _task(TaskKind.SAFE_CONTACT_CHECK),
    _all_of(Negated(FlagIsSet(ReferralFlag.SAFE_TO_CONTACT)), Negated(IN_CARE_OF_PROVIDER)),
)
"""Nobody may call. While a provider helps the person, only a check that was asked for counts."""
ALWAYS = _all_of()

_GATEWAY_DATES = (DueDate.TASK, DueDate.GATEWAY_CLOCK)
_PROVIDER_DATES = (DueDate.OFFER_ANSWER, DueDate.PROVIDER_CLOCK)


def _nothing_to_do(when: Condition) -> NextActionRule:
    return NextActionRule(when, NextAction.NOTHING, WaitingOn.NO_ONE, ())


def _for_gateway(when: Condition, action: NextAction) -> NextActionRule:
    return NextActionRule(when, action, WaitingOn.GATEWAY, _GATEWAY_DATES)


def _for_provider(when: Condition, action: NextAction) -> NextActionRule:
    return NextActionRule(when, action, WaitingOn.PROVIDER, _PROVIDER_DATES)


NEXT_ACTION_RULES: tuple[NextActionRule, ...] = (
    # What our standards asked before it was closed stays overdue, and is nothing to do any more. A task is: after
    # an entry in error a provider who could not be reached by e-mail still has to hear that it was taken back.
    NextActionRule(
        _all_of(_state(ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR), ANY_OPEN_TASK),
        NextAction.DO_TASK,
        WaitingOn.GATEWAY,
        (DueDate.TASK,),
    ),
    _nothing_to_do(_state(ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR)),
    _for_gateway(_state(ReferralState.HELD), NextAction.RESOLVE_HOLD),
    # Before the ordinary steps, because a provider waits for us or the person is left without support.
    _for_gateway(PROVIDER_ASKED, NextAction.ANSWER_PROVIDER),
    _for_gateway(OFFER_FAILED, NextAction.PLAN_AFTER_DECLINE),
    _for_gateway(UNASSIGNED, NextAction.ASSIGN),
    # Before any contact: nobody may call before a death is decided about, or before it is known to be safe.
    _for_gateway(_task(TaskKind.HOLD_DECISION), NextAction.DO_TASK),
    _for_gateway(UNSAFE, NextAction.FIND_SAFE_CONTACT),
    _for_gateway(_state(ReferralState.ASSIGNED), NextAction.MAKE_CONTACT),
    _for_gateway(_state(ReferralState.IN_CONTACT), NextAction.ASSESS),
    # They would wait for somebody who does not come, or be rung by who does not know that it is over.
    _for_gateway(_task(TaskKind.APPOINTMENT_CANCELLED), NextAction.DO_TASK),
    _for_gateway(_task(TaskKind.SERVICE_ENDED), NextAction.REVIEW_SUPPORT),
    _for_gateway(OTHER_OPEN_TASK, NextAction.DO_TASK),
    _for_gateway(_all_of(TASK_BESIDE_SUPPORT, WITH_PROVIDER), NextAction.DO_TASK),
    _for_provider(WITH_PROVIDER, NextAction.WAIT_FOR_PROVIDER),
    _for_gateway(_state(ReferralState.SUPPORTED), NextAction.REVIEW_SUPPORT),
    # From here on triaged or reopened: what a reopened referral already has need not be done again.
    _for_gateway(_any_of(_state(ReferralState.TRIAGED), ASSESSED), NextAction.REFER_OR_CLOSE),
    _for_gateway(REACHED, NextAction.ASSESS),
    _for_gateway(ALWAYS, NextAction.MAKE_CONTACT),
)


def next_action_of(facts: NextActionFacts, limits: StepLimits) -> NextActionResult:
    """Read the table for one referral: the first rule that holds, with the earliest of the dates that count.

    `limits` are those of the area's profile.
    """
    rule = next(rule for rule in NEXT_ACTION_RULES if rule.when.holds(facts))
    if not rule.due:
        return NextActionResult(rule.action, rule.waiting_on, None)
    step = step_due_on(_step_start(rule, facts), find_step_limit(limits, rule.action), facts.band)
    dates = [facts.due_dates[due] for due in rule.due if due in facts.due_dates]
    return NextActionResult(rule.action, rule.waiting_on, min([*dates, step]))


def _step_start(rule: NextActionRule, facts: NextActionFacts) -> date:
    current = facts.current
    is_same = current is not None and (current.action, current.waiting_on) == (rule.action, rule.waiting_on)
    since = current.since_on if current is not None and is_same else facts.on
    made = [facts.progress[each] for each in STEP_PROGRESS.get(rule.action, ()) if each in facts.progress]
    return max([since, *made])
