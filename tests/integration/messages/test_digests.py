"""One digest for each reader and day, at their hour, of what is true when it leaves. A real mail server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from tests.factories import casework
from tests.integration.onward_referrals.arrange import a_provider, offered
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.smtp import Sink
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, StaleVersion
from victim_gateway.models import (
    AuditEntry,
    DigestSchedule,
    Message,
    Referral,
    Reminder,
    ReminderRuleSetting,
    Task,
    User,
)
from victim_gateway.reminder_vocabulary import ReminderChannel, ReminderDirection, ReminderUnit
from victim_gateway.rules.mail_times import MailTimes
from victim_gateway.services.messages import digests, mail_preferences, sending
from victim_gateway.services.messages.sending import SendingResult
from victim_gateway.services.referrals import notes
from victim_gateway.services.referrals.notes import NewNote
from victim_gateway.services.reminders import reminder_pass
from victim_gateway.services.shared.command import Command
from victim_gateway.times import from_london_wall, london_date
from victim_gateway.vocabulary import MessageState, ReminderKind, Role, TaskKind

# A Monday, and the working day on which a first contact of that day is overdue.
RECEIVED = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
THURSDAY = date(2026, 3, 5)
Tick = Callable[[datetime], SendingResult]


def london(day: date, hour: int, minute: int = 0) -> datetime:
    return from_london_wall(datetime.combine(day, time(hour, minute)))


@pytest.fixture
def mail(app: Flask, smtp: Sink) -> Iterator[Sink]:
    usual = app.extensions["settings"]
    app.extensions["settings"] = replace(usual, smtp_url=smtp.url)
    yield smtp
    app.extensions["settings"] = usual


@pytest.fixture
def tick(mail: Sink, worker_actor: Actor) -> Tick:
    """What the minute's sweeps do: the pass, the digests that are due, the sending."""

    def run(at: datetime) -> SendingResult:
        reminder_pass.run_reminder_pass(actor=worker_actor, at=at)
        digests.queue_due_digests(actor=worker_actor, at=at)
        return sending.send_due_messages(actor=worker_actor, at=at)

    return run


def only_state(owner: Owner) -> MessageState:
    with owner() as session:
        return session.scalars(select(Message)).one().state


def body(mail: Sink, index: int = -1) -> list[str]:
    return mail.received[index].get_content().splitlines()


def test_a_reader_gets_one_digest_at_eight_by_parts_with_references_and_one_link(
    owner: Owner, mail: Sink, tick: Tick, caseworker: Actor
) -> None:
    for _ in range(3):
        casework.assigned(caseworker, at=RECEIVED)
    tick(london(THURSDAY, 7, 58))
    assert mail.received == []
    for minute in range(4):
        tick(london(THURSDAY, 8, minute))
    (received,) = mail.received
    with owner() as session:
        references = list(session.scalars(select(Referral.reference).order_by(Referral.reference)))
        email = session.get_one(User, caseworker.user_id).email
    assert received["To"] == email
    assert received["Subject"] == "Victim Gateway: 3 overdue on 5 March"
    lines = body(mail)
    assert (lines[0], sorted(lines[1:4]), lines[4]) == ("Overdue:", references, "")
    assert lines[5:] == [
        "Sign in to see what:",
        "http://127.0.0.1:8000/reminders",
        "",
        "Nobody reads answers to this e-mail.",
    ]
    for hour in range(9, 20):
        tick(london(THURSDAY, hour))
    assert len(mail.received) == 1, "one a day, whatever happens"


def test_what_is_overdue_is_said_again_the_next_working_day_and_what_was_settled_is_said_once(
    owner: Owner, mail: Sink, tick: Tick, caseworker: Actor
) -> None:
    stays, goes = (casework.assigned(caseworker, at=RECEIVED) for _ in range(2))
    tick(london(THURSDAY, 7))
    tick(london(THURSDAY, 8))
    with owner() as session:
        reference = {row.id: row.reference for row in session.scalars(select(Referral))}
        session.execute(
            update(Reminder).where(Reminder.referral_id == goes).values(resolved_at=london(THURSDAY, 9))
        )
        session.execute(update(Referral).where(Referral.id == goes).values(next_action="nothing"))
    tick(london(THURSDAY + timedelta(days=1), 8))
    assert body(mail)[:5] == ["Overdue:", reference[stays], "", "No longer asked of you:", reference[goes]]
    friday = len(mail.received)
    for days in (2, 3):
        tick(london(THURSDAY + timedelta(days=days), 8, 30))
    assert len(mail.received) == friday == 2, "not on Saturday or Sunday"
    tick(london(THURSDAY + timedelta(days=4), 8))
    assert body(mail)[:3] == ["Overdue:", reference[stays], ""]


