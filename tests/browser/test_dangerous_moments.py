"""The cases at which a wrong next step would do harm, each gone by a senior caseworker in a real browser.

The rows come by the feed, as they do; what stands first on each page is what is right for this person. Every page
is looked at by axe and at the width of a telephone.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.browser.steps import look, sign_in
from tests.factories import casework as make
from tests.factories.feeds import event_row, feed_row
from tests.factories.imports import import_rows, imported_referral
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.services.accounts import administration
from victim_gateway.services.providers import directory
from victim_gateway.services.referrals import status
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role

PASSWORD = "a long journey through a county"  # noqa: S105
DIRECTORY = Path("victim_gateway/data/providers-staffordshire.csv")


def days_ago(days: int, hour: int = 9) -> str:
    """A moment so many days before today, as the feed writes it."""
    day = times.london_date(times.now()) - timedelta(days=days)
    return f"{day.isoformat()}T{hour:02d}:00:00"


def recent_row(**changes: str) -> dict[str, str]:
    return feed_row(occurred_from=days_ago(3), reported_at=days_ago(2), transferred_at=days_ago(1)) | changes


@pytest.fixture
def senior(committed_app: Flask, committed_owner: Owner, committed_make_actor: MakeActor) -> Actor:
    """A senior caseworker with an account to sign in with, and the county's services to refer on to."""
    admin = committed_make_actor(Role.ADMIN)
    account = administration.NewAccount(
        email="sena@test.example",
        name="Sena",
        role=Role.SENIOR,
        organisation_key="gateway",
        password=PASSWORD,
    )
    administration.add_account(Command(admin, times.now()), account)
    directory.import_directory(
        Command(Actor.worker("tests"), times.now()), directory.read_directory(DIRECTORY.read_bytes())
    )
    return committed_make_actor(Role.SENIOR)


def open_referral(page: Page, referral_id: UUID, path: str = "") -> None:
    page.goto(f"/referrals/{referral_id}{path}")
    look(page)


def test_each_dangerous_moment_leads_to_what_is_right_for_the_person(
    senior: Actor, page: Page, live_address: str
) -> None:
    rows = {
        "child": recent_row(
            date_of_birth=f"{times.london_date(times.now()).year - 14}-12-31", offence="Robbery"
        ),
        "business": recent_row(
            victim_type="business",
            organisation_name="Trent Vale Cycles",
            organisation_contact="Devinder Rai",
            given_name="",
            family_name="",
            date_of_birth="",
            sex="",
            occurred_from=days_ago(20),
            reported_at=days_ago(19),
        ),
        "unsafe": recent_row(
            offence="Violence and sexual offences",
            domestic_abuse="yes",
            safe_to_contact="no",
            risk_assessment="high",
        ),
        "known": recent_row(given_name="Katarzyna", family_name="Wójcik", date_of_birth="1985-03-04"),
        "father": recent_row(
            victim_type="bereaved_relative", offence="Causing death by dangerous driving", serious_crime="yes"
        ),
        "witness": recent_row(offence="Robbery", intimidated="yes"),
        "said no": recent_row(),
    }
    import_rows(*rows.values(), at=times.now())
    again = recent_row(
        given_name="Katarzyna",
        family_name="Wojcick",
        date_of_birth="1985-03-04",
        phone=rows["known"]["phone"],
    )
    import_rows(again, at=times.now())
    import_rows(
        event_row(
            rows["witness"]["feed_reference"],
            "suspect_charged",
            occurred_at=days_ago(1),
            recorded_at=days_ago(1, 10),
        ),
        events=True,
        at=times.now(),
    )
    ids = {name: imported_referral(row).id for name, row in rows.items()}
    for name in ("unsafe", "said no"):
        status.take_referral(Command(senior, times.now()), ids[name])
    sign_in(page, "sena@test.example", PASSWORD)
    page.goto("/work")
    look(page)

    _child_is_called_only_through_the_aunt(page, ids["child"])
    _business_reported_late_is_due_at_once(page, ids["business"])
    _unsafe_phone_is_never_called(page, ids["unsafe"])
    _second_spelling_is_compared(page, imported_referral(again).id)
    _bereaved_father_is_brought_to_brake(page, senior, ids["father"])
    _witness_sees_which_notices_are_owed(page, ids["witness"])
    _person_who_said_no_is_left_alone(page, ids["said no"])


