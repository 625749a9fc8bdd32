"""A provider is told at once: one e-mail to each of its own accounts, in the transaction of what it tells of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select, update

from tests.factories import casework
from tests.integration.onward_referrals.arrange import MORNING, Given, a_provider, a_referral, offered
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.smtp import Sink
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, TransitionNotAllowed
from victim_gateway.models import AuditEntry, Message, OnwardReferral, ProviderNotice, Task, User
from victim_gateway.queries.operations.failed_messages import failed_message_counts
from victim_gateway.services import onward_referrals
from victim_gateway.services.messages import failed_messages, sending
from victim_gateway.services.messages.sending import SendingResult
from victim_gateway.services.operations import health
from victim_gateway.services.referrals import entered_in_error
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    MessageState,
    NextAction,
    NoticeKind,
    Role,
    SafeAnswer,
    TaskKind,
    WithdrawReason,
)

HOUR = timedelta(hours=1)
SECRETS = ("Wilma", "Ashdown", "07700", "bluebell", "Burglary", "no_longer_safe", "Mill Lane")
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
    return lambda at=MORNING + HOUR: sending.send_due_messages(actor=worker_actor, at=at)


@pytest.fixture
def new_era(owner: Owner, make_actor: MakeActor) -> Given:
    return a_provider(owner, make_actor, "new-era")


def address_of(owner: Owner, actor: Actor) -> str:
    with owner() as session:
        return session.get_one(User, actor.user_id).email


def referral_of(owner: Owner, onward_id: UUID) -> UUID:
    with owner() as session:
        return session.get_one(OnwardReferral, onward_id).referral_id


def failure_task(owner: Owner) -> Task:
    with owner() as session:
        waiting = select(Task).where(Task.kind == TaskKind.MESSAGE_FAILED, Task.done_at.is_(None))
        return session.scalars(waiting).one()


def states(owner: Owner) -> list[MessageState]:
    with owner() as session:
        return list(session.scalars(select(Message.state).order_by(Message.created_at, Message.id)))


def test_each_thing_is_told_at_once_with_what_to_do_by_when_and_to_nobody_else(
    owner: Owner, mail: Sink, send: Send, caseworker: Actor, make_actor: MakeActor, new_era: Given
) -> None:
    a_provider(owner, make_actor, "rj-hub")
    closed = make_actor(Role.PROVIDER, organisation="new-era")
    with owner() as session:
        session.execute(update(User).where(User.id == closed.user_id).values(disabled_at=MORNING))
    onward_id = offered(caseworker, new_era)
    assert send() == SendingResult(sent=1)
    onward_referrals.request_information(Command(new_era.provider, MORNING + HOUR), onward_id, text="Where?")
    onward_referrals.answer_request(Command(caseworker, MORNING + HOUR), onward_id, text="In Stafford.")
    assert send() == SendingResult(sent=1)
    casework.record_plan(
        referral_of(owner, onward_id),
        caseworker,
        casework.safe_to_phone(safe=SafeAnswer.NO, channels={}),
        at=MORNING + 2 * HOUR,
    )
    assert send(MORNING + 2 * HOUR) == SendingResult(sent=1)
    onward_referrals.withdraw_onward_referral(
        Command(caseworker, MORNING + 3 * HOUR), onward_id, reason=WithdrawReason.NO_LONGER_SAFE
    )
    assert [send(MORNING + 3 * HOUR), send(MORNING + 4 * HOUR)] == [SendingResult(sent=1), SendingResult()]

    with owner() as session:
        reference = session.get_one(OnwardReferral, onward_id).reference
    bodies = [message.get_content() for message in mail.received]
    assert [message["Subject"] for message in mail.received] == [
        f"Victim Gateway: New referral to answer, {reference}",
        f"Victim Gateway: Your question is answered, {reference}",
        f"Victim Gateway: Safe contact changed, {reference}",
        f"Victim Gateway: Taken back, {reference}",
    ]
    assert bodies[0].splitlines() == [
        f"Referral {reference}",
        "A new referral waits for your answer.",
        "What to do: Accept it, ask a question or decline it.",
        "By when: Thursday 16 July 2026.",
        "",
        "Sign in to see what:",
        f"http://127.0.0.1:8000/onward-referrals/{onward_id}",
        "",
        "Nobody reads answers to this e-mail.",
    ]
    assert "By when: Before you contact the person again, and by Wednesday 15 July 2026." in bodies[2]
    assert "By when: At once." in bodies[3]
    assert "http://127.0.0.1:8000/inbox" in bodies[3].splitlines()
    assert not [secret for secret in SECRETS for body in bodies if secret in body]
    assert {to for _, to in mail.envelopes} == {address_of(owner, new_era.provider)}


def test_what_is_no_longer_so_or_was_said_again_does_not_leave(
    owner: Owner, mail: Sink, send: Send, caseworker: Actor, new_era: Given
) -> None:
    onward_id = offered(caseworker, new_era)
    referral_id = referral_of(owner, onward_id)
    for minutes, number in ((1, "07700 900111"), (2, "07700 900112"), (3, "07700 900112")):
        plan = casework.safe_to_phone(number=number)
        casework.record_plan(referral_id, caseworker, plan, at=MORNING + timedelta(minutes=minutes))
    assert send(MORNING + timedelta(minutes=4)) == SendingResult(sent=2, not_sent=1)
    onward_referrals.accept_onward_referral(Command(new_era.provider, MORNING + HOUR), onward_id)
    with owner() as session:
        session.execute(update(Message).values(state=MessageState.QUEUED, parcel_id=None))
    onward_referrals.withdraw_onward_referral(
        Command(caseworker, MORNING + 2 * HOUR),
        onward_id,
        reason=WithdrawReason.PERSON_SAID_NO,
        text="She said so",
    )
    mail.received.clear()
    assert send(MORNING + 2 * HOUR) == SendingResult(sent=1, not_sent=3)
    assert ["Taken back" in message["Subject"] for message in mail.received] == [True]


def test_an_offer_that_ran_out_tells_the_provider(
    owner: Owner, mail: Sink, send: Send, caseworker: Actor, new_era: Given, worker_actor: Actor
) -> None:
    offered(caseworker, new_era)
    later = MORNING + timedelta(days=60)
    assert onward_referrals.expire_unanswered_offers(Command(worker_actor, later)) == 1
    assert send(later) == SendingResult(sent=1, not_sent=1)
    assert "Offer ended" in mail.received[0]["Subject"]


def test_many_at_once_go_in_one_email_with_a_line_for_each(
    mail: Sink, send: Send, caseworker: Actor, new_era: Given
) -> None:
    for _ in range(6):
        offered(caseworker, new_era)
    assert send() == SendingResult(sent=6)
    (received,) = mail.received
    assert received["Subject"] == "Victim Gateway: 6 changes to referrals"
    assert received.get_content().count("What to do: Accept it, ask a question or decline it.") == 6


def test_without_a_mail_server_the_notice_is_there_all_the_same(
    owner: Owner, caseworker: Actor, new_era: Given
) -> None:
    onward_id = offered(caseworker, new_era)
    with owner() as session:
        notice = session.scalars(select(ProviderNotice)).one()
    assert (notice.kind, notice.onward_referral_id) == (NoticeKind.NEW_OFFER, onward_id)
    assert states(owner) == []


def test_an_email_that_is_refused_for_good_is_a_task_until_somebody_deals_with_it(
    app: Flask, owner: Owner, mail: Sink, send: Send, caseworker: Actor, make_actor: MakeActor, new_era: Given
) -> None:
    mail.behaviour.recipient = "550 nobody here"
    referral_id = referral_of(owner, offered(caseworker, new_era))
    assert send() == SendingResult(failed=1)
    task = failure_task(owner)
    assert (task.referral_id, f"{task.due_on}") == (referral_id, "2026-07-15")
    assert task.details["problem"] == "The mail server refused the recipient (550)"
    assert address_of(owner, new_era.provider) not in f"{task.details}"
    counted = failed_message_counts(actor=make_actor(Role.ADMIN))
    assert [(item.problem, item.count) for item in counted] == [(task.details["problem"], 1)]
    checks = health.check_health(app.extensions["settings"], actor=Actor.worker("tests"), at=MORNING)
    found = {check.name: check for check in checks}["messages"]
    assert (found.is_right, found.is_warning) == (True, True)
    assert found.finding == "1 e-mail could not be delivered, the oldest of 14 July 2026"

    again = Command(caseworker, MORNING + 2 * HOUR, submission_id=uuid4())
    failed_messages.retry_failed_messages(again, referral_id, task_id=task.id)
    assert send(MORNING + 2 * HOUR) == SendingResult(failed=1)
    second = failure_task(owner)
    assert second.id != task.id
    with pytest.raises(InvalidInput):
        failed_messages.record_other_contact(
            Command(caseworker, MORNING + 3 * HOUR), referral_id, task_id=second.id, how=" "
        )
    failed_messages.record_other_contact(
        Command(caseworker, MORNING + 3 * HOUR), referral_id, task_id=second.id, how="Rang the duty worker"
    )
    assert states(owner) == [MessageState.NOT_SENT]
    assert TaskKind.MESSAGE_FAILED not in casework.open_tasks(referral_id, caseworker)
    with owner() as session:
        entries = session.scalars(select(AuditEntry.entry)).all()
    assert not [entry for entry in entries if "duty worker" in entry]


def test_a_provider_where_nobody_has_an_account_any_more_is_to_be_rung(
    owner: Owner,
    mail: Sink,
    send: Send,
    caseworker: Actor,
    new_era: Given,
    make_actor: MakeActor,
) -> None:
    onward_id = offered(caseworker, new_era)
    referral_id = referral_of(owner, onward_id)
    assert send().sent == 1
    with owner() as session:
        mine = User.id == new_era.provider.user_id
        session.execute(update(User).where(mine).values(disabled_at=MORNING + HOUR))
    # After an entry in error too: they still have to hear that it was taken back.
    senior = Command(make_actor(Role.SENIOR), MORNING + 2 * HOUR)
    entered_in_error.enter_in_error(senior, referral_id, text="The wrong person")
    waiting = failure_task(owner)
    assert waiting.details["about"] == NoticeKind.WITHDRAWN
    assert waiting.details["problem"] == failed_messages.NO_ACCOUNT
    with pytest.raises(TransitionNotAllowed):
        failed_messages.retry_failed_messages(
            Command(caseworker, MORNING + 2 * HOUR), referral_id, task_id=waiting.id
        )
    assert send() == SendingResult()
    referral = casework.referral(referral_id, caseworker)
    assert (referral.next_action, referral.next_due_on) == (NextAction.DO_TASK, waiting.due_on)
    failed_messages.record_other_contact(
        Command(caseworker, MORNING + 3 * HOUR), referral_id, task_id=waiting.id, how="Rang them"
    )
    assert casework.referral(referral_id, caseworker).next_action is NextAction.NOTHING


def test_the_act_and_what_it_tells_of_stand_or_fall_together(
    owner: Owner, mail: Sink, caseworker: Actor, new_era: Given
) -> None:
    onward_id = offered(caseworker, new_era)
    with pytest.raises(RuntimeError, match="too late"), transaction(caseworker) as session:
        onward_referrals.withdraw_in_transaction(
            session, Command(caseworker, MORNING + HOUR), onward_id, reason=WithdrawReason.CONSENT_WITHDRAWN
        )
        raise RuntimeError("too late")
    with owner() as session:
        assert session.scalars(select(ProviderNotice.kind)).all() == [NoticeKind.NEW_OFFER]


def test_a_restricted_referral_is_told_of_by_its_reference_alone(
    mail: Sink, send: Send, caseworker: Actor, new_era: Given
) -> None:
    referral_id = a_referral(caseworker, restricted_to=caseworker.user_id)
    offered(caseworker, new_era, referral_id=referral_id)
    assert send() == SendingResult(sent=1)
