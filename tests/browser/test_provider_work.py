"""A provider's working day with one person, by keyboard: from the offer to the close, each page checked by axe."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import update

from tests.browser.steps import look, pick, press, press_on, sign_in, tab_to, tick, type_into
from tests.integration.onward_referrals.arrange import a_provider, a_referral, offered, onward_row
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway import times
from victim_gateway.models import Organisation, ServiceAppointment
from victim_gateway.services import onward_referrals
from victim_gateway.services.accounts import administration
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import OnwardState, Role

PASSWORD = "a working day at a small charity"  # noqa: S105  of a test account
ANY_TIME = {"channels": {"phone": "yes"}, "number": "07700 900123"}


def test_a_provider_works_with_a_person_from_the_offer_to_the_close(
    committed_app: Flask, committed_owner: Owner, committed_make_actor: MakeActor, page: Page
) -> None:
    owner, caseworker = committed_owner, committed_make_actor(Role.CASEWORKER)
    given = a_provider(owner, committed_make_actor)
    yesterday = times.now() - timedelta(days=1)
    onward_id = offered(
        caseworker, given, referral_id=a_referral(caseworker, at=yesterday, plan=ANY_TIME), at=yesterday
    )
    add_worker(owner, committed_make_actor, given.provider.organisation_id)
    sign_in(page, "anna@test.example", PASSWORD)
    look(page)
    reference = onward_row(owner, onward_id).reference
    press(page, "link", reference)
    look(page)

    # Ask, and read the answer: the two other choices stay where they were.
    open_choice(page, "Ask the Gateway first")
    press(page, "button", "Send your question")
    expect(page.get_by_role("alert")).to_contain_text("Enter your question")
    look(page)
    type_into(page, "Your question", "Has she a car?")
    press(page, "button", "Send your question")
    onward_referrals.answer_request(Command(caseworker, times.now()), onward_id, text="She has.")
    page.reload()
    expect(page.locator("#messages ~ ul").first).to_contain_text("She has.")

    pick(page, "Who works with them?", "Anna")
    press(page, "button", "Accept")
    look(page)
    press(page, "link", "Give it to another worker")
    look(page)
    tick(page, given.provider.name)
    tick(page, "To share the work")
    press(page, "button", "Save")

    press(page, "link", "Record the first contact")
    type_moment(page, times.now(), "What time?")
    press(page, "button", "Save")

    press(page, "button", "Make an appointment")
    look(page)
    type_moment(page, times.now() + timedelta(days=2), "What time?")
    tick(page, "At our office")
    press(page, "button", "Save the appointment")
    expect(page.locator("main")).to_contain_text("Next appointment")
    look(page)
    with owner() as session:
        past = times.now() - timedelta(hours=2)
        session.execute(update(ServiceAppointment).values(starts_at=past, ends_at=past + timedelta(hours=1)))
    page.reload()
    press(page, "button", "Record whether they came")
    look(page)
    tick(page, "Yes, they came")
    press(page, "button", "Save")
    press(page, "link", "Write a progress note")
    look(page)
    type_into(page, "Note", "She came with her sister.")
    press(page, "button", "Save the note")
    look(page)

    press(page, "button", "Close with an outcome")
    look(page)
    tick(page, "Needs partly met")
    tick(page, "Met", group="Mental and physical health")
    tick(page, "Not worked on", group="Shelter and accommodation")
    type_into(page, "Closing summary", "She sleeps again.")
    press(page, "button", "Check what the Gateway will read")
    expect(page.locator("main")).to_contain_text("She sleeps again.")
    look(page)
    tab_to(page, page.get_by_role("button", name="Close the referral"), most=12)
    press_on(page.get_by_role("button", name="Close the referral"))
    expect(page).to_have_url(page.url.partition("/inbox")[0] + "/inbox")
    expect(page.locator("main")).not_to_contain_text(reference)
    look(page)
    assert onward_row(owner, onward_id).state is OnwardState.CLOSED


def add_worker(owner: Owner, make_actor: MakeActor, organisation_id: UUID | None) -> None:
    """Anna, who works at the provider."""
    with owner() as session:
        key = session.get_one(Organisation, organisation_id).key
    account = administration.NewAccount(
        email="anna@test.example",
        name="Anna",
        role=Role.PROVIDER,
        organisation_key=key,
        password=PASSWORD,
    )
    administration.add_account(Command(make_actor(Role.ADMIN), times.now()), account)


def open_choice(page: Page, summary: str) -> None:
    """Open one of the three answers by the space bar."""
    page.locator("summary", has_text=summary).focus()
    page.keyboard.press("Space")


def type_moment(page: Page, moment: datetime, clock: str) -> None:
    """A day in three boxes and a time, as a person types them."""
    wall = moment.astimezone(times.LONDON)
    for part, value in (("Day", wall.day), ("Month", wall.month), ("Year", wall.year)):
        type_into(page, part, str(value))
    type_into(page, clock, f"{wall:%I:%M%p}")
