"""Services asked one after the other, with a decline, and one taken back while the provider has its page open."""

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
from tests.browser.steps import WIDE, add_accounts, look, pick, press, press_on, sign_in, tick, type_into
from tests.factories import casework
from tests.integration.onward_referrals.arrange import a_provider
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway import times
from victim_gateway.models import Organisation
from victim_gateway.services.accounts import administration
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role

PASSWORD = "help that comes one after the other"  # noqa: S105  of a test account
PROVIDERS = ("New Era", "Rj Hub", "Small Charity")


@pytest.fixture
def referral_id(committed_app: Flask, committed_owner: Owner, committed_make_actor: MakeActor) -> UUID:
    """Somebody who was assessed, three providers, and an account at two of them."""
    admin = committed_make_actor(Role.ADMIN)
    given = [
        a_provider(committed_owner, committed_make_actor, name.lower().replace(" ", "-"))
        for name in PROVIDERS
    ]
    with committed_owner() as session:
        keys = [session.get_one(Organisation, each.provider.organisation_id).key for each in given]
    add_accounts(committed_make_actor, PASSWORD, casey=Role.CASEWORKER)
    for number, key in enumerate(keys[:2], 1):
        account = administration.NewAccount(
            email=f"provider{number}@test.example",
            name=f"Provider {number}",
            role=Role.PROVIDER,
            organisation_key=key,
            password=PASSWORD,
        )
        administration.add_account(Command(admin, times.now()), account)
    worker = committed_make_actor(Role.CASEWORKER)
    return casework.assessed(worker, at=times.now() - timedelta(hours=3))


@contextmanager
def at_provider(browser: Browser, address: str, number: int) -> Iterator[Page]:
    """A browser of its own, signed in with an account of a provider."""
    context = browser.new_context(base_url=address, viewport=WIDE)
    try:
        page = context.new_page()
        sign_in(page, f"provider{number}@test.example", PASSWORD)
        yield page
    finally:
        context.close()


def test_the_next_service_is_asked_by_itself_and_what_was_taken_back_is_gone_from_an_open_page(
    referral_id: UUID, page: Page, browser: Browser, live_address: str
) -> None:
    sign_in(page, "casey@test.example", PASSWORD)
    page.goto(f"/referrals/{referral_id}/refer-on")
    press(page, "link", "Ask several services")
    tick(page, "One after the other")
    press(page, "button", "Choose what to share")
    expect(page.get_by_role("alert").first).to_contain_text("Choose the first service")
    look(page)
    for label, name in zip(("First", "Second", "Third, if there is one"), PROVIDERS, strict=True):
        pick(page, label, name)
    press(page, "button", "Choose what to share")
    look(page)
    tick(page, "Yes", group="Has the person said yes?")
    tick(page, "By telephone", group="How did they say it?")
    fill_date(page, "given_on")
    type_into(page, "What the person wants", "To sleep again")
    press(page, "button", "Check what they will see")
    look(page)
    press(page, "button", "Ask the first one now")
    expect(page.get_by_role("main")).to_contain_text("Rj Hub: Support service comes next")
    look(page)
    group = page.url

    with at_provider(browser, live_address, 1) as first:
        press_on(first.get_by_role("table").get_by_role("link").first)
        first.locator("summary", has_text="Decline").focus()
        first.keyboard.press("Enter")
        tick(first, "Not someone this service is for")
        type_into(first, "Say in a few words why", "They live too far away")
        press(first, "button", "Decline")
        expect(first.get_by_role("heading", name="Declined by you")).to_be_visible()
        look(first)
    press(page, "link", re.compile("New Era"))
    press(page, "link", "Decide")
    tick(page, "Agree: they do not take the person on")
    look(page)
    press(page, "button", "Save the decision")
    page.goto(group)
    expect(page.get_by_role("main")).to_contain_text("Small Charity: Support service comes next")

    with at_provider(browser, live_address, 2) as second:
        press_on(second.get_by_role("table").get_by_role("link").first)
        expect(second.get_by_role("main")).to_contain_text("Testcase")
        look(second)
        press(page, "link", re.compile("Rj Hub"))
        press(page, "link", "Take it back")
        tick(page, "The provider did not answer")
        look(page)
        press(page, "button", "Take it back")
        press(second, "link", "Accept")
        expect(second.get_by_role("heading", name="This referral is no longer with you")).to_be_visible()
        expect(second.get_by_role("main")).not_to_contain_text("Testcase")
        look(second)
    page.goto(group)
    expect(page.get_by_role("row", name=re.compile("Small Charity"))).to_contain_text("Asked")
    press(page, "link", "Stop asking others")
    look(page)
    press(page, "button", "Stop asking others")
    expect(page.get_by_role("main")).to_contain_text("no other service is asked")
