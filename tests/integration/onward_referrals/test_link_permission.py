"""A link is made only for a contact whom a caseworker let in, and is sent once: with the real roles."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, text, update

from tests.integration.onward_referrals.arrange import MORNING, a_referral
from tests.integration.onward_referrals.by_link import (
    ANYBODY,
    WORKER,
    Charity,
    a_charity,
    ask_new_link,
    begun,
    links_in,
    links_of,
    mailed_link,
    newest_link,
    offer_to,
    register,
    send_asked,
    send_code,
    with_mail,
)
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.smtp import Sink
from victim_gateway.actors import Actor
from victim_gateway.contact_link_vocabulary import ContactLinkEnding
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, TransitionNotAllowed
from victim_gateway.models import CaseEvent, Message, Task
from victim_gateway.services import onward_referrals
from victim_gateway.services.messages import sending
from victim_gateway.services.messages.contact_link_answers import LinkRequest, answer_link_request
from victim_gateway.services.messages.contact_links import hash_link_token
from victim_gateway.services.messages.contact_sessions import begin_contact_session, look_up_contact_session
from victim_gateway.services.onward_referrals.contact_links import revoke_links, send_new_link
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import MessageState, Role, TaskKind

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
AWAY = "421 not now"


@pytest.fixture
def gateway(committed_app: Flask, committed_make_actor: MakeActor) -> Actor:
    return committed_make_actor(Role.CASEWORKER)


@pytest.fixture
def mail(committed_app: Flask, smtp: Sink) -> Iterator[Sink]:
    with with_mail(committed_app, smtp) as sink:
        yield sink


@pytest.fixture
def charity(committed_app: Flask, committed_owner: Owner) -> Charity:
    return a_charity(committed_owner, at=MORNING - timedelta(days=30))


@pytest.fixture
def onward_id(mail: Sink, charity: Charity, gateway: Actor) -> UUID:
    return offer_to(charity, gateway, a_referral(gateway), at=MORNING)


def asked_by_contact(onward_id: UUID, mail: Sink) -> str:
    """The contact opens its link and asks something; the token of that link."""
    token = mailed_link(mail, at=MORNING)
    live = look_up_contact_session(
        begun(token, mail, at=MORNING).cookie, onward_id, actor=ANYBODY, at=MORNING
    )
    assert live is not None
    onward_referrals.request_information(Command(live.actor(ANYBODY), MORNING), onward_id, text="Is it far?")
    return token


def answered(gateway: Actor, onward_id: UUID, mail: Sink, *, at_hour: int) -> list[str]:
    """A caseworker answers, and what is due is sent: the links that went with it."""
    before, at = len(mail.received), MORNING + at_hour * HOUR
    onward_referrals.answer_request(Command(gateway, at), onward_id, text="No.")
    sending.send_due_messages(actor=WORKER, at=at)
    assert len(mail.received) == before + 1
    return links_in(mail, since=before)


def problems(owner: Owner) -> list[str]:
    """What the open tasks about e-mails say."""
    with owner() as session:
        found = select(Task).where(Task.kind == TaskKind.MESSAGE_FAILED, Task.done_at.is_(None))
        return [task.details["problem"] for task in session.scalars(found)]


def test_a_link_that_was_ended_does_not_renew_itself(mail: Sink, gateway: Actor, onward_id: UUID) -> None:
    token = mailed_link(mail, at=MORNING)
    revoke_links(Command(gateway, MORNING + MINUTE), onward_id)
    assert not ask_new_link(token, at=MORNING + HOUR)
    assert len(mail.received) == 1


def test_after_an_end_notices_bring_no_link_until_a_caseworker_sends_one(
    mail: Sink, gateway: Actor, onward_id: UUID, committed_owner: Owner
) -> None:
    asked_by_contact(onward_id, mail)
    revoke_links(Command(gateway, MORNING + HOUR), onward_id)
    assert answered(gateway, onward_id, mail, at_hour=2) == []
    assert "no link in this e-mail" in mail.received[-1].get_content()
    assert len(problems(committed_owner)) == 1 and "Ring the charity" in problems(committed_owner)[0]
    send_new_link(Command(gateway, MORNING + 3 * HOUR), onward_id)
    assert send_asked(committed_owner, onward_id, at=MORNING + 3 * HOUR)
    assert problems(committed_owner) == []
    assert ask_new_link(newest_link(mail), at=MORNING + 4 * HOUR)


def test_an_end_after_every_link_was_used_up_holds_as_well(
    mail: Sink, gateway: Actor, onward_id: UUID
) -> None:
    asked_by_contact(onward_id, mail)
    revoke_links(Command(gateway, MORNING + 5 * HOUR), onward_id)
    assert answered(gateway, onward_id, mail, at_hour=6) == []
    with pytest.raises(TransitionNotAllowed):
        revoke_links(Command(gateway, MORNING + 7 * HOUR), onward_id)


def test_a_locked_link_stays_locked_until_a_caseworker_sends_one(
    mail: Sink, gateway: Actor, onward_id: UUID, committed_owner: Owner
) -> None:
    token = mailed_link(mail, at=MORNING)
    assert send_code(token, mail, at=MORNING)
    for _ in range(5):
        with pytest.raises(InvalidInput):
            begin_contact_session(token, "x", actor=ANYBODY, at=MORNING)
    before = len(mail.received)
    assert not ask_new_link(token, at=MORNING + HOUR)
    with committed_owner() as session:
        session.execute(
            update(Message).values(state=MessageState.QUEUED, next_attempt_at=MORNING, sent_at=None)
        )
    sending.send_due_messages(actor=WORKER, at=MORNING + HOUR)
    assert links_in(mail, since=before) == [] and len(problems(committed_owner)) == 1


def test_no_notice_brings_a_link_to_an_address_that_no_caseworker_sent_it_to(
    mail: Sink, gateway: Actor, charity: Charity, onward_id: UUID, committed_owner: Owner
) -> None:
    asked_by_contact(onward_id, mail)
    register(charity.service_id, "Mal Lory", "mal@lory.example", at=MORNING + HOUR)
    assert answered(gateway, onward_id, mail, at_hour=2) == []
    with pytest.raises(InvalidInput, match="Ring the charity"):
        send_new_link(Command(gateway, MORNING + 3 * HOUR), onward_id)
    send_new_link(Command(gateway, MORNING + 3 * HOUR), onward_id, has_rung=True)
    assert send_asked(committed_owner, onward_id, at=MORNING + 3 * HOUR)
    assert mail.envelopes[-1][1] == "mal@lory.example" and links_in(mail, since=3) != []


def test_a_contact_who_comes_back_is_sent_the_referral_anew(
    mail: Sink, gateway: Actor, charity: Charity, onward_id: UUID
) -> None:
    asked_by_contact(onward_id, mail)
    register(charity.service_id, "Mal Lory", "mal@lory.example", at=MORNING + HOUR)
    register(charity.service_id, "Ann Lee", "ann@small-charity.example", at=MORNING + HOUR + MINUTE)
    assert answered(gateway, onward_id, mail, at_hour=2) == []


def test_an_offer_by_a_succession_brings_no_link(mail: Sink, onward_id: UUID, committed_owner: Owner) -> None:
    with committed_owner() as session:
        offered = select(CaseEvent).where(CaseEvent.onward_referral_id == onward_id).limit(1)
        event = session.scalars(offered).one()
        session.execute(text("ALTER TABLE case_event DISABLE TRIGGER USER"))
        session.execute(
            update(CaseEvent).where(CaseEvent.id == event.id).values(event="onward_referral.taken_over")
        )
    sending.send_due_messages(actor=WORKER, at=MORNING)
    assert len(mail.received) == 1 and links_in(mail) == []
    assert len(problems(committed_owner)) == 1


def test_an_end_holds_whatever_the_clocks_of_two_machines_say(
    mail: Sink, gateway: Actor, onward_id: UUID, committed_owner: Owner
) -> None:
    asked_by_contact(onward_id, mail)
    send_new_link(Command(gateway, MORNING + HOUR), onward_id)
    assert send_asked(committed_owner, onward_id, at=MORNING + HOUR)
    revoke_links(Command(gateway, MORNING + HOUR - MINUTE), onward_id)
    assert answered(gateway, onward_id, mail, at_hour=2) == []


def test_an_end_beats_a_send_that_still_waits(
    mail: Sink, gateway: Actor, onward_id: UUID, committed_owner: Owner
) -> None:
    mailed_link(mail, at=MORNING)
    send_new_link(Command(gateway, MORNING + MINUTE), onward_id)
    revoke_links(Command(gateway, MORNING + 2 * MINUTE), onward_id)
    assert not send_asked(committed_owner, onward_id, at=MORNING + 3 * MINUTE)
    assert len(mail.received) == 1


def test_a_send_that_was_asked_for_is_done_once(
    mail: Sink, gateway: Actor, onward_id: UUID, committed_owner: Owner
) -> None:
    mailed_link(mail, at=MORNING)
    send_new_link(Command(gateway, MORNING + MINUTE), onward_id)
    assert send_asked(committed_owner, onward_id, at=MORNING + MINUTE)
    assert not send_asked(committed_owner, onward_id, at=MORNING + MINUTE)
    revoke_links(Command(gateway, MORNING + 2 * MINUTE), onward_id)
    assert not send_asked(committed_owner, onward_id, at=MORNING + 3 * MINUTE)
    assert len(mail.received) == 2


def test_a_try_that_was_cut_off_is_a_task_and_no_second_link(
    mail: Sink, gateway: Actor, onward_id: UUID, committed_owner: Owner
) -> None:
    send_new_link(Command(gateway, MORNING), onward_id)
    with committed_owner() as session:
        session.execute(text("UPDATE contact_link SET token_hash = sha256('cut off')"))
    assert not send_asked(committed_owner, onward_id, at=MORNING + HOUR)
    assert mail.received == [] and "not known" in problems(committed_owner)[0]


def test_outside_production_no_link_and_no_code_goes_to_a_real_mailbox(
    mail: Sink, gateway: Actor, charity: Charity, onward_id: UUID, committed_owner: Owner
) -> None:
    register(charity.service_id, "Real Person", "real@charity-of-stafford.org.uk", at=MORNING)
    send_new_link(Command(gateway, MORNING + MINUTE), onward_id, has_rung=True)
    assert not send_asked(committed_owner, onward_id, at=MORNING + MINUTE)
    assert mail.envelopes == [] and "invented addresses" in problems(committed_owner)[0]


def test_a_renewal_that_does_not_leave_is_a_task_and_the_link_before_stands(
    mail: Sink, onward_id: UUID, committed_owner: Owner
) -> None:
    token, usual = mailed_link(mail, at=MORNING), mail.behaviour.greeting
    mail.behaviour.greeting = AWAY
    assert not ask_new_link(token, at=MORNING + HOUR)
    mail.behaviour.greeting = usual
    assert len(problems(committed_owner)) == 1
    assert send_code(token, mail, at=MORNING + HOUR) is not None
    # It was none of the three of a day.
    sent = [ask_new_link(newest_link(mail), at=MORNING + hours * HOUR) for hours in range(2, 6)]
    assert sent == [True, True, True, False]


def test_a_notice_that_is_put_off_leaves_the_link_before_standing(
    mail: Sink, onward_id: UUID, committed_owner: Owner
) -> None:
    token, usual = mailed_link(mail, at=MORNING), mail.behaviour.greeting
    with committed_owner() as session:
        session.execute(
            update(Message).values(state=MessageState.QUEUED, next_attempt_at=MORNING, sent_at=None)
        )
    mail.behaviour.greeting = AWAY
    sending.send_due_messages(actor=WORKER, at=MORNING + HOUR)
    mail.behaviour.greeting = usual
    assert send_code(token, mail, at=MORNING + HOUR) is not None
    assert [link.ending for link in links_of(committed_owner, onward_id)] == [
        None,
        ContactLinkEnding.REPLACED,
    ]


def test_a_code_that_did_not_leave_can_be_asked_for_at_once_and_is_a_task(
    mail: Sink, onward_id: UUID, committed_owner: Owner
) -> None:
    token, usual = mailed_link(mail, at=MORNING), mail.behaviour.greeting
    mail.behaviour.greeting = AWAY
    assert send_code(token, mail, at=MORNING) is None
    mail.behaviour.greeting = usual
    assert send_code(token, mail, at=MORNING + timedelta(seconds=5)) is not None
    assert len(problems(committed_owner)) == 1


def test_a_code_that_was_asked_for_too_long_ago_is_not_sent(mail: Sink, onward_id: UUID) -> None:
    token = mailed_link(mail, at=MORNING)
    with transaction(WORKER) as session:
        token_id = UUID(bytes=hash_link_token(session, token))

    def sent(minutes: int) -> bool:
        at = MORNING + minutes * MINUTE
        return answer_link_request(LinkRequest.CODE, token_id, actor=WORKER, at=at, asked_at=MORNING)

    assert [sent(10), sent(9)] == [False, True]


def test_only_the_newest_link_is_renewed(
    mail: Sink, gateway: Actor, onward_id: UUID, committed_owner: Owner
) -> None:
    old = mailed_link(mail, at=MORNING)
    send_new_link(Command(gateway, MORNING + MINUTE), onward_id)
    assert send_asked(committed_owner, onward_id, at=MORNING + MINUTE)
    good = newest_link(mail)
    assert not ask_new_link(old, at=MORNING + HOUR)
    assert send_code(good, mail, at=MORNING + HOUR) is not None


def test_a_link_that_was_just_sent_is_not_renewed_while_it_stands(mail: Sink, onward_id: UUID) -> None:
    token = mailed_link(mail, at=MORNING)
    asked = [ask_new_link(token, at=MORNING + minutes * MINUTE) for minutes in (9, 11, 12)]
    assert asked == [False, True, False]
    assert send_code(newest_link(mail), mail, at=MORNING + HOUR) is not None


def test_the_database_shows_a_contact_the_link_it_came_by_and_no_other(
    mail: Sink, charity: Charity, gateway: Actor, onward_id: UUID
) -> None:
    token = mailed_link(mail, at=MORNING)
    cookie = begun(token, mail, at=MORNING).cookie
    live = look_up_contact_session(cookie, onward_id, actor=ANYBODY, at=MORNING)
    assert live is not None
    offer_to(charity, gateway, a_referral(gateway), at=MORNING)
    mailed_link(mail, at=MORNING)
    with transaction(live.actor(ANYBODY)) as session:
        assert session.scalars(text("SELECT id FROM contact_link")).all() == [live.link_id]