def _child_is_called_only_through_the_aunt(page: Page, referral_id: UUID) -> None:
    open_referral(page, referral_id)
    expect(page.get_by_text("Child: aged 13")).to_be_visible()
    expect(page.get_by_text("Log a contact attempt")).to_have_count(0)
    page.get_by_role("link", name=re.compile("safe adult", re.I)).first.click()
    look(page)
    page.locator("[name=guardian_name]").fill("Dora Fernhill")
    page.locator("[name=guardian_relationship]").fill("aunt")
    page.locator("[name=guardian_safe_to_contact][value=yes]").check()
    page.locator("[name=guardian_phone]").fill("07700 900455")
    page.get_by_role("button", name="Save the safe adult").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.goto(f"/referrals/{referral_id}")
    expect(page.get_by_text("Held", exact=True)).to_have_count(0)
    look(page)


def _business_reported_late_is_due_at_once(page: Page, referral_id: UUID) -> None:
    open_referral(page, referral_id)
    expect(page.get_by_text(re.compile("overdue")).first).to_be_visible()
    expect(page.get_by_text(re.compile("reached us"))).to_be_visible()


def _unsafe_phone_is_never_called(page: Page, referral_id: UUID) -> None:
    open_referral(page, referral_id)
    expect(page.get_by_text("It is not safe to contact this person")).to_be_visible()
    expect(page.get_by_text("High risk of harm: by the police")).to_be_visible()
    expect(page.get_by_text("Contact the person", exact=True)).to_have_count(0)
    open_referral(page, referral_id, "/contact/attempts/new")
    expect(page.get_by_role("button", name="Save the attempt")).to_have_count(0)
    open_referral(page, referral_id, "/safe-contact/find")


def _second_spelling_is_compared(page: Page, referral_id: UUID) -> None:
    page.goto("/search")
    page.get_by_role("searchbox").or_(page.locator("main input[name=text]")).first.fill("Katarzyna Wojcik")
    page.get_by_role("button", name="Search").first.click()
    expect(page.locator("main").get_by_text(re.compile("Wójcik|Wojcick")).nth(1)).to_be_visible()
    open_referral(page, referral_id)
    page.get_by_role("link", name=re.compile("Compare", re.I)).first.click()
    expect(page.get_by_text(re.compile("Same phone"))).to_be_visible()
    look(page)


def _bereaved_father_is_brought_to_brake(page: Page, senior: Actor, referral_id: UUID) -> None:
    at = times.now()
    status.take_referral(Command(senior, at), referral_id)
    make.log_attempt(referral_id, senior, at=at)
    make.assess(referral_id, senior, at=at)
    open_referral(page, referral_id, "/refer-on")
    expect(page.locator("main .govuk-summary-card__title").first).to_have_text("BRAKE")
    page.get_by_role("link", name=re.compile("Refer on to Road crash support")).click()
    look(page)


def _witness_sees_which_notices_are_owed(page: Page, referral_id: UUID) -> None:
    open_referral(page, referral_id, "/rights")
    expect(page.get_by_text(re.compile("charged")).first).to_be_visible()
    open_referral(page, referral_id, "/correct")


def _person_who_said_no_is_left_alone(page: Page, referral_id: UUID) -> None:
    open_referral(page, referral_id, "/consent")
    page.locator("[name=purpose][value=contact]").check()
    page.locator("[name=agreed][value=no]").check()
    page.locator("[name=how][value=in_person]").check()
    page.locator("[name=given_by][value=person]").check()
    page.get_by_role("button", name="Save the answer").click()
    expect(page.get_by_role("alert")).to_be_visible()
    open_referral(page, referral_id)
    expect(page.get_by_text("Log a contact attempt")).to_have_count(0)
    expect(page.get_by_text(re.compile("said no to contact")).first).to_be_visible()
