"""Four people with nothing in common but the service, from receipt to what is right for each, by keyboard alone.

A burglary victim who wants nothing, a bereaved father, a business, a woman who comes back under another spelling. Each
page is looked at once, by axe and at the width of a telephone.
"""

from __future__ import annotations

import re
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
from tests.browser.steps import add_accounts, look, pick, press, press_on, sign_in, tab_to, tick, type_into
from tests.factories import casework
from tests.factories.imports import import_rows, imported_referral
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.vocabulary import Role

PASSWORD = "a long journey through a county"  # noqa: S105
SAVE = "Save the assessment"


@pytest.fixture
def caseworker(committed_app: Flask, committed_make_actor: MakeActor) -> None:
    """An account to sign in with, and the county's services to refer on to."""
    add_accounts(committed_make_actor, PASSWORD, casey=Role.CASEWORKER)
    load_directory(committed_make_actor)


def test_each_kind_of_victim_is_brought_by_keyboard_to_what_is_right_for_them(
    caseworker: None, committed_owner: Owner, page: Page, live_address: str
) -> None:
    burgled = recent_row()
    father = recent_row(
        victim_type="bereaved_relative", offence="Causing death by dangerous driving", serious_crime="yes"
    )
    business = recent_row(
        victim_type="business",
        organisation_name="Trent Vale Cycles",
        organisation_contact="Devinder Rai",
        given_name="",
        family_name="",
        date_of_birth="",
        sex="",
        occurred_from=days_ago(20),
        reported_at=days_ago(19),
    )
    known = recent_row(given_name="Katarzyna", family_name="Wójcik", date_of_birth="1985-03-04")
    again = recent_row(
        given_name="Katarzyna", family_name="Wojcick", date_of_birth="1985-03-04", phone=known["phone"]
    )
    import_rows(burgled, father, business, known, at=times.now())
    import_rows(again, at=times.now())
    burgled_id, father_id, business_id, _ = (
        imported_referral(row).id for row in (burgled, father, business, known)
    )
    sign_in(page, "casey@test.example", PASSWORD)

    _burglary_victim_who_wants_nothing_is_left_alone(page, burgled_id)
    assert casework.open_tasks(burgled_id, Actor.worker("tests")) == []
    _bereaved_father_is_referred_to_brake_once_he_agrees(page, father_id)
    _business_is_called_at_once_and_has_its_hour_of_support(page, business_id)
    _woman_who_comes_back_is_found_and_made_one_record(page, imported_referral(again).id)


def _burglary_victim_who_wants_nothing_is_left_alone(page: Page, referral_id: UUID) -> None:
    page.goto("/work/unassigned")
    look(page)
    press_on(page.locator(f"main a[href*='{referral_id}']").first)
    tab_to(page, page.get_by_role("button", name="Take this referral"), most=40)
    press(page, "button", "Take this referral")
    press(page, "link", "Log a contact attempt")
    log_that_they_were_reached(page)
    answer_needs(page, "Standard risk", has_need=False)
    tick(page, "Nothing for now")
    press(page, "button", SAVE)
    # Whoever wants nothing is not told of a service.
    expect(page.get_by_role("link", name="See who could help")).to_have_count(0)
    page.goto(f"/referrals/{referral_id}")
    press(page, "link", re.compile("^Close$"))
    look(page)
    for check, leads_to in (
        ("Has somebody reached the person?", "Contact"),
        ("Were needs and risk assessed?", "Triage assessment"),
        ("Were they asked how it went?", "Support"),
    ):
        press(page, "link", check)
        expect(page.get_by_role("heading", name=leads_to, level=1)).to_be_visible()
        page.go_back()
    press(page, "button", "Close the referral")
    expect(page.get_by_role("alert")).to_contain_text("Choose how it ended")
    tick(page, "The person did not want support")
    press(page, "button", "Close the referral")
    page.goto(f"/referrals/{referral_id}")
    expect(page.get_by_text("Nothing more to do")).to_be_visible()
    expect(page.get_by_text("Log a contact attempt")).to_have_count(0)
    expect(page.get_by_text("The person did not want support").first).to_be_visible()
    look(page)


