"""What every journey of a referral arranges and answers: the county's services, a row of yesterday, the usual forms."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.steps import press, tick
from tests.factories.feeds import feed_row
from tests.plumbing.accounts import MakeActor
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.services.providers import directory
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role

DIRECTORY = Path("victim_gateway/data/providers-staffordshire.csv")


def load_directory(make_actor: MakeActor) -> None:
    """The county's services, as they are shipped, each provider with an account that could read an offer."""
    content = DIRECTORY.read_bytes()
    found = directory.read_directory(content)
    directory.import_directory(Command(Actor.worker("tests"), times.now()), found)
    rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
    for key in dict.fromkeys(row["provider_key"] for row in rows):
        make_actor(Role.PROVIDER, organisation=key)


def days_ago(days: int) -> str:
    """Nine in the morning so many days before today, as the feed writes it."""
    return f"{(times.london_date(times.now()) - timedelta(days=days)).isoformat()}T09:00:00"


def recent_row(**changes: str) -> dict[str, str]:
    """A row of the feed that came yesterday, of a person whom it is safe to phone."""
    return feed_row(occurred_from=days_ago(3), reported_at=days_ago(2), transferred_at=days_ago(1)) | changes


def fill_date(page: Page, name: str, *, days_ahead: int = 0) -> None:
    """A day, today unless told, typed into its three boxes with Tab between them."""
    day = times.london_date(times.now()) + timedelta(days=days_ahead)
    page.locator(f"[id='{name}-day']").focus()
    for part in (day.day, day.month, day.year):
        page.keyboard.press("Control+A")
        page.keyboard.type(str(part))
        page.keyboard.press("Tab")


def log_that_they_were_reached(page: Page) -> None:
    """On the page of a contact attempt: it was the safe number, and they answered. Goes on to the assessment."""
    tick(page, "I checked the number or address")
    tick(page, "Phone", group="How did you try?")
    tick(page, "Reached")
    press(page, "button", "Save and go on")
    expect(page.get_by_role("heading", name="Triage assessment", level=1)).to_be_visible()


def answer_needs(page: Page, risk: str, *, has_need: bool = True) -> None:
    """On the page of an assessment: they were asked about every need, and have the first one or none."""
    if has_need:
        page.locator("input[name^=need_][value='1']").first.focus()
        page.keyboard.press("Space")
    tick(page, "I asked about all of these, and they have no other need")
    tick(page, risk, group="How much at risk is the person?")