def test_with_nothing_new_and_nothing_overdue_there_is_none(
    owner: Owner, mail: Sink, tick: Tick, caseworker: Actor, worker_actor: Actor
) -> None:
    casework.assigned(caseworker, at=RECEIVED)
    tick(london(date(2026, 3, 3), 7))
    tick(london(date(2026, 3, 3), 8))
    (first,) = mail.received
    assert first.get_content().splitlines()[0] == "New:"
    # what was new yesterday, and is still to come today
    tomorrow = london(date(2026, 3, 4), 8)
    with owner() as session:
        session.execute(update(Reminder).values(due_on=date(2026, 3, 5)))
    assert digests.queue_due_digests(actor=worker_actor, at=tomorrow) == 0
    with owner() as session:
        session.execute(update(Reminder).values(due_on=date(2026, 3, 3)))
        session.execute(update(DigestSchedule).values(next_at=tomorrow, last_on=date(2026, 3, 3)))
    assert digests.queue_due_digests(actor=worker_actor, at=tomorrow) == 1


def test_what_a_rule_shows_on_pages_alone_stands_in_no_digest(
    owner: Owner, mail: Sink, tick: Tick, caseworker: Actor
) -> None:
    casework.assigned(caseworker, at=RECEIVED)
    tick(london(THURSDAY, 7))
    with owner() as session:
        session.execute(update(Reminder).values(rule_code="partner_duty"))
        session.add(
            ReminderRuleSetting(
                code="partner_duty",
                version=1,
                is_on=True,
                offset_number=1,
                unit=ReminderUnit.WORKING_DAYS,
                direction=ReminderDirection.AFTER,
                channel=ReminderChannel.SERVICE,
                changed_at=RECEIVED,
                by_id=caseworker.user_id,
            )
        )
    tick(london(THURSDAY, 8))
    assert mail.received == []


def test_what_was_settled_before_it_left_is_not_in_it_and_an_empty_one_does_not_leave(
    owner: Owner, mail: Sink, tick: Tick, caseworker: Actor, worker_actor: Actor
) -> None:
    casework.assigned(caseworker, at=RECEIVED)
    at = london(THURSDAY, 8)
    tick(london(THURSDAY, 7))
    assert digests.queue_due_digests(actor=worker_actor, at=at) == 1
    with owner() as session:
        session.execute(update(Reminder).values(resolved_at=at))
    assert sending.send_due_messages(actor=worker_actor, at=at) == SendingResult(not_sent=1)
    assert (mail.connections, only_state(owner)) == (0, MessageState.NOT_SENT)


def test_a_restricted_referral_stands_in_no_digest_of_who_is_not_named(
    owner: Owner, mail: Sink, tick: Tick, caseworker: Actor
) -> None:
    casework.assigned(caseworker, at=RECEIVED)
    tick(london(THURSDAY, 7))
    with owner() as session:
        session.execute(update(Referral).values(restricted=True))
    tick(london(THURSDAY, 8))
    assert mail.received == []


def test_a_note_is_announced_as_a_note(
    owner: Owner, mail: Sink, tick: Tick, caseworker: Actor, make_actor: MakeActor
) -> None:
    given = a_provider(owner, make_actor)
    monday = date(2026, 3, 2)
    tick(london(monday, 7))
    onward_id = offered(caseworker, given, at=london(monday, 9))
    tick(london(monday, 10))
    notes.write_provider_note(
        Command(given.provider, london(monday, 11)), onward_id, NewNote("Days", "Mondays only")
    )
    with owner() as session:
        note = session.scalars(select(Reminder).where(Reminder.kind == ReminderKind.NOTE_WRITTEN)).one()
        session.execute(update(Reminder).where(Reminder.id != note.id).values(resolved_at=london(monday, 11)))
    mail.received.clear()
    digests.queue_due_digests(actor=Actor.worker("tests"), at=london(monday + timedelta(days=1), 8))
    sending.send_due_messages(actor=Actor.worker("tests"), at=london(monday + timedelta(days=1), 8))
    with owner() as session:
        email = session.get_one(User, caseworker.user_id).email
    (received,) = [one for one in mail.received if one["To"] == email]
    assert received["Subject"] == "Victim Gateway: 1 note on 3 March"
    assert received.get_content().splitlines()[:2] == ["There is a note for you:", note.reference]


def test_after_two_days_off_there_is_todays_digest_and_none_of_the_days_before(
    owner: Owner, mail: Sink, tick: Tick, caseworker: Actor
) -> None:
    casework.assigned(caseworker, at=RECEIVED)
    tick(london(date(2026, 3, 3), 7))
    # nothing ran from Tuesday to Thursday at two
    tick(london(THURSDAY, 14))
    assert [one["Subject"] for one in mail.received] == ["Victim Gateway: 1 overdue on 5 March"]


