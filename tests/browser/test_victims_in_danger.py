"""Four people whom a wrong step may harm, from receipt to the step that is right for them, by keyboard alone.

A woman whose phone is not safe, a child of 13 with an aunt, a man who is harassed again and again, a woman who saw a
killing. Each page is looked at once, by axe and at the width of a telephone.
"""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.browser.referral_steps import (
    answer_needs,
    days_ago,
    fill_date,
    load_directory,
    log_that_they_were_reached,
    recent_row,
)
from tests.browser.steps import add_accounts, look, pick, press, sign_in, tab_to, tick, type_into
from tests.factories.imports import import_rows, imported_referral
from tests.plumbing.accounts import MakeActor
from victim_gateway import times
from victim_gateway.vocabulary import Role

PASSWORD = "a long journey through a county"  # noqa: S105
UNSAFE, SAFE = "07700900411", "07700 900 422"
SAVE = "Save the assessment"


@pytest.fixture
def caseworker(committed_app: Flask, committed_make_actor: MakeActor) -> None:
    """An account to sign in with, and the county's services to refer on to."""
    add_accounts(committed_make_actor, PASSWORD, casey=Role.CASEWORKER)
    load_directory(committed_make_actor)


def test_people_in_danger_are_brought_by_keyboard_to_the_step_that_is_safe_for_them(
    caseworker: None, page: Page, live_address: str
) -> None:
    unsafe = recent_row(
        offence="Violence and sexual offences",
        domestic_abuse="yes",
        safe_to_contact="no",
        risk_assessment="high",
        phone=UNSAFE,
    )
    child = recent_row(date_of_birth=f"{times.london_date(times.now()).year - 14}-12-31", offence="Robbery")
    harassed = recent_row(recorded_as="asb", offence="Anti-social behaviour")
    before = harassed | {"feed_reference": "TST-ASB-BEFORE", "crime_number": ""}
    before |= {"occurred_from": days_ago(23), "reported_at": days_ago(22), "transferred_at": days_ago(21)}
    import_rows(before, at=times.now() - timedelta(days=20))
    import_rows(unsafe, child, harassed, at=times.now())
    ids = [imported_referral(row).id for row in (unsafe, child, harassed)]
    sign_in(page, "casey@test.example", PASSWORD)

    _woman_is_never_called_on_the_unsafe_phone(page, ids[0])
    _child_is_reached_only_through_the_aunt(page, ids[1])
    _harassed_man_asks_for_a_review(page, ids[2])
    _witness_of_a_killing_is_not_left_without_help(page)


