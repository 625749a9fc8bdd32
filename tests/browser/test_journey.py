"""The main way in a real browser: caseworker, provider, caseworker, manager; each page checked by axe."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.axe import violations
from tests.factories.feeds import feed_file, feed_row
from tests.integration.onward_referrals.arrange import a_provider
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.models import Organisation
from victim_gateway.services.accounts import administration
from victim_gateway.services.imports.runner import ImportRequest, import_file
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import ImportKind, Role

PASSWORD = "a long journey through a county"  # noqa: S105
NOW_FIELDS = ("day", "month", "year")


@pytest.fixture
def service(committed_app: Flask, committed_owner: Owner, committed_make_actor: MakeActor) -> None:
    """A provider with a service, an account of each kind, and one referral that the police sent."""
    given = a_provider(committed_owner, committed_make_actor)
    committed_make_actor(Role.CASEWORKER)
    with committed_owner() as session:
        provider_key = session.get_one(Organisation, given.provider.organisation_id).key
    admin = committed_make_actor(Role.ADMIN)
    for email, role, organisation in (
        ("casey@test.example", Role.CASEWORKER, "gateway"),
        ("provider@test.example", Role.PROVIDER, provider_key),
        ("manager@test.example", Role.MANAGER, "gateway"),
    ):
        administration.add_account(
            Command(admin, times.now()),
            administration.NewAccount(
                email=email,
                name=email.partition("@")[0].title(),
                role=role,
                organisation_key=organisation,
                password=PASSWORD,
            ),
        )
    now = times.now()
    yesterday = (times.london_date(now) - timedelta(days=1)).isoformat()
    row = feed_row(
        given_name="Marguerite",
        family_name="Oakes",
        occurred_from="",
        reported_at=f"{yesterday}T09:00:00",
        transferred_at=f"{yesterday}T10:00:00",
    )
    import_file(
        feed_file(row),
        ImportRequest(ImportKind.POLICE_FEED, "feed.csv"),
        actor=Actor.worker("tests"),
        at=now,
    )


def sign_in(page: Page, who: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("Email address").fill(f"{who}@test.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    press(page, "Sign in")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def sign_out(page: Page) -> None:
    press(page, "Sign out")
    expect(page).to_have_url(re.compile("/sign-(in|out)"))


def look(page: Page) -> None:
    """A page fit to be used: nothing for axe to say, nothing to scroll sideways for, no name in its title."""
    assert violations(page) == [], page.url
    assert "Oakes" not in page.title()
    page.set_viewport_size({"width": 375, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 375, page.url
    page.set_viewport_size({"width": 1280, "height": 900})


def open_by(target: Locator) -> None:
    """Click what leads to another page and wait until that page is loaded.

    A click returns before the old document is gone, and axe would then look at a page that is half replaced.
    """
    with target.page.expect_navigation(wait_until="load"):
        target.click()


def press(page: Page, name: str) -> None:
    open_by(page.get_by_role("button", name=name).first)


def follow(page: Page, name: str) -> None:
    # A link that looks like a button says that it is one.
    open_by(page.get_by_role("link", name=name).or_(page.get_by_role("button", name=name)).first)


def choose(page: Page, group: str, *answers: str) -> None:
    field = page.get_by_role("group", name=group)
    for answer in answers:
        field.get_by_label(answer, exact=True).check()


# From receipt to closing, for the caseworker: signing in and out, and what the walk tries wrong on purpose, left out.
MOST_CLICKS = 22
_COUNT_CLICKS = """
addEventListener("pointerdown", () => {
  sessionStorage.setItem("clicks", Number(sessionStorage.getItem("clicks") || 0) + 1);
}, true);
"""


def take_clicks(page: Page) -> int:
    """How often the mouse was pressed in this tab since it was asked last. Typing and looking are no clicks."""
    number: int = page.evaluate("Number(sessionStorage.getItem('clicks') || 0)")
    page.evaluate("sessionStorage.removeItem('clicks')")
    return number


def test_the_whole_way_from_the_police_to_the_figures(service: None, page: Page, tmp_path: Path) -> None:
    page.add_init_script(_COUNT_CLICKS)
    reference, clicks = _caseworker_refers_on(page)
    onward = _provider_supports(page)
    clicks += _caseworker_closes(page, reference)
    assert clicks <= MOST_CLICKS
    _manager_exports(page, tmp_path)
    assert onward.startswith(reference)


def _caseworker_refers_on(page: Page) -> tuple[str, int]:
    sign_in(page, "casey")
    look(page)
    page.goto("/work/unassigned")
    look(page)
    take_clicks(page)
    press(page, "Take the next referral")
    look(page)
    reference = re.search(r"SG-\d\d-\d{6}", page.title())
    assert reference is not None
    expect(page.get_by_text("Contact the person").first).to_be_visible()

    follow(page, "Log a contact attempt")
    look(page)
    clicks = take_clicks(page)
    press(page, "Save the attempt")
    expect(page.get_by_role("alert")).to_contain_text("There is a problem")
    assert page.title().startswith("Error: ")
    look(page)
    take_clicks(page)
    choose(page, "What did you check first?", "I checked the number or address")
    choose(page, "How did you try?", "Phone")
    choose(page, "What happened?", "Reached")
    press(page, "Save and go on")
    expect(page.get_by_role("heading", name="Triage assessment")).to_be_visible()
    look(page)
    page.locator("input[name^=need_][value='1']").first.check()
    page.get_by_label("they have no other need").check()
    choose(page, "How much at risk is the person?", "Standard risk")
    page.get_by_label("What they told us, and what they want").fill(
        "She can't sleep since. She wants to talk."
    )
    press(page, "Save and refer on")
    look(page)
    open_by(page.get_by_role("link", name=re.compile("^Refer on")).first)
    look(page)
    choose(
        page, "What else do you share?", "Their name", "What was reported, where and when", "What they want"
    )
    page.get_by_label("What the person wants").fill("Somebody to talk to.")
    page.locator("input[name=agreed][value=yes]").check()
    page.locator("input[name=how]").first.check()
    _fill_date(page)
    press(page, "Check what they will see")
    look(page)
    open_by(page.get_by_role("button", name=re.compile("^Send to")))
    expect(page.get_by_role("alert").or_(page.locator(".govuk-notification-banner")).first).to_be_visible()
    look(page)
    clicks += take_clicks(page)
    sign_out(page)
    return reference.group(), clicks


def _provider_supports(page: Page) -> str:
    sign_in(page, "provider")
    expect(page).to_have_url(re.compile("/inbox"))
    look(page)
    open_by(page.locator("main").get_by_role("link", name=re.compile(r"SG-|Marguerite")).first)
    look(page)
    onward = re.search(r"SG-\d\d-\d{6}-\d+", page.title())
    assert onward is not None
    expect(page.get_by_text("Somebody to talk to.").first).to_be_visible()
    page.get_by_label("Year", exact=True).fill("1999")
    press(page, "Accept")
    expect(page.get_by_role("alert")).to_contain_text("There is a problem")
    _fill_date(page)
    press(page, "Accept")
    follow(page, "Record the first contact")
    look(page)
    _fill_date(page)
    page.get_by_label("What time?").fill(f"{times.now().astimezone(times.LONDON):%I:%M%p}")
    press(page, "Save")
    follow(page, "Close with an outcome")
    look(page)
    for question in page.get_by_role("group").all():
        question.get_by_role("radio").first.check()
    page.get_by_role("textbox").last.fill("She sleeps again.")
    press(page, "Check what the Gateway will read")
    look(page)
    press(page, "Close the referral")
    expect(page).to_have_url(re.compile("/inbox"))
    look(page)
    sign_out(page)
    return onward.group()


def _fill_date(page: Page) -> None:
    """Today, typed as a person types it."""
    today = times.london_date(times.now())
    for part, value in zip(NOW_FIELDS, (today.day, today.month, today.year), strict=True):
        page.get_by_label(part.title(), exact=True).first.fill(str(value))


def _caseworker_closes(page: Page, reference: str) -> int:
    sign_in(page, "casey")
    take_clicks(page)
    open_by(page.locator("main").get_by_role("link", name=re.compile("Marguerite|" + reference)).first)
    look(page)
    here = page.url
    page.goto(f"{here}/timeline")
    for state in ("offered", "accepted", "closed"):
        expect(page.locator("main")).to_contain_text(re.compile(state, re.IGNORECASE))
    look(page)
    for section in ("contact", "assessment", "onward-referrals", "rights", "notes", "close"):
        page.goto(f"{here}/{section}")
        look(page)
    page.goto(here)
    open_by(page.locator("main").get_by_role("link", name="Close", exact=True).first)
    page.get_by_role("radio").first.check()
    press(page, "Close the referral")
    expect(page.locator("main")).to_contain_text(re.compile("closed", re.IGNORECASE))
    clicks = take_clicks(page)
    sign_out(page)
    return clicks


def _manager_exports(page: Page, tmp_path: Path) -> None:
    sign_in(page, "manager")
    look(page)
    expect(page.locator("main")).not_to_contain_text("Oakes")
    page.goto("/service")
    look(page)
    page.goto("/compliance/report")
    look(page)
    press(page, "Download the report")
    expect(page.get_by_role("alert")).to_contain_text("There is a problem")
    page.locator("input[name=reason]").first.check()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the report").first.click()
    target = tmp_path / "report.csv"
    download.value.save_as(target)
    header = target.read_text(encoding="utf-8-sig").splitlines()[0]
    assert header.startswith("period_start,period_end,as_at,edition,right,entitlement_id")


def test_the_way_can_be_gone_without_javascript(service: None, browser: Browser, live_address: str) -> None:
    context = browser.new_context(base_url=live_address, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, "casey")
    follow(page, "Unassigned")
    follow(page, "Marguerite Oakes")
    press(page, "Take this referral")
    follow(page, "Log a contact attempt")
    press(page, "Save the attempt")
    expect(page.get_by_role("alert")).to_contain_text("There is a problem")
    context.close()
