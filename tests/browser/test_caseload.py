"""A leaver's caseload in a real browser: taken by keyboard, handed over whole, and without a script in part."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from tests.browser.steps import add_accounts, look, press, sign_in, tick
from tests.factories import casework
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.vocabulary import Role

PASSWORD = "a caseload that nobody leaves behind"  # noqa: S105


@pytest.fixture
def leaver(committed_app: Flask, committed_owner: Owner, committed_make_actor: MakeActor) -> Actor:
    """Five referrals with one caseworker and two with none; a senior and two caseworkers can sign in."""
    roles = {"casey": Role.CASEWORKER, "corin": Role.CASEWORKER, "sena": Role.SENIOR}
    add_accounts(committed_make_actor, PASSWORD, **roles)
    worker: Actor = committed_make_actor(Role.CASEWORKER, name="Lee Leaver")
    at = times.now() - timedelta(hours=2)
    for _ in range(5):
        casework.assigned(worker, at=at, flags=frozenset({"domestic_abuse"}))
    for _ in range(2):
        casework.recorded(worker, at=at)
    return worker


def test_referrals_are_taken_and_a_leavers_caseload_is_handed_over_by_keyboard_and_without_a_script(
    leaver: Actor, browser: Browser, page: Page, live_address: str
) -> None:
    sign_in(page, "casey@test.example", PASSWORD)
    page.goto("/work/unassigned")
    look(page)
    press(page, "button", "Take SG-")
    expect(page.get_by_text("1 referral taken")).to_be_visible()
    tick(page, re.compile("^Tick SG-"))
    press(page, "button", "Take those ticked")
    expect(page.get_by_text("Every referral has a caseworker")).to_be_visible()
    page.goto("/work/team")
    look(page)
    rows = page.locator(".vg-work tbody tr")
    heights = [row.bounding_box() or {} for row in rows.all()]
    # Fifty rows are three screens of 900 pixels at the most.
    assert max(box["height"] for box in heights) <= 54
    page.emulate_media(media="print")
    for column in ("Person", "What and where", "Risk and safety", "State", "What happens next", "Due"):
        expect(page.get_by_role("columnheader", name=column)).to_be_visible()
    expect(page.locator(".vg-tick").first).to_be_hidden()
    page.emulate_media(media="screen")
    page.get_by_role("button", name="Sign out").click()

    sign_in(page, "sena@test.example", PASSWORD)
    press(page, "link", "Caseloads")
    expect(page.get_by_role("heading", name="Caseloads")).to_be_visible()
    look(page)
    press(page, "link", "Lee Leaver")
    expect(page.get_by_role("heading", name="What Lee Leaver looks after")).to_be_visible()
    look(page)
    press(page, "button", "Hand over")
    expect(page.get_by_role("alert")).to_contain_text("Choose which referrals")
    look(page)
    tick(page, "Those I have ticked")
    tick(page, re.compile("^Tick SG-"))
    tick(page, "Casey")
    tick(page, "Their caseworker leaves")
    press(page, "button", "Hand over")
    expect(page.get_by_text("1 referral handed over")).to_be_visible()
    expect(page.get_by_text("4 open referrals")).to_be_visible()

    context = browser.new_context(base_url=live_address, java_script_enabled=False)
    plain = context.new_page()
    sign_in(plain, "sena@test.example", PASSWORD)
    plain.goto("/work/team")
    plain.get_by_role("checkbox", name="Tick SG-").first.check()
    plain.get_by_role("button", name="Give those ticked").click()
    expect(plain.get_by_role("heading", name="Give 1 referral to a caseworker")).to_be_visible()
    plain.goto(f"/work/caseloads/{leaver.user_id}")
    plain.get_by_label("All that are listed below").check()
    plain.get_by_label("Casey").check()
    plain.get_by_label("Corin").check()
    plain.get_by_label("Their caseworker leaves").check()
    plain.get_by_role("button", name="Hand over").click()
    expect(plain.get_by_text("4 referrals handed over")).to_be_visible()
    expect(plain.get_by_text("Nothing to hand over")).to_be_visible()
    context.close()
