"""The next action in SQL, for thousands of referrals at once, is what the table says of each one's facts."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.area_profile import load_area
from tests.factories import casework as make
from tests.generators.next_action_cases import (
    BEFORE,
    ReferralCase,
    Surroundings,
    invent_referrals,
    write_referrals,
)
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.models import (
    CaseEvent,
    CodeEntitlement,
    ContactAttempt,
    EntitlementClock,
    OnwardReferral,
    Referral,
    SafeContactPlan,
    Task,
    TriageAssessment,
)
from victim_gateway.rules.next_action import (
    NEXT_ACTION_RULES,
    CurrentAction,
    DueDate,
    NextActionFacts,
    NextActionResult,
    ReferralFlag,
    next_action_of,
)
from victim_gateway.rules.step_dates import RiskBand, StepProgress, risk_band
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.services.shared import next_action
from victim_gateway.times import london_date
from victim_gateway.vocabulary import AttemptOutcome, NextAction, OnwardState, ReferralState, SafeAnswer

NOW = BEFORE + timedelta(days=3)
LATER = NOW + timedelta(days=1)
SEED, CROWDED = 11, 400
THRESHOLDS = load_area("staffordshire").thresholds
LIMITS, RECHECK_DAYS = THRESHOLDS.next_action_working_days, THRESHOLDS.safe_contact_recheck_days


@pytest.fixture
def surroundings(owner: Owner, caseworker: Actor) -> Surroundings:
    """A caseworker, and a provider with three services."""
    services = [make.provider(owner) for _ in range(3)]
    assert caseworker.user_id is not None
    return Surroundings(caseworker.user_id, services[0][0], [service_id for _, service_id in services])


@pytest.fixture(scope="module")
def invented() -> list[ReferralCase]:
    """Referrals of every combination that decides, and crowded ones at the end; not written."""
    return list(invent_referrals(random.Random(SEED), crowded=CROWDED))


@pytest.fixture
def cases(owner: Owner, surroundings: Surroundings, invented: list[ReferralCase]) -> list[ReferralCase]:
    """The invented referrals, written."""
    with owner() as session:
        write_referrals(session, invented, surroundings)
    return invented


@pytest.fixture
def few_cases(owner: Owner, surroundings: Surroundings, invented: list[ReferralCase]) -> list[ReferralCase]:
    """Some of them, for what does not depend on the combination."""
    few = invented[:-CROWDED:20]
    with owner() as session:
        write_referrals(session, few, surroundings)
    return few


def refresh(cases: Iterable[ReferralCase], actor: Actor, *, at: datetime = NOW) -> None:
    """All of them in one statement."""
    with transaction(actor) as session:
        next_action.refresh_next_actions(session, [case.id for case in cases], at=at)


def stored(owner: Owner) -> dict[UUID, tuple[Any, ...]]:
    """What the queue shows of every referral."""
    columns = (
        Referral.id,
        Referral.next_action,
        Referral.waiting_on,
        Referral.next_due_on,
        Referral.next_since,
    )
    with owner() as session:
        return {row[0]: tuple(row[1:]) for row in session.execute(select(*columns))}


def read_facts(owner: Owner, *, at: datetime = NOW) -> dict[UUID, NextActionFacts]:
    """The facts of every referral, gathered in Python from plain rows: nothing here knows the statement."""
    with owner() as session:
        onward, clocks = _onward(session), _clocks(session)
        assessed = set(session.scalars(select(TriageAssessment.referral_id)))
        attempts = session.execute(select(ContactAttempt.referral_id, ContactAttempt.outcome)).all()
        safe = _people_safe_to_contact(session, at)
        progress = _progress(session)
        referrals = session.scalars(select(Referral)).all()
        tasks = _tasks(session, referrals)
    reached = {referral_id for referral_id, outcome in attempts if outcome is AttemptOutcome.REACHED}
    facts = {}
    for referral in referrals:
        referral_id = referral.id
        flags = {
            ReferralFlag.ASSIGNED: referral.assigned_to_id is not None,
            ReferralFlag.DECLINE_UNCONFIRMED: any(
                each.state is OnwardState.DECLINED and each.decline_confirmed_at is None
                for each in onward[referral_id]
            ),
            ReferralFlag.ASSESSED: referral_id in assessed,
            ReferralFlag.REACHED: referral_id in reached,
            ReferralFlag.SAFE_TO_CONTACT: referral.person_id in safe,
        }
        facts[referral_id] = NextActionFacts(
            state=referral.state,
            on=london_date(at),
            flags=frozenset(flag for flag, is_set in flags.items() if is_set),
            onward_states=frozenset(each.state for each in onward[referral_id]),
            open_tasks=frozenset(task.kind for task in tasks[referral_id]),
            due_dates=_due_dates(onward[referral_id], tasks[referral_id], clocks[referral_id]),
            band=risk_band(
                referral.risk, domestic_abuse=referral.domestic_abuse, officer_grade=referral.officer_grade
            ),
            progress=progress[referral_id],
            current=CurrentAction(
                referral.next_action, referral.waiting_on, london_date(referral.next_since)
            ),
        )
    return facts


def _progress(session: Session) -> dict[UUID, dict[StepProgress, date]]:
    """The last day of each kind of progress of every referral, with the safe-contact plan of its person."""
    made: dict[UUID, dict[StepProgress, date]] = defaultdict(dict)
    moments = {
        StepProgress.ATTEMPT: select(ContactAttempt.referral_id, ContactAttempt.attempted_at),
        StepProgress.ASSESSMENT: select(TriageAssessment.referral_id, TriageAssessment.recorded_at),
        StepProgress.PROVIDER: select(CaseEvent.referral_id, CaseEvent.recorded_at).where(
            CaseEvent.onward_referral_id.is_not(None)
        ),
        StepProgress.SAFE_CONTACT: select(Referral.id, SafeContactPlan.recorded_at)
        .join(SafeContactPlan, SafeContactPlan.person_id == Referral.person_id)
        .where(SafeContactPlan.superseded_at.is_(None)),
    }
    for each, statement in moments.items():
        for referral_id, moment in session.execute(statement):
            day = london_date(moment)
            made[referral_id][each] = max(day, made[referral_id].get(each, day))
    return made


def _people_safe_to_contact(session: Session, at: datetime) -> set[UUID]:
    in_force = select(SafeContactPlan).where(SafeContactPlan.superseded_at.is_(None))
    return {
        plan.person_id
        for plan in session.scalars(in_force)
        if plan.safe is SafeAnswer.YES
        and set(plan.safe_channels) & {"phone", "sms", "email", "post"}
        and plan.checked_at is not None
        and plan.checked_at >= at - timedelta(days=RECHECK_DAYS)
    }


def _onward(session: Session) -> dict[UUID, list[Any]]:
    rows = select(
        OnwardReferral.referral_id,
        OnwardReferral.state,
        OnwardReferral.decline_confirmed_at,
        OnwardReferral.answer_due_on,
        OnwardReferral.provider_access_ended_at,
    )
    # A live one that its provider sees no more, as after a succession, waits for no answer from there.
    found = session.execute(rows).all()
    return _by_referral(
        row for row in found if row.state not in LIVE_ONWARD_STATES or row.provider_access_ended_at is None
    )


def _tasks(session: Session, referrals: Sequence[Referral]) -> dict[UUID, list[Any]]:
    """The open tasks of every referral, and the check of safe contact of its person unless it has ended."""
    rows = select(Task.referral_id, Task.kind, Task.due_on, Task.dedupe_key).where(Task.done_at.is_(None))
    found = session.execute(rows).all()
    checks = {row.dedupe_key: row for row in found}
    grouped = _by_referral(found)
    for referral in referrals:
        check = checks.get(f"safe-contact:{referral.person_id}")
        if check is not None and referral.state not in {ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR}:
            grouped[referral.id].append(check)
    return grouped


def _clocks(session: Session) -> dict[UUID, list[tuple[str, date | None]]]:
    """Owner and due date of the local clocks that run, less those of providers who may not look any more."""
    owners = {
        (edition, entitlement_id): owner
        for edition, entitlement_id, owner in session.execute(
            select(CodeEntitlement.edition, CodeEntitlement.entitlement_id, CodeEntitlement.owner)
        )
    }
    started = dict(session.execute(select(CaseEvent.id, CaseEvent.onward_referral_id)).all())
    ended = select(OnwardReferral.id).where(OnwardReferral.provider_access_ended_at.is_not(None))
    out_of_sight = set(session.scalars(ended))
    found: dict[UUID, list[tuple[str, date | None]]] = defaultdict(list)
    for clock in session.scalars(select(EntitlementClock)):
        owner = owners[clock.edition, clock.entitlement_id]
        is_running = clock.edition == "local" and clock.status in {"running", "overdue"}
        if is_running and not (owner == "provider" and started[clock.start_event_id] in out_of_sight):
            found[clock.referral_id].append((owner, clock.due_on))
    return found


def _by_referral(rows: Iterable[Any]) -> dict[UUID, list[Any]]:
    grouped: dict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        grouped[row.referral_id].append(row)
    return grouped


def _due_dates(
    onward: Sequence[Any], tasks: Sequence[Any], clocks: Sequence[tuple[str, date | None]]
) -> dict[DueDate, date]:
    dates = {
        DueDate.TASK: [task.due_on for task in tasks],
        DueDate.OFFER_ANSWER: [
            each.answer_due_on
            for each in onward
            if each.state in {OnwardState.OFFERED, OnwardState.ACKNOWLEDGED}
        ],
        DueDate.GATEWAY_CLOCK: [due_on for owner, due_on in clocks if owner == "gateway"],
        DueDate.PROVIDER_CLOCK: [due_on for owner, due_on in clocks if owner == "provider"],
    }
    known = {due: [day for day in days if day is not None] for due, days in dates.items()}
    return {due: min(days) for due, days in known.items() if days}


def test_the_statement_answers_for_every_referral_as_the_table_does(
    owner: Owner, worker_actor: Actor, cases: list[ReferralCase]
) -> None:
    facts = read_facts(owner)
    refresh(cases, worker_actor)
    now = stored(owner)
    expected = {case.id: next_action_of(facts[case.id], LIMITS) for case in cases}
    answers = {case.id: NextActionResult(*now[case.id][:3]) for case in cases}
    assert {key: (facts[key], answers[key]) for key in answers if answers[key] != expected[key]} == {}
    assert_no_rule_is_left_out(cases, facts)


def assert_no_rule_is_left_out(cases: Sequence[ReferralCase], facts: dict[UUID, NextActionFacts]) -> None:
    """Each rule, each due date and each step of every risk decided on one of the referrals at least."""
    decided, deciding_dates, steps = set(), set(), set()
    for case in cases:
        known = facts[case.id]
        number, rule = next((n, r) for n, r in enumerate(NEXT_ACTION_RULES) if r.when.holds(known))
        decided.add(number)
        earliest = sorted((known.due_dates[due], due) for due in rule.due if due in known.due_dates)
        if len(earliest) > 1 and earliest[0][0] < earliest[1][0]:
            deciding_dates.add(earliest[0][1])
        if rule.due and next_action_of(known, LIMITS).due_on not in known.due_dates.values():
            steps.add((rule.action, known.band))
    assert decided == set(range(len(NEXT_ACTION_RULES)))
    assert deciding_dates == set(DueDate)
    assert steps == {(rule.action, band) for rule in NEXT_ACTION_RULES if rule.due for band in RiskBand}


def test_since_is_the_moment_at_which_the_action_or_who_must_take_it_changed(
    owner: Owner, worker_actor: Actor, few_cases: list[ReferralCase]
) -> None:
    refresh(few_cases, worker_actor)
    now = stored(owner)
    since = {case.id: case.since if now[case.id][:2] == case.cached[:2] else NOW for case in few_cases}
    assert {case.id: now[case.id][3] for case in few_cases} == since
    assert {moment == NOW for moment in since.values()} == {True, False}


def test_a_second_time_changes_nothing(
    owner: Owner, worker_actor: Actor, few_cases: list[ReferralCase]
) -> None:
    refresh(few_cases, worker_actor)
    once = stored(owner)
    refresh(few_cases, worker_actor, at=LATER)
    assert stored(owner) == once


def test_referrals_that_were_not_asked_for_keep_what_they_had(
    owner: Owner, caseworker: Actor, few_cases: list[ReferralCase]
) -> None:
    refresh(few_cases[::2], caseworker)
    now = stored(owner)
    left = few_cases[1::2]
    assert {case.id: now[case.id] for case in left} == {case.id: (*case.cached, case.since) for case in left}


def test_what_an_older_release_left_is_brought_up_to_date_for_every_open_referral(
    owner: Owner, worker_actor: Actor, caseworker: Actor
) -> None:
    waiting, done = make.assigned(caseworker), make.assigned(caseworker)
    for referral_id, action in ((waiting, NextAction.DO_TASK), (done, NextAction.NOTHING)):
        with owner() as session:
            row = session.get_one(Referral, referral_id)
            row.next_action, row.next_due_on = action, None
    next_action.refresh_open_referrals(actor=worker_actor, at=make.MONDAY)
    found = stored(owner)
    assert found[waiting][:1] + found[waiting][2:3] == (NextAction.MAKE_CONTACT, date(2026, 3, 4))
    assert found[done][:1] == (NextAction.NOTHING,)
