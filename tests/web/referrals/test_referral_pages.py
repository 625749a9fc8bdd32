"""A caseworker's pages of one referral, from taking it on to closing it."""

from __future__ import annotations

import re
from uuid import uuid4

from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.factories import casework as make
from tests.factories.feeds import feed_file, feed_row
from tests.plumbing.apps import Owner
from tests.plumbing.moments import at_recently, days_ago
from tests.plumbing.pages import queries_of, send, text_of, title_of
from tests.plumbing.sign_in import form_token, sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.models import (
    AuditEntry,
    Note,
    Referral,
    TriageAssessment,
)
from victim_gateway.services.imports.runner import ImportRequest, import_file
from victim_gateway.services.referrals import corrections, notes
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.tasks import NewTask, open_task
from victim_gateway.vocabulary import (
    AttemptOutcome,
    ImportKind,
    ReferralState,
    TaskKind,
)

PAGES = ("", "/contact", "/assessment", "/onward-referrals", "/support", "/rights", "/notes", "/timeline")
FORMS = (
    "/contact/attempts/new",
    "/safe-contact",
    "/assessment/new",
    "/consent",
    "/hold",
    "/release",
    "/close",
    "/reopen",
    "/correct",
    "/support/goals/new",
    "/support/review",
    "/support/activities/new",
    "/support/readings/new",
    "/support/needs",
    "/support/devices/new",
)


