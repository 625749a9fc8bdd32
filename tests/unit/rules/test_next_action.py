"""The table of next actions read in plain Python: an example of every rule, in order, and no gap in it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import chain, combinations, cycle, product

import pytest

from config.step_limits import StepLimits, StepLimitsSchema
from victim_gateway.rules.next_action import (
    NEXT_ACTION_RULES,
    DueDate,
    NextActionFacts,
    NextActionResult,
    NextActionRule,
    ReferralFlag,
    next_action_of,
)
from victim_gateway.rules.next_action_sql import (
    build_action_case,
    build_due_on_case,
    build_rule_number_case,
    build_waiting_on_case,
)
from victim_gateway.rules.step_dates import RiskBand
from victim_gateway.vocabulary import NextAction, OnwardState, ReferralState, TaskKind, WaitingOn

LIMITS: StepLimits = StepLimitsSchema().load({})
TODAY = date(2026, 3, 2)
UNSAFE = frozenset({ReferralFlag.ASSIGNED})
ASSIGNED = UNSAFE | {ReferralFlag.SAFE_TO_CONTACT}
ASSESSED = ASSIGNED | {ReferralFlag.ASSESSED}
REACHED = ASSIGNED | {ReferralFlag.REACHED}
DECLINED = ASSIGNED | {ReferralFlag.DECLINE_UNCONFIRMED}


def facts(
    state: ReferralState,
    flags: frozenset[ReferralFlag] = ASSIGNED,
    *,
    tasks: tuple[TaskKind, ...] = (),
    onward: tuple[OnwardState, ...] = (),
    due: dict[DueDate, date] | None = None,
) -> NextActionFacts:
    """A referral that a caseworker has taken on and that is safe to contact, unless told otherwise."""
    return NextActionFacts(state, TODAY, flags, frozenset(onward), frozenset(tasks), due or {})


def answer_for(referral: NextActionFacts) -> NextActionResult:
    """What the table says with the days of a profile that names none of its own."""
    return next_action_of(referral, LIMITS)


# One for each rule, in the order of the table: written out once more, so that neither changes by accident.
EXAMPLES = (
    (facts(ReferralState.ENTERED_IN_ERROR, tasks=(TaskKind.MESSAGE_FAILED,)), NextAction.DO_TASK),
    (facts(ReferralState.ENTERED_IN_ERROR, frozenset()), NextAction.NOTHING),
    (facts(ReferralState.HELD, tasks=(TaskKind.SAFE_CONTACT_CHECK,)), NextAction.RESOLVE_HOLD),
    (
        facts(ReferralState.TRIAGED, onward=(OnwardState.INFORMATION_REQUESTED, OnwardState.OFFERED)),
        NextAction.ANSWER_PROVIDER,
    ),
    (facts(ReferralState.TRIAGED, DECLINED, onward=(OnwardState.DECLINED,)), NextAction.PLAN_AFTER_DECLINE),
    (facts(ReferralState.RECEIVED, frozenset()), NextAction.ASSIGN),
    (facts(ReferralState.ASSIGNED, UNSAFE, tasks=(TaskKind.HOLD_DECISION,)), NextAction.DO_TASK),
    (facts(ReferralState.ASSIGNED, UNSAFE), NextAction.FIND_SAFE_CONTACT),
    (facts(ReferralState.ASSIGNED, tasks=(TaskKind.POSSIBLE_SAME_PERSON,)), NextAction.MAKE_CONTACT),
    (facts(ReferralState.IN_CONTACT, REACHED), NextAction.ASSESS),
    (
        facts(ReferralState.SUPPORTED, tasks=(TaskKind.SERVICE_ENDED, TaskKind.APPOINTMENT_CANCELLED)),
        NextAction.DO_TASK,
    ),
    (
        facts(ReferralState.SUPPORTED, tasks=(TaskKind.SERVICE_ENDED, TaskKind.FEED_CONFLICT)),
        NextAction.REVIEW_SUPPORT,
    ),
    (
        facts(ReferralState.SUPPORTED, tasks=(TaskKind.FEED_CONFLICT,), onward=(OnwardState.IN_SERVICE,)),
        NextAction.DO_TASK,
    ),
    (
        facts(
            ReferralState.SUPPORTED,
            tasks=(TaskKind.RESTORATIVE_JUSTICE_WANTED,),
            onward=(OnwardState.ACCEPTED,),
        ),
        NextAction.DO_TASK,
    ),
    (facts(ReferralState.SUPPORTED, onward=(OnwardState.ACCEPTED,)), NextAction.WAIT_FOR_PROVIDER),
    (facts(ReferralState.SUPPORTED, onward=(OnwardState.CLOSED,)), NextAction.REVIEW_SUPPORT),
    (facts(ReferralState.REOPENED, ASSESSED | REACHED), NextAction.REFER_OR_CLOSE),
    (facts(ReferralState.REOPENED, REACHED), NextAction.ASSESS),
    (facts(ReferralState.REOPENED), NextAction.MAKE_CONTACT),
)
DATES = {due: date(2026, 3, 2 + number) for number, due in enumerate(DueDate)}


def deciding_rule(referral: NextActionFacts) -> NextActionRule:
    """The rule that decides on this referral."""
    return next(rule for rule in NEXT_ACTION_RULES if rule.when.holds(referral))


SAMPLED = 20_000


def every_combination() -> Iterator[NextActionFacts]:
    """Every state with every set of flags, at most one kind of open task and at most one onward referral.

    After those a sample of referrals with several tasks and onward referrals, the same in every run.
    """
    flags = chain.from_iterable(combinations(ReferralFlag, size) for size in range(len(ReferralFlag) + 1))
    tasks = [(), *((kind,) for kind in TaskKind)]
    onward = [(), *((state,) for state in OnwardState)]
    for state, flags_of, tasks_of, onward_of in product(ReferralState, flags, tasks, onward):
        yield facts(state, frozenset(flags_of), tasks=tasks_of, onward=onward_of)
    chance = random.Random(1)
    for _ in range(SAMPLED):
        yield facts(
            chance.choice(list(ReferralState)),
            frozenset(flag for flag in ReferralFlag if chance.random() < 0.5),
            tasks=tuple(chance.sample(list(TaskKind), chance.randint(2, 4))),
            onward=tuple(chance.sample(list(OnwardState), chance.randint(0, 3))),
        )


def test_there_is_one_example_of_every_rule() -> None:
    assert len(EXAMPLES) == len(NEXT_ACTION_RULES)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_each_rule_decides_on_its_example_and_no_earlier_rule_does(number: int) -> None:
    referral, action = EXAMPLES[number]
    assert answer_for(referral).action is action
    assert NEXT_ACTION_RULES.index(deciding_rule(referral)) == number


def test_every_combination_of_facts_has_an_answer_that_keeps_the_person_safe_and_has_a_day() -> None:
    """In one walk: every rule decides on some, all that waits has a day, and nobody is called before it is safe."""
    by_contact = {
        NextAction.MAKE_CONTACT,
        NextAction.ASSESS,
        NextAction.REFER_OR_CLOSE,
        NextAction.REVIEW_SUPPORT,
    }
    helping = {OnwardState.ACCEPTED, OnwardState.IN_SERVICE}
    deciding = set()
    for referral, band in zip(every_combination(), cycle(RiskBand), strict=False):
        deciding.add(NEXT_ACTION_RULES.index(deciding_rule(referral)))
        answer = answer_for(replace(referral, band=band))
        assert (answer.due_on is None) == (answer.action is NextAction.NOTHING)
        if ReferralFlag.SAFE_TO_CONTACT not in referral.flags and not referral.onward_states & helping:
            assert answer.action not in by_contact
    assert deciding == set(range(len(NEXT_ACTION_RULES)))


def test_every_next_action_can_be_reached() -> None:
    assert {rule.action for rule in NEXT_ACTION_RULES} == set(NextAction)


def test_nothing_is_waited_for_exactly_where_nothing_is_to_be_done() -> None:
    for rule in NEXT_ACTION_RULES:
        assert (rule.action is NextAction.NOTHING) == (rule.waiting_on is WaitingOn.NO_ONE)
        assert (rule.waiting_on is WaitingOn.NO_ONE) == (rule.due == ())


def test_a_question_of_a_provider_comes_before_a_decline_of_another() -> None:
    both = facts(
        ReferralState.SUPPORTED,
        DECLINED,
        tasks=(TaskKind.PROVIDER_DECLINED, TaskKind.PROVIDER_ASKED, TaskKind.SAFE_CONTACT_CHECK),
    )
    assert answer_for(both).action is NextAction.ANSWER_PROVIDER


@pytest.mark.parametrize(
    "state",
    [ReferralState.ASSIGNED, ReferralState.IN_CONTACT, ReferralState.SUPPORTED, ReferralState.REOPENED],
)
def test_a_check_of_safe_contact_that_was_asked_for_comes_before_any_contact(state: ReferralState) -> None:
    for onward in ((), (OnwardState.IN_SERVICE,)):
        unchecked = facts(state, tasks=(TaskKind.SAFE_CONTACT_CHECK,), onward=onward)
        assert answer_for(unchecked).action is NextAction.FIND_SAFE_CONTACT


def test_a_provider_who_helps_is_waited_for_while_we_ourselves_may_not_call() -> None:
    helped = facts(ReferralState.SUPPORTED, UNSAFE, onward=(OnwardState.IN_SERVICE,))
    assert answer_for(helped).action is NextAction.WAIT_FOR_PROVIDER
    offered = facts(ReferralState.TRIAGED, UNSAFE, onward=(OnwardState.OFFERED,))
    assert answer_for(offered).action is NextAction.FIND_SAFE_CONTACT


def test_a_referral_without_a_caseworker_is_assigned_first_whatever_was_done_before() -> None:
    unassigned = facts(ReferralState.REOPENED, (ASSESSED | REACHED) - {ReferralFlag.ASSIGNED})
    assert answer_for(unassigned).action is NextAction.ASSIGN


def test_a_confirmed_decline_needs_no_plan_any_more() -> None:
    confirmed = facts(ReferralState.TRIAGED, onward=(OnwardState.DECLINED,))
    assert answer_for(confirmed).action is NextAction.REFER_OR_CLOSE


def test_the_gateway_acts_by_the_earlier_of_its_own_dates() -> None:
    own = {DueDate.TASK: date(2026, 3, 9), DueDate.GATEWAY_CLOCK: date(2026, 3, 4)}
    theirs = {DueDate.OFFER_ANSWER: date(2026, 3, 2), DueDate.PROVIDER_CLOCK: date(2026, 3, 3)}
    answer = answer_for(facts(ReferralState.ASSIGNED, due=own | theirs))
    assert answer == NextActionResult(NextAction.MAKE_CONTACT, WaitingOn.GATEWAY, date(2026, 3, 4))


def test_a_provider_acts_by_the_earlier_of_its_own_dates() -> None:
    own = {DueDate.TASK: date(2026, 3, 2), DueDate.GATEWAY_CLOCK: date(2026, 3, 3)}
    theirs = {DueDate.OFFER_ANSWER: date(2026, 3, 9), DueDate.PROVIDER_CLOCK: date(2026, 3, 6)}
    offered = facts(ReferralState.SUPPORTED, onward=(OnwardState.OFFERED,), due=own | theirs)
    answer = answer_for(offered)
    assert answer == NextActionResult(NextAction.WAIT_FOR_PROVIDER, WaitingOn.PROVIDER, date(2026, 3, 6))


def test_what_is_closed_is_due_only_while_a_task_is_open() -> None:
    assert answer_for(facts(ReferralState.CLOSED, due=DATES)).due_on is None
    with_task = facts(ReferralState.CLOSED, tasks=(TaskKind.FEED_CONFLICT,), due=DATES)
    assert answer_for(with_task).due_on == DATES[DueDate.TASK]


def test_the_sql_has_a_branch_for_every_rule_and_each_of_its_answers() -> None:
    numbers = [f"THEN {number}\n" in build_rule_number_case() for number in range(1, len(EXAMPLES) + 1)]
    assert all(numbers)
    for rule in NEXT_ACTION_RULES:
        assert f"THEN '{rule.action}'" in build_action_case()
        assert f"THEN '{rule.waiting_on}'" in build_waiting_on_case()
        assert all(due in build_due_on_case("step_on") for due in rule.due)
