"""Steps that every journey takes: accounts, signing in on the page, the keyboard, and whether a page is fit to use.

A journey that says that it is gone by keyboard uses no mouse: `press`, `tick`, `pick` and `type_into` put the focus on
one thing and press keys, and `tab_to` shows that the Tab key alone gets there.
"""

from __future__ import annotations

import re
from typing import Literal

from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.browser.axe import violations
from tests.plumbing.accounts import MakeActor
from victim_gateway import times
from victim_gateway.services.accounts import administration
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role

WIDE: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 375, "height": 800}
Name = str | re.Pattern[str]


def add_accounts(make_actor: MakeActor, password: str, **roles: Role) -> None:
    """Accounts of the Gateway to sign in with: `casey=Role.CASEWORKER` is Casey, casey@test.example."""
    admin = make_actor(Role.ADMIN)
    for name, role in roles.items():
        account = administration.NewAccount(
            email=f"{name}@test.example",
            name=name.capitalize(),
            role=role,
            organisation_key="gateway",
            password=password,
        )
        administration.add_account(Command(admin, times.now()), account)


def sign_in(page: Page, email: str, password: str) -> None:
    """Sign in on the page with a password, as an account without a second factor does."""
    page.goto("/sign-in")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def look(page: Page, *, stay: ViewportSize = WIDE) -> None:
    """Nothing for axe to say, wide and at the width of a telephone, and nothing to scroll sideways for.

    It begins at the width that the page has, which is one turn of layout less, and ends at `stay`.
    """
    assert violations(page) == [], page.url
    other = PHONE if page.viewport_size != PHONE else WIDE
    page.set_viewport_size(other)
    assert violations(page) == [], page.url
    if other != PHONE:
        page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], page.url
    if page.viewport_size != stay:
        page.set_viewport_size(stay)


def press(page: Page, kind: Literal["link", "button"], name: Name) -> None:
    """Press Enter on a link or a button, and wait for the page it leads to.

    A link that looks like a button has the role of one.
    """
    found = page.get_by_role("button", name=name)
    press_on(page.get_by_role("link", name=name).or_(found).first if kind == "link" else found.first)


def press_on(target: Locator) -> None:
    """Press Enter on what is given, and wait for the page it leads to."""
    target.focus()
    with target.page.expect_navigation(wait_until="load"):
        target.page.keyboard.press("Enter")


def tick(page: Page, name: Name, *, group: Name | None = None) -> None:
    """Choose a radio or tick box by the space bar, of the question `group` where several have that answer.

    One that is ticked already stays so.
    """
    within = page.get_by_role("group", name=group).first if group else page
    found = within.get_by_role("radio", name=name, exact=True)
    choice = found.or_(within.get_by_role("checkbox", name=name, exact=True)).first
    choice.focus()
    if not choice.is_checked():
        page.keyboard.press("Space")
    expect(choice).to_be_checked()


def pick(page: Page, label: str, option: str) -> None:
    """Choose from a list by typing how the option begins."""
    field = page.get_by_label(label, exact=True)
    field.focus()
    page.keyboard.type(option)
    expect(field.locator("option:checked")).to_have_text(re.compile(option))


def type_into(page: Page, label: str, typed: str) -> None:
    """Give a field the focus and replace what is in it."""
    page.get_by_label(label, exact=True).first.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type(typed)


def tab_to(page: Page, target: Locator, *, most: int) -> None:
    """Press Tab from where the focus is until it is on `target`, at most so many times; the focus can be seen there."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            assert target.evaluate("element => element.matches(':focus-visible')"), page.url
            return
    raise AssertionError(f"Tab does not reach it in {most} steps: {page.url}")
