"""After a time without passes: nothing past is sent, all of it is listed, and what is still right is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from tests.factories import casework
from tests.factories.casework import MONDAY
from tests.integration.onward_referrals.arrange import Given, a_provider
from tests.integration.reminders.arrange import World, a_file, open_reminders_of
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.models import Message, Referral, Reminder, ReminderGap
from victim_gateway.queries.reminders.rule_figures import passed_reminders, rule_figures
from victim_gateway.services.messages.digest_contents import read_digest
from victim_gateway.services.reminders import reminder_pass
from victim_gateway.services.reminders.reminder_pass import ReminderPassSummary
from victim_gateway.vocabulary import ReminderKind, Role

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
Run = Callable[[datetime], ReminderPassSummary]


@pytest.fixture
def run(app: Flask, worker_actor: Actor) -> Run:
    return lambda at: reminder_pass.run_reminder_pass(actor=worker_actor, at=at)


@pytest.fixture
def mail(app: Flask) -> Iterator[None]:
    usual = app.extensions["settings"]
    app.extensions["settings"] = replace(usual, smtp_url="smtp://127.0.0.1:9")
    yield
    app.extensions["settings"] = usual


@pytest.fixture
def given(owner: Owner, make_actor: MakeActor) -> Given:
    return a_provider(owner, make_actor)


def gaps(owner: Owner) -> list[tuple[datetime, datetime, int]]:
    with owner() as session:
        return [
            tuple(row)
            for row in session.execute(select(ReminderGap.from_at, ReminderGap.until_at, ReminderGap.passed))
        ]


def test_two_days_off_send_nothing_past_and_list_all_of_it(
    run: Run, mail: None, owner: Owner, caseworker: Actor, make_actor: MakeActor
) -> None:
    # Due on Wednesday: the day before, Tuesday, would have said so. The service is away from Monday to Thursday.
    casework.assigned(caseworker)
    run(MONDAY + timedelta(hours=1))
    back = MONDAY + 3 * DAY
    summary = run(back)

    # Nothing of it is urgent: the digest says it.
    assert (summary.created, summary.messages) == (1, 0)
    (now,) = open_reminders_of(owner, "first_contact")
    assert now.kind is ReminderKind.ACTION_OVERDUE
    with owner() as session:
        assert session.scalars(select(Message.id)).all() == []
        others = session.scalars(select(Reminder.kind).where(Reminder.id != now.id)).all()
        assert caseworker.user_id is not None
        digest = read_digest(session, caseworker.user_id, back)
    assert others == [ReminderKind.ACTION_DUE]
    # What passed, the day before, is in no digest; what is still so is, once.
    assert [len(references) for references in digest.values()] == [1]
    assert gaps(owner) == [(MONDAY + timedelta(hours=1), back, 1)]
    senior = make_actor(Role.SENIOR)
    with transaction(senior) as session:
        (passed,) = passed_reminders(session)
        assert (passed.rule_code, passed.due_on) == ("first_contact", (MONDAY + 2 * DAY).date())
        assert rule_figures(session, back)["first_contact"].expired == 1
    # Said once: the passes that follow list nothing anew.
    assert run(back + MINUTE).created == 0
    assert len(gaps(owner)) == 1


def test_what_was_said_before_is_not_listed_as_passed(run: Run, owner: Owner, caseworker: Actor) -> None:
    casework.assigned(caseworker)
    run(MONDAY + DAY)
    run(MONDAY + 3 * DAY)
    assert [passed for *_, passed in gaps(owner)] == [0]


@pytest.mark.parametrize(
    "change",
    [datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)],
    ids=["clocks forward", "clocks back"],
)
def test_a_weekend_away_over_a_change_of_the_clock(
    run: Run, owner: Owner, caseworker: Actor, make_actor: MakeActor, given: Given, change: datetime
) -> None:
    world = World(owner, caseworker, make_actor, given)
    monday = (change + DAY).date()
    world.quiet_referral(next_due_on=monday)
    a_file(world, change - 2 * DAY - timedelta(hours=1))
    friday = change - 2 * DAY + timedelta(hours=8)
    run(friday)
    # On the Friday the Monday is said; nothing passes over the weekend, and before ten no file is late.
    assert [row.kind for row in open_reminders_of(owner, "closing_checks")] == [ReminderKind.ACTION_DUE]
    run(change + DAY)
    assert [passed for *_, passed in gaps(owner)] == [0]
    assert open_reminders_of(owner, "feed_late") == []


def test_a_late_file_of_a_day_off_is_listed_and_not_sent(
    run: Run, mail: None, owner: Owner, caseworker: Actor, make_actor: MakeActor, given: Given
) -> None:
    world = World(owner, caseworker, make_actor, given)
    make_actor(Role.SENIOR)
    world.quiet_referral()
    a_file(world, datetime(2026, 3, 2, 8, tzinfo=UTC))
    run(datetime(2026, 3, 2, 9, tzinfo=UTC))
    a_file(world, datetime(2026, 3, 5, 8, tzinfo=UTC))
    assert run(datetime(2026, 3, 5, 11, tzinfo=UTC)).messages == 0
    with transaction(make_actor(Role.SENIOR)) as session:
        listed = [(row.rule_code, row.due_on) for row in passed_reminders(session)]
    assert listed == [("feed_late", date(2026, 3, 3)), ("feed_late", date(2026, 3, 4))]


def test_after_a_pause_no_longer_than_a_release_nothing_is_looked_back_at(
    run: Run, owner: Owner, caseworker: Actor
) -> None:
    casework.assigned(caseworker)
    run(MONDAY)
    run(MONDAY + timedelta(minutes=20))
    assert gaps(owner) == []


def test_a_catch_up_comes_in_parts(owner: Owner, caseworker: Actor, worker_actor: Actor) -> None:
    for _ in range(3):
        casework.assigned(caseworker)
    back = MONDAY + 9 * DAY
    made = [
        reminder_pass.run_reminder_pass(actor=worker_actor, at=back + minutes * MINUTE, most=2).created
        for minutes in range(3)
    ]
    assert made == [2, 1, 0]
    with owner() as session:
        assert len(session.scalars(select(Referral.id)).all()) == 3
