"""Urgent e-mail to staff: claimed, gated, sent, settled. A real mail server, a real database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from tests.factories import casework
from tests.factories.casework import MONDAY
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.smtp import Sink
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.models import AuditEntry, Message, Outbox, Referral, Reminder, User
from victim_gateway.queries.reminders.open_reminders import list_reminders
from victim_gateway.services.messages import email_batches, sending
from victim_gateway.services.messages.send_checks import is_invented_address
from victim_gateway.services.messages.sending import SendingResult
from victim_gateway.services.referrals import status
from victim_gateway.services.reminders import reminder_pass
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import MessageState, Role

OVERDUE = MONDAY + timedelta(days=3)
LATER = OVERDUE + timedelta(hours=1)
Send = Callable[..., SendingResult]


@pytest.fixture
def mail(app: Flask, smtp: Sink) -> Iterator[Sink]:
    """A mail server that the app knows of."""
    usual = app.extensions["settings"]
    app.extensions["settings"] = replace(usual, smtp_url=smtp.url)
    yield smtp
    app.extensions["settings"] = usual


@pytest.fixture
def send(app: Flask, worker_actor: Actor) -> Send:
    return lambda at=OVERDUE: sending.send_due_messages(actor=worker_actor, at=at)


@pytest.fixture
def queued(mail: Sink, owner: Owner, caseworker: Actor, worker_actor: Actor) -> Callable[[int], None]:
    """So many overdue referrals of the caseworker's, each urgent and with its message."""

    def make(count: int = 1) -> None:
        for _ in range(count):
            casework.assigned(caseworker)
        assert reminder_pass.run_reminder_pass(actor=worker_actor, at=OVERDUE).messages == 0
        with owner() as session:
            session.execute(update(Reminder).values(is_urgent=True))
        assert reminder_pass.run_reminder_pass(actor=worker_actor, at=OVERDUE).messages == count

    return make


def rows(owner: Owner) -> list[Message]:
    with owner() as session:
        return list(session.scalars(select(Message).order_by(Message.created_at, Message.id)))


def test_an_email_has_a_reference_and_a_link_and_nothing_about_anybody(
    owner: Owner, mail: Sink, send: Send, queued: Callable[[int], None]
) -> None:
    queued(1)
    assert send() == SendingResult(sent=1)
    (received,) = mail.received
    with owner() as session:
        reminder = session.scalars(select(Reminder)).one()
        user = session.get_one(User, reminder.recipient_user_id)
    (message,) = rows(owner)
    assert received["Subject"] == f"Victim Gateway: something is due on {reminder.reference}"
    assert received["To"] == user.email
    assert received["Message-ID"] == f"<{message.id}@localhost>"
    assert received.get_content().splitlines() == [
        "Something is due on:",
        "",
        reminder.reference,
        "",
        "Sign in to see what:",
        f"http://127.0.0.1:8000/reminders/{reminder.id}",
        "",
        "Nobody reads answers to this e-mail.",
    ]


def test_a_message_is_sent_once(owner: Owner, mail: Sink, send: Send, queued: Callable[[int], None]) -> None:
    queued(1)
    assert [send().sent, send().sent, send(LATER).sent] == [1, 0, 0]
    (message,) = rows(owner)
    assert (message.state, message.attempts, message.leased_until) == (MessageState.SENT, 1, None)
    with owner() as session:
        assert session.scalars(select(AuditEntry.action)).all().count("message.sent") == 1


def test_many_at_once_go_in_one_email_that_lists_them(
    owner: Owner, mail: Sink, send: Send, queued: Callable[[int], None]
) -> None:
    queued(email_batches.MOST_SINGLE + 1)
    assert send() == SendingResult(sent=6)
    (received,) = mail.received
    with owner() as session:
        references = set(session.scalars(select(Referral.reference)))
    assert received["Subject"] == "Victim Gateway: 6 things are due"
    assert references <= set(received.get_content().splitlines())
    assert received.get_content().splitlines()[-3] == "http://127.0.0.1:8000/reminders"


def test_a_few_go_each_by_itself(mail: Sink, send: Send, queued: Callable[[int], None]) -> None:
    queued(email_batches.MOST_SINGLE)
    send()
    assert len(mail.received) == email_batches.MOST_SINGLE


def test_later_is_tried_again_with_the_same_message_id_after_growing_waits(
    owner: Owner, mail: Sink, send: Send, queued: Callable[[int], None]
) -> None:
    queued(6)
    mail.behaviour.recipient = "451 later"
    assert send() == SendingResult(put_off=6)
    (due,) = {message.next_attempt_at for message in rows(owner)}
    assert timedelta(seconds=60) <= due - OVERDUE <= timedelta(seconds=90)
    assert send(OVERDUE + timedelta(seconds=10)) == SendingResult()
    mail.behaviour.recipient = "250 fine"
    assert send(due) == SendingResult(sent=6)
    assert len(mail.received) == 1
    assert mail.received[0]["Message-ID"] == f"<{rows(owner)[0].parcel_id}@localhost>"


