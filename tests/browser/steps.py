"""Steps that every journey takes: signing in on the page, and looking whether a page is fit to be used."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.axe import violations


def sign_in(page: Page, email: str, password: str) -> None:
    """Sign in on the page with a password, as an account without a second factor does."""
    page.goto("/sign-in")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def look(page: Page) -> None:
    """Nothing for axe to say, wide and at the width of a telephone, and nothing to scroll sideways for."""
    assert violations(page) == [], page.url
    page.set_viewport_size({"width": 375, "height": 800})
    assert violations(page) == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth") <= 375, page.url
    page.set_viewport_size({"width": 1280, "height": 900})
