"""Logging an attempt in a real browser: a number shown in place, and a person whom nobody may contact."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from tests.browser.steps import look, sign_in
from tests.factories import casework
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.services.accounts import administration
from victim_gateway.services.referrals.safe_contact import SafeContactAnswer
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role, SafeAnswer

PASSWORD = "a safe way to somebody in danger"  # noqa: S105


@pytest.fixture
def caseworker(committed_app: Flask, committed_owner: Owner, committed_make_actor: MakeActor) -> Actor:
    """Somebody who looks after referrals, with an account to sign in with."""
    account = administration.NewAccount(
        email="casey@test.example",
        name="Casey",
        role=Role.CASEWORKER,
        organisation_key="gateway",
        password=PASSWORD,
    )
    administration.add_account(Command(committed_make_actor(Role.ADMIN), times.now()), account)
    return committed_make_actor(Role.CASEWORKER)


def test_a_number_is_shown_in_place_with_a_script_and_without(
    caseworker: Actor, browser: Browser, live_address: str
) -> None:
    referral_id = casework.assigned(
        caseworker,
        at=times.now() - timedelta(hours=2),
        safe_contact=casework.safe_to_phone(number="07700 900888"),
    )
    for has_script in (True, False):
        context = browser.new_context(base_url=live_address, java_script_enabled=has_script)
        page = context.new_page()
        sign_in(page, "casey@test.example", PASSWORD)
        page.goto(f"/referrals/{referral_id}/contact/attempts/new")
        page.get_by_label("I checked the number or address").check()
        page.get_by_label("Notes").fill("She was at work")

        page.get_by_role("button", name="Show the safe phone number").click()

        expect(page.get_by_text("07700 900888")).to_be_visible()
        expect(page.get_by_label("Notes")).to_have_value("She was at work")
        expect(page.get_by_label("I checked the number or address")).to_be_checked()
        if has_script:
            look(page)
        # Enter saves, and does not show a number: the form says what is missing.
        page.get_by_label("What time?").press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("There is a problem")
        expect(page.get_by_label("Notes")).to_have_value("She was at work")
        context.close()


def test_of_a_person_in_danger_every_step_leads_to_a_safe_way(
    caseworker: Actor, page: Page, live_address: str
) -> None:
    referral_id = casework.assigned(
        caseworker, at=times.now() - timedelta(hours=2), safe_contact=SafeContactAnswer(SafeAnswer.NO)
    )
    sign_in(page, "casey@test.example", PASSWORD)
    page.goto(f"/referrals/{referral_id}")
    expect(page.get_by_role("heading", name="It is not safe to contact this person")).to_be_visible()
    expect(page.get_by_text("Contact the person", exact=True)).to_have_count(0)
    look(page)
    page.get_by_role("link", name="Find a safe way").first.click()
    expect(page.get_by_role("heading", name="Find a safe way")).to_be_visible()
    look(page)
    page.get_by_role("button", name="Record what is safe").or_(
        page.get_by_role("link", name="Record what is safe")
    ).first.click()
    page.get_by_label("Yes, in the ways chosen below").check()
    page.get_by_role("group", name="Phone calls").get_by_label("Safe", exact=True).check()
    page.get_by_label("Safe phone number").fill("07700 900777")
    page.get_by_label("The person", exact=True).check()
    page.get_by_role("button", name="Save safe contact").click()
    page.goto(f"/referrals/{referral_id}")
    expect(page.get_by_text("It is not safe to contact this person")).to_have_count(0)
    expect(page.get_by_text("Contact the person", exact=True).first).to_be_visible()