def test_a_server_that_is_away_is_not_asked_for_each_message(
    owner: Owner, mail: Sink, send: Send, queued: Callable[[int], None]
) -> None:
    queued(3)
    mail.behaviour.greeting = "421 too busy"
    assert send() == SendingResult(put_off=1)
    assert mail.connections == 1
    assert [message.attempts for message in rows(owner)] == [0, 0, 0], "nothing was delivered"
    later = OVERDUE
    for _ in range(email_batches.MAX_DELIVERIES + 2):
        later += timedelta(minutes=10)
        send(later)
    mail.behaviour.greeting = "220 back"
    assert send(later + timedelta(minutes=1)) == SendingResult(sent=3)


def test_after_five_tries_it_is_parked_and_its_reader_sees_that(
    owner: Owner, mail: Sink, send: Send, queued: Callable[[int], None], caseworker: Actor
) -> None:
    queued(1)
    mail.behaviour.recipient = "451 later"
    at = OVERDUE
    for _ in range(email_batches.MAX_DELIVERIES + 2):
        send(at)
        at += timedelta(hours=2)
    (message,) = rows(owner)
    assert (message.state, message.attempts) == (MessageState.PARKED, 5)
    with transaction(caseworker) as session:
        page = list_reminders(session, caseworker, shown="mine", at=OVERDUE)
    assert [row.email_problem for row in page.rows] == ["The mail server asked to try later (451)"]


def test_a_refusal_is_final_at_once(
    owner: Owner, mail: Sink, send: Send, queued: Callable[[int], None]
) -> None:
    queued(1)
    mail.behaviour.recipient = "550 nobody here"
    assert [send(), send(LATER)] == [SendingResult(failed=1), SendingResult()]
    (message,) = rows(owner)
    assert (message.state, message.problem) == (
        MessageState.FAILED,
        "The mail server refused the recipient (550)",
    )


def test_a_lost_answer_is_tried_once_more_and_never_a_third_time(
    owner: Owner, mail: Sink, send: Send, queued: Callable[[int], None]
) -> None:
    queued(1)
    mail.behaviour.hangs_up = True
    for hours in range(4):
        send(OVERDUE + timedelta(hours=hours))
    (message,) = rows(owner)
    assert message.state is MessageState.FAILED
    assert len(mail.received) == 2
    assert len({received["Message-ID"] for received in mail.received}) == 1


@pytest.mark.parametrize("was_handed_over", [True, False])
def test_what_a_dead_worker_was_sending_goes_again_once_and_what_it_had_not_begun_as_often_as_it_takes(
    owner: Owner,
    mail: Sink,
    send: Send,
    queued: Callable[[int], None],
    worker_actor: Actor,
    was_handed_over: bool,
) -> None:
    queued(1)
    outcomes = []
    for hours in range(5):
        at = OVERDUE + timedelta(hours=hours)
        with transaction(worker_actor) as session:
            parcel = email_batches.claim_email_batch(session, at)
            if parcel is None:
                break
            if was_handed_over:
                assert email_batches.begin_hand_over(session, parcel, at)
        assert sending.wake_senders(actor=worker_actor, at=at + timedelta(seconds=60)) == 0
        assert sending.wake_senders(actor=worker_actor, at=at + timedelta(minutes=3)) == 1
        outcomes.append(rows(owner)[0].state)
    expected = (
        [MessageState.QUEUED, MessageState.FAILED]
        if was_handed_over
        else [MessageState.QUEUED] * 4 + [MessageState.PARKED]
    )
    assert outcomes == expected
    assert send(LATER + timedelta(hours=6)) == SendingResult()


def test_a_worker_whose_lease_ran_out_hands_nothing_over(
    owner: Owner, mail: Sink, send: Send, queued: Callable[[int], None], worker_actor: Actor
) -> None:
    queued(1)
    with transaction(worker_actor) as session:
        slow = email_batches.claim_email_batch(session, OVERDUE)
    assert slow is not None
    sending.wake_senders(actor=worker_actor, at=LATER)
    assert send(LATER) == SendingResult(sent=1)
    with transaction(worker_actor) as session:
        assert not email_batches.begin_hand_over(session, slow, LATER)
    assert len(mail.received) == 1


def test_a_slow_worker_that_did_send_has_the_last_word(
    owner: Owner, mail: Sink, send: Send, queued: Callable[[int], None], worker_actor: Actor
) -> None:
    queued(1)
    with transaction(worker_actor) as session:
        parcel = email_batches.claim_email_batch(session, OVERDUE)
    assert parcel is not None
    sending.wake_senders(actor=worker_actor, at=LATER)
    with transaction(worker_actor) as session:
        email_batches.mark_sent(session, parcel, LATER)
    assert send(LATER) == SendingResult()


