"""The notices of a death and of a referral taken back, and what a caseworker does about them."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from tests.factories import casework as make
from tests.factories.sealed_documents import seal_documents, sealed_documents
from tests.plumbing.apps import Owner
from tests.plumbing.pages import hidden_of, main_of, send, text_of
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.vocabulary import ReferralState

PAGES = ("", "/contact", "/assessment", "/onward-referrals", "/rights", "/notes", "/timeline", "/details")
FORMS = ("/contact/attempts/new", "/safe-contact", "/consent", "/close", "/correct")
DIED = "The police say that this person has died: do not contact"
TAKEN_BACK = "The force has taken this referral back"


def stopped(caseworker: Actor, *, died: bool = False, withdrawn: bool = False) -> UUID:
    referral_id = make.assigned(caseworker, at=times.now() - timedelta(hours=2))
    seal_documents(
        referral_id,
        person={"deceased": True} if died else {},
        referral={"withdrawn": True} if withdrawn else {},
    )
    return referral_id


def test_every_page_says_that_the_person_has_died(caseworker_browser: FlaskClient, caseworker: Actor) -> None:
    referral_id = stopped(caseworker, died=True)
    for path in (*PAGES, *FORMS):
        shown = text_of(caseworker_browser.get(f"/referrals/{referral_id}{path}"))
        assert DIED in shown, path
        assert "It is not safe to contact this person." in shown, path
        assert TAKEN_BACK not in shown, path


def test_every_page_says_that_the_force_took_the_referral_back(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = stopped(caseworker, withdrawn=True)
    for path in (*PAGES, *FORMS):
        shown = text_of(caseworker_browser.get(f"/referrals/{referral_id}{path}"))
        assert TAKEN_BACK in shown, path
        offered = ("Record that the person has died", "The person has died")
        assert "has died" not in shown.replace(offered[0], "").replace(offered[1], ""), path


def test_no_page_offers_to_contact_the_person(caseworker_browser: FlaskClient, caseworker: Actor) -> None:
    referral_id = stopped(caseworker, withdrawn=True)
    for path in ("", "/contact"):
        page = main_of(caseworker_browser.get(f"/referrals/{referral_id}{path}"))
        assert "/contact/attempts/new" not in page


def test_no_form_for_an_attempt_is_offered(caseworker_browser: FlaskClient, caseworker: Actor) -> None:
    referral_id = stopped(caseworker, died=True)
    page = caseworker_browser.get(f"/referrals/{referral_id}/contact/attempts/new?tried=yes")
    assert "No attempt can be logged now: do not contact the person" in text_of(page)
    assert 'name="outcome"' not in page.get_data(as_text=True)


@pytest.mark.parametrize(
    ("path", "column", "notice"),
    [
        ("/record-death", "deceased", "This person has died: do not contact"),
        ("/record-withdrawal", "withdrawn", TAKEN_BACK),
    ],
)
def test_a_caseworker_records_it_with_a_reason(
    caseworker_browser: FlaskClient, caseworker: Actor, path: str, column: str, notice: str
) -> None:
    referral_id = stopped(caseworker)
    address = f"/referrals/{referral_id}{path}"
    assert send(caseworker_browser, address, {"reason": ""}).status_code == 422
    assert send(caseworker_browser, address, {"reason": "PC 4411 rang"}).status_code == 302
    person, referral = sealed_documents(referral_id)
    assert {**person, **referral}[column] is True
    assert notice in text_of(caseworker_browser.get(f"/referrals/{referral_id}"))
    assert "PC 4411 rang" in text_of(caseworker_browser.get(f"/referrals/{referral_id}/timeline"))


@pytest.mark.parametrize(
    ("decision", "state"),
    [
        ("duplicate", ReferralState.CLOSED),
        ("closed", ReferralState.CLOSED),
    ],
)
def test_a_person_decides_how_a_withdrawn_referral_ends(
    caseworker_browser: FlaskClient, caseworker: Actor, decision: str, state: ReferralState
) -> None:
    referral_id = stopped(caseworker, withdrawn=True)
    address = f"/referrals/{referral_id}/after-withdrawal"
    assert send(caseworker_browser, address, {"decision": decision}).status_code == 422
    done = send(caseworker_browser, address, {"decision": decision, "reason": "SG-26-000001"})
    assert done.status_code == 302
    assert make.referral(referral_id, caseworker).state is state
    assert "This referral has ended already" in text_of(caseworker_browser.get(address))


def test_only_a_senior_decides_that_it_was_sent_by_mistake_and_others_read_whom_to_ask(
    caseworker_browser: FlaskClient, caseworker: Actor, senior: Actor, owner: Owner
) -> None:
    referral_id = stopped(caseworker, withdrawn=True)
    address = f"/referrals/{referral_id}/after-withdrawal"
    answers = {"decision": "entered_in_error", "reason": "The officer rang"}
    assert "ask one to decide: until then it stays on hold" in text_of(caseworker_browser.get(address))
    refused = send(caseworker_browser, address, answers)
    assert refused.status_code == 422
    assert "Ask one to decide" in text_of(refused)
    sign_in(caseworker_browser, owner, senior)
    assert "taken back from every provider at once" in text_of(caseworker_browser.get(address))
    assert send(caseworker_browser, address, answers).status_code == 302
    assert make.referral(referral_id, senior).state is ReferralState.ENTERED_IN_ERROR


def test_a_withdrawn_referral_can_go_on_with_a_reason(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = stopped(caseworker, withdrawn=True)
    address = f"/referrals/{referral_id}/after-withdrawal"
    answers = {"decision": "go_on", "reason": "The officer withdrew the wrong one"}
    assert send(caseworker_browser, address, answers).status_code == 302
    assert TAKEN_BACK not in text_of(caseworker_browser.get(f"/referrals/{referral_id}"))
    assert "withdrawn" in make.referral(referral_id, caseworker).corrected_fields
    make.log_attempt(referral_id, caseworker, at=times.now())


def test_after_a_death_the_family_comes_first(caseworker_browser: FlaskClient, caseworker: Actor) -> None:
    referral_id = stopped(caseworker, died=True)
    page = caseworker_browser.get(f"/referrals/{referral_id}/after-death")
    assert "Record a referral for a bereaved relative" in text_of(page)
    assert 'href="/record"' in main_of(page)
    assert "entered in error" not in text_of(page)


def test_nothing_is_decided_where_nothing_was_recorded(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = stopped(caseworker)
    for path in ("/after-death", "/after-withdrawal"):
        page = caseworker_browser.get(f"/referrals/{referral_id}{path}")
        assert "There is nothing to decide here" in text_of(page)
        hidden = dict(hidden_of(caseworker_browser.get(f"/referrals/{referral_id}/close")))
        answers = {**hidden, "decision": "closed", "reason": "x"}
        refused = caseworker_browser.post(f"/referrals/{referral_id}{path}", data=answers)
        assert refused.status_code == 409
    assert make.referral(referral_id, caseworker).state is ReferralState.ASSIGNED


def test_what_happens_next_is_the_decision(caseworker_browser: FlaskClient, caseworker: Actor) -> None:
    referral_id = make.in_contact(caseworker, at=times.now() - timedelta(hours=2))
    seal_documents(referral_id, person={"deceased": True})
    shown = text_of(caseworker_browser.get(f"/referrals/{referral_id}"))
    assert "What happens next Decide what happens to the referral" in shown
    assert "Start the triage assessment" not in shown