def _bereaved_father_is_referred_to_brake_once_he_agrees(page: Page, referral_id: UUID) -> None:
    page.goto(f"/referrals/{referral_id}")
    press(page, "button", "Take this referral")
    press(page, "link", "Log a contact attempt")
    log_that_they_were_reached(page)
    expect(page.get_by_role("heading", name="A bereaved relative")).to_be_visible()
    answer_needs(page, "Standard risk")
    tick(page, "Wants help with it", group="The funeral, the inquest and what follows a death")
    look(page)
    press(page, "button", "Save and refer on")
    expect(page.locator("main .govuk-summary-card__title").first).to_have_text("BRAKE")
    look(page)
    tab_to(page, page.get_by_role("link", name="Refer on to Road crash support"), most=30)
    press(page, "link", "Refer on to Road crash support")
    tick(page, "Their name")
    type_into(page, "What the person wants", "To know what follows.")
    press(page, "button", "Check what they will see")
    # His own yes is needed, about this provider.
    expect(page.get_by_role("alert")).to_contain_text("Choose whether the person has said yes")
    tick(page, "Yes", group="Has the person said yes?")
    tick(page, "By telephone")
    fill_date(page, "given_on")
    press(page, "button", "Check what they will see")
    look(page)
    press(page, "button", "Send to BRAKE")
    page.goto(f"/referrals/{referral_id}")
    expect(page.get_by_text("Waiting for an answer").first).to_be_visible()


def _business_is_called_at_once_and_has_its_hour_of_support(page: Page, referral_id: UUID) -> None:
    page.goto(f"/referrals/{referral_id}")
    expect(page.get_by_text(re.compile("overdue")).first).to_be_visible()
    expect(page.get_by_text(re.compile("reached us"))).to_be_visible()
    press(page, "button", "Take this referral")
    press(page, "link", "Log a contact attempt")
    expect(page.get_by_text("Devinder Rai").first).to_be_visible()
    look(page)
    log_that_they_were_reached(page)
    expect(page.get_by_role("heading", name="The business")).to_be_visible()
    answer_needs(page, "Standard risk")
    for question in ("Security of the premises", "The hour of support with an adviser"):
        tick(page, "Wants help with it", group=question)
    press(page, "button", SAVE)
    press(page, "link", "See who could help")
    expect(page.locator("main .govuk-summary-card__title").first).to_contain_text("Business Crime Advisor")
    page.goto(f"/referrals/{referral_id}/support/activities/new")
    pick(page, "What did you do?", "Advice")
    tick(page, "By telephone")
    type_into(page, "How many minutes did it take?", "60")
    press(page, "button", "Record support")
    expect(page.get_by_text("1 hour").first).to_be_visible()
    look(page)


def _woman_who_comes_back_is_found_and_made_one_record(page: Page, referral_id: UUID) -> None:
    page.goto("/record")
    look(page)
    type_into(page, "Search for the person", "Katarzyna Wojcik")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Katarzyna Wójcik").first).to_be_visible()
    look(page)
    press_on(page.locator(f"main a[href*='{referral_id}']").first)
    press(page, "link", re.compile("^Compare"))
    expect(page.get_by_text(re.compile("Same phone"))).to_be_visible()
    look(page)
    press(page, "link", re.compile("^see what a merge"))
    press(page, "button", "They are one person: merge")
    expect(page.get_by_role("heading", level=1, name="Person")).to_be_visible()
    expect(page.locator("main a[href*='/referrals/']").nth(1)).to_be_visible()
    page.goto(f"/referrals/{referral_id}")
    expect(page.get_by_text("Other referrals of this person")).to_be_visible()
