"""The rights conversation by keyboard, the sheet on paper, and what goes with them, in a real browser."""

from __future__ import annotations

import re
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
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role

PASSWORD = "a right that nobody has to earn"  # noqa: S105  # pragma: allowlist secret


@pytest.fixture
def caseworker(committed_app: Flask, committed_owner: Owner, committed_make_actor: MakeActor) -> Actor:
    """Somebody who looks after referrals, with an account to sign in with."""
    account = administration.NewAccount(
        email="rights@test.example",
        name="Casey",
        role=Role.CASEWORKER,
        organisation_key="gateway",
        password=PASSWORD,
    )
    administration.add_account(Command(committed_make_actor(Role.ADMIN), times.now()), account)
    return committed_make_actor(Role.CASEWORKER)


@pytest.mark.browser
def test_rights_are_talked_about_by_keyboard_and_the_sheet_fits_on_paper_without_a_name(
    caseworker: Actor, browser: Browser, live_address: str
) -> None:
    at = times.now() - timedelta(days=20)
    referral_id = casework.assigned(caseworker, at=at, reported_at=at - timedelta(hours=2))
    page = browser.new_context(base_url=live_address).new_page()
    sign_in(page, "rights@test.example", PASSWORD)
    page.goto(f"/referrals/{referral_id}/rights")
    page.get_by_role("button", name="Talk about their rights").click()
    look(page)
    _answer_by_keyboard(page)
    expect(page.get_by_text("Tell them")).to_be_visible()
    look(page)

    page.goto(f"/referrals/{referral_id}/rights/sheet")
    look(page)
    page.get_by_label("By hand").check()
    page.get_by_label("They say that the sheet is safe where they live").check()
    page.get_by_role("button", name="Record it and show the sheet").click()
    look(page)
    printed = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) <= 2
    page.emulate_media(media="print")
    shown = page.locator("body").inner_text()
    assert "In danger now" in shown
    assert "Testcase" not in shown
    assert "Casey" not in shown
    page.emulate_media(media="screen")

    page.goto(f"/referrals/{referral_id}/rights/complaints/new")
    page.get_by_role("button", name="Record the complaint").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    look(page)


def _answer_by_keyboard(page: Page) -> None:
    """To the first question: no, with the arrow keys alone; then down to the button."""
    page.locator(".vg-right input[type=radio]").first.focus()
    page.keyboard.press("Space")
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.value") == "no"
    page.get_by_label("What else did they say?").focus()
    page.keyboard.type("She waits for a letter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
