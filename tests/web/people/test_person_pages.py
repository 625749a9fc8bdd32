"""A person's pages: what they show, what they ask, and what they answer to wrong input."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from flask.testing import FlaskClient

from tests.factories import casework as make
from tests.plumbing.apps import Owner
from tests.plumbing.pages import send, text_of, title_of
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.models import Referral
from victim_gateway.vocabulary import ReferralState

SERVICE = Actor.worker("tests")


def person_of(referral_id: UUID) -> UUID:
    return make.referral(referral_id, SERVICE).person_id


def test_a_person_is_shown_whole_from_their_referral_and_from_a_search(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    now = times.now()
    first = make.assigned(caseworker, at=now - timedelta(days=300), offence="Burglary")
    long_ago = make.recorded(caseworker, at=now - timedelta(days=800), person_id=person_of(first))
    again = make.recorded(caseworker, at=now - timedelta(days=1), person_id=person_of(first), offence="Theft")
    hidden = make.recorded(caseworker, at=now - timedelta(days=2), person_id=person_of(first))
    with owner() as session:
        session.get_one(Referral, hidden).restricted = True
    address = f"/people/{person_of(first)}"

    overview = caseworker_browser.get(f"/referrals/{again}")
    assert f'href="{address}"' in overview.get_data(as_text=True)
    assert "Repeat in 12 months 1 earlier referral in the 12 months before this one" in text_of(overview)
    assert "Repeat in 12 months" not in text_of(caseworker_browser.get(f"/referrals/{long_ago}"))
    page = caseworker_browser.get(address)
    shown = text_of(page)

    assert title_of(page) == "Person – Victim Gateway"
    for referral_id in (first, again, long_ago):
        assert make.referral(referral_id, SERVICE).reference in shown
    assert make.referral(hidden, SERVICE).reference not in shown
    assert "As it stands Safe, when it was asked Not enough to contact them now phone" in shown
    assert "Contacting them Yes" in shown
    assert "Nobody is linked" in shown
    assert "07700" not in page.get_data(as_text=True)


def test_a_link_is_asked_for_and_wrong_input_keeps_what_was_typed(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    one, other = make.recorded(caseworker), make.recorded(caseworker)
    address = f"/people/{person_of(one)}/links/new"
    empty = send(caseworker_browser, address, {})
    assert empty.status_code == 422
    assert "Enter the reference of one of their referrals" in text_of(empty)
    assert "Choose what they are to this person" in text_of(empty)
    reference = make.referral(one, SERVICE).reference
    itself = send(caseworker_browser, address, {"other_reference": reference, "role": "household"})
    assert itself.status_code == 422
    assert "This is a referral of the same person" in text_of(itself)
    assert f'value="{reference}"' in itself.get_data(as_text=True)

    reference = make.referral(other, SERVICE).reference
    assert (
        send(caseworker_browser, address, {"other_reference": reference, "role": "suspect"}).status_code
        == 302
    )

    for referral_id in (one, other):
        for page in (f"/people/{person_of(referral_id)}", f"/referrals/{referral_id}/notes"):
            assert "Linked to somebody who must never be contacted" in text_of(caseworker_browser.get(page))


def test_a_suspects_number_is_never_shown_again(caseworker_browser: FlaskClient, caseworker: Actor) -> None:
    person_id = person_of(make.recorded(caseworker))
    address = f"/people/{person_id}/suspect-contacts/new"
    wrong = send(caseworker_browser, address, {"phone": "12", "email": "him", "whose": "suspect"})
    assert wrong.status_code == 422
    assert "Enter a phone number" in text_of(wrong)
    assert "Enter an email address, like name@example.com" in text_of(wrong)
    assert send(caseworker_browser, address, {"whose": "suspect"}).status_code == 422
    saved = send(caseworker_browser, address, {"phone": "07700 900432", "whose": "suspect"})
    assert saved.status_code == 302
    page = caseworker_browser.get(f"/people/{person_id}")
    assert "A phone number of a suspect, recorded" in text_of(page)
    assert "900432" not in page.get_data(as_text=True)
    assert "It is not a suspect's" not in text_of(page)


def test_two_records_are_merged_side_by_side_and_undone(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    document = make.person_document()
    at = times.now() - timedelta(hours=3)
    one = make.in_contact(caseworker, at=at, person=document)
    other = make.in_contact(caseworker, at=at, person={**document, "town": "Stone"})
    unlike = make.recorded(caseworker, at=at)
    choose = f"/people/{person_of(one)}/merge"
    reference = make.referral(one, SERVICE).reference
    assert send(caseworker_browser, choose, {"other_reference": reference}).status_code == 422
    chosen = send(caseworker_browser, choose, {"other_reference": make.referral(other, SERVICE).reference})
    assert chosen.location == f"{choose}/{person_of(other)}"

    beside = text_of(caseworker_browser.get(chosen.location))
    assert "Town Stafford Stone Different" in beside
    assert "Phone Recorded Recorded Same" in beside
    assert "Safe to contact Safe Safe Together: Safe phone" in beside
    refused = caseworker_browser.get(f"{choose}/{person_of(unlike)}")
    assert "Only a senior caseworker can merge them" in text_of(refused)
    assert "They are one person: merge" not in text_of(refused)
    assert send(caseworker_browser, chosen.location, {}).status_code == 302

    merged = caseworker_browser.get(f"/people/{person_of(other)}")
    assert merged.location == f"/people/{person_of(one)}"
    shown = text_of(caseworker_browser.get(merged.location))
    assert "Identity, by the record that was merged into it" in shown
    assert "Before By the merged record Safe, when it was asked phone" in shown
    assert make.referral(other, SERVICE).reference in shown
    overview = text_of(caseworker_browser.get(f"/referrals/{one}"))
    assert make.referral(other, SERVICE).reference in overview
    again = caseworker_browser.get(chosen.location)
    assert "was merged into another already" in text_of(again)

    undo = f"{chosen.location}/undo"
    assert send(caseworker_browser, undo, {"reason": " "}).status_code == 422
    assert send(caseworker_browser, undo, {"reason": "Cousins"}).status_code == 302
    assert caseworker_browser.get(f"/people/{person_of(other)}").status_code == 200
    assert make.referral(one, SERVICE).state is ReferralState.IN_CONTACT
    assert caseworker_browser.get(undo).status_code == 404
