"""Every rule that ships: it speaks at its moment and not before, once, to its reader, and ends with its cause."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from tests.factories import casework
from tests.integration.onward_referrals.arrange import Given, a_provider
from tests.integration.reminders.arrange import CAUSES, DAY, Cause, World, a_file, open_reminders_of
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import NotAllowed
from victim_gateway.models import Referral
from victim_gateway.queries.reminders.rules_in_force import rules_as_shipped
from victim_gateway.services.referrals import status
from victim_gateway.services.reminders import reminder_pass
from victim_gateway.services.reminders.changed_rules import change_reminder_rule
from victim_gateway.services.reminders.reminder_pass import ReminderPassSummary
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role

MINUTE = timedelta(minutes=1)
Run = Callable[[datetime], ReminderPassSummary]


@pytest.fixture
def run(app: Flask, worker_actor: Actor) -> Run:
    return lambda at: reminder_pass.run_reminder_pass(actor=worker_actor, at=at)


@pytest.fixture
def given(owner: Owner, make_actor: MakeActor) -> Given:
    return a_provider(owner, make_actor)


@pytest.fixture
def world(owner: Owner, caseworker: Actor, make_actor: MakeActor, given: Given) -> World:
    return World(owner, caseworker, make_actor, given)


def test_every_rule_that_ships_has_its_cause(app: Flask) -> None:
    assert {cause.code for cause in CAUSES} == {rule.code for rule in rules_as_shipped()}


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.code)
def test_a_rule_speaks_at_its_moment_once_and_until_its_cause_ends(
    run: Run, world: World, cause: Cause
) -> None:
    moment = datetime.fromisoformat(cause.spoken_from)
    cause.arrange(world)

    run(moment - MINUTE)
    assert open_reminders_of(world.owner, cause.code) == []

    run(moment)
    (reminder,) = open_reminders_of(world.owner, cause.code)
    assert reminder.created_at == moment
    assert reminder.expires_at is not None
    assert reminder.expires_at > moment
    if cause.to_seniors:
        assert (reminder.recipient_role, reminder.recipient_organisation_id) == (
            "senior",
            world.caseworker.organisation_id,
        )
    assert run(moment + MINUTE).created == 0
    assert len(open_reminders_of(world.owner, cause.code)) == 1

    cause.end(world)
    run(moment + 2 * MINUTE)
    assert open_reminders_of(world.owner, cause.code) == []


def test_a_review_of_a_high_risk_is_said_again_each_working_day_three_times(run: Run, world: World) -> None:
    cause = next(cause for cause in CAUSES if cause.code == "high_risk_review")
    cause.arrange(world)
    first = datetime.fromisoformat(cause.spoken_from)
    said = []
    for days in range(10):
        run(first + days * DAY)
        (reminder,) = open_reminders_of(world.owner, cause.code)
        said.append(reminder.occurrence)
        assert reminder.is_urgent
    # Tuesday to Friday; the weekend is quiet, and after the third repeat nothing more comes.
    assert said == [0, 1, 2, 3, 3, 3, 3, 3, 3, 3]


def test_a_case_that_stands_still_is_asked_about_instead_of_said_overdue(run: Run, world: World) -> None:
    cause = next(cause for cause in CAUSES if cause.code == "stalled")
    cause.arrange(world)
    moment = datetime.fromisoformat(cause.spoken_from)
    run(moment - MINUTE)
    assert len(open_reminders_of(world.owner, "closing_checks")) == 1
    run(moment)
    assert open_reminders_of(world.owner, "closing_checks") == []
    assert len(open_reminders_of(world.owner, "stalled")) == 1


@pytest.mark.parametrize(
    ("changes", "day"),
    [
        ({"domestic_abuse": True}, "2026-03-30"),
        ({"risk": "high"}, "2026-03-30"),
        ({"risk": "medium"}, "2026-04-08"),
    ],
)
def test_more_risk_is_asked_about_sooner(
    run: Run, world: World, changes: dict[str, object], day: str
) -> None:
    cause = next(cause for cause in CAUSES if cause.code == "stalled")
    cause.arrange(world)
    world.change(Referral, world.ids["referral"], **changes)
    moment = datetime.fromisoformat(f"{day}T00:00+01:00")
    run(moment - MINUTE)
    assert open_reminders_of(world.owner, "stalled") == []
    run(moment)
    assert len(open_reminders_of(world.owner, "stalled")) == 1


def test_an_unanswered_question_goes_to_the_seniors_once(run: Run, world: World) -> None:
    cause = next(cause for cause in CAUSES if cause.code == "stalled")
    cause.arrange(world)
    moment = datetime.fromisoformat(cause.spoken_from)
    run(moment)
    (first,) = open_reminders_of(world.owner, "stalled")
    # Wednesday; three working days later is Monday.
    run(moment + 5 * DAY - MINUTE)
    assert len(open_reminders_of(world.owner, "stalled")) == 1
    for days in (5, 6, 20):
        run(moment + days * DAY)
        (passed_on,) = [row for row in open_reminders_of(world.owner, "stalled") if row.escalated_from_id]
        assert passed_on.escalated_from_id == first.id
        assert passed_on.recipient_role == "senior"
        assert passed_on.created_at == moment + 5 * DAY
    cause.end(world)
    run(moment + 21 * DAY)
    assert open_reminders_of(world.owner, "stalled") == []


def test_an_escalation_of_a_case_at_high_risk_is_urgent(run: Run, world: World) -> None:
    cause = next(cause for cause in CAUSES if cause.code == "stalled")
    cause.arrange(world)
    world.change(Referral, world.ids["referral"], risk="high")
    for days in (0, 1, 2, 7, 8, 9, 15):
        run(datetime(2026, 3, 30, 9, tzinfo=UTC) + days * DAY)
    assert [row.is_urgent for row in open_reminders_of(world.owner, "stalled") if row.escalated_from_id] == [
        True
    ]


def test_what_a_reader_has_seen_is_not_said_again_where_the_rule_ends_with_it(run: Run, world: World) -> None:
    cause = next(cause for cause in CAUSES if cause.code == "consent_recheck")
    cause.arrange(world)
    moment = datetime.fromisoformat(cause.spoken_from)
    run(moment)
    (reminder,) = open_reminders_of(world.owner, cause.code)
    reminder_pass.mark_reminder_seen(reminder.id, actor=world.caseworker, at=moment)
    for minutes in (1, 2, 60 * 24):
        run(moment + minutes * MINUTE)
        assert open_reminders_of(world.owner, cause.code) == []


def test_a_late_file_is_said_once_a_day_and_not_on_days_off(run: Run, world: World) -> None:
    cause = next(cause for cause in CAUSES if cause.code == "feed_late")
    cause.arrange(world)
    days = []
    for day in range(2, 12):
        for hour in (8, 10, 15):
            days.append(run(datetime(2026, 4, day, hour, tzinfo=UTC)).created)
    # The file of Thursday 2 April came; Good Friday to Easter Monday are off; then each working day once.
    assert [index // 3 + 2 for index, made in enumerate(days) if made] == [7, 8, 9, 10]


def test_an_area_that_hands_in_no_files_is_not_asked_for_any(run: Run, world: World) -> None:
    world.quiet_referral()
    a_file(world, datetime(2026, 1, 5, 8, tzinfo=UTC))
    run(datetime(2026, 4, 7, 12, tzinfo=UTC))
    assert open_reminders_of(world.owner, "feed_late") == []


def test_a_step_restarts_the_wait_and_giving_the_case_away_does_not(
    run: Run, world: World, make_actor: MakeActor
) -> None:
    referral_id = casework.assigned(world.caseworker)
    received_at = casework.referral(referral_id, world.caseworker).received_at
    senior, other = make_actor(Role.SENIOR), make_actor(Role.CASEWORKER)
    assert other.user_id is not None
    status.assign_referral(Command(senior, casework.MONDAY + DAY), referral_id, to_user_id=other.user_id)
    before = casework.referral(referral_id, world.caseworker).last_step_at
    assert before == received_at

    tried_at = casework.MONDAY + 3 * DAY
    casework.log_attempt(referral_id, world.caseworker, at=tried_at)
    assert casework.referral(referral_id, world.caseworker).last_step_at == tried_at


def test_only_a_senior_writes_a_rule_below_the_program_too(world: World, make_actor: MakeActor) -> None:
    insert = text(
        "INSERT INTO reminder_rule (code, version, is_on, offset_number, unit, direction, channel, changed_at, by_id)"
        " VALUES ('survey', 1, false, 5, 'days', 'after', 'digest', now(), :me)"
    )
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        transaction(world.caseworker) as session,
    ):
        session.execute(insert, {"me": world.caseworker.user_id})
    senior = make_actor(Role.SENIOR)
    with transaction(senior) as session:
        session.execute(insert, {"me": senior.user_id})
    with pytest.raises(NotAllowed):
        change_reminder_rule(Command(world.caseworker, casework.MONDAY), "survey", {}, reason="Why not")


def test_the_most_urgent_of_what_is_missing_is_made_first(run: Run, world: World) -> None:
    ids = [
        world.quiet_referral(next_due_on=datetime(2026, 4, day, tzinfo=UTC).date(), risk=risk)
        for day, risk in ((1, "standard"), (2, "standard"), (2, "high"))
    ]
    summary = reminder_pass.run_reminder_pass(
        actor=Actor.worker("test"), at=datetime(2026, 4, 2, 9, tzinfo=UTC), most=1
    )
    assert summary.created == 1
    (first,) = open_reminders_of(world.owner, "closing_checks")
    assert first.referral_id == ids[2]
    run(datetime(2026, 4, 2, 9, 1, tzinfo=UTC))
    assert len(open_reminders_of(world.owner, "closing_checks")) == 3