def _woman_is_never_called_on_the_unsafe_phone(page: Page, referral_id: UUID) -> None:
    page.goto(f"/referrals/{referral_id}")
    _never_shown(page)
    take = page.get_by_role("button", name="Take this referral")
    tab_to(page, take, most=40)
    press(page, "button", "Take this referral")
    expect(page.get_by_role("heading", name="It is not safe to contact this person")).to_be_visible()
    for wrong_step in ("Contact the person", "Log a contact attempt"):
        expect(page.get_by_text(wrong_step, exact=True)).to_have_count(0)
    _never_shown(page)
    look(page)
    page.goto(f"/referrals/{referral_id}/contact/attempts/new")
    expect(page.get_by_role("button", name="Save the attempt")).to_have_count(0)
    _never_shown(page)
    press(page, "link", "Record what is safe")
    look(page)
    tick(page, "Yes, in the ways chosen below")
    tick(page, "Safe", group="Phone calls")
    tick(page, "Not safe", group="Text messages")
    type_into(page, "Safe phone number", SAFE)
    tick(page, "Another agency")
    press(page, "button", "Save safe contact")
    _never_shown(page)
    page.goto(f"/referrals/{referral_id}")
    press(page, "link", "Log a contact attempt")
    # It is shown in place, and what was typed stays.
    page.get_by_role("button", name="Show the safe phone number").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text(SAFE)).to_be_visible()
    _never_shown(page)
    log_that_they_were_reached(page)

    answer_needs(page, "High risk")
    type_into(page, "DASH score", "16")
    fill_date(page, "dash_on")
    tick(page, "We did")
    press(page, "button", SAVE)
    expect(page.get_by_role("heading", name="A senior caseworker has not reviewed this yet")).to_be_visible()
    look(page)
    press(page, "link", "Decide whether to refer to MARAC")
    tick(page, "Yes, we refer them")
    tick(page, "The DASH score")
    press(page, "button", "Save the decision")
    expect(page.get_by_text("MARAC: referred")).to_be_visible()

    page.goto(f"/referrals/{referral_id}/refer-on")
    expect(page.locator("main .govuk-summary-card__title").first).to_have_text("New Era")
    press(page, "link", "Refer on to Domestic abuse victim service")
    tick(page, "Their name")
    type_into(page, "What the person wants", "To be safe at home.")
    press(page, "button", "Check what they will see")
    # Nothing goes without an answer of their own about this provider.
    expect(page.get_by_role("alert")).to_contain_text("Choose whether the person has said yes")
    look(page)
    tick(page, "Yes", group="Has the person said yes?")
    tick(page, "By telephone")
    fill_date(page, "given_on")
    press(page, "button", "Check what they will see")
    _never_shown(page)
    press(page, "button", "Send to New Era")
    _never_shown(page)
    page.goto(f"/referrals/{referral_id}")
    expect(page.get_by_role("link", name="See the onward referrals")).to_be_visible()


def _never_shown(page: Page) -> None:
    """The unsafe number stands nowhere in the page, hidden or not, however it is spaced."""
    assert UNSAFE[1:] not in re.sub(r"[^\d]", "", page.content()), page.url


def _child_is_reached_only_through_the_aunt(page: Page, referral_id: UUID) -> None:
    page.goto(f"/referrals/{referral_id}")
    expect(page.get_by_text("Child: aged 13")).to_be_visible()
    expect(page.get_by_text("Log a contact attempt")).to_have_count(0)
    look(page)
    tab_to(page, page.get_by_role("link", name="Name a safe adult").first, most=45)
    press(page, "link", "Name a safe adult")
    look(page)
    type_into(page, "Name", "Dora Fernhill")
    type_into(page, "Who are they to the child?", "aunt")
    tick(page, "Yes, it is safe to contact them")
    type_into(page, "Phone number", "07700 900455")
    press(page, "button", "Save the safe adult")
    page.goto(f"/referrals/{referral_id}/capacity")
    look(page)
    type_into(page, "Who assessed it?", "The school nurse")
    fill_date(page, "assessed_on")
    type_into(page, "Why may the child decide for themselves?", "She understands what we do.")
    press(page, "button", "Save the answer")
    page.goto(f"/referrals/{referral_id}")
    expect(page.get_by_text("Held", exact=True)).to_have_count(0)
    press(page, "button", "Take this referral")
    press(page, "link", "Log a contact attempt")
    expect(page.get_by_text("Dora Fernhill")).to_be_visible()
    look(page)
    log_that_they_were_reached(page)
    expect(page.get_by_role("heading", name="The child")).to_be_visible()
    answer_needs(page, "Standard risk")
    tick(page, "Wants help with it", group="Support for their safe adult")
    press(page, "button", SAVE)
    expect(
        page.get_by_role("link", name=re.compile("the safe adult and whether the child decides"))
    ).to_be_visible()


