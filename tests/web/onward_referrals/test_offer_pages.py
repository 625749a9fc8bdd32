"""A caseworker refers somebody on: which service fits, what is shared, their yes, and what follows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from tests.integration.onward_referrals.arrange import (
    ABOUT_RESTORATIVE_JUSTICE,
    Given,
    a_provider,
    a_referral,
    events_of,
    offered,
    onward_row,
)
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import hidden_of, main_of, queries_of, send, text_of, title_of
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.models import Consent, OnwardReferral, Referral
from victim_gateway.queries.onward_referrals.handover import HANDOVER
from victim_gateway.services import onward_referrals
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import DeclineReason, OnwardState, ReferralState, Risk, Role

EARLIER = timedelta(hours=3)


@pytest.fixture
def given(owner: Owner, make_actor: MakeActor) -> Given:
    return a_provider(owner, make_actor, needs=["mental_and_physical_health"])


@pytest.fixture
def browser(client: FlaskClient, owner: Owner, caseworker: Actor) -> FlaskClient:
    sign_in(client, owner, caseworker)
    return client


def test_services_that_fit_come_with_the_needs_they_meet_and_the_others_with_why_not(
    browser: FlaskClient, caseworker: Actor, owner: Owner, make_actor: MakeActor, given: Given
) -> None:
    a_provider(owner, make_actor, "north-only", districts=["Stoke-on-Trent"])
    referral_id = a_referral(caseworker, at=times.now() - EARLIER)

    page = browser.get(f"/referrals/{referral_id}/refer-on")

    text = text_of(page)
    assert "It helps after any crime. It helps with mental and physical health." in text
    assert "1 that do not fit this person, and why" in text
    assert "It is for people who live in Stoke-on-Trent only." in text
    assert "Wilma" not in title_of(page)


def test_what_to_share_warns_that_an_old_answer_gives_no_number(
    browser: FlaskClient, caseworker: Actor, given: Given
) -> None:
    referral_id = a_referral(caseworker, at=times.now() - timedelta(days=40))

    page = browser.get(f"/referrals/{referral_id}/refer-on/{given.service_id}")

    assert "Safe contact was checked too long ago, so no number goes with it" in text_of(page)
    assert "Ask first what is safe now." in text_of(page)


def test_without_an_assessment_there_is_nothing_to_press_and_the_address_refuses(
    browser: FlaskClient, caseworker: Actor, given: Given
) -> None:
    referral_id = a_referral(caseworker, at=times.now() - EARLIER, state=ReferralState.IN_CONTACT)

    page = browser.get(f"/referrals/{referral_id}/refer-on")

    assert "Make a triage assessment first" in text_of(page)
    assert str(given.service_id) not in page.text
    assert browser.get(f"/referrals/{referral_id}/refer-on/{given.service_id}").status_code == 409


def test_what_is_checked_is_exactly_what_is_sent(
    browser: FlaskClient, caseworker: Actor, owner: Owner, given: Given
) -> None:
    referral_id = a_referral(caseworker, at=times.now() - EARLIER)
    address = f"/referrals/{referral_id}/refer-on/{given.service_id}"

    check = send(browser, address, answers(share=["needs", "wants"], wants="To sleep\nagain."))
    assert check.status_code == 200
    text = text_of(check)
    assert "Check what New Era will see" in text
    assert "To sleep again." in text
    assert "The person's name" not in text
    assert "Their name" in text  # among what is not shared
    assert count(owner) == 0

    sent = browser.post(address, data={**all_of(check), "step": "send"})
    assert sent.status_code == 302
    onward = only(owner)
    assert sent.headers["Location"] == f"/onward-referrals/{onward.id}/overview"
    assert "was referred on" in text_of(browser.get(sent.headers["Location"]))
    with transaction(given.provider) as session:
        key = encrypted_rows.open_key(session, onward.key_id)
        document = encrypted_rows.unseal_row(key, HANDOVER, onward.id, onward.handover_sealed)
    assert document["parts"] == ["needs", "risk", "wants"]
    assert document["wants"] == "To sleep\nagain."
    assert "name" not in document


def test_change_goes_back_with_every_answer(
    browser: FlaskClient, caseworker: Actor, owner: Owner, given: Given
) -> None:
    referral_id = a_referral(caseworker, at=times.now() - EARLIER)
    address = f"/referrals/{referral_id}/refer-on/{given.service_id}"
    check = send(browser, address, answers(share=["wants"], wants="To sleep again."))

    changed = browser.post(address, data={**all_of(check), "step": "change"})

    assert changed.status_code == 200
    assert "There is a problem" not in changed.text
    assert "To sleep again." in changed.text
    assert count(owner) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"agreed": ""}, "Choose whether the person has said yes"),
        ({"agreed": "no"}, "Ask the person first"),
        ({"how": ""}, "Choose how they said it"),
        (
            {"given_on-day": "", "given_on-month": "", "given_on-year": ""},
            "Enter the day on which they said it",
        ),
        ({"given_on-year": "2100"}, "must be today or in the past"),
        ({"share": ["wants"], "wants": ""}, "Enter what the person wants, or do not share it"),
        ({"share": ["what_happened"], "what_happened": " "}, "Enter what happened, or do not share it"),
        ({"share": ["shoe_size"]}, "Choose from the answers"),
        ({"remarks": "x" * 5001}, "Shorten this to 5,000 characters"),
    ],
)
def test_a_wrong_answer_comes_back_and_nothing_is_sent(
    browser: FlaskClient,
    caseworker: Actor,
    owner: Owner,
    given: Given,
    change: dict[str, Any],
    message: str,
) -> None:
    referral_id = a_referral(caseworker, at=times.now() - EARLIER)
    address = f"/referrals/{referral_id}/refer-on/{given.service_id}"

    answer = send(browser, address, {**answers(), **change})

    assert answer.status_code == 422
    assert message in text_of(answer)
    assert title_of(answer).startswith("Error: ")
    # Nor by leaving the check out.
    sent = send(browser, address, {**answers(), **change, "step": "send"})
    assert sent.status_code == 422
    assert count(owner) == 0


def test_a_recorded_yes_is_shown_and_not_asked_again(
    browser: FlaskClient, caseworker: Actor, owner: Owner, make_actor: MakeActor, given: Given
) -> None:
    referral_id = a_referral(caseworker, at=times.now() - EARLIER)
    offered(caseworker, given, referral_id=referral_id, at=times.now() - EARLIER)
    second = a_provider(owner, make_actor, "new-era")
    address = f"/referrals/{referral_id}/refer-on/{second.service_id}"

    page = browser.get(address)
    assert "They said yes to sharing with New Era" in text_of(page)
    assert "Has the person said yes?" not in text_of(page)
    send(browser, address, {"share": ["name"], "step": "send"})

    assert count(owner) == 2
    with owner() as session:
        assert session.scalar(select(func.count()).select_from(Consent)) == 1


def test_the_same_form_sent_twice_refers_on_once(
    browser: FlaskClient, caseworker: Actor, owner: Owner, given: Given
) -> None:
    referral_id = a_referral(caseworker, at=times.now() - EARLIER)
    address = f"/referrals/{referral_id}/refer-on/{given.service_id}"
    check = send(browser, address, answers())
    data = {**all_of(check), "step": "send"}

    browser.post(address, data=data)
    again = browser.post(address, data=data)

    assert again.status_code == 302
    assert count(owner) == 1
    assert "already saved" in text_of(browser.get(again.headers["Location"]))


def test_a_stale_page_refers_nobody_on(
    browser: FlaskClient, caseworker: Actor, owner: Owner, make_actor: MakeActor, given: Given
) -> None:
    referral_id = a_referral(caseworker, at=times.now() - EARLIER)
    check = send(browser, f"/referrals/{referral_id}/refer-on/{given.service_id}", answers())
    other = a_provider(owner, make_actor, "rj-hub")
    offered(caseworker, other, referral_id=referral_id, at=times.now() - EARLIER)

    answer = browser.post(
        f"/referrals/{referral_id}/refer-on/{given.service_id}", data={**all_of(check), "step": "send"}
    )

    assert answer.status_code == 409
    assert "was changed after you opened the page" in text_of(answer)
    assert count(owner) == 1


def test_the_overview_shows_each_step_of_the_provider_at_once(
    browser: FlaskClient, caseworker: Actor, given: Given
) -> None:
    onward_id = offered(caseworker, given, at=times.now() - EARLIER)
    address = f"/onward-referrals/{onward_id}/overview"
    assert "The provider answers" in text_of(browser.get(address))

    onward_referrals.accept_onward_referral(Command(given.provider, times.now()), onward_id)

    page = browser.get(address)
    assert "The provider contacts the person" in text_of(page)
    assert "Accepted by Test provider, New Era" in text_of(page)
    assert "07700 900123" not in page.text
    assert "Wilma" not in title_of(page)


def test_a_question_is_answered_from_its_page(
    browser: FlaskClient, caseworker: Actor, owner: Owner, given: Given
) -> None:
    onward_id = offered(caseworker, given, at=times.now() - EARLIER)
    address = f"/onward-referrals/{onward_id}/answer"
    assert browser.get(address).status_code == 409
    onward_referrals.request_information(
        Command(given.provider, times.now()), onward_id, text="Has she a car?"
    )

    assert "Has she a car?" in text_of(browser.get(address))
    assert send(browser, address, {"answer": ""}).status_code == 422
    send(browser, address, {"answer": "No, a bus pass."})

    assert onward_row(owner, onward_id).state is OnwardState.ACKNOWLEDGED
    assert "No, a bus pass." in text_of(browser.get(f"/onward-referrals/{onward_id}/overview"))


@pytest.mark.parametrize("reason", list(DeclineReason))
def test_a_decline_comes_with_what_it_means(
    browser: FlaskClient, caseworker: Actor, given: Given, reason: DeclineReason
) -> None:
    onward_id = offered(caseworker, given, at=times.now() - EARLIER)
    onward_referrals.decline_onward_referral(
        Command(given.provider, times.now()), onward_id, reason=reason, text="Ask in May."
    )

    page = browser.get(f"/onward-referrals/{onward_id}/decline-decision")

    assert "Ask in May." in text_of(page)
    assert "govuk-inset-text" in main_of(page)


def decline_offer(provider: Actor, onward_id: UUID) -> None:
    onward_referrals.decline_onward_referral(
        Command(provider, times.now()), onward_id, reason=DeclineReason.NO_CAPACITY, text="Full."
    )


def test_a_decline_is_agreed_with_or_offered_again(
    browser: FlaskClient, caseworker: Actor, owner: Owner, given: Given
) -> None:
    onward_id = offered(caseworker, given, at=times.now() - EARLIER)
    decline_offer(given.provider, onward_id)
    address = f"/onward-referrals/{onward_id}/decline-decision"

    assert send(browser, address, {}).status_code == 422
    assert "the provider will read this" in text_of(send(browser, address, {"decision": "overturn"}))
    send(browser, address, {"decision": "overturn", "reason_text": "There is room in May."})
    assert onward_row(owner, onward_id).state is OnwardState.OFFERED

    decline_offer(given.provider, onward_id)
    agreed = send(browser, address, {"decision": "confirm"})
    assert "Refer them on to another service" in text_of(browser.get(agreed.headers["Location"]))
    assert browser.get(address).status_code == 409


def test_taking_it_back_asks_for_the_reasons_that_fit(
    browser: FlaskClient, caseworker: Actor, owner: Owner, given: Given
) -> None:
    onward_id = offered(caseworker, given, at=times.now() - EARLIER)
    address = f"/onward-referrals/{onward_id}/withdraw"
    assert "It was sent by mistake" in text_of(browser.get(address))
    onward_referrals.accept_onward_referral(Command(given.provider, times.now()), onward_id)

    text = text_of(browser.get(address))
    assert "It was sent by mistake" not in text
    assert "The person moved away" in text
    assert send(browser, address, {"reason": "sent_by_mistake", "reason_text": "x"}).status_code == 422
    assert send(browser, address, {"reason": "moved_away"}).status_code == 422
    send(browser, address, {"reason": "moved_away", "reason_text": "To Leeds."})

    assert onward_row(owner, onward_id).state is OnwardState.WITHDRAWN
    assert "moved_away" in [e.reason_code for e in events_of(owner, onward_id)]
    assert browser.get(address).status_code == 409


def test_the_caseworker_writes_to_the_provider(
    browser: FlaskClient, caseworker: Actor, owner: Owner, given: Given
) -> None:
    onward_id = offered(caseworker, given, at=times.now() - EARLIER)

    send(browser, f"/onward-referrals/{onward_id}/write", {"subject": "Her sister", "body": "May call you."})

    assert "May call you." in text_of(browser.get(f"/onward-referrals/{onward_id}/overview"))


def test_a_restricted_referral_is_not_found_by_others(
    client: FlaskClient, caseworker: Actor, owner: Owner, make_actor: MakeActor, given: Given
) -> None:
    at = times.now() - EARLIER
    referral_id = a_referral(caseworker, at=at, restricted_to=caseworker.user_id)
    onward_id = offered(caseworker, given, referral_id=referral_id, at=at)
    sign_in(client, owner, make_actor(Role.SENIOR))

    for address in (
        f"/referrals/{referral_id}/refer-on",
        f"/referrals/{referral_id}/refer-on/{given.service_id}",
        *(f"/onward-referrals/{onward_id}/{page}" for page in ("overview", "answer", "withdraw", "write")),
    ):
        assert client.get(address).status_code == 404


def test_only_caseworkers_refer_on(
    client: FlaskClient, caseworker: Actor, owner: Owner, make_actor: MakeActor, given: Given
) -> None:
    referral_id = a_referral(caseworker, at=times.now() - EARLIER)
    for actor in (given.provider, *(make_actor(role) for role in (Role.MANAGER, Role.ADMIN, Role.AUDITOR))):
        sign_in(client, owner, actor)
        assert client.get(f"/referrals/{referral_id}/refer-on").status_code == 403


def test_the_pages_run_no_more_queries_with_more_in_them(
    browser: FlaskClient, caseworker: Actor, owner: Owner, make_actor: MakeActor, given: Given
) -> None:
    referral_id = a_referral(caseworker, at=times.now() - EARLIER)
    onward_id = offered(caseworker, given, referral_id=referral_id, at=times.now() - EARLIER)
    addresses = (f"/referrals/{referral_id}/refer-on", f"/onward-referrals/{onward_id}/overview")
    few = [queries_of(browser, address) for address in addresses]
    for number in range(5):
        more = a_provider(owner, make_actor, f"provider-{number}")
        offered(caseworker, more, referral_id=referral_id, at=times.now() - EARLIER)
    onward_referrals.request_information(Command(given.provider, times.now()), onward_id, text="Who?")
    onward_referrals.answer_request(Command(caseworker, times.now()), onward_id, text="She.")

    assert [queries_of(browser, address) for address in addresses] == few


def answers(**change: Any) -> dict[str, Any]:
    today = times.now().astimezone(times.LONDON)
    return {
        "share": ["name"],
        "agreed": "yes",
        "how": "spoken",
        "given_on-day": today.day,
        "given_on-month": today.month,
        "given_on-year": today.year,
        "step": "check",
        **change,
    }


def all_of(page: TestResponse) -> dict[str, Any]:
    """Everything the form of the check page holds, lists as lists."""
    found: dict[str, Any] = {}
    for name, value in hidden_of(page):
        found[name] = [*found[name], value] if name in found else [value]
    return found


def count(owner: Owner) -> int:
    with owner() as session:
        return session.scalar(select(func.count()).select_from(OnwardReferral)) or 0


def only(owner: Owner) -> OnwardReferral:
    with owner() as session:
        return session.scalars(select(OnwardReferral)).one()


def test_after_domestic_abuse_the_service_for_it_comes_first_and_restorative_justice_asks_a_senior(
    browser: FlaskClient, caseworker: Actor, senior: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    a_provider(owner, make_actor, "brake", harms=["road_crime"], needs=["mental_and_physical_health"])
    hub = a_provider(owner, make_actor, "rj-hub", is_restorative=True)
    a_provider(owner, make_actor, "new-era", harms=["domestic_abuse"], wait_days=2, phone="0300 303 3778")
    referral_id = a_referral(
        caseworker,
        at=times.now() - EARLIER,
        offence="Violence and sexual offences",
        domestic_abuse=True,
        risk=Risk.HIGH,
    )
    address = f"/referrals/{referral_id}/refer-on"

    text = text_of(browser.get(address))
    assert "Harm: Domestic abuse, Violence . Lives in: Stafford ." in text
    assert "The police record does not say whether this was violence or a sexual offence." in text
    before_others, _, others = text.partition("1 for other kinds of harm")
    assert before_others.index("It is for domestic abuse.") < before_others.index("only with a risk plan")
    assert "Can they take them? Waiting list: about 2 days" in before_others
    assert "Nobody has confirmed this: ask them" in before_others
    assert "Phone 0300 303 3778" in before_others
    assert "agree how they stay safe until then" in before_others
    assert "It is for road crime only." in others
    assert browser.get(f"{address}/{hub.service_id}").status_code == 409

    asking = f"/referrals/{referral_id}/restorative-justice"
    assert send(browser, asking, {"reason": "She asked for it."}).status_code == 302
    assert "A senior was asked" in text_of(browser.get(address))
    assert browser.get(f"{asking}/decide").status_code == 403

    sign_in(browser, owner, senior)
    assert "She asked for it." in text_of(browser.get(f"{asking}/decide"))
    wrong = send(browser, f"{asking}/decide", {"decision": "yes", "reason": ""})
    assert "Enter why you decide so" in text_of(wrong)
    assert send(browser, f"{asking}/decide", {"decision": "yes", "reason": "With a plan."}).status_code == 302

    sign_in(browser, owner, caseworker)
    assert "A senior caseworker has said yes." in text_of(browser.get(address))
    assert browser.get(f"{address}/{hub.service_id}").status_code == 200

    # More was found out while it runs: the yes does not reach it.
    offered(caseworker, hub, referral_id=referral_id, at=times.now(), answers=ABOUT_RESTORATIVE_JUSTICE)
    with owner() as session:
        session.get_one(Referral, referral_id).offence = "Rape"
    assert "This person is referred on for restorative justice already." in text_of(browser.get(asking))
    sign_in(browser, owner, senior)
    page = text_of(browser.get(f"{asking}/decide"))
    assert "This was domestic abuse and sexual abuse" in page
    assert "A no takes that back at once" in page


def test_where_no_service_is_for_businesses_the_page_says_so(
    browser: FlaskClient, caseworker: Actor, given: Given
) -> None:
    referral_id = a_referral(caseworker, at=times.now() - EARLIER, victim_type="business")

    text = text_of(browser.get(f"/referrals/{referral_id}/refer-on"))

    assert "No service for businesses is in the directory. Support them from here." in text
