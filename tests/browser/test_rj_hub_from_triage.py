"""From "wants to know more" at the assessment to the RJ Hub and back, by keyboard, each page checked by axe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from tests.browser.referral_steps import answer_needs, fill_date, load_directory
from tests.browser.steps import WIDE, add_accounts, look, pick, press, press_on, sign_in, tick, type_into
from tests.factories import casework
from tests.plumbing.accounts import MakeActor
from victim_gateway import times
from victim_gateway.services.accounts import administration
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role

PASSWORD = "a letter that was never sent"  # noqa: S105  of a test account
QUESTION = "Do they want to know more about restorative justice?"


@pytest.fixture
def worker(committed_app: Flask, committed_make_actor: MakeActor) -> MakeActor:
    """The county's directory, and Casey, Sam and Robin: a caseworker, a senior and a worker of the hub."""
    load_directory(committed_make_actor)
    add_accounts(committed_make_actor, PASSWORD, casey=Role.CASEWORKER, sam=Role.SENIOR)
    account = administration.NewAccount(
        email="robin@test.example",
        name="Robin",
        role=Role.PROVIDER,
        organisation_key="rj-hub",
        password=PASSWORD,
    )
    administration.add_account(Command(committed_make_actor(Role.ADMIN), times.now()), account)
    return committed_make_actor


@contextmanager
def signed_in(browser: Browser, address: str, name: str) -> Iterator[Page]:
    """A browser of its own for another person."""
    context = browser.new_context(base_url=address, viewport=WIDE)
    try:
        page = context.new_page()
        sign_in(page, f"{name}@test.example", PASSWORD)
        yield page
    finally:
        context.close()


def reached(make_actor: MakeActor, **said: object) -> UUID:
    return casework.in_contact(make_actor(Role.CASEWORKER), at=times.now() - timedelta(hours=3), **said)


def assess_with_wish(page: Page, referral_id: UUID, risk: str) -> None:
    """The assessment in which the person wants to know more, and the page that says what comes next."""
    page.goto(f"/referrals/{referral_id}/assessment/new")
    answer_needs(page, risk)
    tick(page, "Wants to know more", group=QUESTION)
    press(page, "button", "Save the assessment")
    expect(page.get_by_role("main")).to_contain_text("See whether restorative justice is safe")
    look(page)
    press(page, "link", "See whether restorative justice is safe")
    look(page)


def offer_information(page: Page) -> None:
    """On the page of the offer to the hub: its questions, a yes, what they will see, and sent."""
    press(page, "button", "Check what they will see")
    expect(page.get_by_role("alert").first).to_contain_text("Choose where the proceedings stand")
    look(page)
    tick(page, "During proceedings", group="Where do the proceedings stand?")
    tick(page, "The Gateway offered it", group="Who approached whom?")
    tick(page, "To know more, and nothing else yet", group="What do they want from the hub?")
    type_into(page, "What the person wants", "To know whether a letter is possible")
    tick(page, "Yes", group="Has the person said yes?")
    tick(page, "By telephone", group="How did they say it?")
    fill_date(page, "given_on")
    press(page, "button", "Check what they will see")
    expect(page.get_by_role("main")).to_contain_text("To know more, and nothing else yet")
    look(page)
    press(page, "button", "Send to RJ Hub")
    expect(page.get_by_role("main")).to_contain_text("The person was referred on")
    look(page)


def record_step(page: Page, step: str, *, wrong: bool = False) -> None:
    press(page, "link", "Record a step")
    look(page)
    if wrong:
        press(page, "button", "Save the step")
        expect(page.get_by_role("alert").first).to_contain_text("Choose what happened")
        look(page)
    tick(page, step)
    fill_date(page, "happened_on")
    press(page, "button", "Save the step")
    expect(page.get_by_role("main")).to_contain_text("The step is recorded")


def test_a_wish_to_know_more_leads_to_the_hub_to_a_letter_and_to_the_close(
    worker: MakeActor, page: Page, browser: Browser, live_address: str
) -> None:
    referral_id = reached(worker)
    sign_in(page, "casey@test.example", PASSWORD)
    assess_with_wish(page, referral_id, "Standard risk")
    press(page, "link", "Refer on to RJ Hub")
    look(page)
    offer_information(page)
    ours = page.url

    with signed_in(browser, live_address, "robin") as hub:
        press_on(hub.get_by_role("table").get_by_role("link").first)
        expect(hub.get_by_role("main")).to_contain_text("Who the other person is stands nowhere")
        look(hub)
        pick(hub, "Who works with them?", "Robin")
        press(hub, "button", "Accept")
        record_step(hub, "During proceedings", wrong=True)
        record_step(hub, "The person asked")
        record_step(hub, "Information given")
        record_step(hub, "A letter was exchanged")
        look(hub)
        press(hub, "link", "Record the first contact")
        fill_date(hub, "contacted_on")
        wall = times.now().astimezone(times.LONDON)
        type_into(hub, "What time?", f"{wall:%I:%M%p}")
        press(hub, "button", "Save")
        page.goto(ours)
        expect(page.locator("#steps ~ table, #steps ~ div").first).to_contain_text("A letter was exchanged")
        expect(page.get_by_role("main")).to_contain_text("Information given")
        look(page)
        press(hub, "button", "Close with an outcome")
        tick(hub, "Needs met")
        for group in (
            hub.get_by_role("group").filter(has=hub.get_by_role("radio", name="Met", exact=True)).all()
        ):
            group.get_by_role("radio", name="Met", exact=True).focus()
            hub.keyboard.press("Space")
        type_into(hub, "Closing summary", "The letter was read at the hub.")
        press(hub, "button", "Check what the Gateway will read")
        press(hub, "button", "Close the referral")
        expect(hub.get_by_role("main")).not_to_contain_text("A letter was exchanged")
    page.reload()
    expect(page.get_by_role("main")).to_contain_text("Support ended")
    expect(page.get_by_role("main")).to_contain_text("A letter was exchanged")
    look(page)


def test_after_domestic_abuse_a_senior_says_yes_first_in_their_own_name(
    worker: MakeActor, page: Page, browser: Browser, live_address: str
) -> None:
    referral_id = reached(worker, flags=frozenset({"domestic_abuse"}))
    sign_in(page, "casey@test.example", PASSWORD)
    assess_with_wish(page, referral_id, "Medium risk")
    expect(page.get_by_role("main")).to_contain_text("A senior caseworker must say yes first")
    expect(page.get_by_role("main")).not_to_contain_text("Refer on to RJ Hub")
    type_into(page, "Why, and how does the person stay safe?", "She asked twice. Letters only.")
    press(page, "button", "Ask a senior caseworker")
    look(page)
    with signed_in(browser, live_address, "sam") as senior:
        senior.goto(f"/referrals/{referral_id}/restorative-justice/decide")
        expect(senior.get_by_role("main")).to_contain_text("She asked twice. Letters only.")
        look(senior)
        tick(senior, "Yes")
        type_into(senior, "Why do you decide so?", "With a plan, and no meeting.")
        press(senior, "button", "Save the decision")
        look(senior)
    page.goto(f"/referrals/{referral_id}/restorative-justice")
    expect(page.get_by_role("main")).to_contain_text("A senior caseworker has said yes")
    look(page)
    press(page, "link", "Refer on to RJ Hub")
    expect(page.get_by_role("main")).to_contain_text("only with a risk plan")
    offer_information(page)
    page.goto(f"/referrals/{referral_id}")
    expect(page.get_by_role("main")).to_contain_text("A senior caseworker said yes to restorative justice")
    expect(page.get_by_role("main")).to_contain_text("Sam")
