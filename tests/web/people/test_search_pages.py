"""The search page: how people matched, what was meant, and what is carried into the form; nothing in an address."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.factories import casework as make
from tests.plumbing.pages import hidden_of, main_of, text_of
from tests.plumbing.sign_in import form_token
from victim_gateway import times
from victim_gateway.actors import Actor


def search(browser: FlaskClient, typed: str) -> TestResponse:
    return browser.post("/search", data={"csrf_token": form_token(browser, "/search"), "text": typed})


def recorded(caseworker: Actor, given_name: str, family_name: str, **more: str) -> None:
    person = make.person_document(given_name=given_name, family_name=family_name, **more)
    make.recorded(caseworker, at=times.now(), person=person)


def form_after_search(browser: FlaskClient, typed: str) -> TestResponse:
    """The record form as it opens from the results, with what its button sends."""
    found = main_of(search(browser, typed))
    form = found[found.rindex('<form method="post" action="/record/new"') :]
    sent = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
    return browser.post("/record/new", data={name: unescape(value) for name, value in sent})


def typed_in(page: TestResponse) -> dict[str, str]:
    boxes = re.findall(r"<input[^>]*>", main_of(page))
    named = [
        (re.search(r'name="([^"]+)"', box), re.search(r'value="([^"]+)"', box))
        for box in boxes
        if "govuk-input" in box
    ]
    return {name[1]: unescape(value[1]) for name, value in named if name and value}


def test_a_near_spelling_says_so_and_offers_the_name(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    recorded(caseworker, "Łukasz", "Wójcik")
    page = search(caseworker_browser, "Lukasz Wojick")
    assert "Nobody has exactly that name. Did you mean:" in text_of(page)
    assert "Matches by similar name" in text_of(page)
    offered = [value for name, value in hidden_of(page) if name == "text"]
    assert offered == ["Łukasz Wójcik"]
    again = search(caseworker_browser, offered[0])
    assert "Matches by name ." in text_of(again)
    assert "Did you mean" not in text_of(again)


def test_a_number_in_part_says_which_part(caseworker_browser: FlaskClient, caseworker: Actor) -> None:
    recorded(caseworker, "Khadija", "Hollinshead", phone="07700 900461")
    assert "Matches by phone ends in 0461" in text_of(search(caseworker_browser, "0461"))


@pytest.mark.parametrize(
    ("typed", "carried"),
    [
        ("Priya Nandakumar", {"given_name": "Priya", "family_name": "Nandakumar"}),
        ("Nandakumar", {"family_name": "Nandakumar"}),
        ("O'Brien, Siobhán", {"given_name": "Siobhán", "family_name": "O'Brien"}),
        ("07700 900321", {"phone": "07700 900321"}),
        ("priya@example.org", {"email": "priya@example.org"}),
        ("st16 1aa", {"postcode": "ST16 1AA"}),
        (
            "Priya Nandakumar 4 May 1990",
            {
                "given_name": "Priya",
                "family_name": "Nandakumar",
                "date_of_birth-day": "4",
                "date_of_birth-month": "5",
                "date_of_birth-year": "1990",
            },
        ),
        ("0321", {}),
        ("21/000123/26", {}),
    ],
)
def test_what_was_searched_for_is_in_the_form(
    caseworker_browser: FlaskClient, typed: str, carried: dict[str, str]
) -> None:
    page = form_after_search(caseworker_browser, typed)
    assert page.status_code == 200
    assert "There is a problem" not in text_of(page)
    assert typed_in(page) == carried


def test_no_address_on_the_results_holds_what_was_typed(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    recorded(caseworker, "Priya", "Nandakumar")
    page = search(caseworker_browser, "Nandakumar")
    addresses = re.findall(r'(?:href|action)="([^"]*)"', page.get_data(as_text=True))
    assert addresses
    assert all("andakumar" not in address for address in addresses)


def test_a_form_that_opens_filled_in_still_proposes_who_is_known(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    recorded(caseworker, "Priya", "Nandakumar", date_of_birth="1990-05-04")
    opened = form_after_search(caseworker_browser, "Prya Nandakumar 4 May 1990")
    answers = {
        **dict(hidden_of(opened)),
        **typed_in(opened),
        "source": "self",
        "asked_by": "other",
        "safe": "no",
        "victim_type": "person",
        "harms": "burglary_and_theft",
        "district": "Stafford",
        "reported": "no",
        "hate_strand": "",
        "agreed": "yes",
        "how": "spoken",
    }
    checked = text_of(caseworker_browser.post("/record/new", data=answers))
    assert "Is this somebody we know?" in checked
    assert "Same birth date, name one letter different" in checked
