"""A provider's pages: the inbox, one referral, and each answer through the door."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.integration.onward_referrals.arrange import (
    Given,
    a_provider,
    a_referral,
    events_of,
    offered,
    onward_row,
)
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.moments import days_ago, hours_ago
from tests.plumbing.pages import hidden_of, queries_of, send, text_of, title_of
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.models import AuditEntry, ProviderService, Reminder
from victim_gateway.rules.handover import HandoverText
from victim_gateway.services import onward_referrals
from victim_gateway.services.referrals import notes
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    PROVIDER_ROLES,
    HandoverPart,
    OnwardState,
    Risk,
    Role,
    SafeAnswer,
)
from victim_gateway.web.filters import long_date, short_date

FORMS = ("accept", "ask", "decline", "first-contact", "close", "message")
POSTS = ("contact", "seen")


def test_the_inbox_is_where_a_provider_starts_and_says_why_it_is_empty(browser: FlaskClient) -> None:
    assert browser.get("/").headers["Location"] == "/inbox"
    page = text_of(browser.get("/inbox"))
    assert "Nothing waits for your answer" in page
    assert "Nobody waits for your first contact" in page
    assert "Nobody is being supported at the moment" in page


def test_the_inbox_shows_the_most_urgent_first_with_what_they_need_and_no_name(
    browser: FlaskClient, caseworker: Actor, owner: Owner, given: Given
) -> None:
    newer = offered(caseworker, given, at=hours_ago(3))
    older = offered(caseworker, given, at=days_ago(9))

    page = browser.get("/inbox")

    text = text_of(page)
    first, second = (onward_row(owner, onward_id).reference for onward_id in (older, newer))
    assert text.index(first) < text.index(second)
    assert "Mental and physical health, Shelter and accommodation" in text
    assert "Overdue" in text
    assert "Wilma" not in page.text
    assert "07700" not in page.text


def test_a_whole_list_has_its_own_page_and_an_address_past_its_end_leads_to_its_beginning(
    browser: FlaskClient, caseworker: Actor, given: Given
) -> None:
    offered(caseworker, given, at=hours_ago(3))

    assert "1 referral" in text_of(browser.get("/inbox/answer"))
    past_the_end = f"none.none.{10**17 - 1}.{'f' * 32}"
    assert browser.get(f"/inbox/answer?after={past_the_end}").headers["Location"] == "/inbox/answer"
    assert "1 referral" in text_of(browser.get("/inbox/answer?after=nonsense"))
    assert browser.get("/inbox/everything").status_code == 404


def test_an_offer_shows_safe_contact_first_and_no_number_until_asked(
    browser: FlaskClient, caseworker: Actor, owner: Owner, given: Given
) -> None:
    onward_id = offered(caseworker, given, at=hours_ago(3))

    page = browser.get(f"/onward-referrals/{onward_id}")

    text = text_of(page)
    assert text.index("Safe contact") < text.index("Wilma Ashdown")
    assert "Only on Monday, Tuesday" in text
    assert "Hang up if a man answers." in text
    assert "07700 900123" not in page.text
    assert "bluebell" not in page.text
    assert "Wilma" not in title_of(page)
    reference = onward_row(owner, onward_id).reference
    assert title_of(page) == f"Referral {reference} – Victim Gateway"


def test_showing_the_numbers_is_a_post_and_is_written_down(
    browser: FlaskClient, caseworker: Actor, owner: Owner, given: Given
) -> None:
    onward_id = offered(caseworker, given, at=hours_ago(3))
    address = f"/onward-referrals/{onward_id}"
    assert browser.get(f"{address}/contact").status_code == 405

    shown = browser.post(f"{address}/contact", data=dict(hidden_of(browser.get(address))))

    assert "07700 900123" in shown.text
    assert "bluebell" in shown.text
    assert "wilma@example.com" not in shown.text
    with owner() as session:
        actions = session.scalars(
            select(AuditEntry.action).where(AuditEntry.subject_id == onward_id).order_by(AuditEntry.sequence)
        ).all()
    assert actions == [
        "onward_referral.offered",
        "onward_referral.viewed",
        "onward_referral.viewed",
        "onward_referral.contact_shown",
    ]


def test_a_restorative_justice_provider_is_told_of_domestic_abuse_and_its_risk_first(
    browser: FlaskClient, caseworker: Actor, owner: Owner, given: Given
) -> None:
    referral_id = a_referral(caseworker, at=days_ago(1), domestic_abuse=True, risk=Risk.HIGH)
    onward_id = offered(caseworker, given, referral_id=referral_id, at=hours_ago(3), share=[])
    # Known by what the directory says of it, whatever it is called.
    with owner() as session:
        session.get_one(ProviderService, given.service_id).is_restorative = True

    text = text_of(browser.get(f"/onward-referrals/{onward_id}"))

    top = text[: text.index("What happens next")]
    assert "High risk of harm Domestic abuse" in top
    assert "Domestic abuse: restorative justice only with a risk plan and a senior caseworker's yes" in top
    assert "High risk Lives near the person who did it" in text


def test_while_nothing_is_safe_a_provider_finds_a_safe_way_through_us_and_gets_no_number(
    browser: FlaskClient, caseworker: Actor, owner: Owner, given: Given
) -> None:
    referral_id = a_referral(caseworker, at=days_ago(2), safe=SafeAnswer.NO)
    onward_id = offered(caseworker, given, referral_id=referral_id, at=days_ago(1))
    address = f"/onward-referrals/{onward_id}"
    assert "It is not safe to contact this person." in text_of(browser.get(address))
    send(browser, f"{address}/accept", {})

    page = browser.get(address)

    text = text_of(page)
    assert "What happens next Find a safe way Who: You" in text
    assert "Find a safe way: do not call, write or leave a message. Ask the Gateway." in text
    assert "Contact the person" not in text
    shown = browser.post(f"{address}/contact", data=dict(hidden_of(page)))
    assert "07700" not in shown.text


def test_only_what_was_shared_is_on_the_page(browser: FlaskClient, caseworker: Actor, given: Given) -> None:
    texts = HandoverText(what_happened="Not for them.", wants="To sleep again.")
    onward_id = offered(caseworker, given, at=hours_ago(3), share=[HandoverPart.WANTS], texts=texts)

    page = browser.get(f"/onward-referrals/{onward_id}")

    assert "To sleep again." in page.text
    for hidden in ("Wilma", "in a dwelling", "Stafford,", "Not for them.", "Large print", "sealed"):
        assert hidden not in page.text
    assert "Their name, their age, what was reported" in text_of(page)
    assert "Medium risk Lives near the person who did it" in text_of(page)
    assert "Kind of harm Burglary or theft" in text_of(page)


def test_what_people_typed_is_shown_as_text_and_never_as_html(
    browser: FlaskClient, caseworker: Actor, given: Given
) -> None:
    texts = HandoverText(what_happened="<script>alert(1)</script>", wants="{{ 7 * 7 }}")
    onward_id = offered(caseworker, given, at=hours_ago(3), texts=texts)

    page = browser.get(f"/onward-referrals/{onward_id}").text

    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "{{ 7 * 7 }}" in page


@pytest.mark.parametrize(
    ("form", "answers", "message"),
    [
        ("accept", {"first_contact_planned_on-day": "31", "first_contact_planned_on-month": "2",
                    "first_contact_planned_on-year": "2027"}, "The day of the first contact must be a real date"),
        ("accept", {"first_contact_planned_on-day": "1", "first_contact_planned_on-month": "1",
                    "first_contact_planned_on-year": "2020"}, "must be today or in the future"),
        ("ask", {"question": "  "}, "Enter your question"),
        ("ask", {"question": "x" * 5001}, "Shorten this to 5,000 characters"),
        ("decline", {"reason_text": "Full."}, "Choose why you cannot take the person on"),
        ("decline", {"reason": "no_capacity"}, "Say in a few words why you cannot take the person on"),
        ("decline", {"reason": "no_such_reason", "reason_text": "Full."}, "Choose one of the answers"),
        ("message", {"subject": "", "body": "Hello"}, "Enter what the message is about"),
    ],
)  # fmt: skip
def test_a_wrong_answer_comes_back_with_the_summary_and_what_was_typed(
    browser: FlaskClient,
    caseworker: Actor,
    owner: Owner,
    given: Given,
    form: str,
    answers: dict[str, str],
    message: str,
) -> None:
    onward_id = offered(caseworker, given, at=hours_ago(3))

    answer = send(browser, f"/onward-referrals/{onward_id}/{form}", answers)

    assert answer.status_code == 422
    assert "There is a problem" in answer.text
    assert message in text_of(answer)
    assert title_of(answer).startswith("Error: ")
    typed = answers.get("question") or answers.get("reason_text") or ""
    assert typed.strip() in answer.text
    assert onward_row(owner, onward_id).state is OnwardState.OFFERED


def test_the_same_form_sent_twice_declines_once_and_says_so(
    browser: FlaskClient, caseworker: Actor, owner: Owner, given: Given
) -> None:
    onward_id = offered(caseworker, given, at=hours_ago(3))
    address = f"/onward-referrals/{onward_id}/decline"
    data = {**dict(hidden_of(browser.get(address))), "reason": "no_capacity", "reason_text": "Full."}

    first, second = browser.post(address, data=data), browser.post(address, data=data)

    assert first.headers["Location"] == second.headers["Location"] == "/inbox"
    assert "already saved" in text_of(browser.get("/inbox"))
    assert sum(e.event == "onward_referral.declined" for e in events_of(owner, onward_id)) == 1


def test_a_question_leaves_the_offer_among_those_to_answer_with_its_day(
    browser: FlaskClient, caseworker: Actor, owner: Owner, given: Given
) -> None:
    onward_id = offered(caseworker, given, at=days_ago(9))
    answer_by = short_date(onward_row(owner, onward_id).answer_due_on)
    now = times.now()
    onward_referrals.request_information(Command(given.provider, now), onward_id, text="Has she a car?")
    text = text_of(browser.get("/inbox"))
    assert "1 overdue" in text
    assert "1 to answer" in text
    assert f"You asked on {short_date(now)}. Answer by {answer_by}." in text
    panel = text_of(browser.get(f"/onward-referrals/{onward_id}"))
    assert f"You asked on {long_date(now)}. The offer keeps its day" in panel


def test_a_stale_page_changes_nothing_and_keeps_what_was_typed(
    browser: FlaskClient, caseworker: Actor, owner: Owner, given: Given
) -> None:
    onward_id = offered(caseworker, given, at=hours_ago(3))
    address = f"/onward-referrals/{onward_id}/ask"
    opened = dict(hidden_of(browser.get(address)))
    onward_referrals.acknowledge_offer(Command(given.provider, times.now()), onward_id)

    answer = browser.post(address, data={**opened, "question": "Has she a car?"})

    assert answer.status_code == 409
    assert "Has she a car?" in answer.text
    assert "It stands like this now" in text_of(answer)
    assert onward_row(owner, onward_id).state is OnwardState.ACKNOWLEDGED


def test_a_form_that_does_not_say_what_it_saw_changes_nothing(
    browser: FlaskClient, caseworker: Actor, owner: Owner, given: Given
) -> None:
    onward_id = offered(caseworker, given, at=hours_ago(3))
    address = f"/onward-referrals/{onward_id}/ask"
    opened = {name: value for name, value in hidden_of(browser.get(address)) if name != "version"}

    answer = browser.post(address, data={**opened, "question": "Has she a car?"})

    assert answer.status_code == 409
    assert onward_row(owner, onward_id).state is OnwardState.OFFERED


def test_a_step_that_can_not_be_taken_now_is_refused_before_anything_is_typed(
    browser: FlaskClient, caseworker: Actor, given: Given
) -> None:
    onward_id = offered(caseworker, given, at=days_ago(2))

    for step in ("first-contact", "close"):
        assert browser.get(f"/onward-referrals/{onward_id}/{step}").status_code == 409
    onward_referrals.accept_onward_referral(Command(given.provider, days_ago(1)), onward_id)
    for step in ("accept", "ask", "decline"):
        assert browser.get(f"/onward-referrals/{onward_id}/{step}").status_code == 409


def test_messages_go_both_ways_and_the_inbox_says_who_wrote(
    browser: FlaskClient, caseworker: Actor, owner: Owner, given: Given
) -> None:
    onward_id = offered(caseworker, given, at=hours_ago(3))
    send(browser, f"/onward-referrals/{onward_id}/message", {"subject": "A place", "body": "From Monday."})
    with owner() as session:
        assert session.scalars(select(Reminder.recipient_user_id)).all() == [caseworker.user_id]
    notes.write_note(
        Command(caseworker, times.now()),
        onward_row(owner, onward_id).referral_id,
        notes.NewNote(subject="Thank you", body="She will come."),
        onward_referral_id=onward_id,
    )

    assert "The Gateway wrote to you" in text_of(browser.get("/inbox"))
    page = text_of(browser.get(f"/onward-referrals/{onward_id}"))
    assert page.index("From Monday.") < page.index("She will come.")


def test_another_providers_referral_and_one_that_does_not_exist_give_the_same_page(
    browser: FlaskClient, caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    theirs = offered(caseworker, a_provider(owner, make_actor, "rj-hub"), at=hours_ago(3))
    absent = uuid4()

    for path in ("", *(f"/{name}" for name in FORMS)):
        pages = [browser.get(f"/onward-referrals/{which}{path}") for which in (theirs, absent)]
        assert [page.status_code for page in pages] == [404, 404]
        assert bare(pages[0]) == bare(pages[1])
    token = dict(hidden_of(browser.get("/inbox")))
    for name in (*FORMS, *POSTS):
        codes = {
            browser.post(f"/onward-referrals/{which}/{name}", data=token).status_code
            for which in (theirs, absent)
        }
        assert len(codes) == 1
        assert codes <= {400, 404, 422}
    assert text_of(browser.get("/inbox")).count("SG-") == 0


def test_after_declining_the_page_is_gone(
    committed_app: Flask,
    committed_client: FlaskClient,
    committed_owner: Owner,
    committed_make_actor: MakeActor,
) -> None:
    given = a_provider(committed_owner, committed_make_actor)
    onward_id = offered(committed_make_actor(Role.CASEWORKER), given, at=hours_ago(3))
    sign_in(committed_client, committed_owner, given.provider)
    opened = dict(hidden_of(committed_client.get(f"/onward-referrals/{onward_id}/accept")))

    send(
        committed_client,
        f"/onward-referrals/{onward_id}/decline",
        {"reason": "conflict_of_interest", "reason_text": "A colleague knows them."},
    )

    assert committed_client.get(f"/onward-referrals/{onward_id}").status_code == 404
    # A page that was still open sends into nothing, too.
    assert committed_client.post(f"/onward-referrals/{onward_id}/accept", data=opened).status_code == 404
    # Of what it declined the inbox keeps the reference, to say that it was a mistake, and nothing else.
    inbox = text_of(committed_client.get("/inbox"))
    assert "We declined by mistake" in inbox
    assert "Wilma" not in inbox


def test_nobody_but_providers_opens_the_inbox(
    client: FlaskClient, owner: Owner, make_actor: MakeActor
) -> None:
    assert client.get("/inbox").headers["Location"].startswith("/sign-in")
    for role in Role:
        if role in PROVIDER_ROLES:
            continue
        sign_in(client, owner, make_actor(role))
        assert client.get("/inbox").status_code == 403
        assert client.get(f"/onward-referrals/{uuid4()}").status_code == 403


def test_the_inbox_and_an_offer_run_no_more_queries_with_more_referrals(
    browser: FlaskClient, caseworker: Actor, given: Given
) -> None:
    first = offered(caseworker, given, at=hours_ago(5))
    addresses = ("/inbox", f"/onward-referrals/{first}")
    few = [queries_of(browser, address) for address in addresses]
    for _ in range(6):
        offered(caseworker, given, at=hours_ago(3))
    onward_referrals.request_information(Command(given.provider, times.now()), first, text="Who?")
    onward_referrals.answer_request(Command(caseworker, times.now()), first, text="She.")

    assert [queries_of(browser, address) for address in addresses] == few


def test_a_high_risk_is_seen_at_a_glance(browser: FlaskClient, caseworker: Actor, given: Given) -> None:
    referral_id = a_referral(caseworker, at=hours_ago(3), risk=Risk.HIGH)
    onward_id = offered(caseworker, given, referral_id=referral_id, at=hours_ago(3))

    text = text_of(browser.get(f"/onward-referrals/{onward_id}"))

    assert text.index("High risk") < text.index("What happens next")


def bare(page: TestResponse) -> str:
    """A page without what differs on every page."""
    return re.sub(r'nonce="[^"]+"|value="[^"]+"', "", page.get_data(as_text=True))
