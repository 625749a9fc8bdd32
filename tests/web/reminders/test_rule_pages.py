"""The pages of reminder rules, the question about a stalled case, and what stands beside the list of work."""

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
from victim_gateway.models import (
    AuditEntry,
    CaseEvent,
    Referral,
    Reminder,
    ReminderRuleChange,
    ReminderRuleSetting,
    StallAnswer,
    WorkerAssignment,
)
from victim_gateway.reminder_vocabulary import StallAnswerCode
from victim_gateway.services import onward_referrals
from victim_gateway.services.reminders import reminder_pass
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role

SURVEY = "/reminder-rules/survey"
Pass = Callable[[], None]


@pytest.fixture
def senior(make_actor: MakeActor) -> Actor:
    return make_actor(Role.SENIOR)


@pytest.fixture
def run_pass(app: Flask, worker_actor: Actor) -> Pass:
    def run() -> None:
        reminder_pass.run_reminder_pass(actor=worker_actor, at=times.now())

    return run


def change_form(client: FlaskClient, code: str, **typed: str) -> dict[str, str]:
    values = {
        "is_on": "y",
        "offset_number": "5",
        "unit": "working_days",
        "direction": "after",
        "local_time": "",
        "repeat_every": "",
        "repeat_most": "",
        "escalate_after": "",
        "channel": "digest",
        "reason": "We ask sooner here",
        "version": "0",
        "do": "save",
    }
    return values | typed | {"csrf_token": form_token(client, f"/reminder-rules/{code}/change")}


def stalled_referral(owner: Owner, caseworker: Actor) -> UUID:
    now = times.now()
    referral_id = casework.assigned(caseworker, at=now - timedelta(days=90))
    with owner() as session:
        session.execute(
            update(Referral)
            .where(Referral.id == referral_id)
            .values(last_step_at=now - timedelta(days=90), next_due_on=now.date() - timedelta(days=80))
        )
    return referral_id


def only(owner: Owner, code: str) -> Reminder:
    with owner() as session:
        return session.scalars(
            select(Reminder).where(Reminder.rule_code == code, Reminder.resolved_at.is_(None))
        ).one()


def test_the_rules_are_shown_to_seniors_and_administrators_alone(
    client: FlaskClient, owner: Owner, senior: Actor, make_actor: MakeActor, caseworker: Actor
) -> None:
    sign_in(client, owner, senior)
    page = client.get("/reminder-rules").text
    assert "Nothing has happened for some time" in page
    assert "20 working days after the last step on the case (5 at high risk, 10 at medium risk)" in page
    sign_in(client, owner, make_actor(Role.ADMIN))
    assert client.get("/reminder-rules").status_code == 200
    assert "Change this rule" not in client.get(SURVEY).text
    assert client.get(f"{SURVEY}/change").status_code == 403
    sign_in(client, owner, caseworker)
    assert client.get("/reminder-rules").status_code == 403
    assert client.get("/reminder-rules/no-such-rule").status_code == 403


def test_a_senior_changes_a_rule_with_a_reason_and_its_history_says_so(
    client: FlaskClient, owner: Owner, senior: Actor
) -> None:
    sign_in(client, owner, senior)
    answer = client.post(f"{SURVEY}/change", data=change_form(client, "survey", offset_number="3"))
    assert (answer.status_code, answer.location) == (302, SURVEY)
    page = client.get(SURVEY).text
    assert "3 working days after the referral was closed" in page
    assert "We ask sooner here" in page
    with owner() as session:
        setting = session.scalars(select(ReminderRuleSetting)).one()
        change = session.scalars(select(ReminderRuleChange)).one()
        audited = session.scalars(select(AuditEntry.action)).all()
    assert (setting.code, setting.version, setting.offset_number) == ("survey", 1, 3)
    assert (change.before, change.after) == ({"offset_number": 5}, {"offset_number": 3})
    assert "reminder_rule.changed" in audited