def test_every_page_opens_and_its_title_tells_the_reference_and_no_name(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = make.assessed(caseworker, at=at_recently(), reported_at=days_ago(3))
    reference = make.referral(referral_id, caseworker).reference
    for path in (*PAGES, *FORMS):
        page = caseworker_browser.get(f"/referrals/{referral_id}{path}")
        assert page.status_code == 200, path
        assert reference in title_of(page), path
        assert "Robin" not in title_of(page), path


def test_a_new_referral_is_taken_with_the_one_button(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = make.recorded(caseworker, at=at_recently())
    page = caseworker_browser.get(f"/referrals/{referral_id}").get_data(as_text=True)
    assert "Take this referral" in page
    fields = re.search(r'action="/referrals/[^"]+/take".*?</form>', page, re.DOTALL)
    hidden = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', fields[0] if fields else ""))
    answer = caseworker_browser.post(f"/referrals/{referral_id}/take", data=hidden, follow_redirects=True)
    assert "You look after this referral now" in text_of(answer)
    assert make.referral(referral_id, caseworker).assigned_to_id == caseworker.user_id


def test_the_same_button_pressed_twice_does_its_work_once(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = make.recorded(caseworker, at=at_recently())
    fields = {
        "submission_id": str(uuid4()),
        "version": "1",
        **token(caseworker_browser, f"/referrals/{referral_id}"),
    }
    caseworker_browser.post(f"/referrals/{referral_id}/take", data=fields)
    again = caseworker_browser.post(f"/referrals/{referral_id}/take", data=fields, follow_redirects=True)
    assert "already saved" in text_of(again)


def token(browser: FlaskClient, address: str) -> dict[str, str]:
    page = browser.get(address).get_data(as_text=True)
    return dict(re.findall(r'name="(csrf_token)" value="([^"]*)"', page))


def test_numbers_are_hidden_until_asked_for_and_that_is_audited(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    referral_id = make.assigned(
        caseworker, at=at_recently(), person=make.person_document(phone="07700 900555")
    )
    address = f"/referrals/{referral_id}/contact"
    assert "07700 900555" not in caseworker_browser.get(address).get_data(as_text=True)
    shown = caseworker_browser.post(
        f"{address}/show", data={"what": "phone", **token(caseworker_browser, address)}
    )
    assert "07700 900555" in shown.get_data(as_text=True)
    with owner() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "contact_detail.shown")).one()
    assert entry.subject_id == referral_id
    assert "900555" not in entry.entry


def test_a_code_word_is_hidden_like_a_number(caseworker_browser: FlaskClient, caseworker: Actor) -> None:
    referral_id = make.assigned(
        caseworker, at=at_recently(), safe_contact=make.safe_to_phone(code_word="marmalade")
    )
    address = f"/referrals/{referral_id}/contact"
    assert "marmalade" not in caseworker_browser.get(address).get_data(as_text=True)
    shown = caseworker_browser.post(
        f"{address}/show", data={"what": "code_word", **token(caseworker_browser, address)}
    )
    assert "marmalade" in shown.get_data(as_text=True)


def test_what_can_not_be_shown_is_not_found(caseworker_browser: FlaskClient, caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker, at=at_recently())
    address = f"/referrals/{referral_id}/contact"
    fields = {"what": "sealed", **token(caseworker_browser, address)}
    assert caseworker_browser.post(f"{address}/show", data=fields).status_code == 404


def assessment_answers(**overrides: str) -> dict[str, str]:
    day = times.london_date(times.now())
    return {
        **{f"need_{key}": "1" for key, _ in current_settings().area.needs.areas},
        "risk": "standard",
        "wants_restorative_justice": "yes",
        "assessed_on-day": str(day.day),
        "assessed_on-month": str(day.month),
        "assessed_on-year": str(day.year),
        **overrides,
    }


def test_an_assessment_is_saved_and_shown_in_words(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = make.in_contact(caseworker, at=at_recently())
    answers = assessment_answers(need_finance_and_benefits="3", remarks="Rent is owed")
    done = send(caseworker_browser, f"/referrals/{referral_id}/assessment/new", answers)
    assert done.status_code == 302
    page_text = text_of(caseworker_browser.get(done.location))
    assert "Urgent need" in page_text
    assert "Rent is owed" in page_text


def test_an_assessment_that_does_not_say_what_it_saw_is_not_saved_even_as_the_first(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    referral_id = make.in_contact(caseworker, at=at_recently())
    address = f"/referrals/{referral_id}/assessment/new"
    answers = {**token(caseworker_browser, address), **assessment_answers()}
    assert caseworker_browser.post(address, data=answers).status_code == 409
    assert caseworker_browser.post(address, data={**answers, "version": "0"}).status_code == 302
    with owner() as session:
        assert session.scalar(select(func.count()).select_from(TriageAssessment)) == 1


def test_judgement_never_lowers_a_risk(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    referral_id = make.in_contact(caseworker, at=at_recently())
    answers = assessment_answers(risk="medium", risk_grounds="visible_high_risk")
    page = send(caseworker_browser, f"/referrals/{referral_id}/assessment/new", answers)
    assert page.status_code == 422
    assert "never lower it" in text_of(page)
    with owner() as session:
        assert session.scalar(select(func.count()).select_from(TriageAssessment)) == 0


def test_a_note_is_written_and_read(caseworker_browser: FlaskClient, caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker, at=at_recently())
    done = send(
        caseworker_browser,
        f"/referrals/{referral_id}/notes",
        {"subject": "Locks", "body": "New locks <b>fitted</b>", "share_with": ""},
    )
    page = caseworker_browser.get(done.location)
    assert "New locks &lt;b&gt;fitted&lt;/b&gt;" in page.get_data(as_text=True)


def test_a_task_of_another_referral_is_not_found_at_this_ones_address(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id, other_id = make.assessed(caseworker), make.assessed(caseworker)
    with transaction(caseworker) as session:
        asked = NewTask(kind=TaskKind.FEED_CONFLICT, referral_id=other_id, dedupe_key=f"feed:{other_id}")
        task_id = open_task(session, asked, at=at_recently())
    token = form_token(caseworker_browser, f"/referrals/{referral_id}/notes")

    wrong = caseworker_browser.post(
        f"/referrals/{referral_id}/tasks/{task_id}/done", data={"csrf_token": token}
    )
    assert wrong.status_code == 404
    assert make.open_tasks(other_id, caseworker) == [TaskKind.FEED_CONFLICT]

    right = caseworker_browser.post(f"/referrals/{other_id}/tasks/{task_id}/done", data={"csrf_token": token})
    assert right.status_code == 302
    assert make.open_tasks(other_id, caseworker) == []


def test_only_a_senior_gives_a_referral_to_somebody_else(
    caseworker_browser: FlaskClient, caseworker: Actor, senior: Actor, owner: Owner
) -> None:
    referral_id = make.recorded(caseworker, at=at_recently())
    assert caseworker_browser.get(f"/referrals/{referral_id}/assign").status_code == 403
    sign_in(caseworker_browser, owner, senior)
    done = send(caseworker_browser, f"/referrals/{referral_id}/assign", {"to_user": str(caseworker.user_id)})
    assert done.status_code == 302
    assert make.referral(referral_id, caseworker).assigned_to_id == caseworker.user_id


def test_a_hold_ends_with_the_persons_yes(caseworker_browser: FlaskClient, caseworker: Actor) -> None:
    referral_id = make.recorded(caseworker, at=at_recently(), agreed=False)
    address = f"/referrals/{referral_id}/release"
    refused = send(caseworker_browser, address, {})
    assert refused.status_code == 422
    assert "Choose how they agreed" in text_of(refused)
    assert send(caseworker_browser, address, {"how": "through_police"}).status_code == 302
    assert make.referral(referral_id, caseworker).state is ReferralState.RECEIVED


def test_what_the_person_says_stops_the_clock(caseworker_browser: FlaskClient, caseworker: Actor) -> None:
    referral_id = make.recorded(caseworker, at=at_recently(), reported_at=days_ago(2))
    page = caseworker_browser.get(f"/referrals/{referral_id}/rights").get_data(as_text=True)
    address = re.findall(r'href="(/referrals/[^"]+/told)"', page)[0]
    day = times.london_date(times.now())
    answers = {"told_on-day": day.day, "told_on-month": day.month, "told_on-year": day.year}
    assert send(caseworker_browser, address, answers).status_code == 302
    after = caseworker_browser.get(f"/referrals/{referral_id}/rights")
    assert "The person told us" in text_of(after) or "the person told us" in text_of(after)


def test_a_date_before_the_promise_began_is_refused(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = make.recorded(caseworker, at=at_recently(), reported_at=days_ago(1))
    page = caseworker_browser.get(f"/referrals/{referral_id}/rights").get_data(as_text=True)
    address = re.findall(r'href="(/referrals/[^"]+/told)"', page)[0]
    answers = {"told_on-day": 1, "told_on-month": 1, "told_on-year": 2020}
    refused = send(caseworker_browser, address, answers)
    assert refused.status_code == 422
    assert "when it began" in text_of(refused)


def test_correcting_keeps_numbers_that_are_left_empty(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = make.assigned(caseworker, at=at_recently())
    page = caseworker_browser.get(f"/referrals/{referral_id}/correct").get_data(as_text=True)
    assert "07700" not in page
    names = dict(re.findall(r'name="(given_name|family_name|offence)"[^>]* value="([^"]*)"', page))
    done = send(
        caseworker_browser,
        f"/referrals/{referral_id}/correct",
        {**names, "given_name": "Alex", "district": "Stafford"},
    )
    assert done.status_code == 302
    contact = caseworker_browser.get(f"/referrals/{referral_id}/contact")
    assert "the phone number" in text_of(contact)


def test_somebody_of_a_provider_can_not_open_any_of_it(
    client: FlaskClient, owner: Owner, caseworker: Actor, provider: Actor
) -> None:
    referral_id = make.assigned(caseworker, at=at_recently())
    sign_in(client, owner, provider)
    for path in (*PAGES, *FORMS):
        assert client.get(f"/referrals/{referral_id}{path}").status_code == 403


def test_a_restricted_referral_is_not_found_by_others(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    referral_id = make.assigned(caseworker, at=at_recently())
    with owner() as session:
        session.get_one(Referral, referral_id).restricted = True
    assert caseworker_browser.get(f"/referrals/{referral_id}").status_code == 404
    assert caseworker_browser.get(f"/referrals/{uuid4()}").status_code == 404


def test_a_page_runs_no_more_queries_when_there_is_more_to_show(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    few = make.assigned(caseworker, at=at_recently())
    many = make.assessed(caseworker, at=at_recently(), reported_at=days_ago(1))
    for _ in range(4):
        make.log_attempt(many, caseworker, at=times.now(), outcome=AttemptOutcome.NO_ANSWER)
        make.assess(many, caseworker, at=times.now())
        notes.write_note(Command(caseworker, times.now()), many, notes.NewNote(subject="One", body="more"))
    for path in PAGES:
        of_many = queries_of(caseworker_browser, f"/referrals/{many}{path}")
        assert of_many <= queries_of(caseworker_browser, f"/referrals/{few}{path}") + 1, path


def test_notes_are_counted_in_the_database_once(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    referral_id = make.assigned(caseworker, at=at_recently())
    address = f"/referrals/{referral_id}/notes"
    hidden = {"submission_id": str(uuid4()), **token(caseworker_browser, address)}
    for _ in range(2):
        caseworker_browser.post(
            address, data={**hidden, "subject": "Once", "body": "Only once", "share_with": ""}
        )
    with owner() as session:
        assert session.scalar(select(func.count()).select_from(Note)) == 1


def test_what_the_police_sent_stands_beside_what_we_corrected_but_no_number(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    row = feed_row(given_name="Jo", phone="07700 900001")
    load(row)
    with transaction(caseworker) as session:
        referral = session.scalars(select(Referral)).one()
    changes = {"given_name": "Jolene", "phone": "07700 900002"}
    corrections.correct_details(
        Command(caseworker, times.now(), version=referral.version), referral.id, changes
    )
    load({**row, "given_name": "Joe", "phone": "07700 900003"})
    page = caseworker_browser.get(f"/referrals/{referral.id}")
    assert "First name : the police say “Joe”, we have “Jolene”" in text_of(page)
    assert "Phone number : the police sent another one" in text_of(page)
    assert "90000" not in page.get_data(as_text=True)


def test_an_imported_referral_says_from_which_row_it_came(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    load(feed_row())
    with transaction(caseworker) as session:
        referral_id = session.scalars(select(Referral.id)).one()
    page_text = text_of(caseworker_browser.get(f"/referrals/{referral_id}"))
    assert re.search(r"Row \d+ of feed.csv \(import \d+\), by test import", page_text)


def test_somebody_with_the_same_name_and_birth_date_is_shown_for_comparison(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    row = feed_row(given_name="Pat", family_name="Twin")
    load(row)
    load(feed_row(given_name="Pat", family_name="Twin", date_of_birth=row["date_of_birth"]))
    with transaction(caseworker) as session:
        first, second = session.scalars(select(Referral).order_by(Referral.reference)).all()
    page = caseworker_browser.get(f"/referrals/{second.id}")
    assert "This may be a person we know already" in text_of(page)
    assert "same birth date, postcode and name" in text_of(page)
    assert f"/referrals/{first.id}" in page.get_data(as_text=True)


def load(row: dict[str, str]) -> None:
    """One row of the police feed, taken in now."""
    import_file(
        feed_file(row),
        ImportRequest(ImportKind.POLICE_FEED, "feed.csv"),
        actor=Actor.worker("test import"),
        at=times.now(),
    )
