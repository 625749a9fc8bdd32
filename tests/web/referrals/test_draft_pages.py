"""Long forms are kept as drafts: by the script, by the button, at every send, and when the session ran out."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from tests.factories import casework as make
from tests.integration.onward_referrals.arrange import Given, a_provider, a_referral
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import hidden_of, main_of, send, text_of, title_of
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.models import AuditEntry, Draft, User, WebSession
from victim_gateway.vocabulary import Risk, Role

EARLIER = timedelta(hours=3)
TYPED = "Never after six: he reads her texts."
AUTOSAVE = {"X-Draft": "keep"}


@pytest.fixture
def given(owner: Owner, make_actor: MakeActor) -> Given:
    return a_provider(owner, make_actor)


def form_of(browser: FlaskClient, address: str) -> dict[str, str]:
    """The hidden fields of a form that was opened."""
    return dict(hidden_of(browser.get(address)))


def drafts_of(owner: Owner) -> list[Any]:
    with owner() as session:
        return list(session.execute(select(Draft.id, Draft.kind, Draft.referral_id)).all())


@pytest.mark.parametrize(
    ("place", "field"),
    [
        ("/record/new", "what_happened"),
        ("/referrals/{referral}/assessment/new", "remarks"),
        ("/referrals/{referral}/refer-on/{service}", "remarks"),
        ("/referrals/{referral}/close", "outcome_text"),
        ("/referrals/{referral}/safe-contact", "remarks"),
        ("/referrals/{referral}/contact/attempts/new", "notes"),
        ("/referrals/{referral}/notes", "body"),
        ("/referrals/{referral}/hold", "notes"),
        ("/referrals/{referral}/correct", "what_happened"),
    ],
)
def test_each_long_form_is_kept_by_script_and_button_listed_and_gone_on_with(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner, given: Given, place: str, field: str
) -> None:
    referral_id = a_referral(caseworker, at=times.now() - EARLIER)
    address = place.format(referral=referral_id, service=given.service_id)
    hidden = form_of(caseworker_browser, address)

    kept = caseworker_browser.post(address, data={**hidden, field: "Never"}, headers=AUTOSAVE)
    assert kept.json is not None
    assert kept.json["message"].startswith("Saved at ")
    again = {**hidden, "draft_id": kept.json["draft_id"], "draft_revision": kept.json["draft_revision"]}
    aside = caseworker_browser.post(address, data={**again, field: TYPED, "put_aside": "yes"})
    assert aside.location == "/work#drafts"
    assert len(drafts_of(owner)) == 1

    work = caseworker_browser.get("/work")
    assert "Your answers were kept." in text_of(work)
    assert TYPED not in work.text
    [line] = [part for part in main_of(work).split("<li>") if f"draft={kept.json['draft_id']}" in part]
    resumed = caseworker_browser.get(line.partition('href="')[2].partition('"')[0].replace("&amp;", "&"))
    assert resumed.status_code == 200
    assert "This is your draft, saved on" in text_of(resumed)
    assert TYPED.replace("'", "&#39;") in main_of(resumed)
    assert TYPED not in title_of(resumed)
    assert "You have a draft of this form" in text_of(caseworker_browser.get(address))
    with owner() as session:
        viewed = session.scalars(select(AuditEntry.action).where(AuditEntry.action == "draft.resumed")).all()
    assert viewed == ["draft.resumed"]


def test_a_refused_send_is_kept_and_a_good_one_deletes_the_draft(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    referral_id = make.assessed(caseworker, at=times.now() - EARLIER)
    address = f"/referrals/{referral_id}/close"
    refused = send(caseworker_browser, address, {"outcome_text": TYPED})
    assert refused.status_code == 422
    assert "Saved at" in text_of(refused)
    assert [row.referral_id for row in drafts_of(owner)] == [referral_id]

    done = caseworker_browser.post(
        address, data={**dict(hidden_of(refused)), "outcome": "needs_met", "outcome_text": TYPED}
    )

    assert done.status_code == 302
    assert drafts_of(owner) == []
    gone = caseworker_browser.get(
        f"{address}?draft={dict(hidden_of(refused))['draft_id']}", follow_redirects=True
    )
    assert "That draft is not there any more" in text_of(gone)


def test_recording_is_kept_through_the_page_that_checks_it(
    caseworker_browser: FlaskClient, owner: Owner
) -> None:
    answers = {
        "source": "self",
        "asked_by": "phone",
        "safe": "unknown",
        "victim_type": "person",
        "given_name": "Wilhelmina",
        "family_name": "Robinson",
        "harms": "burglary_and_theft",
        "district": "",
        "residence_district": "",
        "hate_strand": "",
        "reported": "no",
        "agreed": "yes",
        "how": "spoken",
    }
    check = send(caseworker_browser, "/record/new", {**answers, "step": "check"})
    assert "Check your answers" in title_of(check)
    assert len(drafts_of(owner)) == 1
    carried = dict(hidden_of(check))

    saved = caseworker_browser.post("/record/new", data={**carried, "step": "save"})

    assert saved.status_code == 302
    assert "/referrals/" in (saved.location or "")
    assert drafts_of(owner) == []


def test_a_session_that_ran_out_keeps_what_was_sent_for_its_own_account_alone(
    client: FlaskClient, caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    referral_id = make.assessed(caseworker, at=times.now() - EARLIER)
    address = f"/referrals/{referral_id}/close"
    sign_in(client, owner, caseworker)
    hidden = form_of(client, address)
    with owner() as session:
        session.execute(update(WebSession).values(last_seen_at=times.now() - timedelta(hours=2)))

    by_script = client.post(address, data={**hidden, "outcome_text": "Never"}, headers=AUTOSAVE)
    assert by_script.status_code == 401
    assert by_script.json is not None
    assert by_script.json["message"] == "You were signed out. What you typed is kept."
    sent = client.post(address, data={**hidden, "outcome": "needs_met", "outcome_text": TYPED})

    query = parse_qs(urlsplit(sent.location or "").query)
    assert query["lapsed"] == ["kept"]
    [back] = query["next"]
    assert back.startswith(f"{address}?draft=")
    assert "What you typed is kept" in text_of(client.get(sent.location or ""))
    assert make.referral(referral_id, caseworker).state == "triaged"

    # Whoever signs in next on this machine sees nothing of it.
    sign_in(client, owner, make_actor(Role.SENIOR))
    other = client.get(back, follow_redirects=True)
    assert "That draft is not there any more" in text_of(other)
    assert "Your drafts" not in text_of(other)
    assert TYPED not in other.text
    sign_in(client, owner, caseworker)
    assert TYPED in client.get(back).text


@pytest.mark.parametrize("end", ["signed out", "disabled", "long ago", "no cookie", "no caseworker any more"])
def test_a_session_that_was_ended_keeps_nothing(
    client: FlaskClient, caseworker: Actor, owner: Owner, end: str
) -> None:
    referral_id = make.assessed(caseworker, at=times.now() - EARLIER)
    address = f"/referrals/{referral_id}/close"
    sign_in(client, owner, caseworker)
    hidden = form_of(client, address)
    now = times.now()
    lapsed = update(WebSession).values(last_seen_at=now - timedelta(hours=13 if end == "long ago" else 2))
    with owner() as session:
        session.execute(lapsed)
        if end == "signed out":
            session.execute(update(WebSession).values(ended_at=now))
        if end == "disabled":
            session.execute(update(User).where(User.id == caseworker.user_id).values(disabled_at=now))
        if end == "no caseworker any more":
            session.execute(update(User).where(User.id == caseworker.user_id).values(role=Role.MANAGER))
    if end == "no cookie":
        client.delete_cookie("session")

    sent = client.post(address, data={**hidden, "outcome_text": TYPED})

    query = parse_qs(urlsplit(sent.location or "").query)
    assert (query["lapsed"], query["next"]) == (["yes"], [address])
    assert drafts_of(owner) == []
    forged = client.post(address, data={**hidden, "csrf_token": "x", "outcome_text": TYPED})
    assert forged.status_code == 400


def test_a_page_of_an_earlier_sign_in_keeps_nothing_under_the_next_one(
    client: FlaskClient, caseworker: Actor, senior: Actor, owner: Owner
) -> None:
    address = f"/referrals/{make.assessed(caseworker, at=times.now() - EARLIER)}/close"
    sign_in(client, owner, caseworker)
    hidden = form_of(client, address)
    sign_in(client, owner, senior)
    # Signing in on the page gives the browser a new token; this helper only sets the cookie.
    with client.session_transaction() as cookie:
        cookie.pop("csrf_token", None)

    kept = client.post(address, data={**hidden, "outcome_text": TYPED}, headers=AUTOSAVE)

    assert kept.status_code == 400
    assert drafts_of(owner) == []


def test_a_draft_of_an_older_form_says_so_and_of_an_unknown_one_is_gone(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    referral_id = make.assessed(caseworker, at=times.now() - EARLIER)
    address = f"/referrals/{referral_id}/close"
    hidden = form_of(caseworker_browser, address)
    old = {**hidden, "outcome": "moved_away", "favourite_colour": "vermilion", "outcome_text": TYPED}
    kept = caseworker_browser.post(address, data=old, headers=AUTOSAVE)
    assert kept.json is not None

    page = caseworker_browser.get(f"{address}?draft={kept.json['draft_id']}")

    assert "The form has changed since." in text_of(page)
    assert TYPED in page.text
    assert "vermilion" not in page.text
    for unknown in (uuid4(), "x"):
        gone = caseworker_browser.get(f"{address}?draft={unknown}")
        assert gone.location == "/work"
    other = f"/referrals/{referral_id}/safe-contact?draft={kept.json['draft_id']}"
    assert caseworker_browser.get(other).location == "/work"
    too_long = {**hidden, "outcome_text": "x" * 300_001}
    refused = caseworker_browser.post(address, data=too_long, headers=AUTOSAVE)
    assert refused.status_code == 422
    assert refused.json == {"message": "This is too long to be kept as a draft. Shorten it, or send it now."}
    odd = {**hidden, "draft_id": "x", "draft_revision": "many", "submission_id": "y", "outcome_text": "z"}
    assert caseworker_browser.post(address, data=odd, headers=AUTOSAVE).status_code == 200


def test_deleting_asks_first_and_is_the_authors_alone(
    caseworker_browser: FlaskClient, client: FlaskClient, caseworker: Actor, senior: Actor, owner: Owner
) -> None:
    referral_id = make.assessed(caseworker, at=times.now() - EARLIER)
    hidden = form_of(caseworker_browser, f"/referrals/{referral_id}/close")
    caseworker_browser.post(f"/referrals/{referral_id}/close", data={**hidden, "put_aside": "yes"})
    address = f"/drafts/{hidden['draft_id']}/delete"
    asked = caseworker_browser.get(address)
    assert "Delete this draft?" in text_of(asked)

    sign_in(client, owner, senior)
    assert client.get(address).status_code == 404
    assert client.post(address, data=dict(hidden_of(asked))).status_code == 404

    sign_in(client, owner, caseworker)
    done = client.post(address, data=dict(hidden_of(asked)))
    assert done.location == f"/referrals/{referral_id}"
    assert drafts_of(owner) == []


def test_a_stale_assessment_stands_beside_what_is_saved_now(
    caseworker_browser: FlaskClient, caseworker: Actor, senior: Actor, owner: Owner
) -> None:
    referral_id: UUID = make.in_contact(caseworker, at=times.now() - EARLIER)
    address = f"/referrals/{referral_id}/assessment/new"
    opened = caseworker_browser.get(address)
    names = {part.partition('"')[0] for part in opened.text.split('name="need_')[1:]}
    make.assess(referral_id, senior, at=times.now() - timedelta(minutes=1))
    mine = {**dict(hidden_of(opened)), **{f"need_{name}": "2" for name in names}, "risk": "medium"}
    today = times.london_date(times.now())
    day = {"assessed_on-day": today.day, "assessed_on-month": today.month, "assessed_on-year": today.year}

    stale = caseworker_browser.post(address, data={**mine, **day, "remarks": TYPED})

    assert stale.status_code == 409
    text = text_of(stale)
    assert "Both versions Question Saved now Yours, not saved" in text
    assert "How much at risk is the person? Different Standard risk Medium risk" in text
    assert f"What they told us, and what they want Different No answer {TYPED}" in text
    assert "Test senior changed this referral at" in text
    assert "Keep mine: save my answers all the same" in text
    assert f"/drafts/{mine['draft_id']}/delete" in stale.text

    # A risk that was judged high meanwhile is not lowered by one click.
    make.assess(referral_id, senior, at=times.now(), risk=Risk.HIGH)
    again = {**mine, **dict(hidden_of(stale)), **day, "remarks": TYPED}
    stale = caseworker_browser.post(address, data=again)
    assert "Keep mine" not in text_of(stale)

    kept = caseworker_browser.post(address, data={**mine, **dict(hidden_of(stale)), **day, "remarks": TYPED})
    assert kept.status_code == 302
    assert drafts_of(owner) == []


def test_stale_safe_contact_shows_both_hides_numbers_and_is_never_kept_by_one_click(
    caseworker_browser: FlaskClient, caseworker: Actor, senior: Actor
) -> None:
    referral_id = make.assigned(caseworker, at=times.now() - EARLIER)
    address = f"/referrals/{referral_id}/safe-contact"
    hidden = form_of(caseworker_browser, address)
    said = {"channel_phone": "no", "safe": "no", "stated_by": "person", "remarks": "He moved back in"}
    senior_hidden = {**hidden, "submission_id": str(uuid4()), "draft_id": str(uuid4())}
    assert caseworker_browser.post(address, data={**senior_hidden, **said}).status_code == 302

    mine = {**hidden, "safe": "yes", "channel_phone": "yes", "same_number": "y", "stated_by": "person"}
    stale = caseworker_browser.post(address, data=mine)

    text = text_of(stale)
    assert stale.status_code == 409
    assert "Test caseworker recorded safe contact at" in text
    assert "Different No, do not contact them at all Yes, in the ways chosen below" in text
    assert "Anything else Different He moved back in No answer" in text
    assert "07700" not in text
    assert "Keep mine" not in text
    assert "looking at each difference" in text


def test_a_stale_form_without_answers_on_record_shows_what_was_typed_and_what_happened(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    referral_id = make.assigned(caseworker, at=times.now() - EARLIER)
    address = f"/referrals/{referral_id}/hold"
    stale = send(caseworker_browser, address, {"reason": "out_of_scope", "notes": TYPED, "version": "0"})
    assert stale.status_code == 409
    assert "What you typed Question Yours, not saved" in text_of(stale)
    assert f"Notes {TYPED}" in text_of(stale)
    assert "This is what happened last:" in text_of(stale)
    assert "Take theirs: delete what I typed" in text_of(stale)
    assert len(drafts_of(owner)) == 1


def test_a_stale_correction_is_compared_answer_by_answer_without_numbers(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = make.assigned(caseworker, at=times.now() - EARLIER)
    selects = dict.fromkeys(("hate_strand", "district", "residence_district"), "")
    typed = {"given_name": "Wilhelmina", "phone": "07700 900555", "offence": "Burglary"}
    answers = {**selects, **typed, "version": "0"}

    stale = send(caseworker_browser, f"/referrals/{referral_id}/correct", answers)

    text = text_of(stale)
    assert stale.status_code == 409
    assert re.search(r"First name Different Robin\d+ Wilhelmina", text)
    assert "New phone number Different On record, not shown here 07700 900555" in text
    assert "Keep mine" not in text
    assert "Test caseworker changed this referral at" in text
