"""From the first contact to the close on the pages of a provider."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.integration.onward_referrals.arrange import (
    Given,
    a_referral,
    events_of,
    offered,
    onward_row,
    referral_row,
)
from tests.plumbing.apps import Owner
from tests.plumbing.moments import days_ago
from tests.plumbing.pages import hidden_of, send, text_of
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.models import Task
from victim_gateway.services import onward_referrals
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    OnwardState,
    SafeAnswer,
    ServiceOutcome,
    TaskKind,
)


def test_seen_accepted_contacted_and_closed_from_page_to_page(
    browser: FlaskClient, caseworker: Actor, owner: Owner, given: Given
) -> None:
    # Safe at any time: the test runs at any.
    plan = {"channels": {"phone": "yes"}, "number": "07700 900123"}
    referral_id = a_referral(caseworker, at=days_ago(2), plan=plan)
    onward_id = offered(caseworker, given, referral_id=referral_id, at=days_ago(2))
    address = f"/onward-referrals/{onward_id}"

    seen = browser.post(f"{address}/seen", data=dict(hidden_of(browser.get(address))))
    assert seen.headers["Location"] == address
    accepted = send(browser, f"{address}/accept", {})
    assert accepted.headers["Location"] == address
    assert "You have accepted this referral" in text_of(browser.get(address))
    today = times.now().astimezone(times.LONDON)
    contact = {
        "contacted_on-day": today.day,
        "contacted_on-month": today.month,
        "contacted_on-year": today.year,
        "contacted_at": f"{today:%I:%M%p}",
        "remarks": "She would like to meet.",
    }
    assert send(browser, f"{address}/first-contact", contact).headers["Location"] == address
    assert "She would like to meet." in text_of(browser.get(address))
    needs = {
        "outcome_mental_and_physical_health": "met",
        "outcome_shelter_and_accommodation": "not_worked_on",
    }
    closed = send(browser, f"{address}/close", {"outcome": "needs_met", **needs})
    assert closed.headers["Location"] == "/inbox"

    onward = onward_row(owner, onward_id)
    assert (onward.state, onward.outcome) == (OnwardState.CLOSED, ServiceOutcome.NEEDS_MET)
    states = [e.to_state for e in events_of(owner, onward_id) if e.to_state]
    assert states == ["offered", "acknowledged", "accepted", "in_service", "closed"]
    assert referral_row(owner, onward_id).next_action == "review_support"


@pytest.mark.parametrize(
    ("day", "clock", "message"),
    [(2, "2pm", "must be today or in the past"), (-9, "2pm", "when you accepted"),
     (0, "2:30", "The time must"), (0, "", "Enter the time")],
)  # fmt: skip
def test_an_impossible_first_contact_is_refused_at_its_field(
    browser: FlaskClient, caseworker: Actor, given: Given, day: int, clock: str, message: str
) -> None:
    onward_id = offered(caseworker, given, at=days_ago(2))
    onward_referrals.accept_onward_referral(Command(given.provider, days_ago(1)), onward_id)
    on = times.now().astimezone(times.LONDON) + timedelta(days=day)
    answers = {
        "contacted_on-day": on.day,
        "contacted_on-month": on.month,
        "contacted_on-year": on.year,
        "contacted_at": clock,
    }

    answer = send(browser, f"/onward-referrals/{onward_id}/first-contact", answers)

    assert answer.status_code == 422
    assert message in text_of(answer)
    assert 'href="#contacted_' in answer.text


def test_a_first_contact_while_nothing_is_known_to_be_safe_is_owned_up_to_and_checked(
    browser: FlaskClient, caseworker: Actor, owner: Owner, given: Given
) -> None:
    referral_id = a_referral(caseworker, at=days_ago(2), safe=SafeAnswer.UNKNOWN)
    onward_id = offered(caseworker, given, referral_id=referral_id, at=days_ago(2))
    onward_referrals.accept_onward_referral(Command(given.provider, days_ago(1)), onward_id)
    address = f"/onward-referrals/{onward_id}"
    now = times.now().astimezone(times.LONDON)
    contact = {
        "contacted_on-day": now.day,
        "contacted_on-month": now.month,
        "contacted_on-year": now.year,
        "contacted_at": f"{now:%I:%M%p}",
    }

    refused = send(browser, f"{address}/first-contact", contact)
    assert "No way to contact the person is known to be safe" in text_of(refused)
    assert 'href="#although_unsafe"' in refused.text
    assert onward_row(owner, onward_id).state is OnwardState.ACCEPTED
    wordless = send(browser, f"{address}/first-contact", {**contact, "although_unsafe": "y"})
    assert "Say how it came about" in text_of(wordless)

    owned_up = {**contact, "although_unsafe": "y", "unsafe_reason": "She rang us."}
    send(browser, f"{address}/first-contact", owned_up)
    page = browser.get(address)
    assert "Not a safe way or time: She rang us." in text_of(page)
    assert page.text.count(f'href="{address}/message"') >= 3
    assert text_of(page).index("Ask the Gateway") < text_of(page).index("Close with an outcome")
    with owner() as session:
        kinds = session.scalars(
            select(Task.kind).where(Task.referral_id == referral_id, Task.done_at.is_(None))
        )
        assert TaskKind.SAFE_CONTACT_CHECK in list(kinds)


def test_an_outcome_that_needs_words_says_so(
    browser: FlaskClient, caseworker: Actor, owner: Owner, given: Given
) -> None:
    onward_id = offered(caseworker, given, at=days_ago(2))
    onward_referrals.accept_onward_referral(Command(given.provider, days_ago(1)), onward_id)
    address = f"/onward-referrals/{onward_id}/close"

    assert "Needs met" not in text_of(browser.get(address))
    assert "Say in a few words how it ended" in text_of(send(browser, address, {"outcome": "disengaged"}))
    early = send(browser, address, {"outcome": "needs_met"})
    assert early.status_code == 422
    assert "Record the first contact first" in text_of(early)
    send(browser, address, {"outcome": "disengaged", "outcome_text": "No answer."})
    assert onward_row(owner, onward_id).state is OnwardState.ENDED_EARLY
