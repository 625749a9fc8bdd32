"""A triage assessment in a real browser: by keyboard, with a script and without, then a senior's review and MARAC."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

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

PASSWORD = "a safe way to somebody in danger"  # noqa: S105
SAVE = "Save the assessment"


@pytest.fixture
def referral_id(committed_app: Flask, committed_owner: Owner, committed_make_actor: MakeActor) -> UUID:
    """Domestic abuse, and we have spoken to the person; a caseworker and a senior can sign in."""
    admin = committed_make_actor(Role.ADMIN)
    for name, role in (("casey", Role.CASEWORKER), ("sena", Role.SENIOR)):
        account = administration.NewAccount(
            email=f"{name}@test.example",
            name=name.capitalize(),
            role=role,
            organisation_key="gateway",
            password=PASSWORD,
        )
        administration.add_account(Command(admin, times.now()), account)
    worker: Actor = committed_make_actor(Role.CASEWORKER)
    at = times.now() - timedelta(hours=2)
    return casework.in_contact(worker, at=at, flags=frozenset({"domestic_abuse"}))


def _tick_by_keyboard(page: Page, name: str) -> None:
    page.get_by_label(name, exact=True).focus()
    page.keyboard.press("Space")


def _answer_needs(page: Page) -> None:
    for group in page.get_by_role("group").filter(has=page.locator("input[name^=need_]")).all():
        group.get_by_role("radio").nth(1).check()


def test_the_rules_are_told_before_sending_and_a_senior_and_marac_follow(
    referral_id: UUID, browser: Browser, page: Page, live_address: str
) -> None:
    sign_in(page, "casey@test.example", PASSWORD)
    page.goto(f"/referrals/{referral_id}/assessment/new")
    look(page)
    notice = page.locator("[data-risk-told]")
    expect(notice).to_be_hidden()
    _answer_needs(page)
    _tick_by_keyboard(page, "It has happened again")
    page.locator("input[name=risk][value=medium]").check()
    expect(notice).to_contain_text("So far the risk is high, because it has happened again.")
    expect(notice).to_contain_text("You chose medium, which is too low.")
    page.get_by_label("DASH score").fill("40")
    _tick_by_keyboard(page, "It has happened again")
    expect(notice).to_contain_text("the DASH score is 14 or more")
    page.get_by_role("group", name="Are there children").get_by_label("Yes").check()
    page.get_by_label("How old are they?").fill("19")
    page.get_by_role("button", name=SAVE).focus()
    page.keyboard.press("Enter")
    summary = page.get_by_role("alert")
    expect(summary).to_contain_text("Enter a DASH score from 0 to 24")
    expect(summary).to_contain_text("somebody of 19 is no child")
    look(page)
    page.get_by_label("How old are they?").fill("3, 7")
    page.get_by_label("DASH score").fill("15")
    day = times.london_date(times.now())
    for part in ("day", "month", "year"):
        page.locator(f"#dash_on-{part}").fill(str(getattr(day, part)))
    page.get_by_label("We did").check()
    page.locator("input[name=risk][value=high]").check()
    page.get_by_role("button", name=SAVE).click()
    expect(page.get_by_role("heading", name="A senior caseworker has not reviewed this yet")).to_be_visible()
    look(page)

    page.get_by_role("link", name="Decide whether to refer to MARAC").click()
    look(page)
    page.get_by_label("Yes, we refer them").check()
    page.get_by_label("The DASH score").check()
    page.get_by_role("button", name="Save the decision").click()
    expect(page.get_by_text("MARAC: referred")).to_be_visible()
    page.get_by_role("link", name="Record what became of it").click()
    look(page)

    page.get_by_role("button", name="Sign out").click()
    sign_in(page, "sena@test.example", PASSWORD)
    page.goto("/work/reviews")
    look(page)
    page.locator("main a[href$='/assessment/review']").click()
    look(page)

    # The senior answers in a browser without a script.
    context = browser.new_context(base_url=live_address, java_script_enabled=False)
    senior = context.new_page()
    sign_in(senior, "sena@test.example", PASSWORD)
    senior.get_by_role("link", name="Assessments to review").click()
    senior.locator("main a[href$='/assessment/review']").click()
    senior.get_by_label("Send it back to be looked at again").check()
    senior.get_by_role("button", name="Save your answer").click()
    expect(senior.get_by_role("alert")).to_contain_text("Say what has to be looked at again")
    senior.get_by_label("Comment").fill("Ask about the children.")
    senior.get_by_role("button", name="Save your answer").click()
    expect(senior.get_by_text("A senior caseworker sent this back")).to_be_visible()
    senior.goto(f"/referrals/{referral_id}/assessment/new")
    expect(senior.get_by_text("the DASH score is 14 or more")).to_be_visible()
    context.close()
