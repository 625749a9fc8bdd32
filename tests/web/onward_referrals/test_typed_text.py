"""What either side types about an onward referral is stored, and read by the other side where it is meant to be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.integration.onward_referrals.arrange import Given, a_provider, a_referral, offered
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import hidden_of, send, text_of
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.services import onward_referrals
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import DeclineReason

TYPED = "Ring her at her sister's, never at home."
EARLIER = timedelta(hours=3)


@pytest.fixture
def given(owner: Owner, make_actor: MakeActor) -> Given:
    return a_provider(owner, make_actor)


@pytest.mark.parametrize(
    ("path", "answers", "field"),
    [
        ("ask", {}, "question"),
        ("decline", {"reason": "no_capacity"}, "reason_text"),
        ("close", {"outcome": "disengaged"}, "outcome_text"),
    ],
)
def test_what_a_provider_types_is_read_by_the_caseworker(
    client: FlaskClient,
    owner: Owner,
    caseworker: Actor,
    given: Given,
    path: str,
    answers: dict[str, str],
    field: str,
) -> None:
    onward_id = offered(caseworker, given, at=times.now() - EARLIER)
    if path == "close":
        onward_referrals.accept_onward_referral(Command(given.provider, times.now()), onward_id)
    sign_in(client, owner, given.provider)

    done = send(client, f"/onward-referrals/{onward_id}/{path}", {**answers, field: TYPED})

    assert done.status_code == 302
    sign_in(client, owner, caseworker)
    assert TYPED in text_of(client.get(f"/onward-referrals/{onward_id}/overview"))


def test_remarks_to_a_provider_are_checked_sent_and_read_there(
    client: FlaskClient, owner: Owner, caseworker: Actor, given: Given
) -> None:
    referral_id = a_referral(caseworker, at=times.now() - EARLIER)
    address = f"/referrals/{referral_id}/refer-on/{given.service_id}"
    today = times.london_date(times.now())
    answers = {
        "share": ["name"],
        "remarks": TYPED,
        "agreed": "yes",
        "how": "spoken",
        "given_on-day": today.day,
        "given_on-month": today.month,
        "given_on-year": today.year,
        "step": "check",
    }
    sign_in(client, owner, caseworker)
    check = send(client, address, answers)
    assert f"From the caseworker {TYPED}" in text_of(check)
    carried: dict[str, Any] = {}
    for name, value in hidden_of(check):
        carried.setdefault(name, []).append(value)

    sent = client.post(address, data={**carried, "step": "send"})

    overview = sent.headers["Location"]
    assert TYPED in text_of(client.get(overview))
    sign_in(client, owner, given.provider)
    assert f"From the caseworker {TYPED}" in text_of(client.get(overview.removesuffix("/overview")))


@pytest.mark.parametrize("decision", ["confirm", "overturn"])
def test_why_a_decline_is_agreed_with_or_not_is_kept(
    client: FlaskClient, owner: Owner, caseworker: Actor, given: Given, decision: str
) -> None:
    onward_id = offered(caseworker, given, at=times.now() - EARLIER)
    onward_referrals.decline_onward_referral(
        Command(given.provider, times.now()), onward_id, reason=DeclineReason.NO_CAPACITY, text="Full."
    )
    address = f"/onward-referrals/{onward_id}/decline-decision"
    sign_in(client, owner, caseworker)
    if decision == "overturn":
        assert 'href="#reason_text"' in send(client, address, {"decision": decision}).text

    done = send(client, address, {"decision": decision, "reason_text": TYPED})

    assert done.status_code == 302
    assert TYPED in text_of(client.get(f"/onward-referrals/{onward_id}/overview"))


def test_why_an_onward_referral_is_taken_back_is_asked_for_and_kept(
    client: FlaskClient, owner: Owner, caseworker: Actor, given: Given
) -> None:
    onward_id = offered(caseworker, given, at=times.now() - EARLIER)
    onward_referrals.accept_onward_referral(Command(given.provider, times.now()), onward_id)
    address = f"/onward-referrals/{onward_id}/withdraw"
    sign_in(client, owner, caseworker)

    assert 'href="#reason_text"' in send(client, address, {"reason": "moved_away"}).text
    assert send(client, address, {"reason": "moved_away", "reason_text": TYPED}).status_code == 302

    assert TYPED in text_of(client.get(f"/onward-referrals/{onward_id}/overview"))
