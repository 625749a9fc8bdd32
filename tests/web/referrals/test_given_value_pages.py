"""The pages on which a caseworker decides about values of the feed."""

from __future__ import annotations

from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.factories import casework as make
from tests.factories.feeds import feed_row
from tests.factories.imports import IMPORTER, import_rows, imported_referral
from tests.factories.sealed_documents import feed_conflict, seal_documents, sealed_documents
from tests.plumbing.apps import Owner
from tests.plumbing.pages import hidden_of, main_of, queries_of, send, text_of
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.models import AuditEntry, ImportRow
from victim_gateway.services.referrals import corrections
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import TaskKind

GIVEN = {
    "sex": "?",
    "phone": "812345 ask for mum",
    "date_of_birth": "31/02/1990",
    "domestic_abuse": "see notes",
    "transferred_at": "soon",
}


def unread(caseworker: Actor, **given: str) -> UUID:
    referral_id = make.assigned(caseworker, at=times.now())
    seal_documents(referral_id, referral={"as_given": given})
    return referral_id


def test_what_could_not_be_read_is_listed_with_the_protective_answers_first(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = unread(caseworker, **GIVEN)
    page = caseworker_browser.get(f"/referrals/{referral_id}")
    shown = text_of(page)
    assert "Some values could not be read" in shown
    assert "Domestic abuse Protects the person As given: “see notes” . It says neither yes nor no." in shown
    assert shown.index("Domestic abuse Protects") < shown.index("Date of birth As given: “31/02/1990”")
    assert "812345" not in page.get_data(as_text=True)
    assert "The value is hidden" in shown


def test_a_value_that_can_not_be_recorded_can_only_be_left_empty(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = unread(caseworker, transferred_at="soon")
    page = main_of(caseworker_browser.get(f"/referrals/{referral_id}"))
    assert f"/referrals/{referral_id}/values/transferred_at/leave-empty" in page
    assert f'/referrals/{referral_id}/values/transferred_at"' not in page
    assert caseworker_browser.get(f"/referrals/{referral_id}/values/transferred_at").status_code == 404


def test_nothing_is_listed_where_everything_was_read(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = make.assigned(caseworker, at=times.now())
    assert "could not be read" not in text_of(caseworker_browser.get(f"/referrals/{referral_id}"))


def test_a_value_is_used_and_gone_from_the_list(caseworker_browser: FlaskClient, caseworker: Actor) -> None:
    referral_id = unread(caseworker, **GIVEN)
    address = f"/referrals/{referral_id}/values/date_of_birth"
    assert "“31/02/1990”" in text_of(caseworker_browser.get(address))
    answers = {"value-day": "28", "value-month": "2", "value-year": "1990", "reason": "They told us"}
    assert send(caseworker_browser, address, answers).status_code == 302
    overview = text_of(caseworker_browser.get(f"/referrals/{referral_id}"))
    assert "Date of birth: the value was saved" in overview
    assert "31/02/1990" not in overview
    assert sealed_documents(referral_id)[0]["date_of_birth"] == "1990-02-28"
    timeline = text_of(caseworker_browser.get(f"/referrals/{referral_id}/timeline"))
    assert "Could not be read before: Date of birth" in timeline
    assert "They told us" in timeline


@pytest.mark.parametrize(
    ("column", "answers", "problem"),
    [
        ("phone", {"value": "812345"}, "Enter a phone number"),
        ("phone", {"value": ""}, "Enter the right value"),
        ("sex", {}, "Enter the right value"),
        (
            "date_of_birth",
            {"value-day": "31", "value-month": "2", "value-year": "1990"},
            "must be a real date",
        ),
        ("domestic_abuse", {"value": "yes"}, "Enter how you know"),
        ("domestic_abuse", {"reason": "The officer says so"}, "Enter the right value"),
    ],
)
def test_a_wrong_or_missing_value_is_refused_as_on_the_corrections_form(
    caseworker_browser: FlaskClient,
    caseworker: Actor,
    column: str,
    answers: dict[str, str],
    problem: str,
) -> None:
    referral_id = unread(caseworker, **GIVEN)
    before = sealed_documents(referral_id)
    refused = send(caseworker_browser, f"/referrals/{referral_id}/values/{column}", answers)
    assert refused.status_code == 422
    assert problem in text_of(refused)
    assert sealed_documents(referral_id) == before


def test_a_protective_answer_begins_with_nothing_chosen(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = unread(caseworker, domestic_abuse="yes", interpreter_needed="yes")
    protective = main_of(caseworker_browser.get(f"/referrals/{referral_id}/values/domestic_abuse"))
    assert " checked" not in protective
    plain = main_of(caseworker_browser.get(f"/referrals/{referral_id}/values/interpreter_needed"))
    assert " checked" in plain


def test_a_hidden_value_is_shown_on_its_own_page_and_that_is_audited(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    referral_id = unread(caseworker, **GIVEN)
    page = caseworker_browser.get(f"/referrals/{referral_id}/values/phone")
    assert "812345 ask for mum" in text_of(page)
    with owner() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "contact_detail.shown")).one()
    assert entry.subject_id == referral_id
    assert "812345" not in entry.entry


def test_a_value_is_left_empty_only_with_a_reason(caseworker_browser: FlaskClient, caseworker: Actor) -> None:
    referral_id = unread(caseworker, **GIVEN)
    address = f"/referrals/{referral_id}/values/domestic_abuse/leave-empty"
    refused = send(caseworker_browser, address, {"reason": ""})
    assert (refused.status_code, "Enter why it is left empty" in text_of(refused)) == (422, True)
    assert send(caseworker_browser, address, {"reason": "The officer says no"}).status_code == 302
    assert "domestic_abuse" not in sealed_documents(referral_id)[1]["as_given"]
    assert "There is nothing to decide here" in text_of(caseworker_browser.get(address))


@pytest.mark.parametrize(
    ("column", "page"), [("safe_to_contact", "safe-contact"), ("consent_to_referral", "consent")]
)
def test_an_answer_with_a_page_of_its_own_is_recorded_there(
    caseworker_browser: FlaskClient, caseworker: Actor, column: str, page: str
) -> None:
    referral_id = unread(caseworker, **{column: "after six"})
    address = f"/referrals/{referral_id}/values/{column}"
    opened = caseworker_browser.get(address)
    assert "“after six”" in text_of(opened)
    assert f'href="/referrals/{referral_id}/{page}"' in main_of(opened)
    hidden = dict(hidden_of(caseworker_browser.get(f"/referrals/{referral_id}/{page}")))
    caseworker_browser.post(address, data={**hidden, "value": "yes", "reason": "A guess"})
    assert sealed_documents(referral_id)[1]["as_given"] == {column: "after six"}


def conflict(caseworker: Actor, *changes: dict[str, str]) -> UUID:
    """An imported referral whose first name and phone were corrected, and then came again otherwise."""
    row = feed_row(given_name="Jo", family_name="Smith", phone="07700 900001", date_of_birth="1984-03-27")
    import_rows(row, at=times.now())
    referral = imported_referral(row)
    corrections.correct_details(
        Command(caseworker, times.now()),
        referral.id,
        {"given_name": "Jolene", "phone": "07700 900002", "district": "Lichfield"},
    )
    for change in changes:
        import_rows({**row, **change}, at=times.now())
    return referral.id


def test_the_polices_value_can_be_used_or_ours_kept(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = conflict(caseworker, {"given_name": "Joe", "district": "Tamworth"})
    shown = text_of(caseworker_browser.get(f"/referrals/{referral_id}"))
    assert "First name : the police say “Joe”, we have “Jolene”" in shown
    address = f"/referrals/{referral_id}/values/given_name"
    opened = caseworker_browser.get(address)
    assert 'value="Joe"' in main_of(opened)
    assert send(caseworker_browser, address, {"value": "Joe"}).status_code == 302
    assert sealed_documents(referral_id)[0]["given_name"] == "Joe"
    assert TaskKind.FEED_CONFLICT in make.open_tasks(referral_id, caseworker)

    kept = press_keep(caseworker_browser, referral_id, "district")
    assert "What we have was kept" in kept
    assert make.referral(referral_id, caseworker).district == "Lichfield"
    assert TaskKind.FEED_CONFLICT not in make.open_tasks(referral_id, caseworker)


def press_keep(browser: FlaskClient, referral_id: UUID, column: str) -> str:
    """Press *Keep ours* on the overview; gives the text of the page after it."""
    page = main_of(browser.get(f"/referrals/{referral_id}"))
    form = page[page.index(f"/values/{column}/keep") :].partition("</form>")[0]
    fields = {
        part.partition('"')[0]: part.partition('value="')[2].partition('"')[0]
        for part in form.split('name="')[1:]
    }
    address = f"/referrals/{referral_id}/values/{column}/keep"
    return text_of(browser.post(address, data=fields, follow_redirects=True))


def test_one_persons_name_is_never_offered_for_anothers(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = conflict(caseworker)
    other = {"given_name": "Tom", "family_name": "Baker", "date_of_birth": "1990-01-02"}
    say_in_the_feed(referral_id, other)
    feed_conflict(referral_id, "given_name", at=times.now())
    page = caseworker_browser.get(f"/referrals/{referral_id}")
    assert "This may be about another person" in text_of(page)
    assert f'href="/referrals/{referral_id}/values/given_name"' not in main_of(page)
    opened = caseworker_browser.get(f"/referrals/{referral_id}/values/given_name")
    assert "may be about another person" in text_of(opened)
    hidden = dict(hidden_of(page))
    refused = caseworker_browser.post(
        f"/referrals/{referral_id}/values/given_name", data={**hidden, "value": "Tom"}
    )
    assert refused.status_code == 409
    assert sealed_documents(referral_id)[0]["given_name"] == "Jolene"


def say_in_the_feed(referral_id: UUID, said: dict[str, str]) -> None:
    """Change what the last row of the feed said; an import itself sets another person's row aside."""
    with transaction(IMPORTER) as session:
        row = session.scalars(select(ImportRow).where(ImportRow.referral_id == referral_id)).one()
        key = encrypted_rows.open_key(session, row.key_id)
        document = encrypted_rows.unseal_row(key, "import_row", referral_id, row.sealed or b"")
        row.sealed = encrypted_rows.seal_row(key, "import_row", referral_id, {**document, **said})


def test_the_list_costs_no_more_queries_when_it_is_longer(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    few, many = unread(caseworker, sex="?"), unread(caseworker, **GIVEN)
    assert queries_of(caseworker_browser, f"/referrals/{many}") == queries_of(
        caseworker_browser, f"/referrals/{few}"
    )
