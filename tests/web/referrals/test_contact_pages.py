"""Attempts, safe contact and the assessment on the pages of a referral."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import uuid4

from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.factories import casework as make
from tests.plumbing.apps import Owner
from tests.plumbing.moments import at_recently
from tests.plumbing.pages import send, text_of, title_of
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.models import (
    AuditEntry,
    ContactAttempt,
    SafeContactPlan,
)
from victim_gateway.services.referrals.safe_contact import SafeContactAnswer
from victim_gateway.vocabulary import (
    ReferralState,
    SafeAnswer,
)


def test_an_attempt_is_logged_and_the_next_step_offered(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    referral_id = make.assigned(caseworker, at=at_recently())
    address = f"/referrals/{referral_id}/contact/attempts/new"
    answers = {"checked": "read_plan", "channel": "phone", "outcome": "reached"}
    page = caseworker_browser.get(address).get_data(as_text=True)
    fields = dict(re.findall(r'name="(attempted_[a-z_-]+)"[^>]* value="([^"]*)"', page))
    done = send(caseworker_browser, address, {**answers, **fields})
    assert done.status_code == 302
    assert "Make a triage assessment" in text_of(caseworker_browser.get(done.location))
    assert make.referral(referral_id, caseworker).state is ReferralState.IN_CONTACT


def test_an_empty_attempt_says_what_is_missing_and_saves_nothing(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    referral_id = make.assigned(caseworker, at=at_recently())
    page = send(caseworker_browser, f"/referrals/{referral_id}/contact/attempts/new", {})
    assert page.status_code == 422
    assert title_of(page).startswith("Error: ")
    assert "Choose what you checked before you tried" in text_of(page)
    assert 'href="#channel"' in page.get_data(as_text=True)
    with owner() as session:
        assert session.scalar(select(func.count()).select_from(ContactAttempt)) == 0


def test_a_way_that_is_not_safe_is_questioned_before_it_is_recorded(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = make.assigned(
        caseworker, at=at_recently(), safe_contact=SafeContactAnswer(SafeAnswer.UNKNOWN)
    )
    address = f"/referrals/{referral_id}/contact/attempts/new"
    page = caseworker_browser.get(address)
    assert "Do not call, write or leave a message until you know a way that is safe" in text_of(page)
    assert 'name="outcome"' not in page.get_data(as_text=True)

    typed = attempt_answers()
    answers = {**typed, "other_channel": typed.pop("channel")}
    answers = {name: value for name, value in answers.items() if name != "channel"}
    questioned = send(caseworker_browser, f"{address}?tried=yes", answers)
    assert questioned.status_code == 409
    assert "Nobody has said that contact is safe" in text_of(questioned)
    unexplained = send(caseworker_browser, f"{address}?tried=yes", {**answers, "although_unsafe": "y"})
    assert unexplained.status_code == 422
    assert "Say how it came about" in text_of(unexplained)
    owned_up = {**answers, "although_unsafe": "y", "unsafe_reason": "It rang"}
    assert send(caseworker_browser, f"{address}?tried=yes", owned_up).status_code == 302
    assert "Not safe: It rang" in text_of(caseworker_browser.get(f"/referrals/{referral_id}/contact"))


def test_only_safe_ways_are_answers_and_a_shown_number_leaves_the_form_as_it_was_typed(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    referral_id = make.assigned(
        caseworker, at=at_recently(), safe_contact=make.safe_to_phone(number="07700 900888")
    )
    address = f"/referrals/{referral_id}/contact/attempts/new"
    page = caseworker_browser.get(address).get_data(as_text=True)
    assert re.findall(r'name="channel"[^>]*value="([a-z]+)"', page) == ["phone"]
    assert re.findall(r'name="other_channel"[^>]*value="([a-z]+)"', page) == ["sms", "email", "post"]
    assert "07700 900888" not in page

    typed = {**token(caseworker_browser, address), **attempt_answers(), "notes": "She was at work"}
    shown = caseworker_browser.post(address, data={**typed, "show": "plan_number"})
    text = shown.get_data(as_text=True)
    assert shown.status_code == 200
    assert "07700 900888" in text
    assert "She was at work" in text
    assert "There is a problem" not in text
    assert re.search(r'name="outcome"[^>]*value="no_answer"[^>]*checked', text)

    alone = caseworker_browser.post(
        f"/referrals/{referral_id}/contact/show",
        data={**token(caseworker_browser, address), "what": "plan_number"},
        headers={"X-Value-Alone": "yes"},
    ).get_data(as_text=True)
    assert "07700 900888" in alone
    assert "<html" not in alone
    with owner() as session:
        assert session.scalar(select(func.count()).select_from(ContactAttempt)) == 0
        seen = select(func.count()).where(AuditEntry.action == "contact_detail.shown")
        assert session.scalar(seen) == 2


def test_a_held_referral_offers_no_attempt(caseworker_browser: FlaskClient, caseworker: Actor) -> None:
    referral_id = make.recorded(caseworker, at=at_recently(), agreed=False)
    for path in ("", "/contact"):
        page = caseworker_browser.get(f"/referrals/{referral_id}{path}").get_data(as_text=True)
        assert "/contact/attempts/new" not in page
    refused = text_of(caseworker_browser.get(f"/referrals/{referral_id}/contact/attempts/new"))
    assert "No attempt can be logged now: the referral is held" in refused


def test_do_not_contact_beside_a_safe_way_is_refused(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = make.assigned(caseworker, at=at_recently())
    answers = {"safe": "no", "channel_phone": "yes", "stated_by": "person"}
    refused = send(caseworker_browser, f"/referrals/{referral_id}/safe-contact", answers)
    assert refused.status_code == 422
    assert "You chose both: do not contact them, and a way that is safe" in text_of(refused)


def test_a_safe_way_without_a_number_is_not_shown_as_safe(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = make.assigned(
        caseworker,
        at=at_recently(),
        person=make.person_document(phone=None),
        safe_contact=make.safe_to_phone(),
    )
    contact = text_of(caseworker_browser.get(f"/referrals/{referral_id}/contact"))
    assert "Recorded as safe, but no phone number is recorded" in contact
    assert "Phone call Safe" not in contact
    found = text_of(caseworker_browser.get(f"/referrals/{referral_id}/safe-contact/find"))
    assert "Ask who sent the referral" in found
    make.record_plan(referral_id, caseworker, make.safe_to_phone(number="07700 900888"), at=times.now())
    found = text_of(caseworker_browser.get(f"/referrals/{referral_id}/safe-contact/find"))
    assert "A safe way is known" in found


def attempt_answers() -> dict[str, str]:
    wall = (times.now() - timedelta(minutes=5)).astimezone(times.LONDON)
    return {
        "checked": "read_plan",
        "channel": "phone",
        "outcome": "no_answer",
        "attempted_on-day": str(wall.day),
        "attempted_on-month": str(wall.month),
        "attempted_on-year": str(wall.year),
        "attempted_time": f"{wall:%H:%M}" if wall.hour > 12 or wall.hour == 0 else f"{wall:%I:%M%p}".lower(),
    }


def test_an_attempt_page_opened_before_safe_contact_changed_is_refused(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = make.assigned(caseworker, at=at_recently())
    address = f"/referrals/{referral_id}/contact/attempts/new"
    stale = {**token(caseworker_browser, address), "version": "0", "submission_id": str(uuid4())}
    page = caseworker_browser.post(address, data={**stale, **attempt_answers(), "notes": "She called back"})
    assert page.status_code == 409
    assert "Somebody else saved this first" in text_of(page)
    assert "She called back" in page.get_data(as_text=True)


def test_safe_contact_is_recorded_as_a_new_version(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    referral_id = make.assigned(caseworker, at=at_recently())
    address = f"/referrals/{referral_id}/safe-contact"
    done = send(
        caseworker_browser,
        address,
        {"safe": "yes", "channel_sms": "yes", "days": ["monday"], "stated_by": "person"},
    )
    assert done.status_code == 302
    with owner() as session:
        plans = session.scalars(select(SafeContactPlan).order_by(SafeContactPlan.version)).all()
    assert [plan.version for plan in plans] == [1, 2]
    assert plans[1].safe_channels == ["sms"]


def test_safe_without_any_way_is_refused_at_the_ways(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = make.assigned(caseworker, at=at_recently())
    answers = {"safe": "yes", "channel_phone": "no", "stated_by": "person"}
    page = send(caseworker_browser, f"/referrals/{referral_id}/safe-contact", answers)
    assert page.status_code == 422
    assert "Choose at least one way that is safe" in text_of(page)


def token(browser: FlaskClient, address: str) -> dict[str, str]:
    page = browser.get(address).get_data(as_text=True)
    return dict(re.findall(r'name="(csrf_token)" value="([^"]*)"', page))
