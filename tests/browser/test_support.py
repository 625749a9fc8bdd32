"""Planning and recording support in a real browser: by keyboard alone, on a small screen, readable for everybody."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect

from tests.browser.steps import PHONE, add_accounts, look, press, sign_in, tick, type_into
from tests.factories import casework
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.vocabulary import Role

PASSWORD = "a plan that we made together"  # noqa: S105


@pytest.fixture
def caseworker(committed_app: Flask, committed_owner: Owner, committed_make_actor: MakeActor) -> Actor:
    """Somebody who looks after referrals, with an account to sign in with."""
    add_accounts(committed_make_actor, PASSWORD, casey=Role.CASEWORKER)
    return committed_make_actor(Role.CASEWORKER)


def test_a_plan_support_and_readings_are_recorded_by_keyboard_on_a_small_screen(
    caseworker: Actor, browser: Browser, live_address: str
) -> None:
    referral_id = casework.assessed(caseworker, at=times.now() - timedelta(hours=2))
    page = browser.new_context(base_url=live_address, viewport=PHONE).new_page()
    sign_in(page, "casey@test.example", PASSWORD)
    support = f"/referrals/{referral_id}/support"

    page.goto(f"{support}/goals/new")
    press(page, "button", "Save the goal")
    expect(page.get_by_role("link", name="Enter what the person wants to reach")).to_be_visible()
    look(page, stay=PHONE)
    type_into(page, "What does the person want to reach?", "To sleep through the night")
    page.get_by_label("Which need is it for?").focus()
    page.keyboard.press("ArrowDown")
    press(page, "button", "Save the goal")
    expect(page.get_by_role("link", name="To sleep through the night")).to_be_visible()

    page.goto(f"{support}/activities/new")
    page.get_by_label("What did you do?").focus()
    page.keyboard.press("ArrowDown")
    tick(page, "Face to face")
    type_into(page, "How many minutes did it take?", "50")
    look(page, stay=PHONE)
    press(page, "button", "Record support")
    expect(page.get_by_text("50 minutes").first).to_be_visible()

    for stage, number in (("At the start", "2"), ("At the end", "4")):
        page.goto(f"{support}/readings/new")
        tick(page, stage)
        for area in page.locator("fieldset:has(input[name^=area_])").all():
            area.get_by_label(number, exact=True).focus()
            page.keyboard.press("Space")
        look(page, stay=PHONE)
        press(page, "button", "Save the reading")
    expect(page.get_by_role("img", name="Five areas of recovery")).to_be_visible()
    expect(page.get_by_text("up 2").first).to_be_visible()
    look(page, stay=PHONE)
    assert "Testcase" not in page.title()
