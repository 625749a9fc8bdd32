"""What a caseworker types into the free text of each form is stored and can be read again."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.factories import casework as make
from tests.plumbing.pages import hidden_of, main_of, send, text_of
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.models import ContactAttempt, Person, SafeContactPlan, TriageAssessment
from victim_gateway.services.referrals import status
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import CloseOutcome

TYPED = "Never after six: he reads her texts."
EARLIER = timedelta(hours=2)
Arrange = Callable[[Actor], UUID]


def on_day(name: str, days_ago: int = 0) -> dict[str, str]:
    day = times.london_date(times.now() - timedelta(days=days_ago))
    return {f"{name}-day": str(day.day), f"{name}-month": str(day.month), f"{name}-year": str(day.year)}


def stored_document(
    actor: Actor, model: type[SafeContactPlan | ContactAttempt | TriageAssessment]
) -> dict[str, Any]:
    """The opened document of the only row, or of the last version."""
    with transaction(actor) as session:
        rows = session.scalars(select(model)).all()
        newest = max(rows, key=lambda row: getattr(row, "version", 1))
        key = encrypted_rows.open_key(session, session.scalars(select(Person.key_id)).one())
        assert newest.sealed is not None
        return encrypted_rows.unseal_row(key, model.__tablename__, newest.id, newest.sealed)


def assigned(actor: Actor) -> UUID:
    return make.assigned(actor, at=times.now() - EARLIER)


def refused(actor: Actor) -> UUID:
    return make.recorded(actor, at=times.now() - EARLIER, agreed=False)


def assessed(actor: Actor) -> UUID:
    return make.assessed(actor, at=times.now() - EARLIER)


def closed(actor: Actor) -> UUID:
    referral_id = assessed(actor)
    status.close_referral(Command(actor, times.now()), referral_id, outcome=CloseOutcome.NEEDS_MET)
    return referral_id


def test_a_note_on_safe_contact_is_stored_shown_and_carried_into_the_next_version(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = assigned(caseworker)
    address = f"/referrals/{referral_id}/safe-contact"
    answers = {"safe": "yes", "channel_sms": "yes", "stated_by": "person", "remarks": TYPED}

    assert send(caseworker_browser, address, answers).status_code == 302

    assert stored_document(caseworker, SafeContactPlan)["words"] == TYPED
    assert TYPED in text_of(caseworker_browser.get(f"/referrals/{referral_id}/contact"))
    form = main_of(caseworker_browser.get(address))
    textarea = re.search(r'<textarea[^>]* name="remarks"[^>]*>\s*(.*?)\s*</textarea>', form, re.DOTALL)
    assert textarea and textarea[1] == TYPED


def test_a_note_on_safe_contact_of_a_new_referral_is_checked_stored_and_shown(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    answers = {
        "source": "self",
        "asked_by": "other",
        "safe": "yes",
        "safe_channels": ["phone", "sms"],
        "safe_contact_remarks": TYPED,
        "victim_type": "person",
        "given_name": "Priya",
        "family_name": "Nandakumar",
        "phone": "07700 900321",
        "harms": "burglary_and_theft",
        "district": "Stafford",
        "reported": "no",
        "hate_strand": "",
        "agreed": "yes",
        "how": "spoken",
        "take": "y",
    }
    checked = send(caseworker_browser, "/record/new", answers)
    assert f"Anything else about contacting them safely {TYPED}" in text_of(checked)
    assert "Which ways are safe? Phone call, Text message" in text_of(checked)
    carried: dict[str, list[str]] = {}
    for name, value in hidden_of(checked):
        carried.setdefault(name, []).append(value)

    saved = caseworker_browser.post("/record/new", data={**carried, "step": "save"})

    document = stored_document(caseworker, SafeContactPlan)
    assert document["words"] == TYPED
    assert {name for name, answer in document["channels"].items() if answer == "yes"} == {"phone", "sms"}
    assert TYPED in text_of(caseworker_browser.get(f"{saved.headers['Location']}/contact"))


def test_the_notes_of_a_contact_attempt_are_stored_and_shown(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = assigned(caseworker)
    wall = (times.now() - timedelta(minutes=5)).astimezone(times.LONDON)
    answers = {
        "checked": "read_plan",
        "channel": "phone",
        "outcome": "no_answer",
        "attempted_on-day": str(wall.day),
        "attempted_on-month": str(wall.month),
        "attempted_on-year": str(wall.year),
        "attempted_time": f"{wall:%I:%M%p}",
        "notes": TYPED,
    }

    assert (
        send(caseworker_browser, f"/referrals/{referral_id}/contact/attempts/new", answers).status_code == 302
    )

    assert stored_document(caseworker, ContactAttempt)["words"] == TYPED
    assert TYPED in text_of(caseworker_browser.get(f"/referrals/{referral_id}/contact"))


@pytest.mark.parametrize(
    ("arrange", "path", "answers", "field"),
    [
        (assigned, "hold", {"reason": "consent_refused"}, "notes"),
        (refused, "release", {"how": "spoken"}, "notes"),
        (assessed, "close", {"outcome": "needs_met"}, "outcome_text"),
        (closed, "reopen", {}, "reason_text"),
    ],
)
def test_what_is_typed_with_a_step_stands_on_the_timeline(
    caseworker_browser: FlaskClient,
    caseworker: Actor,
    arrange: Arrange,
    path: str,
    answers: dict[str, str],
    field: str,
) -> None:
    referral_id = arrange(caseworker)

    done = send(caseworker_browser, f"/referrals/{referral_id}/{path}", {**answers, field: TYPED})

    assert done.status_code == 302
    assert TYPED in text_of(caseworker_browser.get(f"/referrals/{referral_id}/timeline"))


def test_the_notes_of_a_consent_and_of_its_end_stand_on_the_timeline(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = assigned(caseworker)
    answers = {"purpose": "contact", "recipient": "", "agreed": "yes", "how": "spoken", "given_by": "person"}
    answers |= on_day("given_on")
    asked = send(
        caseworker_browser, f"/referrals/{referral_id}/consent", {**answers, "notes": "Asked on the phone."}
    )
    assert asked.status_code == 302
    page = caseworker_browser.get(f"/referrals/{referral_id}/consent").text
    address = re.findall(rf'href="(/referrals/{referral_id}/consent/[^"]+/withdraw)"', page)[0]

    assert send(caseworker_browser, address, {"notes": TYPED}).status_code == 302

    timeline = text_of(caseworker_browser.get(f"/referrals/{referral_id}/timeline"))
    assert "Asked on the phone." in timeline
    assert TYPED in timeline


def test_what_a_victim_says_about_a_promise_stands_on_the_timeline(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = make.recorded(
        caseworker, at=times.now() - EARLIER, reported_at=times.now() - timedelta(days=2)
    )
    page = caseworker_browser.get(f"/referrals/{referral_id}/rights").text
    address = re.findall(r'href="(/referrals/[^"]+/told)"', page)[0]

    done = send(caseworker_browser, address, {**on_day("told_on"), "victim_account": TYPED})

    assert done.status_code == 302
    assert TYPED in text_of(caseworker_browser.get(f"/referrals/{referral_id}/timeline"))


@pytest.mark.parametrize("outcome", ["other", "duplicate"])
def test_an_outcome_without_its_text_is_refused_at_the_text(
    caseworker_browser: FlaskClient, caseworker: Actor, outcome: str
) -> None:
    referral_id = assessed(caseworker)

    page = send(caseworker_browser, f"/referrals/{referral_id}/close", {"outcome": outcome})

    assert page.status_code == 422
    assert 'href="#outcome_text"' in page.text
