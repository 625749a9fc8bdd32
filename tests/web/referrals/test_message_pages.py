"""Asking for a message: what can be sent, why not, the warning, a senior's yes, and what is stuck."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from tests.factories import casework as make
from tests.factories import victim_messages as messages
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import send, text_of
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.models import Referral, VictimMessage
from victim_gateway.victim_message_vocabulary import VictimMessageState
from victim_gateway.vocabulary import Risk, Role, SafeAnswer

STATE = VictimMessageState
Browse = Callable[[Actor], FlaskClient]


@pytest.fixture
def browse(client: FlaskClient, owner: Owner) -> Browse:
    def open_for(actor: Actor) -> FlaskClient:
        browser = client.application.test_client()
        sign_in(browser, owner, actor)
        return browser

    return open_for


def only_message(owner: Owner) -> VictimMessage:
    with owner() as session:
        return session.scalars(select(VictimMessage)).one()


def test_a_message_is_asked_for_with_its_words_and_listed_without_the_number(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    referral_id = messages.missed(
        caseworker, at=times.now(), person=make.person_document(phone="07700 900123")
    )
    page = f"/referrals/{referral_id}/messages"
    shown = text_of(caseworker_browser.get(page))
    assert "Send it" in shown and "Read the warning first" not in shown
    ask = f"{page}/ask/tried_to_reach/sms"
    assert "We tried to call you." in text_of(caseworker_browser.get(ask))
    assert send(caseworker_browser, ask, {}).status_code in (302, 303)
    assert only_message(owner).state is STATE.QUEUED
    listed = caseworker_browser.get(page)
    assert "the number ending 123" in text_of(listed)
    assert "900123" not in listed.get_data(as_text=True).replace(" ", "")
    assert "One of this kind waits already" in text_of(listed)
    refused = send(caseworker_browser, ask, {})
    assert "waits already" in text_of(refused)
    decide = f"{page}/{only_message(owner).id}/decide"
    assert "Take it back" in text_of(caseworker_browser.get(decide))
    assert send(caseworker_browser, decide, {"decision": "nonsense"}).status_code == 400
    assert send(caseworker_browser, decide, {"decision": "give_up"}).status_code in (302, 303)
    assert only_message(owner).state is STATE.CANCELLED


def test_why_not_and_what_to_do_instead_is_said(caseworker_browser: FlaskClient, caseworker: Actor) -> None:
    plan = messages.safe_to_text(channels={"phone": SafeAnswer.YES})
    referral_id = messages.missed(caseworker, at=times.now(), plan=plan)
    ask = f"/referrals/{referral_id}/messages/ask/tried_to_reach/sms"
    page = text_of(caseworker_browser.get(ask))
    assert "This is not recorded as a safe way." in page
    assert "Reach them in a call" in page
    assert "Ask for this message" not in page
    assert (
        caseworker_browser.get(f"/referrals/{referral_id}/messages/ask/appointment_tomorrow/sms").status_code
        == 404
    )
    assert (
        caseworker_browser.get(f"/referrals/{referral_id}/messages/ask/rights_letter/sms").status_code == 404
    )


def test_after_abuse_the_warning_stands_before_it_and_at_high_risk_another_senior_agrees(
    browse: Browse, make_actor: MakeActor, owner: Owner
) -> None:
    asking, agreeing = make_actor(Role.SENIOR), make_actor(Role.SENIOR)
    browser = browse(asking)
    referral_id = messages.missed(asking, at=times.now(), risk=Risk.HIGH, flags=frozenset({"domestic_abuse"}))
    page = f"/referrals/{referral_id}/messages"
    assert "Read the warning first" in text_of(browser.get(page))
    ask = f"{page}/ask/tried_to_reach/sms"
    shown = text_of(browser.get(ask))
    assert "Somebody close to them may read it" in shown
    assert "Another senior caseworker has to agree" in shown
    assert "do not send it" in text_of(send(browser, ask, {}))
    assert send(browser, ask, {"is_warned": "y"}).status_code in (302, 303)
    message = only_message(owner)
    assert message.next_try_at == message.expires_at
    assert "waits for a senior caseworker's yes" in text_of(browser.get(page))
    agree = f"{page}/{message.id}/agree"
    assert "Another senior" in text_of(send(browser, agree, {}))
    other = browse(agreeing)
    assert "Decide about it" in text_of(other.get(page))
    assert send(other, agree, {}).status_code in (302, 303)
    assert only_message(owner).agreed_by_id == agreeing.user_id
    caseworker = make_actor(Role.CASEWORKER)
    assert browse(caseworker).get(agree).status_code == 403


def test_a_restricted_referral_is_as_one_that_is_not_there(
    browse: Browse, make_actor: MakeActor, caseworker: Actor, owner: Owner
) -> None:
    referral_id = messages.missed(caseworker, at=times.now())
    message_id = messages.ask(referral_id, caseworker, at=times.now())
    with owner() as session:
        session.execute(update(Referral).where(Referral.id == referral_id).values(restricted=True))
        session.execute(update(VictimMessage).values(state=STATE.PARKED))
    browser = browse(make_actor(Role.CASEWORKER))
    for address in ("", "/ask/tried_to_reach/sms", f"/{message_id}/decide"):
        assert browser.get(f"/referrals/{referral_id}/messages{address}").status_code == 404
    assert "We tried to reach you" not in text_of(browser.get("/unsent-messages"))
    outbox = text_of(browse(make_actor(Role.ADMIN)).get("/outbox"))
    assert "To hidden" in outbox and "ending" not in outbox


def test_what_left_shortly_before_a_change_is_said_where_it_is_saved(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    referral_id = messages.missed(caseworker, at=times.now())
    messages.ask(referral_id, caseworker, at=times.now())
    with owner() as session:
        left_at = times.now() - timedelta(minutes=2)
        session.execute(
            update(VictimMessage).values(
                state=STATE.ACCEPTED, begun_at=left_at, claimed_at=left_at, accepted_at=left_at, deliveries=1
            )
        )
    answers = {"safe": "no", "stated_by": "person"}
    saved = send(caseworker_browser, f"/referrals/{referral_id}/safe-contact", answers)
    assert saved.status_code in (302, 303), text_of(saved)
    shown = text_of(caseworker_browser.get(f"/referrals/{referral_id}/contact"))
    assert "left shortly before this change" in shown
    page = text_of(caseworker_browser.get(f"/referrals/{referral_id}/messages"))
    assert "A message left before safe contact was changed" in page
    assert "the number ending" in page


def test_stuck_messages_are_decided_by_a_person_and_listed(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    referral_id = messages.missed(caseworker, at=times.now())
    message_id = messages.ask(referral_id, caseworker, at=times.now())
    with owner() as session:
        session.execute(update(VictimMessage).values(state=STATE.PARKED, deliveries=5))
    decide = f"/referrals/{referral_id}/messages/{message_id}/decide"
    assert "It was tried 5 times" in text_of(caseworker_browser.get(decide))
    assert send(caseworker_browser, decide, {"decision": "again"}).status_code in (302, 303)
    assert (only_message(owner).state, only_message(owner).deliveries) == (STATE.QUEUED, 0)
    assert "not waiting for a decision" in text_of(send(caseworker_browser, decide, {"decision": "again"}))


def test_the_outbox_is_for_those_who_run_the_service(browse: Browse, make_actor: MakeActor) -> None:
    for role, status in ((Role.ADMIN, 200), (Role.SENIOR, 200), (Role.CASEWORKER, 403), (Role.PROVIDER, 403)):
        assert browse(make_actor(role)).get("/outbox").status_code == status
