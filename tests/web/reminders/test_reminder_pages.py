"""The reminders page, through the door."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from tests.factories import casework
from tests.integration.onward_referrals.arrange import a_provider, offered
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.sign_in import form_token, sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.models import Message, Reminder
from victim_gateway.services.referrals import notes
from victim_gateway.services.referrals.notes import NewNote
from victim_gateway.services.reminders import reminder_pass
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import MessageState, Role


@pytest.fixture
def overdue(app: Flask, caseworker: Actor, worker_actor: Actor) -> Callable[[int], None]:
    """So many overdue referrals of the caseworker's."""

    def make(count: int = 1) -> None:
        for _ in range(count):
            casework.assigned(caseworker, at=times.now() - timedelta(days=10))
        reminder_pass.run_reminder_pass(actor=worker_actor, at=times.now())

    return make


def only_reminder(owner: Owner) -> Reminder:
    with owner() as session:
        return session.scalars(select(Reminder)).one()


def test_a_caseworker_has_one_list_of_what_is_due_and_it_is_the_work(
    client: FlaskClient, owner: Owner, caseworker: Actor, overdue: Callable[[int], None]
) -> None:
    overdue(1)
    sign_in(client, owner, caseworker)
    assert client.get("/reminders").location == client.get("/reminders/team").location == "/work"
    page = client.get("/work").text
    assert only_reminder(owner).reference in page
    assert "Contact the person" in page
    assert " overdue</strong>" in page
    assert 'href="/reminders"' not in page


def test_the_link_in_an_email_leads_to_the_referral(
    client: FlaskClient, owner: Owner, caseworker: Actor, overdue: Callable[[int], None]
) -> None:
    overdue(1)
    sign_in(client, owner, caseworker)
    reminder = only_reminder(owner)
    answer = client.get(f"/reminders/{reminder.id}")
    assert (answer.status_code, answer.location) == (302, f"/referrals/{reminder.referral_id}")
    assert client.get(answer.location).status_code == 200


def test_the_link_leads_a_stranger_through_sign_in_and_a_colleague_nowhere(
    client: FlaskClient, owner: Owner, make_actor: MakeActor, overdue: Callable[[int], None]
) -> None:
    overdue(1)
    address = f"/reminders/{only_reminder(owner).id}"
    assert client.get(address).location == f"/sign-in?next=%2Freminders%2F{only_reminder(owner).id}"
    sign_in(client, owner, make_actor(Role.CASEWORKER))
    absent = client.get(f"/reminders/{UUID(int=7)}")
    assert client.get(address).status_code == absent.status_code == 404


def test_a_note_is_there_to_be_read_and_nothing_falls_due_by_it(
    client: FlaskClient, owner: Owner, make_actor: MakeActor, caseworker: Actor
) -> None:
    given = a_provider(owner, make_actor)
    now = times.now()
    onward_id = offered(caseworker, given, at=now - timedelta(minutes=5))
    notes.write_provider_note(Command(given.provider, now), onward_id, NewNote("Days", "Mondays only"))
    sign_in(client, owner, caseworker)
    page = client.get("/work").text
    assert "There is a note for you" in page
    assert "0 </span>overdue" in page
    address = f"/reminders/{only_reminder(owner).id}/seen"
    assert client.get(address).status_code == 405
    answer = client.post(address, data={"csrf_token": form_token(client, "/work")})
    assert answer.location == "/work"
    assert "There is a note for you" not in client.get("/work").text


def test_an_email_that_could_not_be_sent_is_said_in_the_row_it_was_about(
    client: FlaskClient, owner: Owner, caseworker: Actor, overdue: Callable[[int], None]
) -> None:
    overdue(1)
    now = times.now()
    with owner() as session:
        session.add(
            Message(
                reminder_id=session.scalars(select(Reminder.id)).one(),
                recipient_user_id=caseworker.user_id,
                state=MessageState.FAILED,
                problem="The mail server refused the recipient (550)",
                next_attempt_at=now,
                created_at=now,
            )
        )
    sign_in(client, owner, caseworker)
    page = client.get("/work").text
    assert "could not be sent. The mail server refused the recipient (550)" in page


def test_a_provider_sees_its_own_offers_by_its_own_reference_and_no_risk(
    client: FlaskClient, owner: Owner, make_actor: MakeActor, caseworker: Actor, worker_actor: Actor
) -> None:
    given = a_provider(owner, make_actor)
    other = a_provider(owner, make_actor, "rj-hub")
    now = times.now()
    onward_id = offered(caseworker, given, at=now - timedelta(days=10))
    reminder_pass.run_reminder_pass(actor=worker_actor, at=now)
    sign_in(client, owner, given.provider)
    page = client.get("/reminders").text
    assert "Answer the offer" in page
    assert "Risk" not in page
    with owner() as session:
        mine = Reminder.recipient_organisation_id == given.provider.organisation_id
        reminder = session.scalars(select(Reminder).where(mine)).one()
    assert client.get(f"/reminders/{reminder.id}").location == f"/onward-referrals/{onward_id}"
    sign_in(client, owner, other.provider)
    assert "You have no reminders" in client.get("/reminders").text
    assert client.get(f"/reminders/{reminder.id}").status_code == 404


@pytest.mark.parametrize("role", [Role.MANAGER, Role.ADMIN, Role.AUDITOR])
def test_who_works_on_no_referrals_has_no_reminders(
    client: FlaskClient, owner: Owner, make_actor: MakeActor, role: Role
) -> None:
    sign_in(client, owner, make_actor(role))
    assert client.get("/reminders").status_code == 403


def test_long_lists_have_pages_and_a_page_too_far_is_not_found(
    client: FlaskClient, owner: Owner, make_actor: MakeActor, caseworker: Actor, worker_actor: Actor
) -> None:
    given = a_provider(owner, make_actor)
    now = times.now()
    offered(caseworker, given, at=now - timedelta(days=10))
    reminder_pass.run_reminder_pass(actor=worker_actor, at=now)
    theirs = Reminder.recipient_organisation_id == given.provider.organisation_id
    with owner() as session:
        first = session.scalars(select(Reminder).where(theirs)).one()
        copied = {
            name: getattr(first, name)
            for name in (
                "kind",
                "referral_id",
                "onward_referral_id",
                "recipient_organisation_id",
                "about",
                "reference",
                "created_at",
            )
        }
        session.add_all([Reminder(**copied, dedupe_key=str(number)) for number in range(50)])
        session.flush()
        session.execute(update(Reminder).where(theirs).values(due_on=first.due_on))
    sign_in(client, owner, given.provider)
    assert "Showing <strong>51</strong> to <strong>51</strong>" in client.get("/reminders?page=2").text
    assert client.get("/reminders?page=3").status_code == 404
