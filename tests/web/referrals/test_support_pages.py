"""A caseworker plans, records and reviews support in the browser's way."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.factories import casework as make
from tests.plumbing.pages import send, text_of
from victim_gateway import times
from victim_gateway.actors import Actor

AREAS = (
    "emotional_wellbeing",
    "money_and_practicalities",
    "close_relationships",
    "safety_at_home",
    "legal_process",
)
GOAL = {"goal_text": "To pay the locksmith", "need": "finance_and_benefits"}
ACTIVITY = {
    "kind": "practical_support",
    "manner": "in_person",
    "minutes": "75",
    "for_party": "person",
    "goal": "",
}


def on_day(name: str, days: int = 0, ago: timedelta = timedelta(0)) -> dict[str, str]:
    day = times.london_date(times.now() + timedelta(days=days) - ago)
    return {f"{name}-day": str(day.day), f"{name}-month": str(day.month), f"{name}-year": str(day.year)}


def save(browser: FlaskClient, address: str, answers: dict[str, Any]) -> TestResponse:
    """Send a form with its day left as the page suggests it, today, unless another is answered."""
    days = {"goals": "agreed_on", "activities": "given_on", "readings": "taken_on"}
    suggested = next((on_day(field) for part, field in days.items() if f"/{part}/" in address), {})
    return send(browser, address, suggested | answers)


@pytest.fixture
def referral_id(caseworker: Actor) -> UUID:
    return make.assessed(caseworker, at=times.now() - timedelta(hours=2))


def test_a_whole_course_of_support_from_a_goal_to_what_became_of_needs(
    caseworker_browser: FlaskClient, referral_id: UUID
) -> None:
    support = f"/referrals/{referral_id}/support"
    empty = text_of(caseworker_browser.get(support))
    assert "No goals yet" in empty
    assert "No support recorded yet" in empty
    save(caseworker_browser, f"{support}/goals/new", GOAL | on_day("target_on", 14))
    page = caseworker_browser.get(support)
    assert "To pay the locksmith" in text_of(page)
    address = re.search(rf'href="({support}/goals/[0-9a-f-]+)"', page.get_data(as_text=True))
    assert address is not None
    refused = save(caseworker_browser, address[1], GOAL | {"state": "dropped"})
    assert refused.status_code == 422
    assert "Say in a few words how it came about" in text_of(refused)
    save(caseworker_browser, address[1], GOAL | {"state": "reached", "remarks": "The fund paid"})
    assert "The fund paid" in text_of(caseworker_browser.get(support))
    assert "Version 1" in text_of(caseworker_browser.get(address[1]))
    save(caseworker_browser, f"{support}/review", on_day("review_on", 20))

    # Near midnight the call was made on another day than today.
    called = on_day("given_on", ago=timedelta(minutes=90))
    saved = save(caseworker_browser, f"{support}/activities/new", ACTIVITY | called | {"notes": "New lock"})
    assert saved.headers["Location"].endswith("#given")
    assert "1 hour 15 minutes" in text_of(caseworker_browser.get(support))
    call = ACTIVITY | called | {"kind": "call", "manner": "phone", "minutes": "20"}
    save(caseworker_browser, f"{support}/activities/new", call)
    page = caseworker_browser.get(support)
    assert "1 hour 35 minutes" in text_of(page)
    entry = re.search(rf'href="({support}/activities/[0-9a-f-]+)/correct"', page.get_data(as_text=True))
    assert entry is not None
    save(caseworker_browser, f"{entry[1]}/correct", call | {"minutes": "15", "reason_text": "Shorter"})
    assert "1 hour 30 minutes" in text_of(caseworker_browser.get(support))

    numbers = {f"area_{area}": "2" for area in AREAS}
    save(caseworker_browser, f"{support}/readings/new", numbers | {"stage": "start"})
    better = numbers | {"area_safety_at_home": "5", "stage": "end"}
    save(caseworker_browser, f"{support}/readings/new", better)
    page = caseworker_browser.get(support)
    assert "up 3" in text_of(page)
    drawing = page.get_data(as_text=True).partition("vg-star")[2].partition("</svg>")[0]
    assert "Safety at home: 2 at the start, 5 at the last reading" in drawing
    assert "style=" not in drawing

    close = text_of(caseworker_browser.get(f"/referrals/{referral_id}/close"))
    assert "8 needs are open" in close
    needs = {"outcome_finance_and_benefits": "achieved"}
    save(caseworker_browser, f"{support}/needs", needs)
    assert "The need was met" in text_of(caseworker_browser.get(support))
    assert "7 needs are open" in text_of(caseworker_browser.get(f"/referrals/{referral_id}/close"))
    timeline = text_of(caseworker_browser.get(f"/referrals/{referral_id}/timeline"))
    assert "Support given" in timeline
    assert "Practical support" in timeline
    assert "At the end" in timeline


WRONG_ANSWERS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("goals/new", GOAL | {"goal_text": " "}, "Enter what the person wants to reach"),
    ("goals/new", GOAL | {"goal_text": "x" * 1001}, "Shorten the goal to 1,000 characters"),
    ("goals/new", GOAL | {"need": "wealth"}, "Choose which need it is for"),
    ("goals/new", GOAL | on_day("agreed_on", 1), "must be today or in the past"),
    ("goals/new", GOAL | on_day("target_on", -1), "on or after the day it was agreed"),
    ("review", on_day("review_on", -1), "must be today or in the future"),
    ("review", on_day("review_on", 200), "within 92 days"),
    ("review", {}, "Enter the day"),
    ("activities/new", ACTIVITY | {"minutes": "an hour"}, "whole number from 1 to 720"),
    ("activities/new", ACTIVITY | {"minutes": "721"}, "whole number from 1 to 720"),
    ("activities/new", ACTIVITY | {"minutes": ""}, "whole number from 1 to 720"),
    ("activities/new", ACTIVITY | {"minutes": "1.5"}, "whole number from 1 to 720"),
    ("activities/new", ACTIVITY | {"kind": ""}, "Choose what you did"),
    ("activities/new", ACTIVITY | {"goal": "the-first"}, "Choose a goal of this person"),
    ("activities/new", ACTIVITY | on_day("given_on", 1), "must be today or in the past"),
    ("activities/new", ACTIVITY | {"manner": "email"}, "Log it as a contact first"),
    ("activities/new", ACTIVITY | {"kind": "court_day", "manner": "without_contact"}, "in that way"),
    ("readings/new", {"stage": "end"} | {f"area_{area}": "3" for area in AREAS}, "at the start first"),
    ("readings/new", {"stage": "start", "area_safety_at_home": "3"}, "Choose a number from 1 to 5"),
    ("needs", {}, "Choose what became of at least one need"),
    ("needs", {"outcome_finance_and_benefits": "not_achieved"}, "Say in a few words what became of it"),
)


def test_a_wrong_answer_is_named_and_what_was_typed_stays(
    caseworker_browser: FlaskClient, referral_id: UUID
) -> None:
    for path, answers, message in WRONG_ANSWERS:
        page = save(caseworker_browser, f"/referrals/{referral_id}/support/{path}", answers)
        assert page.status_code == 422, (path, answers)
        assert message in text_of(page)


def test_the_plan_of_a_closed_referral_and_an_unknown_entry_can_not_be_changed(
    caseworker_browser: FlaskClient, caseworker: Actor, referral_id: UUID
) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    for path in (f"goals/{unknown}", f"activities/{unknown}/correct", f"activities/{unknown}/take-back"):
        assert caseworker_browser.get(f"/referrals/{referral_id}/support/{path}").status_code == 404
    new = make.recorded(caseworker, at=times.now() - timedelta(hours=1))
    page = save(caseworker_browser, f"/referrals/{new}/support/activities/new", ACTIVITY)
    assert page.status_code == 409
    assert "Reach the person first" in text_of(page)


def test_a_device_goes_from_the_stock_to_the_person_and_back(
    caseworker_browser: FlaskClient, caseworker: Actor, referral_id: UUID
) -> None:
    support = f"/referrals/{referral_id}/support"
    device = {"kind": "attack_alarm", "serial_number": "aa 7"}
    assert "No device is in the stock" in text_of(caseworker_browser.get(f"{support}/devices/new"))
    send(caseworker_browser, "/devices", device)
    again = send(caseworker_browser, "/devices", device)
    assert again.status_code == 422
    assert "in the stock already" in text_of(again)
    assert send(caseworker_browser, "/devices", {"serial_number": "x" * 61}).status_code == 422
    form = caseworker_browser.get(f"{support}/devices/new").get_data(as_text=True)
    chosen = re.search(r'<option value="([0-9a-f-]{36})"', form)
    assert chosen is not None
    lent = {"device": chosen[1]} | on_day("issued_on")
    refused = send(caseworker_browser, f"{support}/devices/new", lent | on_day("due_back_on"))
    assert refused.status_code == 422
    assert "after the day it is lent" in text_of(refused)
    send(caseworker_browser, f"{support}/devices/new", lent | on_day("due_back_on", 30))
    page = caseworker_browser.get(support)
    assert "AA 7" in text_of(page)
    assert "With the person" in text_of(page)
    ending = re.search(rf'href="({support}/devices/[0-9a-f-]+/end)"', page.get_data(as_text=True))
    assert ending is not None
    assert send(caseworker_browser, ending[1], on_day("ended_on")).status_code == 422
    send(caseworker_browser, ending[1], {"ending": "returned"} | on_day("ended_on"))
    assert "Returned" in text_of(caseworker_browser.get(support))
    stock = text_of(caseworker_browser.get("/devices"))
    assert "Testcase" not in stock
    assert "Safety device came back" in text_of(caseworker_browser.get(f"/referrals/{referral_id}/timeline"))
