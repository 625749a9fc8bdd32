"""Nothing typed is lost in a real browser: with the script and without, over the end of a session, in two tabs."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import update

from tests.browser.steps import look, sign_in
from tests.factories import casework
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.models import WebSession
from victim_gateway.services.accounts import administration
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role

PASSWORD = "nothing that was typed is lost"  # noqa: S105
TYPED = "Never after six, because he reads her texts"
SAVED = re.compile(r"Saved at \d")


@pytest.fixture
def caseworker(committed_app: Flask, committed_make_actor: MakeActor) -> Actor:
    """Two people with accounts to sign in with; the first of them acts."""
    admin = committed_make_actor(Role.ADMIN)
    for name in ("casey", "sam"):
        account = administration.NewAccount(
            email=f"{name}@test.example",
            name=name.title(),
            role=Role.CASEWORKER,
            organisation_key="gateway",
            password=PASSWORD,
        )
        administration.add_account(Command(admin, times.now()), account)
    return committed_make_actor(Role.CASEWORKER)


def lapse(owner: Owner) -> None:
    """Every session ran out an hour ago."""
    with owner() as session:
        session.execute(update(WebSession).values(last_seen_at=times.now() - timedelta(hours=2)))


def test_with_a_script_a_form_is_kept_while_it_is_typed_and_the_sign_in_leads_back_to_it(
    caseworker: Actor, page: Page, committed_owner: Owner
) -> None:
    referral_id = casework.assessed(caseworker, at=times.now() - timedelta(hours=3))
    address = f"/referrals/{referral_id}/assessment/new"
    sign_in(page, "casey@test.example", PASSWORD)
    page.goto(address)
    remarks = page.get_by_label("What they told us, and what they want")
    remarks.fill(TYPED)
    status = page.get_by_role("status")
    expect(status).to_have_text(SAVED)
    assert page.url.endswith(address)
    look(page)

    # The session runs out; what is typed then is kept too, and the page says where to go on.
    lapse(committed_owner)
    remarks.press_sequentially(", she says")
    expect(status).to_contain_text("You were signed out. What you typed is kept.")
    remarks.press_sequentially(" again")
    page.get_by_role("button", name="Save the assessment").click()
    expect(page.get_by_text("What you typed is kept: sign in to go on with it.")).to_be_visible()
    look(page)
    # Somebody else signs in on this machine: nothing of it is theirs to see.
    back = page.url
    page.get_by_label("Email address").fill("sam@test.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("That draft is not there any more.")).to_be_visible()
    expect(page.get_by_text("Your drafts")).to_have_count(0)
    page.get_by_role("button", name="Sign out").click()

    page.goto(back)
    page.get_by_label("Email address").fill("casey@test.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(remarks).to_have_value(f"{TYPED}, she says again")
    expect(page.get_by_text("This is your draft, saved on")).to_be_visible()
    look(page)
    page.get_by_role("button", name="Save the assessment").press("Enter")
    expect(page.get_by_text("The assessment was saved")).to_be_visible()
    page.goto("/work")
    expect(page.get_by_text("Your drafts")).to_have_count(0)


def test_without_a_script_a_button_keeps_the_form_and_work_leads_back_to_it(
    caseworker: Actor, browser: Browser, live_address: str
) -> None:
    context = browser.new_context(base_url=live_address, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, "casey@test.example", PASSWORD)
    page.goto("/record/new")
    page.get_by_label("First name").fill("Wilhelmina")
    page.get_by_label("What happened, in the person's own words").fill(TYPED)
    page.get_by_role("button", name="Save and come back later").press("Enter")
    expect(page.get_by_text("Your answers were kept.")).to_be_visible()
    expect(page.get_by_text("Wilhelmina")).to_have_count(0)
    page.get_by_role("link", name="Recording a referral", exact=True).click()
    expect(page.get_by_label("First name")).to_have_value("Wilhelmina")
    assert "Wilhelmina" not in page.title()
    page.get_by_role("button", name="Check your answers").click()
    expect(page.get_by_role("status")).to_have_text(SAVED)
    page.goto("/work")
    page.get_by_role("link", name=re.compile("^Delete")).click()
    page.get_by_role("button", name="Delete the draft").click()
    expect(page.get_by_text("The draft was deleted")).to_be_visible()
    context.close()


def test_two_tabs_keep_two_drafts_and_a_stale_save_shows_both_versions(caseworker: Actor, page: Page) -> None:
    referral_id = casework.assessed(caseworker, at=times.now() - timedelta(hours=3))
    address = f"/referrals/{referral_id}/assessment/new"
    sign_in(page, "casey@test.example", PASSWORD)
    page.goto(address)
    page.get_by_label("What they told us, and what they want").fill(TYPED)
    expect(page.get_by_role("status")).to_have_text(SAVED)
    second = page.context.new_page()
    second.goto(address)
    expect(second.get_by_text("You have a draft of this form")).to_be_visible()
    second.get_by_label("What they told us, and what they want").fill("Another tab")
    expect(second.get_by_role("status")).to_have_text(SAVED)
    second.get_by_role("button", name="Save the assessment").click()
    expect(second.get_by_text("The assessment was saved")).to_be_visible()
    second.close()

    page.get_by_role("button", name="Save the assessment").click()

    expect(page.get_by_role("heading", name="Somebody else saved this first")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("What they told us.*Different"))).to_contain_text(
        "Another tab"
    )
    look(page)
    page.get_by_role("button", name="Keep mine").press("Enter")
    expect(page.get_by_text("The assessment was saved")).to_be_visible()
    page.goto("/work")
    expect(page.get_by_text("Your drafts")).to_have_count(0)