def test_a_stale_save_is_refused_and_nothing_changes(
    client: FlaskClient, owner: Owner, senior: Actor
) -> None:
    sign_in(client, owner, senior)
    form = change_form(client, "survey", offset_number="3")
    client.post(f"{SURVEY}/change", data=change_form(client, "survey", offset_number="4"))
    answer = client.post(
        f"{SURVEY}/change", data=form | {"csrf_token": form_token(client, f"{SURVEY}/change")}
    )
    assert answer.status_code == 409
    with owner() as session:
        assert session.scalars(select(ReminderRuleSetting.offset_number)).all() == [4]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"reason": ""}, "Enter why"),
        ({"offset_number": ""}, "Enter a whole number, like 3"),
        ({"offset_number": "0"}, "On the day is 0, and before or after it at least 1"),
        ({"local_time": "25:00"}, "Enter a time, like 08:30"),
        ({"repeat_every": "2"}, "Say how often and how far apart, or leave both empty"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(
    client: FlaskClient, owner: Owner, senior: Actor, typed: dict[str, str], said: str
) -> None:
    sign_in(client, owner, senior)
    answer = client.post(f"{SURVEY}/change", data=change_form(client, "survey", **typed))
    assert answer.status_code == 422
    assert said in answer.text
    with owner() as session:
        assert session.scalars(select(ReminderRuleSetting)).all() == []


def test_a_preview_says_what_switching_off_takes_back_and_saves_nothing(
    client: FlaskClient, owner: Owner, senior: Actor, caseworker: Actor, run_pass: Pass
) -> None:
    stalled_referral(owner, caseworker)
    run_pass()
    sign_in(client, owner, senior)
    typed = {
        "offset_number": "20",
        "offset_high": "5",
        "offset_medium": "10",
        "escalate_after": "3",
        "do": "preview",
    }
    form = change_form(client, "stalled", **typed)
    assert "0 reminders more, 0 fewer" in client.post("/reminder-rules/stalled/change", data=form).text
    del form["is_on"]
    assert "0 reminders more, 1 fewer" in client.post("/reminder-rules/stalled/change", data=form).text
    with owner() as session:
        assert session.scalars(select(ReminderRuleSetting)).all() == []


def test_a_rule_that_is_switched_off_takes_back_what_stands_of_it(
    client: FlaskClient, owner: Owner, senior: Actor, caseworker: Actor, run_pass: Pass
) -> None:
    stalled_referral(owner, caseworker)
    run_pass()
    only(owner, "stalled")
    sign_in(client, owner, senior)
    form = change_form(
        client, "stalled", offset_number="20", offset_high="5", offset_medium="10", escalate_after="3"
    )
    del form["is_on"]
    assert client.post("/reminder-rules/stalled/change", data=form).status_code == 302
    run_pass()
    with owner() as session:
        open_now = select(Reminder.rule_code).where(Reminder.resolved_at.is_(None))
        # Overdue is said again in its place.
        assert session.scalars(open_now).all() == ["first_contact"]


def test_a_rule_page_names_only_what_its_reader_may_see(
    client: FlaskClient, owner: Owner, senior: Actor, make_actor: MakeActor, caseworker: Actor, run_pass: Pass
) -> None:
    shown, kept = stalled_referral(owner, caseworker), stalled_referral(owner, caseworker)
    with owner() as session:
        session.execute(update(Referral).where(Referral.id == kept).values(restricted=True))
        references = dict(session.execute(select(Referral.id, Referral.reference)).all())
    run_pass()
    sign_in(client, owner, senior)
    page = client.get("/reminder-rules/stalled").text
    assert "2 open now" in page
    assert references[shown] in page
    assert references[kept] not in page
    sign_in(client, owner, make_actor(Role.ADMIN))
    assert references[shown] not in client.get("/reminder-rules/stalled").text


def test_a_caseworker_says_what_holds_a_case_up_and_is_not_asked_again(
    client: FlaskClient, owner: Owner, senior: Actor, caseworker: Actor, run_pass: Pass
) -> None:
    referral_id = stalled_referral(owner, caseworker)
    run_pass()
    sign_in(client, owner, caseworker)
    reminder = only(owner, "stalled")
    work = client.get("/work").text
    assert "Also to look at" in work
    assert f"/reminders/{reminder.id}" in work
    page = f"/referrals/{referral_id}/still-active"
    assert client.get(f"/reminders/{reminder.id}").location == page
    assert "Still active?" in client.get(page).text

    day = times.london_date(times.now()) + timedelta(days=7)
    form = {
        "answer": "waiting_for_police",
        "look_again_on-day": str(day.day),
        "look_again_on-month": str(day.month),
        "look_again_on-year": str(day.year),
        "csrf_token": form_token(client, page),
    }
    assert client.post(page, data=form).location == f"/referrals/{referral_id}"
    run_pass()
    assert "Also to look at" not in client.get("/work").text
    with owner() as session:
        given = session.scalars(select(StallAnswer)).one()
        event = session.scalars(select(CaseEvent).where(CaseEvent.event == "case.stall_answered")).one()
        last_step_at = session.scalars(select(Referral.last_step_at)).one()
    assert (given.answer, given.look_again_on) == (StallAnswerCode.WAITING_FOR_POLICE, day)
    assert event.details == {"answer": "waiting_for_police", "look_again_on": day.isoformat()}
    assert last_step_at == event.recorded_at
    sign_in(client, owner, senior)
    assert "Waiting for the police" in client.get("/reminder-rules/stalled").text


def test_no_longer_needed_leads_to_closing_and_a_day_is_asked_of_all_else(
    client: FlaskClient, owner: Owner, caseworker: Actor
) -> None:
    referral_id = stalled_referral(owner, caseworker)
    sign_in(client, owner, caseworker)
    page = f"/referrals/{referral_id}/still-active"
    refused = client.post(page, data={"answer": "something_else", "csrf_token": form_token(client, page)})
    assert "Enter the day on which you will look at it again" in refused.text
    answer = client.post(page, data={"answer": "no_longer_needed", "csrf_token": form_token(client, page)})
    assert answer.location == f"/referrals/{referral_id}/close"


@pytest.mark.parametrize("has_worker", [True, False])
def test_the_providers_worker_is_asked_where_the_provider_has_the_case(
    client: FlaskClient,
    owner: Owner,
    make_actor: MakeActor,
    caseworker: Actor,
    run_pass: Pass,
    has_worker: bool,
) -> None:
    given = a_provider(owner, make_actor)
    now = times.now()
    onward_id = offered(caseworker, given, at=now - timedelta(days=90))
    onward_referrals.accept_onward_referral(Command(given.provider, now - timedelta(days=89)), onward_id)
    with owner() as session:
        if has_worker:
            session.add(
                WorkerAssignment(
                    onward_referral_id=onward_id,
                    provider_id=given.provider.organisation_id,
                    worker_id=given.provider.user_id,
                    reason="took_it_on",
                    given_at=now,
                    given_by_id=given.provider.user_id,
                )
            )
        session.execute(
            update(Referral).values(
                last_step_at=now - timedelta(days=80), next_due_on=now.date() - timedelta(days=60)
            )
        )
    run_pass()
    reminder = only(owner, "stalled")
    assert reminder.onward_referral_id == onward_id
    reader = (reminder.recipient_user_id, reminder.recipient_organisation_id)
    assert reader == (
        (given.provider.user_id, None) if has_worker else (None, given.provider.organisation_id)
    )
    sign_in(client, owner, given.provider)
    page = f"/onward-referrals/{onward_id}/still-active"
    assert "Say whether this is still active and what holds it up" in client.get("/reminders").text
    assert client.get(f"/reminders/{reminder.id}").location == page
    day = times.london_date(now) + timedelta(days=5)
    form = {
        "answer": "no_capacity",
        "look_again_on-day": str(day.day),
        "look_again_on-month": str(day.month),
        "look_again_on-year": str(day.year),
        "csrf_token": form_token(client, page),
    }
    assert client.post(page, data=form).status_code == 302
    run_pass()
    with owner() as session:
        assert session.scalars(select(StallAnswer.provider_id)).all() == [given.provider.organisation_id]
        assert session.scalars(select(Reminder.resolved_at).where(Reminder.rule_code == "stalled")).one()
