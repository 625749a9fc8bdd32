"""A small charity without an account, by keyboard: from the e-mail to the outcome, and a link ended on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from tests.browser.referral_steps import fill_date
from tests.browser.steps import WIDE, add_accounts, look, press, sign_in, tab_to, tick, type_into
from tests.factories import casework
from tests.integration.onward_referrals.arrange import a_referral
from tests.integration.onward_referrals.by_link import (
    MAILBOX,
    Charity,
    a_charity,
    newest_code,
    newest_link,
    register,
    run_waiting_tasks,
    with_mail,
)
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.smtp import Sink
from victim_gateway import times
from victim_gateway.models import OnwardReferral
from victim_gateway.vocabulary import Role

PASSWORD = "help from a small charity"  # noqa: S105  of a test account
ANY_TIME = {"channels": {"phone": "yes"}, "number": "07700 900123"}


@pytest.fixture
def mail(committed_app: Flask, smtp: Sink) -> Iterator[Sink]:
    with with_mail(committed_app, smtp) as sink:
        yield sink


@pytest.fixture
def charity(committed_app: Flask, committed_owner: Owner) -> Charity:
    return a_charity(committed_owner, at=times.now() - timedelta(days=30))


@pytest.fixture
def desk(mail: Sink, committed_make_actor: MakeActor, page: Page) -> Page:
    """A caseworker's browser."""
    add_accounts(committed_make_actor, PASSWORD, casey=Role.CASEWORKER)
    sign_in(page, "casey@test.example", PASSWORD)
    return page


@contextmanager
def at_charity(browser: Browser, address: str) -> Iterator[Page]:
    """A browser of the charity's own, in which nobody ever signed in."""
    context = browser.new_context(base_url=address, viewport=WIDE)
    try:
        yield context.new_page()
    finally:
        context.close()


def open_link(page: Page, owner: Owner, mail: Sink) -> None:
    """Open the newest link, ask for a code by the Tab key alone, and enter it."""
    run_waiting_tasks(owner)
    page.goto(f"/by-link/{newest_link(mail)}")
    expect(page.get_by_role("heading", name="Open your link")).to_be_visible()
    look(page)
    tab_to(page, page.get_by_role("button", name="Send me a code"), most=8)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    look(page)
    run_waiting_tasks(owner)
    code = newest_code(mail)
    type_into(page, "Your code", f"{code[:4]} {code[4:]}")
    press(page, "button", "Open the referral")
    expect(page.get_by_role("banner")).to_contain_text("Ann Lee of Small Charity, by link")


def offer(desk: Page, referral_id: UUID) -> None:
    """Refer a person on to the charity, on the page."""
    desk.goto(f"/referrals/{referral_id}/refer-on")
    press(desk, "link", re.compile("Refer on to Support"))
    tick(desk, "Yes", group="Has the person said yes?")
    tick(desk, "By telephone", group="How did they say it?")
    fill_date(desk, "given_on")
    type_into(desk, "What the person wants", "To sleep again")
    press(desk, "button", "Check what they will see")
    press(desk, "button", re.compile("Send to"))


def onward_id_of(owner: Owner, referral_id: UUID) -> UUID:
    with owner() as session:
        return session.query(OnwardReferral.id).where(OnwardReferral.referral_id == referral_id).one()[0]


