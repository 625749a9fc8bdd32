"""Where the person's and the crime's further details are seen, and where they are not."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from tests.factories import casework as make
from tests.factories.sealed_documents import seal_documents, sealed_documents
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import hidden_of, main_of, queries_of, send, text_of
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.models import AuditEntry
from victim_gateway.vocabulary import Role

PERSON = {
    "alias": "Nia Quickfoot",
    "ethnicity": "Welsh and Romani",
    "phone_2": "07700 900201",
    "phone_type": "MOBW",
    "safe_number": "07700 900202",
    "safe_number_whose": "her sister Gwen",
    "guardian_name": "Mara Safehold",
    "guardian_relationship": "grandmother",
    "guardian_phone": "07700 900203",
    "guardian_safe_to_contact": "no",
    "uprn": "100012345678",
}
REFERRAL = {
    "relationship_to_suspect": "former partner",
    "children_present": False,
    "repeat_victim": True,
    "asb_type": "nuisance neighbours",
    "risk_assessment": "high",
    "risk_assessed_at": "2026-07-01T23:30:00+00:00",
}
NUMBERS = ("900201", "900202", "900203")
# What would tell who somebody is, or who stands by them.
IDENTIFYING = (
    "Quickfoot",
    "Romani",
    "Gwen",
    "Safehold",
    "grandmother",
    "former partner",
    "100012345678",
    *NUMBERS,
)
PAGES = ("", "/contact", "/assessment", "/onward-referrals", "/rights", "/notes", "/timeline", "/details")


def known(caseworker: Actor) -> UUID:
    referral_id = make.in_contact(caseworker, at=times.now() - timedelta(hours=2))
    seal_documents(referral_id, person=PERSON, referral=REFERRAL)
    return referral_id


def test_the_alias_stands_beside_the_name_and_numbers_stand_nowhere_unasked(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = known(caseworker)
    for path in PAGES:
        page = caseworker_browser.get(f"/referrals/{referral_id}{path}").get_data(as_text=True)
        assert "Also known as" in page, path
        assert "Nia Quickfoot" in page, path
        for hidden in (*NUMBERS, "100012345678"):
            assert hidden not in page, path


def test_ethnicity_is_on_the_details_page_only(caseworker_browser: FlaskClient, caseworker: Actor) -> None:
    referral_id = known(caseworker)
    for path in [path for path in PAGES if path != "/details"]:
        page = caseworker_browser.get(f"/referrals/{referral_id}{path}").get_data(as_text=True)
        assert "Romani" not in page, path
    assert "Welsh and Romani" in text_of(caseworker_browser.get(f"/referrals/{referral_id}/details"))


def test_the_safe_adult_stands_beside_safe_contact_with_whether_they_are_safe(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    shown = text_of(caseworker_browser.get(f"/referrals/{known(caseworker)}/contact"))
    assert "Mara Safehold grandmother Not safe" in shown
    assert "Do not contact this adult." in shown
    assert "A safe person her sister Gwen" in shown
    assert "Mobile, work. A phone at work: others may answer or read it. Take care." in shown


@pytest.mark.parametrize("what", ["phone_2", "safe_number", "guardian_phone"])
def test_each_number_is_shown_on_request_and_the_audit_keeps_it(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner, what: str
) -> None:
    referral_id = known(caseworker)
    address = f"/referrals/{referral_id}/contact"
    fields = dict(hidden_of(caseworker_browser.get(address)))
    shown = caseworker_browser.post(f"{address}/show", data={**fields, "what": what}).get_data(as_text=True)
    assert [number for number in NUMBERS if number in shown] == [PERSON[what].partition(" ")[2]]
    with owner() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "contact_detail.shown")).one()
    assert what in entry.entry


def test_a_child_without_a_safe_adult_is_told_so(caseworker_browser: FlaskClient, caseworker: Actor) -> None:
    born = (times.london_date(times.now()) - timedelta(days=4000)).isoformat()
    referral_id = make.recorded(caseworker, at=times.now(), person=make.person_document(date_of_birth=born))
    shown = text_of(caseworker_browser.get(f"/referrals/{referral_id}/contact"))
    assert "No safe adult is named for this child." in shown


@pytest.mark.parametrize("path", ["", "/assessment", "/assessment/new"])
def test_what_the_police_say_about_risk_is_read_before_triage(
    caseworker_browser: FlaskClient, caseworker: Actor, path: str
) -> None:
    shown = text_of(caseworker_browser.get(f"/referrals/{known(caseworker)}{path}"))
    assert "Officer's risk grade High, Thursday 2 July 2026" in shown
    assert "Relationship to the suspect former partner" in shown
    assert "Children were there No" in shown
    assert "Has been a victim before Yes" in shown


def test_the_officers_grade_does_not_answer_the_assessment(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    page = main_of(caseworker_browser.get(f"/referrals/{known(caseworker)}/assessment/new"))
    risks = page[page.index('name="risk"') :].partition("</fieldset>")[0]
    assert " checked" not in risks


def test_what_was_not_said_about_risk_is_not_there(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = make.assigned(caseworker, at=times.now())
    shown = text_of(caseworker_browser.get(f"/referrals/{referral_id}"))
    assert "What the police say about risk" not in shown
    assert "Also known as" not in caseworker_browser.get(f"/referrals/{referral_id}").get_data(as_text=True)


def test_no_page_of_a_provider_tells_any_of_it(
    client: FlaskClient, caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    referral_id = make.assessed(caseworker, at=make.MONDAY)
    seal_documents(referral_id, person=PERSON, referral=REFERRAL)
    onward_id = make.offered(caseworker, owner, referral_id)
    sign_in(client, owner, make_actor(Role.PROVIDER, organisation="new-era"))
    for address in ("/inbox", f"/onward-referrals/{onward_id}"):
        assert_tells_nothing(client, address)


def test_no_page_of_a_manager_administrator_or_auditor_tells_any_of_it(
    client: FlaskClient, caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    referral_id = known(caseworker)
    for role in (Role.MANAGER, Role.ADMIN, Role.AUDITOR):
        sign_in(client, owner, make_actor(role))
        for path in (*PAGES, "/correct", "/values/phone", "/after-death"):
            assert client.get(f"/referrals/{referral_id}{path}").status_code == 403


def assert_tells_nothing(client: FlaskClient, address: str) -> None:
    page = client.get(address, follow_redirects=True)
    assert page.status_code == 200
    for text in IDENTIFYING:
        assert text not in page.get_data(as_text=True), (address, text)


def test_the_corrections_form_shows_what_is_recorded_but_no_number(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    page = main_of(caseworker_browser.get(f"/referrals/{known(caseworker)}/correct"))
    for shown in ("Nia Quickfoot", "Mara Safehold", "grandmother", "her sister Gwen", "former partner"):
        assert shown in page
    for hidden in NUMBERS:
        assert hidden not in page


def recorded_answers(page: str) -> dict[str, str]:
    """What the form of corrections would send back unchanged, as far as these tests need it."""
    return {
        field.partition('"')[0]: field.partition('value="')[2].partition('"')[0]
        for field in page.split('name="')[1:]
        if field.partition('"')[0] in ("given_name", "family_name", "offence")
    }


def test_new_columns_are_corrected_and_what_is_not_sent_stays(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = known(caseworker)
    address = f"/referrals/{referral_id}/correct"
    answers = recorded_answers(main_of(caseworker_browser.get(address))) | {
        "alias": "Nia Swift",
        "guardian_phone": "07700 900303",
        "children_present": "yes",
        "repeat_victim": "",
        "district": "Stafford",
    }
    assert send(caseworker_browser, address, answers).status_code == 302
    person, referral = sealed_documents(referral_id)
    assert (person["alias"], person["guardian_phone"]) == ("Nia Swift", "07700 900303")
    assert (person["guardian_name"], person["phone_2"]) == ("Mara Safehold", "07700 900201")
    assert (referral["children_present"], referral.get("repeat_victim")) == (True, None)
    assert referral["risk_assessed_at"] == "2026-07-01T23:30:00+00:00"


@pytest.mark.parametrize(
    "change",
    [
        {"guardian_name": "Ines Safehold"},
    ],
)
def test_a_protective_answer_is_corrected_only_with_a_reason(
    caseworker_browser: FlaskClient, caseworker: Actor, change: dict[str, str]
) -> None:
    referral_id = known(caseworker)
    before, address = sealed_documents(referral_id), f"/referrals/{referral_id}/correct"
    answers = {
        **recorded_answers(main_of(caseworker_browser.get(address))),
        "district": "Stafford",
        **change,
    }
    refused = send(caseworker_browser, address, answers)
    assert refused.status_code == 422
    assert "Enter why you change this" in text_of(refused)
    assert sealed_documents(referral_id) == before
    check = send(caseworker_browser, address, answers | {"reason": "She said so"})
    assert "Check what this brings with it Nothing is saved yet." in text_of(check)
    assert sealed_documents(referral_id) == before
    assert (
        caseworker_browser.post(address, data=MultiDict([*hidden_of(check), ("step", "save")])).status_code
        == 302
    )
    assert "She said so" in text_of(caseworker_browser.get(f"/referrals/{referral_id}/timeline"))


def test_a_witness_who_was_a_victim_is_put_right_on_the_page_and_never_taken_back(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    at = times.now() - timedelta(days=3)
    referral_id = make.recorded(caseworker, at=at, reported_at=at, victim_type="witness")
    address, rights = f"/referrals/{referral_id}/correct", f"/referrals/{referral_id}/rights"
    assert "The Code promises nothing to a witness" in text_of(caseworker_browser.get(rights))
    page = main_of(caseworker_browser.get(address))
    assert "Where that was a mistake, choose who they are" in page
    answers = recorded_answers(page) | {"district": "Stafford", "victim_type": "person"}
    refused = send(caseworker_browser, address, answers)
    assert (refused.status_code, "Enter why you change this" in text_of(refused)) == (422, True)
    check = send(caseworker_browser, address, answers | {"reason": "They were hit themselves"})
    assert "The Victims' Code makes promises to them" in text_of(check)
    saved = caseworker_browser.post(address, data=MultiDict([*hidden_of(check), ("step", "save")]))
    assert saved.status_code == 302
    assert "The Code promises nothing" not in text_of(caseworker_browser.get(rights))

    response = caseworker_browser.get(address)
    page = main_of(response)
    assert "Who was harmed: the person themselves. That is not changed here" in page
    assert 'name="victim_type"' not in page
    back = recorded_answers(page) | {"district": "Stafford", "victim_type": "witness", "reason": "Saw it"}
    refused = caseworker_browser.post(address, data={**dict(hidden_of(response)), **back})
    assert (refused.status_code, "no correction takes those away" in text_of(refused)) == (422, True)


def test_a_number_is_taken_away_only_when_that_is_asked(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = known(caseworker)
    address = f"/referrals/{referral_id}/correct"
    answers = recorded_answers(main_of(caseworker_browser.get(address))) | {"district": "Stafford"}
    assert send(caseworker_browser, address, answers | {"remove": "safe_number"}).status_code == 302
    person, _ = sealed_documents(referral_id)
    assert "safe_number" not in person
    assert person["guardian_phone"] == PERSON["guardian_phone"]


def test_what_is_asked_before_saving_says_what_goes_and_what_is_new(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    person = make.person_document(phone="07700 900201", safe_number="07700 900202")
    person.pop("email", None)
    at = times.now() - timedelta(hours=2)
    referral_id = make.in_contact(caseworker, at=at, person=person, hate_strand="race")
    address = f"/referrals/{referral_id}/correct"
    answers = recorded_answers(main_of(caseworker_browser.get(address))) | {
        "district": "Stafford",
        "hate_strand": "",
        "email": "nia@example.org",
        "phone": "07700 900299",
        "remove": "safe_number",
    }
    assert "Enter why you change this: hate crime strand" in text_of(
        send(caseworker_browser, address, answers)
    )
    check = send(caseworker_browser, address, answers | {"reason": "It was about the car"})
    page = text_of(check)
    assert "It no longer counts as a hate crime" in page
    assert "Email address Nothing recorded Added" in page
    assert "Phone number Recorded now, not shown here Changed" in page
    assert "Number of a safe person Recorded now, not shown here Removed" in page
    assert (
        caseworker_browser.post(address, data=MultiDict([*hidden_of(check), ("step", "save")])).status_code
        == 302
    )
    assert make.referral(referral_id, caseworker).hate_strand is None


def test_a_page_with_every_column_runs_no_more_queries(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    plain, full = make.in_contact(caseworker, at=times.now() - timedelta(hours=2)), known(caseworker)
    for path in PAGES:
        of_full = queries_of(caseworker_browser, f"/referrals/{full}{path}")
        assert of_full == queries_of(caseworker_browser, f"/referrals/{plain}{path}"), path
