"""From the link that a caseworker sends to the answers of a reader without signing in."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

from flask.testing import FlaskClient
from sqlalchemy import text

from tests.factories import casework as make
from tests.plumbing.apps import Owner
from tests.plumbing.pages import hidden_of, send, text_of, title_of
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.vocabulary import SafeAnswer

ANSWERS = {"answer_overall": "2", "remarks": "Please ring me"}


def test_a_caseworker_sends_a_link_and_its_page_says_nothing_of_whom_or_what_it_is_about(
    caseworker_browser: FlaskClient, client: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    ago = times.now() - timedelta(hours=2)
    referral_id = make.assessed(caseworker, at=ago)
    plan = make.safe_to_phone(channels={"phone": SafeAnswer.YES, "sms": SafeAnswer.YES})
    make.record_plan(referral_id, caseworker, plan, at=ago + timedelta(minutes=70))
    support, link = f"/referrals/{referral_id}/support", f"/referrals/{referral_id}/survey/at_closing/link"
    assert "send a link" in text_of(caseworker_browser.get(support))
    assert send(caseworker_browser, link, {"checked": ["read_plan"]}).status_code == 422
    made = send(caseworker_browser, link, {"channel": "sms", "checked": ["read_plan"]})
    found = re.search(r"(/answers/[\w-]+)", unescape(made.get_data(as_text=True)))
    assert found is not None

    holder = client.application.test_client()
    page = holder.get(found[1])
    assert title_of(page) == "A few questions"
    whole = page.get_data(as_text=True)
    for word in ("Testcase", "Robin", "Burglary", "Victim", "Gateway", "Staffordshire", "SG-", "police"):
        assert word not in whole, word
    assert "Exit this page" in whole
    assert page.headers["Cache-Control"] == "no-store"
    assert "Do you feel safe" not in whole
    refused = holder.post(found[1], data={**dict(hidden_of(page)), "remarks": "Only words"})
    assert refused.status_code == 422
    assert "Only words" in refused.get_data(as_text=True)
    forged = holder.post(found[1], data=ANSWERS)
    assert forged.status_code == 400
    assert "Victim" not in forged.get_data(as_text=True)
    thanked = holder.post(found[1], data={**dict(hidden_of(page)), **ANSWERS})
    assert "Your answers were saved" in text_of(thanked)
    again = holder.post(found[1], data={**dict(hidden_of(page)), **ANSWERS})
    assert again.status_code == 409
    assert "answered already" in text_of(again)
    wrong = holder.get("/answers/no-such-link")
    assert wrong.status_code == 404
    assert "Victim" not in wrong.get_data(as_text=True)

    read = text_of(caseworker_browser.get(support))
    assert "Please ring me" in read
    assert "Dissatisfied" in read
    overview = text_of(caseworker_browser.get(f"/referrals/{referral_id}"))
    assert "Read what the person said about us" in overview

    large = holder.post(found[1], data={"remarks": "x" * 1_100_000})
    unrouted = [holder.put(found[1]), holder.get("/answers/a/b")]
    with owner() as session:
        session.execute(text("DROP FUNCTION claim_audit_lane()"))
    unavailable = holder.get(found[1])
    assert [each.status_code for each in (large, *unrouted, unavailable)] == [413, 404, 404, 503]
    for failed in (large, *unrouted, unavailable):
        whole = failed.get_data(as_text=True)
        assert "Exit this page" in whole
        assert not any(word in whole for word in ("Victim", "Gateway", "Staffordshire", "Sign in")), whole


def test_rooms_reviews_and_mistaken_loans_are_kept_in_the_browser(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    ago = times.now() - timedelta(hours=2)
    referral_id = make.assessed(caseworker, at=ago, offence="Anti-social behaviour")
    support = f"/referrals/{referral_id}/support"
    day = times.london_date(times.now()) + timedelta(days=9)
    on = {"on-day": str(day.day), "on-month": str(day.month), "on-year": str(day.year)}
    room = {"room": "burton", "from_time": "10am", "until_time": "11:30am", "court": "Stafford Crown Court"}
    booked = send(caseworker_browser, f"{support}/video-links/new", room | on | {"measures": ["screens"]})
    assert booked.headers["Location"].endswith("#video-links")
    clash = send(caseworker_browser, f"{support}/video-links/new", room | on)
    assert clash.status_code == 422
    assert "This room is booked then" in text_of(clash)
    week = caseworker_browser.get(f"/video-links?day={day}")
    assert "Stafford Crown Court" not in text_of(week)
    reference = make.referral(referral_id, caseworker).reference
    assert reference in text_of(week)
    page = caseworker_browser.get(support).get_data(as_text=True)
    measures = re.search(rf'href="({support}/video-links/[0-9a-f-]+/measures)"', page)
    assert measures is not None
    opened_before = dict(hidden_of(caseworker_browser.get(measures[1])))
    send(caseworker_browser, measures[1], {"measure_screens": "granted"})
    late = caseworker_browser.post(measures[1], data={**opened_before, "measure_screens": "refused"})
    assert late.status_code == 409
    assert "The special measures were changed after you opened the page" in text_of(late)
    move = re.search(rf'href="({support}/video-links/[0-9a-f-]+/move)"', page)
    assert move is not None
    moved = send(
        caseworker_browser,
        move[1],
        room | on | {"from_time": "2pm", "until_time": "3pm", "reason_text": "The list changed"},
    )
    assert moved.status_code == 302
    assert "The list changed" in text_of(caseworker_browser.get(support))

    today = times.london_date(times.now())
    asked_on = {
        "asked_on-day": str(today.day),
        "asked_on-month": str(today.month),
        "asked_on-year": str(today.year),
    }
    review = {"authority": "stafford", "asked_by": "person", "about": "Noise at night"} | asked_on
    send(caseworker_browser, f"{support}/case-reviews/new", review)
    page = caseworker_browser.get(support).get_data(as_text=True)
    met = re.search(rf'href="({support}/case-reviews/[0-9a-f-]+/met)"', page)
    assert met is not None
    step = {"on-day": str(today.day), "on-month": str(today.month), "on-year": str(today.year)}
    send(caseworker_browser, met[1], step)
    assert "Threshold met" in text_of(caseworker_browser.get(support))
    timeline = text_of(caseworker_browser.get(f"/referrals/{referral_id}/timeline"))
    assert "Case review: the threshold is met" in timeline
    assert "Video link moved" in timeline
