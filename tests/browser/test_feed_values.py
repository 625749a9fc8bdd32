"""A caseworker settles what could not be read and records a death, by keyboard, in a real browser."""

from __future__ import annotations

from uuid import UUID

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect

from tests.browser.steps import look, sign_in
from tests.factories import casework as make
from tests.factories.sealed_documents import seal_documents
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway import times
from victim_gateway.services.accounts import administration
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role

PASSWORD = "a long journey through a county"  # noqa: S105
PAGES = (
    "",
    "/details",
    "/contact",
    "/assessment",
    "/correct",
    "/values/domestic_abuse",
    "/values/phone_2",
    "/values/date_of_birth",
    "/values/safe_to_contact",
    "/values/sex/leave-empty",
    "/record-death",
    "/record-withdrawal",
    "/after-death",
)


@pytest.fixture
def referral_id(committed_app: Flask, committed_owner: Owner, committed_make_actor: MakeActor) -> UUID:
    """A child's referral of which some answers could not be read, and a caseworker's account."""
    caseworker, admin = committed_make_actor(Role.CASEWORKER), committed_make_actor(Role.ADMIN)
    account = administration.NewAccount(
        email="casey@test.example",
        name="Casey",
        role=Role.CASEWORKER,
        organisation_key="gateway",
        password=PASSWORD,
    )
    administration.add_account(Command(admin, times.now()), account)
    born = f"{times.london_date(times.now()).year - 12}-01-01"
    created: UUID = make.in_contact(caseworker, at=make.MONDAY)
    seal_documents(
        created,
        person={
            "date_of_birth": born,
            "alias": "Nia",
            "phone_type": "LANW",
            "phone_2": "07700 900201",
            "safe_number": "07700 900202",
            "safe_number_whose": "her sister",
            "guardian_name": "Mara Safehold",
            "guardian_relationship": "grandmother",
            "guardian_phone": "07700 900203",
        },
        referral={
            "relationship_to_suspect": "parent's former partner",
            "children_present": True,
            "repeat_victim": False,
            "risk_assessment": "high",
            "risk_assessed_at": "2026-03-01T10:00:00+00:00",
            "as_given": {
                "sex": "?",
                "phone_2": "812345 ask for mum",
                "date_of_birth": "31/02/2014",
                "domestic_abuse": "see the notes that the officer wrote on the day and sent by e-mail",
                "safe_to_contact": "after six",
                "transferred_at": "soon",
            },
        },
    )
    return created


def test_values_are_settled_and_a_death_recorded_by_keyboard(
    referral_id: UUID, browser: Browser, live_address: str
) -> None:
    page = browser.new_context(base_url=live_address, viewport={"width": 1280, "height": 900}).new_page()
    sign_in(page, "casey@test.example", PASSWORD)
    for path in PAGES:
        page.goto(f"/referrals/{referral_id}{path}")
        look(page)

    page.goto(f"/referrals/{referral_id}")
    page.get_by_role("link", name="Use this value for domestic abuse").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/values/domestic_abuse")
    page.get_by_label("Yes").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.type("PC 4411 says so")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Domestic abuse: the value was saved")).to_be_visible()
    expect(page.get_by_role("link", name="Use this value for domestic abuse")).to_have_count(0)

    page.get_by_role("link", name="Record that the person has died").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/record-death")
    page.get_by_label("Who told you, and when?").focus()
    page.keyboard.type("The officer rang this morning")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This person has died: do not contact")).to_be_visible()
    look(page)
    page.goto(f"/referrals/{referral_id}/after-death")
    look(page)
