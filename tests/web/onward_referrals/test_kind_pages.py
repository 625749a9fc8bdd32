"""The pages of kinds of service: numbers first, questions, and what a provider records, through the door."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from tests.integration.onward_referrals.arrange import (
    ABOUT_RESTORATIVE_JUSTICE,
    Given,
    a_provider,
    a_referral,
    offered,
)
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import hidden_of, send, text_of
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.models import ProviderService, Referral
from victim_gateway.provider_vocabulary import ServiceKind
from victim_gateway.rules.handover import HandoverText
from victim_gateway.services import onward_referrals
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import HandoverPart

QUIET = HandoverText(wants="To be heard.")
SARC = ServiceKind.SEXUAL_ASSAULT_REFERRAL_CENTRE
RING = "If it was in the last 7 days, or nobody knows: ring now"


@pytest.fixture
def browser(client: FlaskClient, owner: Owner, caseworker: Actor) -> FlaskClient:
    sign_in(client, owner, caseworker)
    return client


def day_of(name: str, days_before: int = 0) -> dict[str, str]:
    day = times.london_date(times.now()) - timedelta(days_before)
    return {f"{name}-day": str(day.day), f"{name}-month": str(day.month), f"{name}-year": str(day.year)}


def test_the_number_stands_first_where_an_assault_may_be_recent(
    browser: FlaskClient, caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    centre = a_provider(
        owner, make_actor, "grange", kind=SARC, harms=["sexual_abuse"], urgent_phone="01785 000001"
    )
    referral_id = a_referral(caseworker, offence="Rape")
    address = f"/referrals/{referral_id}/refer-on"
    for page in (address, f"{address}/{centre.service_id}"):
        text = text_of(browser.get(page))
        assert RING in text and "01785 000001" in text
        assert text.index(RING) < text.index("Refer on, ")
    with owner() as session:
        referral = session.get_one(Referral, referral_id)
        referral.occurred_from = times.now() - timedelta(30)
    assert RING not in text_of(browser.get(address))
    with owner() as session:
        session.get_one(Referral, referral_id).occurred_from = times.now() - timedelta(2)
    assert RING in text_of(browser.get(address))
    # Another crime shows no such thing.
    assert RING not in text_of(browser.get(f"/referrals/{a_referral(caseworker)}/refer-on"))


def test_a_directory_without_a_number_says_so(
    browser: FlaskClient, caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    centre = a_provider(owner, make_actor, "grange", kind=SARC, harms=["sexual_abuse"])
    address = f"/referrals/{a_referral(caseworker, offence='Rape')}/refer-on"
    text = text_of(browser.get(address))
    assert "no number that answers day and night is in the directory" in text
    assert "Ring 101, or 999 in danger" in text

    # The number of the office is never given out as one that answers at night.
    with owner() as session:
        session.get_one(ProviderService, centre.service_id).phone = "01785 000009"
    text = text_of(browser.get(address))
    assert "no number that answers day and night is in the directory" in text
    assert "In its office hours: 01785 000009" in text and "Outside them ring 101" in text


def test_the_questions_are_asked_checked_and_sent(
    browser: FlaskClient, caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    centre = a_provider(owner, make_actor, "grange", kind=SARC)
    address = f"/referrals/{a_referral(caseworker, at=times.now())}/refer-on/{centre.service_id}"
    yes = {"share": "name", "agreed": "yes", "how": "by_phone", **day_of("given_on")}
    wrong = send(browser, address, {**yes, "step": "check"})
    assert wrong.status_code == 422 and "Choose whether the day is known" in text_of(wrong)
    answers = {"kind_day_known": "yes", **day_of("kind_assault_on", 2)}
    checked = text_of(send(browser, address, {**yes, **answers, "step": "check"}))
    assert "Yes: see them at once" in checked
    assert send(browser, address, {**yes, "step": "send"}).status_code == 422
    assert send(browser, address, {**yes, **answers, "step": "send"}).status_code == 302


def accepted(caseworker: Actor, given: Given, answers: dict[str, str], **said: object) -> UUID:
    at = times.now() - timedelta(hours=2)
    onward_id = offered(
        caseworker,
        given,
        referral_id=a_referral(caseworker, at=at, **said),
        at=at,
        share=(HandoverPart.NAME,),
        texts=QUIET,
        answers=answers,
    )
    onward_referrals.accept_onward_referral(Command(given.provider, at), onward_id)
    return onward_id


def test_a_provider_records_steps_and_takes_one_back_and_both_sides_read_them(
    browser: FlaskClient, caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    hub = a_provider(owner, make_actor, "rj-hub", kind=ServiceKind.RESTORATIVE_JUSTICE)
    onward_id = accepted(caseworker, hub, ABOUT_RESTORATIVE_JUSTICE)
    address = f"/onward-referrals/{onward_id}"
    assert browser.get(f"{address}/steps/new").status_code == 403
    sign_in(browser, owner, hub.provider)
    page = text_of(browser.get(f"{address}/steps/new"))
    assert "Write nothing that tells who the other person is" in page and "How far it went" in page
    assert "minutes" not in page
    wrong = send(browser, f"{address}/steps/new", {"step": "letter"})
    assert wrong.status_code == 422 and "Enter the day on which it happened" in text_of(wrong)
    forged = send(browser, f"{address}/steps/new", {"step": "engaged", **day_of("happened_on")})
    assert forged.status_code == 422
    saved = send(browser, f"{address}/steps/new", {"step": "letter", **day_of("happened_on")})
    assert saved.status_code == 302
    shown = browser.get(str(saved.location))
    assert "A letter was exchanged" in text_of(shown)
    (action,) = re.findall(r"/steps/([^/\"]+/take-back)", shown.get_data(as_text=True))
    assert send_to(browser, str(saved.location), f"{address}/steps/{action}") == 302
    assert "Taken back" in text_of(browser.get(str(saved.location)))
    sign_in(browser, owner, caseworker)
    page = text_of(browser.get(f"{address}/overview"))
    assert "A letter was exchanged" in page and "Taken back" in page
    assert "During proceedings" in page


def send_to(browser: FlaskClient, page: str, action: str) -> int:
    return browser.post(action, data=dict(hidden_of(browser.get(page)))).status_code


def test_a_business_adviser_sees_what_is_left_of_the_free_hour(
    browser: FlaskClient, caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    adviser = a_provider(owner, make_actor, "chambers", kind=ServiceKind.BUSINESS_CRIME_ADVICE)
    onward_id = accepted(caseworker, adviser, {}, victim_type="business")
    sign_in(browser, owner, adviser.provider)
    form = f"/onward-referrals/{onward_id}/steps/new"
    assert "60 of 60 free minutes left" in text_of(browser.get(form))
    help_given = {"step": "security_help", "minutes": "70", **day_of("happened_on")}
    assert "10 minutes more than the free time" in text_of(send(browser, form, help_given))
    saved = send(browser, form, {**help_given, "text": "They were hit twice."})
    page = text_of(browser.get(str(saved.location)))
    assert "0 of 60 free minutes left, 10 minutes beyond them" in page
    assert "one working day of its report" in page