def _harassed_man_asks_for_a_review(page: Page, referral_id: UUID) -> None:
    page.goto(f"/referrals/{referral_id}")
    expect(page.get_by_text("Repeat in 12 months")).to_be_visible()
    expect(page.get_by_text("Persistently targeted")).to_have_count(0)
    press(page, "button", "Take this referral")
    press(page, "link", "Log a contact attempt")
    log_that_they_were_reached(page)
    expect(page.get_by_text("1 other referral of this person in the last 12 months")).to_be_visible()
    answer_needs(page, "Standard risk")
    tick(page, "It has happened again")
    notice = page.locator("[data-risk-told]")
    expect(notice).to_contain_text("So far the risk is high, because it has happened again.")
    look(page)
    press(page, "button", SAVE)
    expect(page.get_by_role("alert")).to_contain_text("There is a problem")
    tick(page, "High risk", group="How much at risk is the person?")
    press(page, "button", SAVE)

    page.goto(f"/referrals/{referral_id}")
    press(page, "link", "See how")
    press(page, "link", "Record that a review was asked for")
    look(page)
    pick(page, "Whom was it asked of?", "Stafford Borough")
    fill_date(page, "asked_on")
    tick(page, "The person")
    type_into(page, "What is it about?", "Stones thrown every week since summer")
    press(page, "button", "Record the request")
    expect(page.get_by_role("table", name="Reviews")).to_contain_text("by the person")
    look(page)
    press(page, "link", re.compile("^Robin Example"))
    press(page, "link", "Judge whether they are persistently targeted")
    look(page)
    tick(page, "Yes")
    type_into(page, "What do you go by?", "Every week, by the same group")
    fill_date(page, "review_on", days_ahead=90)
    press(page, "button", "Save")
    page.goto(f"/referrals/{referral_id}")
    for mark in ("Repeat in 12 months", "Persistently targeted"):
        expect(page.locator(".govuk-tag", has_text=mark).first).to_be_visible()


def _witness_of_a_killing_is_not_left_without_help(page: Page) -> None:
    page.goto("/record")
    type_into(page, "Search for the person", "Philippa Stonebridge")
    press(page, "button", "Search")
    press(page, "button", "Record a new referral")
    look(page)
    tick(page, "The person themselves", group="Who asks for help?")
    tick(page, "By phone: I have spoken to the person")
    tick(page, "Yes, in the ways chosen below")
    tick(page, "Phone call")
    tick(page, "A witness: they saw or heard it")
    type_into(page, "First name", "Philippa")
    type_into(page, "Last name", "Stonebridge")
    type_into(page, "Phone number", "07700 900466")
    pick(page, "Where do they live?", "East Staffordshire")
    tick(page, re.compile("^Violence"))
    tick(page, "Yes", group="Was it reported to the police?")
    fill_date(page, "reported_on")
    type_into(page, "What happened, in the person's own words", "She saw a man killed outside the shop.")
    tick(page, "One of the most serious crimes")
    tick(page, "Yes", group="Has the person agreed that we contact them?")
    tick(page, "By telephone")
    tick(page, "I will look after this referral myself")
    press(page, "button", "Check your answers")
    look(page)
    press(page, "button", "Record the referral")
    assert "Stonebridge" not in page.title()
    referral = page.url.partition("?")[0]
    press(page, "link", "Start the triage assessment")
    expect(page.get_by_role("heading", name="As a witness")).to_be_visible()
    answer_needs(page, "Standard risk")
    for question in ("Giving evidence as a witness", "Going to court"):
        tick(page, "Wants help with it", group=question)
    press(page, "button", "Save and refer on")
    # The homicide service and the services of the county are for relatives: we go on helping the witness.
    expect(page.get_by_text("the Gateway goes on supporting them")).to_be_visible()
    look(page)

    page.goto(f"{referral}/support")
    press(page, "link", "Book a room")
    look(page)
    tick(page, "Video link at Burton")
    fill_date(page, "on", days_ahead=30)
    type_into(page, "From when?", "10am")
    type_into(page, "Until when?", "12pm")
    type_into(page, "For which court?", "Stafford Crown Court")
    tick(page, "Evidence by live link")
    press(page, "button", "Book the room")
    press(page, "link", "Special measures")
    look(page)
    tick(page, "Granted", group="Evidence by live link")
    press(page, "button", "Save")
    expect(page.get_by_role("table", name="Bookings")).to_contain_text("Evidence by live link: granted")
