"""The reminders page, through the door."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from html import unescape
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from tests.factories import casework
from tests.factories.casework import MONDAY
from tests.integration.onward_referrals.arrange import a_provider, offered
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import hidden_of, send, text_of
from tests.plumbing.sign_in import form_token, sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.models import AuditEntry, Message, Referral, Reminder, ReminderSnooze
from victim_gateway.services.referrals import notes
from victim_gateway.services.referrals.notes import NewNote
from victim_gateway.services.reminders import reminder_pass, snoozes
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import MessageState, Risk, Role, SnoozeReason


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


def test_the_work_shows_what_is_due_and_the_bell_leads_to_the_reminders(
    client: FlaskClient, owner: Owner, caseworker: Actor, overdue: Callable[[int], None]
) -> None:
    overdue(2)
    sign_in(client, owner, caseworker)
    page = client.get("/work").text
    assert "Contact the person" in page
    assert " overdue</strong>" in page
    assert '<span class="govuk-visually-hidden">2 reminders you have not seen</span>' in page
    listed = client.get("/reminders")
    assert "Contact the person" in listed.text
    assert "2 reminders" in text_of(listed)
    with owner() as session:
        ids = session.scalars(select(Reminder.id)).all()
    token = form_token(client, "/reminders")
    sent = {"csrf_token": token, "shown": "mine", "due": ""}
    assert client.post(f"/reminders/{ids[0]}/seen", data=sent).location == "/reminders"
    assert ">1 reminder you have not seen<" in client.get("/work").text
    client.post(f"/reminders/{ids[1]}/seen", data=sent)
    assert "No reminders that you have not seen" in client.get("/work").text


def test_the_bell_counts_to_99(
    client: FlaskClient, owner: Owner, caseworker: Actor, overdue: Callable[[int], None]
) -> None:
    overdue(1)
    first = only_reminder(owner)
    with owner() as session:
        session.add_all(
            Reminder(
                kind=first.kind,
                dedupe_key=str(number),
                referral_id=first.referral_id,
                recipient_user_id=first.recipient_user_id,
                about=first.about,
                reference=first.reference,
                created_at=first.created_at,
            )
            for number in range(120)
        )
    sign_in(client, owner, caseworker)
    assert "99+ reminders you have not seen" in client.get("/work").text


def test_what_is_put_aside_leaves_the_list_and_the_bell_stays_in_the_work_and_comes_back(
    client: FlaskClient, owner: Owner, caseworker: Actor, worker_actor: Actor
) -> None:
    referral_id = casework.assigned(caseworker, at=times.now() - timedelta(days=10))
    with owner() as session:
        session.execute(update(Referral).values(risk=Risk.STANDARD))
    reminder_pass.run_reminder_pass(actor=worker_actor, at=times.now())
    sign_in(client, owner, caseworker)
    reminder = only_reminder(owner)
    address = f"/reminders/{reminder.id}/snooze"
    until = times.london_date(times.now()) + timedelta(days=2)
    day = {f"until_date-{part}": getattr(until, part) for part in ("day", "month", "year")}
    assert "Choose why you put it aside" in send(client, address, day).text
    assert send(client, address, day | {"reason": "arranged", "note": "ring at ten"}).status_code == 302
    assert "You have no reminders" in client.get("/reminders").text
    assert "No reminders that you have not seen" in client.get("/work").text
    assert reminder.reference in client.get("/work").text
    aside = client.get("/reminders?view=snoozed").text
    assert "It is arranged for later" in aside and "ring at ten" in aside
    with owner() as session:
        snooze = session.scalars(select(ReminderSnooze)).one()
        assert b"ring" not in (snooze.sealed_note or b"")
        actions = session.scalars(select(AuditEntry.action)).all()
        session.execute(update(ReminderSnooze).values(until_at=times.now(), snoozed_at=MONDAY))
    assert actions.count("reminder.snoozed") == 1
    assert reminder.reference in client.get("/reminders").text
    assert snoozes.end_past_snoozes(actor=worker_actor, at=times.now()) == 1
    with owner() as session:
        assert session.scalars(select(ReminderSnooze.sealed_note)).all() == [None]
    assert referral_id == reminder.referral_id


def test_what_was_put_aside_can_be_taken_back(
    client: FlaskClient, owner: Owner, caseworker: Actor, worker_actor: Actor
) -> None:
    casework.assigned(caseworker, at=times.now() - timedelta(days=10))
    with owner() as session:
        session.execute(update(Referral).values(risk=Risk.STANDARD))
    reminder_pass.run_reminder_pass(actor=worker_actor, at=times.now())
    reminder_id = only_reminder(owner).id
    command = Command(caseworker, times.now())
    until = times.now() + timedelta(days=1)
    for _ in range(2):
        snoozes.snooze_reminder(command, reminder_id, until=until, reason=SnoozeReason.ARRANGED)
    sign_in(client, owner, caseworker)
    token = form_token(client, "/reminders?view=snoozed")
    for _ in range(2):
        client.post(f"/reminders/{reminder_id}/wake", data={"csrf_token": token})
    assert only_reminder(owner).reference in client.get("/reminders").text


def test_what_is_due_to_somebody_at_high_risk_is_not_put_aside_and_the_page_says_why(
    client: FlaskClient, owner: Owner, caseworker: Actor, overdue: Callable[[int], None]
) -> None:
    overdue(1)
    with owner() as session:
        session.execute(update(Referral).values(risk=Risk.HIGH))
    sign_in(client, owner, caseworker)
    until = times.london_date(times.now()) + timedelta(days=1)
    day = {f"until_date-{part}": getattr(until, part) for part in ("day", "month", "year")}
    address = f"/reminders/{only_reminder(owner).id}/snooze"
    page = client.get(address)
    assert "somebody could come to harm by waiting" in unescape(page.text)
    assert "Put it aside" not in page.text
    sent = day | {"reason": "other_work_first", "csrf_token": form_token(client, "/reminders")}
    answer = client.post(address, data=sent)
    assert "somebody could come to harm by waiting" in unescape(answer.text)
    with owner() as session:
        assert session.scalars(select(ReminderSnooze)).all() == []


def test_a_colleague_can_neither_put_aside_nor_take_back(
    client: FlaskClient, owner: Owner, make_actor: MakeActor, overdue: Callable[[int], None]
) -> None:
    overdue(1)
    sign_in(client, owner, make_actor(Role.CASEWORKER))
    token = form_token(client, "/reminders")
    for step in ("snooze", "wake"):
        answer = client.post(
            f"/reminders/{only_reminder(owner).id}/{step}",
            data={
                "csrf_token": token,
                "until_date-day": 1,
                "until_date-month": 1,
                "until_date-year": 2099,
                "reason": "arranged",
            },
        )
        assert answer.status_code == 404


def test_what_was_settled_is_listed_as_done(
    client: FlaskClient, owner: Owner, caseworker: Actor, overdue: Callable[[int], None]
) -> None:
    overdue(1)
    with owner() as session:
        session.execute(update(Reminder).values(resolved_at=times.now()))
    sign_in(client, owner, caseworker)
    assert "You have no reminders" in client.get("/reminders").text
    assert only_reminder(owner).reference in client.get("/reminders?view=done").text


def test_a_reader_chooses_when_e_mails_come_and_a_stale_page_is_refused(
    client: FlaskClient, owner: Owner, caseworker: Actor
) -> None:
    sign_in(client, owner, caseworker)
    old = dict(hidden_of(client.get("/reminders/emails")))
    answers = {
        "digest_time": "07:30",
        "digest_days": ["0", "3"],
        "at_once": "no",
        "has_quiet_hours": "yes",
        "quiet_from": "7pm",
        "quiet_until": "7am",
    }
    assert send(client, "/reminders/emails", answers).status_code == 302
    page = client.get("/reminders/emails").text
    assert '<option value="07:30" selected' in page and 'value="7pm"' in page
    stale = client.post("/reminders/emails", data={**old, **answers, "submission_id": str(uuid4())})
    assert "You changed these times in another window" in stale.text
    wrong = send(client, "/reminders/emails", answers | {"quiet_until": "7pm"})
    assert "Quiet hours must end at another time than they begin" in wrong.text


def test_what_passed_unsent_is_listed_for_seniors_with_who_was_to_know(
    client: FlaskClient,
    owner: Owner,
    caseworker: Actor,
    make_actor: MakeActor,
    overdue: Callable[[int], None],
) -> None:
    overdue(1)
    now = times.now()
    with owner() as session:
        reminder = session.scalars(select(Reminder)).one()
        session.add(
            Message(
                reminder_id=reminder.id,
                recipient_user_id=caseworker.user_id,
                state=MessageState.EXPIRED,
                next_attempt_at=now,
                created_at=now,
            )
        )
    sign_in(client, owner, caseworker)
    assert client.get("/reminders/unsent").status_code == 403
    sign_in(client, owner, make_actor(Role.SENIOR))
    page = client.get("/reminders/unsent").text
    assert reminder.reference in page and caseworker.name in page and "Still open" in page


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
