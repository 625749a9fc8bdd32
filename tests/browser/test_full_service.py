"""A full service in a real browser: said by the provider, seen by the caseworker, and its work goes to a successor."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.browser.referral_steps import fill_date
from tests.browser.steps import add_accounts, look, press, sign_in, tick, type_into
from tests.integration.onward_referrals.arrange import a_provider, a_referral
from tests.integration.onward_referrals.successions import work_until_over
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway import times
from victim_gateway.services.accounts import administration
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role

PASSWORD = "places that are counted down"  # noqa: S105  of a test account  # pragma: allowlist secret
REASON = "Agreed with Nia there by telephone."


@pytest.fixture
def referral_address(committed_app: Flask, committed_owner: Owner, committed_make_actor: MakeActor) -> str:
    """A person who was assessed, two providers that fit, and an account on each side."""
    add_accounts(committed_make_actor, PASSWORD, casey=Role.CASEWORKER, sena=Role.SENIOR)
    for key, name in (("new-era", "Nia"), ("harbour", "Hana")):
        a_provider(committed_owner, committed_make_actor, key)
        account = administration.NewAccount(
            email=f"{name.lower()}@test.example",
            name=name,
            role=Role.PROVIDER,
            organisation_key=key,
            password=PASSWORD,
        )
        administration.add_account(Command(committed_make_actor(Role.ADMIN), times.now()), account)
    caseworker = committed_make_actor(Role.CASEWORKER)
    return f"/referrals/{a_referral(caseworker, at=times.now() - timedelta(days=1))}/refer-on"


def test_a_full_service_is_offered_with_a_reason_and_its_work_goes_to_a_successor(
    referral_address: str, page: Page
) -> None:
    sign_in(page, "nia@test.example", PASSWORD)
    press(page, "link", "Our service")
    expect(page.get_by_text("You have not confirmed this yet")).to_be_visible()
    look(page)
    press(page, "link", re.compile("^Change"))
    tick(page, "A number of places")
    type_into(page, "How many places?", "0")
    look(page)
    press(page, "button", "Save")
    expect(page.get_by_text("Full: no places left")).to_be_visible()
    look(page)
    page.get_by_role("button", name="Sign out").click()

    sign_in(page, "casey@test.example", PASSWORD)
    page.goto(referral_address)
    cards = page.locator(".govuk-summary-card")
    expect(cards.first).to_contain_text("Harbour")
    expect(cards.last).to_contain_text("Full: no places left")
    look(page)
    cards.last.get_by_role("link", name=re.compile("^Refer on")).click()
    type_into(page, "What the person wants", "To sleep again.")
    tick(page, "Yes")
    tick(page, "By telephone")
    fill_date(page, "given_on")
    press(page, "button", "Check what they will see")
    expect(page.get_by_role("alert")).to_contain_text("Say why you offer it all the same")
    type_into(page, "Why do you offer it although it is full?", REASON)
    look(page)
    press(page, "button", "Check what they will see")
    press(page, "button", "Send to New Era")
    expect(page.get_by_text(REASON)).to_be_visible()
    page.get_by_role("button", name="Sign out").click()

    sign_in(page, "nia@test.example", PASSWORD)
    press(page, "link", "Our service")
    press(page, "link", re.compile("^Change"))
    type_into(page, "How many places?", "2")
    press(page, "button", "Save")
    expect(page.get_by_text("2 places")).to_be_visible()
    press(page, "button", re.compile("^Still right"))
    expect(page.get_by_text("Caseworkers see that it is up to date")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()

    sign_in(page, "sena@test.example", PASSWORD)
    press(page, "link", "Directory")
    look(page)
    press(page, "link", "New Era")
    look(page)
    press(page, "link", "Its work goes to another provider")
    press(page, "link", "Harbour")
    page.get_by_label("Where does Support service go?").select_option(label="Support service")
    press(page, "button", "See what would happen")
    expect(page.get_by_text("0 of 1 were looked at")).to_be_visible()
    look(page)
    succession_id = UUID(page.url.rpartition("/")[2])
    work_until_over(succession_id, times.now())
    page.reload()
    expect(page.get_by_text("1 onward referral would go to Harbour")).to_be_visible()
    look(page)
    press(page, "button", "Move them and end New Era")
    expect(page.get_by_text("Agreed. Their work moves now")).to_be_visible()
    look(page)
    work_until_over(succession_id, times.now())
    page.reload()
    expect(page.get_by_text("moved to Harbour")).to_be_visible()
    look(page)
    page.get_by_role("button", name="Sign out").click()

    sign_in(page, "nia@test.example", PASSWORD)
    expect(page.get_by_text("Nothing waits for your answer")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, "hana@test.example", PASSWORD)
    press(page, "link", re.compile("^SG-"))
    expect(page.get_by_role("button", name="Show", exact=False).first).to_be_visible()
    expect(page.locator("main")).not_to_contain_text("New Era")