def test_a_slow_worker_that_failed_does_not_settle_what_another_has_taken(
    owner: Owner, mail: Sink, queued: Callable[[int], None], worker_actor: Actor
) -> None:
    queued(1)
    with transaction(worker_actor) as session:
        slow = email_batches.claim_email_batch(session, OVERDUE)
    sending.wake_senders(actor=worker_actor, at=LATER)
    with transaction(worker_actor) as session:
        email_batches.claim_email_batch(session, LATER)
    assert slow is not None
    with transaction(worker_actor) as session:
        email_batches.mark_failed(session, slow, LATER, "too late")
    assert rows(owner)[0].state is MessageState.SENDING


# the gate


def test_what_was_settled_meanwhile_is_not_sent(
    owner: Owner, mail: Sink, send: Send, queued: Callable[[int], None]
) -> None:
    queued(1)
    with owner() as session:
        session.execute(update(Reminder).values(resolved_at=OVERDUE))
    assert send() == SendingResult(not_sent=1)
    assert mail.connections == 0
    assert rows(owner)[0].state is MessageState.NOT_SENT


def test_a_closed_account_gets_nothing(
    owner: Owner, mail: Sink, send: Send, queued: Callable[[int], None], caseworker: Actor
) -> None:
    queued(1)
    with owner() as session:
        session.execute(update(User).where(User.id == caseworker.user_id).values(disabled_at=OVERDUE))
    assert send() == SendingResult(not_sent=1)


@pytest.mark.parametrize("role", [Role.MANAGER, Role.ADMIN, Role.AUDITOR, Role.PROVIDER])
def test_only_who_works_on_referrals_is_written_to(
    owner: Owner, mail: Sink, send: Send, queued: Callable[[int], None], caseworker: Actor, role: Role
) -> None:
    queued(1)
    with owner() as session:
        session.execute(update(User).where(User.id == caseworker.user_id).values(role=role))
    assert send() == SendingResult(not_sent=1)


def test_who_no_longer_has_the_referral_is_not_written_to(
    owner: Owner,
    mail: Sink,
    send: Send,
    queued: Callable[[int], None],
    worker_actor: Actor,
    make_actor: MakeActor,
) -> None:
    queued(1)
    senior, colleague = make_actor(Role.SENIOR), make_actor(Role.CASEWORKER)
    with owner() as session:
        referral_id = session.scalar(select(Referral.id))
    assert referral_id is not None
    status.assign_referral(Command(senior, OVERDUE), referral_id, to_user_id=colleague.user_id)
    reminder_pass.run_reminder_pass(actor=worker_actor, at=OVERDUE)
    assert send() == SendingResult(sent=1, not_sent=1)
    with owner() as session:
        assert mail.envelopes[0][1] == session.get_one(User, colleague.user_id).email


def test_a_restricted_referral_is_kept_from_who_is_not_named(
    owner: Owner, mail: Sink, send: Send, queued: Callable[[int], None]
) -> None:
    queued(1)
    with owner() as session:
        session.execute(update(Referral).values(restricted=True))
    assert send() == SendingResult(not_sent=1)


def test_outside_production_a_real_address_is_refused_where_people_see_it(
    owner: Owner, mail: Sink, send: Send, queued: Callable[[int], None], caseworker: Actor
) -> None:
    queued(1)
    with owner() as session:
        user = update(User).where(User.id == caseworker.user_id)
        session.execute(user.values(email="sam@staffordshire.police.uk"))
    assert send() == SendingResult(not_sent=1)
    assert mail.connections == 0
    assert rows(owner)[0].state is MessageState.FAILED


@pytest.mark.parametrize(
    ("address", "invented"),
    [
        ("a@example.com", True),
        ("a@mail.example.org", True),
        ("a@demo.example", True),
        ("a@team.test", True),
        ("a@localhost", True),
        ("a@myexample.com", False),
        ("a@example.com.police.uk", False),
        ("a@police.uk", False),
        ("localhost", True),
    ],
)
def test_invented_addresses_are_known_by_their_domain(address: str, invented: bool) -> None:
    assert is_invented_address(address) is invented


def test_a_reminder_that_comes_back_sends_what_was_held_back(
    owner: Owner, mail: Sink, send: Send, queued: Callable[[int], None], worker_actor: Actor
) -> None:
    queued(1)
    with owner() as session:
        session.execute(update(Reminder).values(resolved_at=OVERDUE))
    send()
    assert reminder_pass.run_reminder_pass(actor=worker_actor, at=OVERDUE).messages == 1
    assert send() == SendingResult(sent=1)


def test_a_worker_is_woken_once_while_it_has_not_been_told(
    owner: Owner, queued: Callable[[int], None], worker_actor: Actor
) -> None:
    queued(1)
    with owner() as session:
        session.execute(update(Outbox).values(published_at=None))
    for _ in range(3):
        sending.wake_senders(actor=worker_actor, at=LATER)
    with owner() as session:
        assert len(session.scalars(select(Outbox)).all()) == 1
