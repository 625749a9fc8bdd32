"""Counted, judged, and referred to MARAC before: three marks that are told apart, on pages and in the queue."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import text

from tests.factories import casework as make
from tests.plumbing.apps import Owner
from tests.plumbing.pages import send, text_of
from victim_gateway import times
from victim_gateway.actors import Actor

SERVICE = Actor.worker("tests")
MARKS = ("Repeat in 12 months", "Persistently targeted", "MARAC repeat")


def day(name: str, value: date) -> dict[str, str]:
    return {f"{name}-day": str(value.day), f"{name}-month": str(value.month), f"{name}-year": str(value.year)}


def marks_of(browser: FlaskClient, address: str) -> list[str]:
    shown = text_of(browser.get(address))
    return [mark for mark in MARKS if mark in shown]


def test_the_three_marks_are_told_apart(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    now = times.now()
    today = times.london_date(now)
    first = make.assigned(caseworker, at=now - timedelta(days=500))
    person_id: UUID = make.referral(first, SERVICE).person_id
    second = make.assigned(caseworker, at=now - timedelta(days=100), person_id=person_id)
    person = f"/people/{person_id}"
    pages = (f"/referrals/{second}/notes", "/work")
    # A year and more between the two: no repeat.
    assert [marks_of(caseworker_browser, page) for page in pages] == [[], []]

    third = make.assigned(caseworker, at=now - timedelta(hours=2), person_id=person_id)
    assert marks_of(caseworker_browser, f"/referrals/{third}/notes") == ["Repeat in 12 months"]
    assert marks_of(caseworker_browser, "/work") == ["Repeat in 12 months"]

    judge = f"{person}/targeting"
    wrong = send(caseworker_browser, judge, {"is_targeted": "yes", **day("review_on", today)})
    assert wrong.status_code == 422
    assert "Enter what you go by" in text_of(wrong)
    late = {"is_targeted": "yes", "reason": "Each week", **day("review_on", today + timedelta(days=400))}
    assert "after today and within a year" in text_of(send(caseworker_browser, judge, late))
    judged = {"is_targeted": "yes", "reason": "Each week", **day("review_on", today + timedelta(days=90))}
    assert send(caseworker_browser, judge, judged).status_code == 302
    assert marks_of(caseworker_browser, f"/referrals/{third}/notes") == list(MARKS[:2])

    refer = f"{person}/marac-referrals/new"
    tomorrow = send(caseworker_browser, refer, day("referred_on", today + timedelta(days=1)))
    assert tomorrow.status_code == 422
    referred = day("referred_on", today - timedelta(days=120))
    assert send(caseworker_browser, refer, referred).status_code == 302
    assert "recorded already" in text_of(send(caseworker_browser, refer, referred))
    for referral_id, marks in ((third, list(MARKS)), (second, list(MARKS[1:])), (first, [MARKS[1]])):
        assert marks_of(caseworker_browser, f"/referrals/{referral_id}/notes") == marks
    assert marks_of(caseworker_browser, "/work") == list(MARKS)

    assert send(caseworker_browser, judge, {"is_targeted": "no", "reason": "It stopped"}).status_code == 302
    assert marks_of(caseworker_browser, f"/referrals/{first}/notes") == []
    shown = text_of(caseworker_browser.get(person))
    assert "Each week" in shown
    assert "It stopped" in shown
    with owner() as session:
        kept = session.scalar(text("SELECT string_agg(t::text, '') FROM targeting_assessment t")) or ""
    assert "Each week" not in kept
