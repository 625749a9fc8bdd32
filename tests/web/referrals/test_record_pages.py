"""Search before you record; record on one page; check what was typed; nothing twice."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.datastructures import MultiDict

from tests.factories import casework as make
from tests.plumbing.apps import Owner
from tests.plumbing.pages import hidden_of, send, text_of
from tests.plumbing.sign_in import form_token
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.models import AuditEntry, ContactAttempt, EntitlementClock, Person, Referral
from victim_gateway.vocabulary import AttemptOutcome, Channel, HeldReason, NextAction, ReferralState

ANSWERS = {
    "source": "self",
    "asked_by": "other",
    "safe": "yes",
    "safe_channels": "phone",
    "victim_type": "person",
    "given_name": "Priya",
    "family_name": "Nandakumar",
    "date_of_birth-day": "4",
    "date_of_birth-month": "5",
    "date_of_birth-year": "1990",
    "phone": "07700 900321",
    "harms": "burglary_and_theft",
    "district": "Stafford",
    "reported": "no",
    "hate_strand": "",
    "agreed": "yes",
    "how": "spoken",
}


def check(browser: FlaskClient, answers: dict[str, Any], address: str = "/record/new") -> Any:
    return send(browser, address, answers)


def save(browser: FlaskClient, checked: Any, address: str = "/record/new", **more: str) -> Any:
    return browser.post(address, data={**dict(hidden_of(checked)), "step": "save", **more})


def test_recording_shows_what_was_typed_and_then_saves_it(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    checked = check(caseworker_browser, ANSWERS)
    assert "Check your answers" in text_of(checked)
    assert "We know nobody like this" in text_of(checked)
    saved = save(caseworker_browser, checked)
    assert saved.status_code == 302
    assert "The referral was recorded" in text_of(caseworker_browser.get(saved.location))
    with owner() as session:
        referral = session.scalars(select(Referral)).one()
    assert (referral.state, referral.offence, referral.source) == ("received", "Burglary or theft", "self")


def test_nothing_is_saved_before_it_was_checked(caseworker_browser: FlaskClient, owner: Owner) -> None:
    check(caseworker_browser, ANSWERS)
    assert people(owner) == 0


def people(owner: Owner) -> int:
    with owner() as session:
        return session.scalar(select(func.count()).select_from(Person)) or 0


def test_answers_can_be_changed_and_are_still_there(caseworker_browser: FlaskClient) -> None:
    checked = check(caseworker_browser, ANSWERS)
    form = caseworker_browser.post("/record/new", data={**dict(hidden_of(checked)), "step": "change"})
    assert form.status_code == 200
    assert 'value="Nandakumar"' in form.get_data(as_text=True)


def test_each_answer_leads_back_to_its_field_with_all_that_was_typed(caseworker_browser: FlaskClient) -> None:
    """Without JavaScript too: each is a button of the form that holds the answers."""
    typed = {**ANSWERS, "what_happened": "They broke the lock", "flags": "vulnerable", "asked_by": "phone"}
    checked = check(caseworker_browser, typed)
    page = checked.get_data(as_text=True)
    addresses = re.findall(r'name="step" value="change" formaction="([^"]+)"', page)
    shown = [*(name.partition("-")[0] for name in typed), "date_of_birth-day"]
    fields = {address.partition("#")[2] for address in addresses}
    asked = {name for name in shown if name not in ("hate_strand", "date_of_birth")}
    assert asked <= fields
    form = caseworker_browser.post(addresses[0], data={**dict(hidden_of(checked)), "step": "change"})
    body = form.get_data(as_text=True)
    assert all(f'id="{name}"' in body for name in fields)
    assert "They broke the lock" in body
    assert re.findall(r'value="(?:vulnerable|phone|spoken)" checked', body)
    again = check(caseworker_browser, dict(typed))
    assert set(hidden_of(again)) >= {pair for pair in hidden_of(checked) if pair[0] in typed}


def test_a_caller_has_been_reached_and_their_needs_come_next(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    saved = save(caseworker_browser, check(caseworker_browser, {**ANSWERS, "asked_by": "phone"}))
    page = caseworker_browser.get(saved.location)
    assert "Start the triage assessment" in text_of(page)
    assert f'href="{saved.location}/assessment/new"' in page.get_data(as_text=True)
    with owner() as session:
        referral = session.scalars(select(Referral)).one()
        attempt = session.scalars(select(ContactAttempt)).one()
        met = session.scalars(
            select(EntitlementClock.status).where(
                EntitlementClock.entitlement_id == "first_contact_attempted"
            )
        ).one()
    assert (referral.state, referral.next_action) == (ReferralState.IN_CONTACT, NextAction.ASSESS)
    assert referral.assigned_to_id == caseworker.user_id
    assert (attempt.channel, attempt.outcome) == (Channel.PHONE, AttemptOutcome.REACHED)
    assert met == "met"


def test_the_same_referral_sent_twice_is_recorded_once(caseworker_browser: FlaskClient, owner: Owner) -> None:
    checked = check(caseworker_browser, ANSWERS)
    save(caseworker_browser, checked)
    again = save(caseworker_browser, checked, match="new")
    assert again.status_code == 302
    assert people(owner) == 1


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"source": ""}, "Choose who asks for help"),
        ({"asked_by": ""}, "Choose how they asked"),
        ({"given_name": "", "family_name": ""}, "Enter a name"),
        ({"source": "agency"}, "Enter the name of the agency"),
        ({"safe_channels": ""}, "Choose at least one way that is safe"),
        ({"reported": "yes"}, "Enter when it was reported"),
        ({"date_of_birth-day": "31", "date_of_birth-month": "2"}, "The date of birth must be a real date"),
        ({"date_of_birth-year": "2090"}, "The date of birth must be today or in the past"),
        ({"email": "nowhere"}, "Email address is not one e-mail address; give it as name@example.org."),
        ({"harms": ""}, "Choose at least one kind of harm"),
        ({"harms": "sorcery"}, "Choose from the answers"),
        ({"how": ""}, "Choose how they answered"),
        ({"how": "telepathy"}, "Choose one of the answers"),
        ({"from_time": "2:30"}, "The earliest time must say am or pm"),
    ],
)
def test_each_mistake_is_named_in_the_summary_and_nothing_is_saved(
    caseworker_browser: FlaskClient, owner: Owner, changed: dict[str, str], said: str
) -> None:
    answers = {name: value for name, value in {**ANSWERS, **changed}.items() if value}
    page = check(caseworker_browser, {**answers, "hate_strand": ""})
    assert page.status_code == 422
    summary = text_of(page).partition("There is a problem")[2]
    assert said in summary
    assert page.get_data(as_text=True).count("<title>Error: ") == 1
    assert people(owner) == 0


def test_somebody_with_the_same_number_is_proposed_and_must_be_chosen(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    known = make.referral(
        make.recorded(caseworker, at=times.now(), person=make.person_document(phone="+44 7700 900321")),
        caseworker,
    )
    checked = check(caseworker_browser, ANSWERS)
    assert "Is this somebody we know?" in text_of(checked)
    undecided = save(caseworker_browser, checked)
    assert undecided.status_code == 422
    assert "Choose whether this is somebody we know" in text_of(undecided)
    assert save(caseworker_browser, checked, match=str(known.person_id)).status_code == 302
    assert people(owner) == 1


def test_a_referral_for_somebody_found_by_search_makes_no_new_person(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    known = make.referral(make.recorded(caseworker, at=times.now()), caseworker)
    address = f"/record/new?person={known.person_id}"
    answers = {name: value for name, value in ANSWERS.items() if name not in ("given_name", "family_name")}
    saved = save(caseworker_browser, check(caseworker_browser, answers, address), address)
    assert saved.status_code == 302
    assert people(owner) == 1
    assert known.reference in text_of(caseworker_browser.get(saved.location))


def test_somebody_who_said_no_is_held(caseworker_browser: FlaskClient, owner: Owner) -> None:
    save(caseworker_browser, check(caseworker_browser, {**ANSWERS, "agreed": "no"}))
    with owner() as session:
        referral = session.scalars(select(Referral)).one()
    assert (referral.state, referral.held_reason) == (ReferralState.HELD, HeldReason.CONSENT_REFUSED)


def search(browser: FlaskClient, text: str) -> Any:
    return browser.post("/search", data={"text": text, "csrf_token": form_token(browser, "/search")})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("priya NANDAKUMAR", "name"),
        ("nandakumar", "name"),
        ("07700900321", "phone number"),
        ("+44 7700 900321", "phone number"),
        ("4 May 1990", "date of birth"),
        ("04/05/1990", "date of birth"),
        ("st16 2qq", "postcode"),
        ("Priya@Example.org", "e-mail"),
        ("22/123/26", "crime number"),
    ],
)
def test_a_person_is_found_by_any_of_their_details_with_the_reason(
    caseworker_browser: FlaskClient, caseworker: Actor, text: str, why: str
) -> None:
    person = make.person_document(
        given_name="Priya",
        family_name="Nandakumar",
        phone="07700 900321",
        date_of_birth="1990-05-04",
        postcode="ST16 2QQ",
        email="priya@example.org",
    )
    make.recorded(caseworker, at=times.now(), person=person, crime_number="22/123/26")
    page = search(caseworker_browser, text)
    assert "Priya Nandakumar" in text_of(page)
    assert f"Matches by {why}" in text_of(page)


def test_a_reference_is_found_however_it_is_written(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    reference = make.referral(make.recorded(caseworker, at=times.now()), caseworker).reference
    prefix, year, number = reference.split("-")
    assert reference in text_of(search(caseworker_browser, f"{prefix.lower()} {year} {int(number)}"))


def test_nobody_found_says_what_to_try(caseworker_browser: FlaskClient) -> None:
    assert "Nobody found" in text_of(search(caseworker_browser, "Zebedee"))


def test_what_was_searched_for_stands_in_no_address_and_no_audit(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    make.recorded(caseworker, at=times.now(), person=make.person_document(family_name="Featherstone"))
    assert (
        caseworker_browser.get("/search?text=Featherstone").get_data(as_text=True).count("Featherstone") == 0
    )
    search(caseworker_browser, "Featherstone")
    with owner() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "people.searched")).one()
    assert "Featherstone" not in entry.entry


def test_a_search_for_too_little_is_refused(caseworker_browser: FlaskClient) -> None:
    page = search(caseworker_browser, "x")
    assert page.status_code == 422
    assert "Enter 2 or more characters" in text_of(page)


def test_several_harms_are_ticked_and_a_hate_crime_says_its_kind(
    caseworker_browser: FlaskClient, owner: Owner
) -> None:
    answers = {**ANSWERS, "harms": ["hate_crime", "domestic_abuse"], "residence_district": "Tamworth"}

    assert "Choose which kind of hate crime it was" in text_of(check(caseworker_browser, answers))
    checked = check(caseworker_browser, {**answers, "hate_strand": "race"})
    assert "Domestic abuse, Hate crime" in text_of(checked)
    every_answer = MultiDict([*hidden_of(checked), ("step", "save")])
    assert caseworker_browser.post("/record/new", data=every_answer).status_code == 302

    with owner() as session:
        referral = session.scalars(select(Referral)).one()
    assert (referral.offence, referral.chosen_harms) == (
        "Domestic abuse; hate crime",
        ["domestic_abuse", "hate_crime"],
    )
    assert (referral.domestic_abuse, referral.hate_strand) == (True, "race")
    assert (referral.district, referral.residence_district) == ("Stafford", "Tamworth")
