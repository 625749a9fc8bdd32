"""Two people in a real browser: linked by keyboard alone, warned of, and two records of one person put together."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.browser.steps import look, sign_in
from tests.factories import casework
from tests.plumbing.accounts import MakeActor
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.services.accounts import administration
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role

PASSWORD = "a safe way to somebody in danger"  # noqa: S105
SERVICE = Actor.worker("tests")


@pytest.fixture
def caseworker(committed_app: Flask, committed_make_actor: MakeActor) -> Actor:
    account = administration.NewAccount(
        email="casey@test.example",
        name="Casey",
        role=Role.CASEWORKER,
        organisation_key="gateway",
        password=PASSWORD,
    )
    administration.add_account(Command(committed_make_actor(Role.ADMIN), times.now()), account)
    return committed_make_actor(Role.CASEWORKER)


def test_a_suspect_is_linked_by_keyboard_and_two_records_become_one(
    caseworker: Actor, page: Page, live_address: str
) -> None:
    at = times.now() - timedelta(hours=3)
    document = casework.person_document()
    victim = casework.in_contact(caseworker, at=at, person=document)
    double = casework.in_contact(caseworker, at=at, person=document)
    suspect = casework.recorded(caseworker, at=at)
    references = {each: casework.referral(each, SERVICE).reference for each in (victim, double, suspect)}
    sign_in(page, "casey@test.example", PASSWORD)
    page.goto(f"/referrals/{victim}")
    page.get_by_role("link", name=str(document["family_name"])).click()
    expect(page.get_by_role("heading", level=1, name="Person")).to_be_visible()
    look(page)

    page.get_by_role("link", name="Link another person").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Reference of one of their referrals").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("There is a problem")
    look(page)
    page.get_by_label("Reference of one of their referrals").focus()
    page.keyboard.type(references[suspect])
    page.keyboard.press("Tab")
    for _ in range(7):
        page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="A suspect: must never be contacted", exact=True)).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Linked to somebody who must never be contacted")).to_be_visible()
    look(page)

    page.get_by_role("link", name="Merge with another record of the same person").click()
    page.get_by_label("Reference of one of their referrals").fill(references[double])
    look(page)
    page.get_by_role("button", name="Compare the two").click()
    expect(page.get_by_role("heading", level=1, name="Are these two records one person?")).to_be_visible()
    look(page)
    page.get_by_role("button", name="They are one person: merge").click()
    expect(page.get_by_role("link", name=references[double])).to_be_visible()
    look(page)
    # The warning of the one is now that of the other: it is one person.
    page.get_by_role("link", name=references[double]).click()
    expect(page.get_by_role("heading", name="Linked to somebody who must never be contacted")).to_be_visible()
    look(page)
