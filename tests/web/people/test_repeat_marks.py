"""Counted, judged, and heard at a MARAC before: three marks that are told apart, on pages and in the queue."""

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
from victim_gateway.models import Referral
from victim_gateway.queries.referrals.marac import repeat_since
from victim_gateway.rules.marac import MaracOutcome, MaracReason
from victim_gateway.services.referrals.marac import (
    MaracAnswer,
    MaracResult,
    decide_marac,
    record_marac_outcome,
)
from victim_gateway.services.shared.command import Command

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

    meeting_on, before = today - timedelta(days=90), now - timedelta(days=95)
    refer = MaracAnswer(
        is_referred=True, decided_on=times.london_date(before), reasons=(MaracReason.JUDGEMENT,)
    )
    version = make.referral(second, SERVICE).version
    decision_id = decide_marac(Command(caseworker, before, version=version), second, refer)
    assert marks_of(caseworker_browser, f"/referrals/{third}/notes") == list(MARKS[:2])
    heard = MaracResult(outcome=MaracOutcome.HEARD, meeting_on=meeting_on)
    record_marac_outcome(Command(caseworker, now, version=1), second, decision_id, heard)
    for referral_id, marks in ((third, list(MARKS)), (second, [MARKS[1]]), (first, [MARKS[1]])):
        assert marks_of(caseworker_browser, f"/referrals/{referral_id}/notes") == marks
    assert marks_of(caseworker_browser, "/work") == list(MARKS)
    # Abuse that began before the meeting and went on after it is a repeat too.
    with owner() as session:
        lasting = session.get_one(Referral, third)
        lasting.occurred_from, lasting.occurred_to = now - timedelta(days=300), now - timedelta(hours=3)
    assert marks_of(caseworker_browser, f"/referrals/{third}/notes") == list(MARKS)
    with owner() as session:
        assert repeat_since(session, session.get_one(Referral, third)) == meeting_on

    assert send(caseworker_browser, judge, {"is_targeted": "no", "reason": "It stopped"}).status_code == 302
    assert marks_of(caseworker_browser, f"/referrals/{first}/notes") == []
    shown = text_of(caseworker_browser.get(person))
    assert "Each week" in shown
    assert "It stopped" in shown
    with owner() as session:
        kept = session.scalar(text("SELECT string_agg(t::text, '') FROM targeting_assessment t")) or ""
    assert "Each week" not in kept