def test_a_small_charity_works_by_link_from_the_offer_to_the_outcome(
    charity: Charity,
    desk: Page,
    browser: Browser,
    live_address: str,
    mail: Sink,
    committed_owner: Owner,
    committed_make_actor: MakeActor,
) -> None:
    caseworker = committed_make_actor(Role.CASEWORKER)
    referral_id = a_referral(caseworker, at=times.now() - timedelta(hours=3), plan=ANY_TIME)
    offer(desk, referral_id)
    onward_id = onward_id_of(committed_owner, referral_id)
    desk.goto(f"/onward-referrals/{onward_id}/overview")
    expect(desk.get_by_role("heading", name="Works by link")).to_be_visible()
    look(desk)

    with at_charity(browser, live_address) as contact:
        open_link(contact, committed_owner, mail)
        expect(contact.get_by_role("main")).to_contain_text("Wilma")
        look(contact)
        # Ask, wrongly first, then read the answer by the link that comes with it.
        contact.locator("summary", has_text="Ask the Gateway first").focus()
        contact.keyboard.press("Enter")
        press(contact, "button", "Send your question")
        expect(contact.get_by_role("alert")).to_contain_text("Enter your question")
        look(contact)
        type_into(contact, "Your question", "Has she a car?")
        press(contact, "button", "Send your question")
        press(contact, "button", "Leave")
        expect(contact.get_by_role("heading", name="You can close this page")).to_be_visible()
        look(contact)

        desk.reload()
        press(desk, "link", "Answer the question")
        type_into(desk, "Your answer", "She has.")
        press(desk, "button", re.compile("Send"))
        open_link(contact, committed_owner, mail)
        expect(contact.locator("#messages ~ ul").first).to_contain_text("She has.")
        press(contact, "button", "Accept")
        look(contact)
        press(contact, "link", "Record the first contact")
        look(contact)
        fill_date(contact, "contacted_on")
        type_into(contact, "What time?", f"{times.now().astimezone(times.LONDON):%I:%M%p}")
        press(contact, "button", "Save")
        look(contact)
        press(contact, "link", "Close with an outcome")
        look(contact)
        tick(contact, "Needs partly met")
        tick(contact, "Met", group="Mental and physical health")
        tick(contact, "Not worked on", group="Shelter and accommodation")
        type_into(contact, "Closing summary", "She sleeps again.")
        press(contact, "button", "Check what the Gateway will read")
        look(contact)
        press(contact, "button", "Close the referral")
        expect(contact.get_by_role("main")).to_contain_text("You have closed this referral")
        look(contact)
        contact.goto(f"/onward-referrals/{onward_id}")
        expect(contact.get_by_role("heading", name="Your time with this link is over")).to_be_visible()
        look(contact)

    desk.goto(f"/onward-referrals/{onward_id}/overview")
    expect(desk.get_by_role("main")).to_contain_text("Ann Lee of Small Charity, by link")
    look(desk)
    assert {recipient for _, recipient in mail.envelopes} == {MAILBOX}


def test_a_link_that_is_ended_while_it_is_open_opens_nothing_more(
    charity: Charity,
    desk: Page,
    browser: Browser,
    live_address: str,
    mail: Sink,
    committed_owner: Owner,
    committed_make_actor: MakeActor,
) -> None:
    caseworker = committed_make_actor(Role.CASEWORKER)
    referral_id = casework.assessed(caseworker, at=times.now() - timedelta(hours=3))
    offer(desk, referral_id)
    onward_id = onward_id_of(committed_owner, referral_id)
    with at_charity(browser, live_address) as contact:
        open_link(contact, committed_owner, mail)
        contact.locator("summary", has_text="Ask the Gateway first").focus()
        contact.keyboard.press("Enter")
        type_into(contact, "Your question", "Has she a car?")
        desk.goto(f"/onward-referrals/{onward_id}/overview")
        press(desk, "button", "End the link")
        expect(desk.get_by_role("main")).to_contain_text("Ended by a caseworker")
        look(desk)
        press(contact, "button", "Send your question")
        expect(contact.get_by_role("heading", name="Your time with this link is over")).to_be_visible()
        expect(contact.get_by_role("main")).to_contain_text("Has she a car?")
        expect(contact.get_by_role("main")).not_to_contain_text("Testcase")
        look(contact)
        press(desk, "button", "Send a new link")
        open_link(contact, committed_owner, mail)
        expect(contact.get_by_role("main")).to_contain_text("Testcase")
        contact.go_back()


def test_a_changed_contact_is_rung_before_a_link_is_sent(
    charity: Charity,
    desk: Page,
    mail: Sink,
    committed_owner: Owner,
    committed_make_actor: MakeActor,
) -> None:
    caseworker = committed_make_actor(Role.CASEWORKER)
    referral_id = casework.assessed(caseworker, at=times.now() - timedelta(hours=3))
    offer(desk, referral_id)
    onward_id = onward_id_of(committed_owner, referral_id)
    register(charity.service_id, "Bea Dunn", "bea@small-charity.example", at=times.now())
    desk.goto(f"/onward-referrals/{onward_id}/overview")
    main = desk.get_by_role("main")
    expect(main).to_contain_text(f"was Ann Lee ({MAILBOX}), now Bea Dunn (bea@small-charity.example)")
    look(desk)
    press(desk, "button", "Send a new link")
    expect(desk.get_by_role("alert")).to_contain_text("Ring the charity at the number in the directory")
    look(desk)
    tick(desk, "I have rung them at the number in the directory")
    press(desk, "button", "Send a new link")
    expect(main).to_contain_text("(not sent yet)")
    press(desk, "button", "End the link")
    expect(main).to_contain_text("E-mails bring no link, as it was ended or locked")
    look(desk)