def test_a_digest_that_was_not_sent_on_its_day_has_expired_and_says_so(
    owner: Owner, mail: Sink, tick: Tick, caseworker: Actor, worker_actor: Actor
) -> None:
    casework.assigned(caseworker, at=RECEIVED)
    tick(london(THURSDAY, 7))
    mail.behaviour.greeting = "421 too busy"
    tick(london(THURSDAY, 8))
    assert only_state(owner) is MessageState.QUEUED
    mail.behaviour.greeting = "220 back"
    assert sending.send_due_messages(
        actor=worker_actor, at=london(THURSDAY + timedelta(days=1), 0, 5)
    ) == SendingResult(not_sent=1)
    assert (mail.received, only_state(owner)) == ([], MessageState.EXPIRED)


@pytest.mark.parametrize("change", [date(2026, 3, 27), date(2026, 10, 23)])
def test_across_a_clock_change_each_working_day_has_one_digest_at_eight_by_the_wall(
    owner: Owner, mail: Sink, tick: Tick, caseworker: Actor, change: date
) -> None:
    casework.assigned(caseworker, at=london(change - timedelta(days=4), 9))
    at, end = london(change, 6, 30), london(change + timedelta(days=4), 12)
    while at < end:
        tick(at)
        at += timedelta(minutes=30)
    days = [change, change + timedelta(days=3), change + timedelta(days=4)]
    assert [one["Date"].datetime for one in mail.received] == [london(day, 8) for day in days]


def test_what_was_said_at_once_is_not_new_in_the_digest(
    owner: Owner, mail: Sink, tick: Tick, caseworker: Actor, worker_actor: Actor
) -> None:
    tuesday = date(2026, 3, 3)
    tick(london(tuesday, 7))
    _urgent(owner, caseworker, worker_actor, london(tuesday, 10))
    with owner() as session:
        session.execute(update(Reminder).values(due_on=date(2026, 3, 30)))
    sending.send_due_messages(actor=worker_actor, at=london(tuesday, 10))
    assert len(mail.received) == 1
    assert digests.queue_due_digests(actor=worker_actor, at=london(date(2026, 3, 4), 8)) == 0


@pytest.mark.parametrize(
    ("at", "leaves"),
    [
        (london(THURSDAY, 17, 59), london(THURSDAY, 17, 59)),
        (london(THURSDAY, 18), london(THURSDAY + timedelta(days=1), 8)),
        (london(THURSDAY, 3), london(THURSDAY, 8)),
    ],
)
def test_what_is_urgent_waits_for_the_end_of_quiet_hours(
    owner: Owner, mail: Sink, caseworker: Actor, worker_actor: Actor, at: datetime, leaves: datetime
) -> None:
    _urgent(owner, caseworker, worker_actor, at)
    sending.send_due_messages(actor=worker_actor, at=at)
    assert len(mail.received) == (leaves == at)
    if leaves > at:
        sending.send_due_messages(actor=worker_actor, at=leaves - timedelta(seconds=1))
        assert mail.received == []
        assert sending.send_due_messages(actor=worker_actor, at=leaves) == SendingResult(sent=1)


def test_a_rule_for_the_on_call_leaves_in_quiet_hours(
    app: Flask, owner: Owner, mail: Sink, caseworker: Actor, worker_actor: Actor
) -> None:
    at = london(THURSDAY, 23)
    _urgent(owner, caseworker, worker_actor, at)
    with owner() as session:
        session.execute(update(Reminder).values(rule_code="high_risk_review"))
    settings = app.extensions["settings"]
    area = replace(settings.area, mail=replace(settings.area.mail, on_call_rules=("high_risk_review",)))
    app.extensions["settings"] = replace(settings, area=area)
    assert sending.send_due_messages(actor=worker_actor, at=at) == SendingResult(sent=1)


def test_who_wants_nothing_at_once_finds_it_in_the_digest(
    owner: Owner, mail: Sink, tick: Tick, caseworker: Actor, worker_actor: Actor
) -> None:
    times = MailTimes(time(10, 30), (0, 1, 2, 3, 4), None, None, at_once=False)
    mail_preferences.change_mail_times(Command(caseworker, RECEIVED), times)
    tick(london(THURSDAY, 7))
    _urgent(owner, caseworker, worker_actor, london(THURSDAY, 7))
    for hour, minute in ((8, 0), (10, 29)):
        tick(london(THURSDAY, hour, minute))
    assert mail.received == []
    tick(london(THURSDAY, 10, 30))
    assert [one["Subject"] for one in mail.received] == ["Victim Gateway: 1 overdue on 5 March"]


def test_what_expired_is_not_sent_and_is_marked_for_the_list(
    owner: Owner, mail: Sink, caseworker: Actor, worker_actor: Actor
) -> None:
    at = london(THURSDAY, 9)
    _urgent(owner, caseworker, worker_actor, at)
    with owner() as session:
        session.execute(update(Reminder).values(expires_at=at + timedelta(hours=1)))
    late = at + timedelta(hours=1)
    assert sending.send_due_messages(actor=worker_actor, at=late) == SendingResult(not_sent=1)
    assert (mail.connections, only_state(owner)) == (0, MessageState.EXPIRED)


def test_a_backlog_leaves_at_the_areas_rate(
    app: Flask, owner: Owner, mail: Sink, caseworker: Actor, worker_actor: Actor, make_actor: MakeActor
) -> None:
    at = london(THURSDAY, 9)
    for _ in range(5):
        casework.assigned(make_actor(Role.CASEWORKER), at=RECEIVED)
    reminder_pass.run_reminder_pass(actor=worker_actor, at=at)
    with owner() as session:
        session.execute(update(Reminder).values(is_urgent=True))
    reminder_pass.run_reminder_pass(actor=worker_actor, at=at)
    settings = app.extensions["settings"]
    area = replace(settings.area, mail=replace(settings.area.mail, messages_per_minute=2))
    app.extensions["settings"] = replace(settings, area=area)
    sent = [
        sending.send_due_messages(actor=worker_actor, at=at + timedelta(seconds=30 * half)).sent
        for half in range(7)
    ]
    assert sent == [2, 0, 2, 0, 1, 0, 0]


def test_the_times_are_saved_audited_and_a_stale_save_is_refused(owner: Owner, caseworker: Actor) -> None:
    times = MailTimes(time(7, 30), (0, 2), time(20), time(7), at_once=True)
    mail_preferences.change_mail_times(Command(caseworker, RECEIVED, version=0), times)
    with transaction(caseworker) as session:
        assert mail_preferences.own_mail_times(session, caseworker) == mail_preferences.ReaderTimes(times, 1)
    with pytest.raises(StaleVersion):
        mail_preferences.change_mail_times(Command(caseworker, RECEIVED, version=0), times)
    with owner() as session:
        assert session.scalars(select(AuditEntry.action)).all().count("mail_times.changed") == 1


@pytest.mark.parametrize(
    "times",
    [
        MailTimes(time(8), (), None, None),
        MailTimes(time(8), (7,), None, None),
        MailTimes(time(8), (0,), time(18), None),
        MailTimes(time(8), (0,), time(18), time(18)),
    ],
)
def test_times_that_can_not_be_are_refused(caseworker: Actor, times: MailTimes) -> None:
    with pytest.raises(InvalidInput):
        mail_preferences.change_mail_times(Command(caseworker, RECEIVED), times)


def test_a_later_hour_chosen_after_todays_digest_brings_no_second_one(
    owner: Owner, mail: Sink, tick: Tick, caseworker: Actor
) -> None:
    casework.assigned(caseworker, at=RECEIVED)
    tick(london(THURSDAY, 7))
    tick(london(THURSDAY, 8))
    later = MailTimes(time(15), (0, 1, 2, 3, 4), None, None)
    mail_preferences.change_mail_times(Command(caseworker, london(THURSDAY, 9)), later)
    tick(london(THURSDAY, 15))
    assert len(mail.received) == 1
    with owner() as session:
        schedule = session.get_one(DigestSchedule, caseworker.user_id)
    assert london_date(schedule.next_at) == THURSDAY + timedelta(days=1)


def test_a_digest_that_is_refused_for_good_is_a_task_on_what_it_was_about(
    owner: Owner, mail: Sink, tick: Tick, caseworker: Actor
) -> None:
    referral_id = casework.assigned(caseworker, at=RECEIVED)
    tick(london(THURSDAY, 7))
    mail.behaviour.recipient = "550 nobody here"
    tick(london(THURSDAY, 8))
    with owner() as session:
        task = session.scalars(select(Task).where(Task.kind == TaskKind.MESSAGE_FAILED)).one()
    assert (task.referral_id, task.details["about"]) == (referral_id, "digest")


def _urgent(owner: Owner, caseworker: Actor, worker: Actor, at: datetime) -> None:
    casework.assigned(caseworker, at=RECEIVED)
    reminder_pass.run_reminder_pass(actor=worker, at=at)
    with owner() as session:
        session.execute(update(Reminder).values(is_urgent=True))
    reminder_pass.run_reminder_pass(actor=worker, at=at)
