"""The pages behind a registered contact's link, and the one referral that it opens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient
from sqlalchemy import Connection, select, update
from werkzeug.routing import AnyConverter, IntegerConverter, Rule, UUIDConverter

from tests.factories import casework
from tests.integration.onward_referrals.by_link import (
    Charity,
    a_charity,
    begun,
    links_of,
    mailed_link,
    newest_code,
    newest_link,
    offer_to,
    send_asked,
    send_code,
    with_mail,
)
from tests.plumbing.apps import Owner
from tests.plumbing.pages import main_of, send, text_of
from tests.plumbing.sign_in import sign_in
from tests.plumbing.smtp import Sink
from tests.rules.test_routes import counted_queries
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.contact_link_vocabulary import ContactLinkEnding
from victim_gateway.errors import InvalidInput, NotFound
from victim_gateway.models import (
    AuditEntry,
    CaseEvent,
    ContactLink,
    ContactLinkSession,
    OnwardReferral,
    Person,
    ProviderService,
)
from victim_gateway.provider_vocabulary import ServiceCapacity
from victim_gateway.vocabulary import SafeAnswer
from victim_gateway.web.permissions import permission_of

BY_LINK = {
    f"onward_referrals.{name}"
    for name in (
        *(
            "detail",
            "show_contact",
            "acknowledge",
            "accept",
            "ask",
            "decline",
            "first_contact",
            "message",
            "close",
        ),
        "acknowledge_corrections",
    )
}


@pytest.fixture
def mail(app: Flask, smtp: Sink) -> Iterator[Sink]:
    with with_mail(app, smtp) as sink:
        yield sink


@pytest.fixture
def charity(owner: Owner) -> Charity:
    return a_charity(owner, at=times.now() - timedelta(days=30))


@pytest.fixture
def onward_id(owner: Owner, mail: Sink, charity: Charity, caseworker: Actor) -> UUID:
    referral_id = casework.assessed(caseworker, at=times.now() - timedelta(hours=3))
    return offer_to(charity, caseworker, referral_id, at=times.now())


def state_of(owner: Owner, onward_id: UUID) -> str:
    with owner() as session:
        return session.get_one(OnwardReferral, onward_id).state.value


def enter(client: FlaskClient, mail: Sink) -> str:
    """Open the newest link with its code; where it leads."""
    token = mailed_link(mail, at=times.now())
    code = send_code(token, mail, at=times.now())
    answer = send(client, f"/by-link/{token}/enter", {"link_code": code})
    assert answer.status_code == 303, text_of(answer)
    return answer.headers["Location"]


def test_the_contact_works_from_the_offer_to_the_outcome(
    client: FlaskClient, owner: Owner, mail: Sink, onward_id: UUID
) -> None:
    page = enter(client, mail)
    assert page == f"/onward-referrals/{onward_id}"
    shown = client.get(page)
    assert shown.status_code == 200
    assert "Ann Lee of Small Charity, by link" in shown.text
    assert "/inbox" not in shown.text and "/account" not in shown.text
    assert send(client, f"{page}/ask", {"question": "Is she near a bus?"}).status_code == 302
    assert state_of(owner, onward_id) == "information_requested"
    with owner() as session:
        session.execute(update(ProviderService).values(capacity=ServiceCapacity.PLACES, places=3))
    answer = send(client, f"{page}/accept", {})
    assert answer.status_code == 302, main_of(answer)
    with owner() as session:
        assert session.scalars(select(ProviderService.places)).all() == [2]
    assert state_of(owner, onward_id) == "accepted"
    assert "Record the first contact" in text_of(client.get(page))
    now = times.now().astimezone(ZoneInfo("Europe/London"))
    contacted = {
        "contacted_on-day": now.day,
        "contacted_on-month": now.month,
        "contacted_on-year": now.year,
        "contacted_at": f"{now:%H:%M}",
        "although_unsafe": "y",
        "unsafe_reason": "She was seen in the street.",
    }
    answer = send(client, f"{page}/first-contact", contacted)
    assert answer.status_code == 302, main_of(answer)
    asked = re.findall(
        r'type="radio" value="(\w+)"|name="(outcome_\w+)" type="radio" value="(\w+)"',
        client.get(f"{page}/close").text,
    )
    became = {name: value for _, name, value in reversed(asked) if name}
    assert became
    answer = send(client, f"{page}/close", {"outcome": "needs_met", "step": "check", **became})
    assert "Check before you close" in text_of(answer)
    closed = send(client, f"{page}/close", {"outcome": "needs_met", "step": "close", **became})
    assert closed.headers["Location"] == "/by-link", main_of(closed)
    assert "You can close this page" in text_of(client.get("/by-link"))
    # What it ended, it sees no more.
    assert client.get(page).status_code == 403
    with owner() as session:
        by = select(CaseEvent.actor_name).where(
            CaseEvent.onward_referral_id == onward_id, CaseEvent.organisation_id.is_not(None)
        )
        names = session.scalars(by.distinct()).all()
        entries = session.scalars(select(AuditEntry.entry).where(AuditEntry.subject_id == onward_id)).all()
    assert "Ann Lee of Small Charity, by link" in names
    acted = [entry for entry in entries if "onward_referral.accepted" in entry]
    assert '"contact_link_id"' in acted[0] and "Ann Lee of Small Charity, by link" in acted[0]


def test_opening_the_link_changes_nothing_and_every_link_looks_alike(
    client: FlaskClient, owner: Owner, mail: Sink, onward_id: UUID
) -> None:
    token = mailed_link(mail, at=times.now())
    before = [(link.used_at, link.code_asked_at) for link in links_of(owner, onward_id)]
    pages = [client.get(f"/by-link/{each}") for each in (token, "a" * 43, "x")]
    assert [(page.status_code, neutral(page.text)) for page in pages] == [(200, neutral(pages[0].text))] * 3
    assert [(link.used_at, link.code_asked_at) for link in links_of(owner, onward_id)] == before
    for name, value in (
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "no-store"),
        ("X-Robots-Tag", "noindex, nofollow"),
    ):
        assert {page.headers[name] for page in pages} == {value}
    assert "http" not in pages[0].text.replace("http://www.w3.org", "")


def test_wrong_unknown_expired_revoked_and_used_links_get_one_answer(
    client: FlaskClient, owner: Owner, mail: Sink, onward_id: UUID
) -> None:
    token = mailed_link(mail, at=times.now())
    code = send_code(token, mail, at=times.now())
    wrong = "1" * 8 if code != "1" * 8 else "2" * 8

    def tried(each: str, typed: str | None) -> tuple[int, str]:
        answer = send(client, f"/by-link/{each}/enter", {"link_code": typed})
        return answer.status_code, neutral(answer.text.replace(str(typed), ""))

    answers = [tried(token, wrong), tried("b" * 43, code)]
    with owner() as session:
        session.execute(update(ContactLink).values(expires_at=times.now()))
    answers.append(tried(token, code))
    with owner() as session:
        later = {"expires_at": times.now() + timedelta(days=1), "ended_at": times.now(), "ending": "revoked"}
        session.execute(update(ContactLink).values(**later))
    answers.append(tried(token, code))
    with owner() as session:
        session.execute(update(ContactLink).values(ended_at=None, ending=None, used_at=times.now()))
    answers.append(tried(token, code))
    assert len(set(answers)) == 1 and answers[0][0] == 422


def test_five_wrong_codes_lock_the_link_for_good(
    client: FlaskClient, owner: Owner, mail: Sink, onward_id: UUID
) -> None:
    token = mailed_link(mail, at=times.now())
    code = send_code(token, mail, at=times.now())
    wrong = "1" * 8 if code != "1" * 8 else "2" * 8
    for _ in range(5):
        assert send(client, f"/by-link/{token}/enter", {"link_code": wrong}).status_code == 422
    assert send(client, f"/by-link/{token}/enter", {"link_code": code}).status_code == 422
    (link,) = links_of(owner, onward_id)
    assert link.ending is ContactLinkEnding.LOCKED and link.used_at is None
    assert send_code(token, mail, at=times.now() + timedelta(minutes=1)) is None


def test_a_link_and_its_code_work_once(
    client: FlaskClient, app: Flask, owner: Owner, mail: Sink, onward_id: UUID
) -> None:
    enter(client, mail)
    token, code = newest_link(mail), newest_code(mail)
    other = app.test_client()
    assert send(other, f"/by-link/{token}/enter", {"link_code": code}).status_code == 422
    assert other.get(f"/onward-referrals/{onward_id}").status_code == 302


def test_a_session_by_link_opens_no_other_page(
    app: Flask,
    client: FlaskClient,
    owner: Owner,
    mail: Sink,
    charity: Charity,
    onward_id: UUID,
    caseworker: Actor,
) -> None:
    begun_session = begun(mailed_link(mail, at=times.now()), mail)
    other_id = offer_to(
        charity,
        caseworker,
        casework.assessed(caseworker, at=times.now() - timedelta(hours=3)),
        at=times.now(),
    )
    # As no browser would: the cookie goes with every request.
    client.set_cookie("link", begun_session.cookie, path="/")
    own = f"/onward-referrals/{onward_id}"
    assert client.get(own).status_code == 200
    opened, refused, token = set(), 0, with_token(client, own)
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static" or permission_of(app, rule.endpoint) is None:
            continue
        for of_referral in (onward_id, other_id):
            values = {name: part_of_address(rule, name) for name in rule.arguments}
            values |= {"onward_referral_id": of_referral} if "onward_referral_id" in rule.arguments else {}
            with app.test_request_context():
                address = url_for(rule.endpoint, **values)
            for method in rule.methods & {"GET", "POST"}:
                answer = client.open(address, method=method, data=token)
                if answer.status_code in (200, 422) or (
                    answer.status_code == 302 and "/sign-in" not in answer.headers["Location"]
                ):
                    opened.add((rule.endpoint, of_referral))
                else:
                    assert answer.status_code in (302, 403, 404, 409), (address, answer.status_code)
                    refused += 1
    of_other = {endpoint for endpoint, of_referral in opened if of_referral == other_id}
    assert of_other == set()
    assert {endpoint for endpoint, _ in opened} <= BY_LINK
    assert refused > 200


def test_what_was_typed_comes_back_when_the_time_ran_out(
    client: FlaskClient, owner: Owner, mail: Sink, onward_id: UUID
) -> None:
    page = enter(client, mail)
    form = client.get(page).text
    with owner() as session:
        long_ago = {"last_seen_at": times.now() - timedelta(minutes=16)}
        session.execute(update(ContactLinkSession).values(**long_ago))
    token = form.partition('name="csrf_token" value="')[2].partition('"')[0]
    answer = client.post(f"{page}/ask", data={"csrf_token": token, "question": "Is she <b>near</b> a bus?"})
    assert answer.status_code == 403
    assert "Your time with this link is over" in text_of(answer)
    assert "Is she &lt;b&gt;near&lt;/b&gt; a bus?" in answer.text
    assert state_of(owner, onward_id) == "offered"


def test_leaving_ends_the_session(client: FlaskClient, mail: Sink, onward_id: UUID) -> None:
    page = enter(client, mail)
    token = client.get(page).text.partition('name="csrf_token" value="')[2].partition('"')[0]
    cookie = client.get_cookie("link", path=page)
    assert client.post(f"{page}/leave", data={"csrf_token": token}).headers["Location"] == "/by-link"
    assert client.get_cookie("link", path=page) is None and cookie is not None
    client.set_cookie("link", cookie.value, path=page)
    assert client.get(page).status_code == 403


def test_the_caseworker_sees_the_link_sends_another_and_ends_it(
    client: FlaskClient, owner: Owner, mail: Sink, onward_id: UUID, caseworker: Actor, app: Flask
) -> None:
    page = enter(client, mail)
    desk = app.test_client()
    sign_in(desk, owner, caseworker)
    overview = f"{page}/overview"
    shown = text_of(desk.get(overview))
    assert "Works by link" in shown and "Ann Lee (ann@small-charity.example)" in shown
    assert "Open now" in shown
    press(desk, overview, f"{page}/link/end")
    assert client.get(page).status_code == 403
    assert "Ended by a caseworker" in text_of(desk.get(overview))
    press(desk, overview, f"{page}/link/send")
    assert send_asked(owner, onward_id, at=times.now())
    assert mail.envelopes[-1][1] == "ann@small-charity.example"
    assert len(links_of(owner, onward_id)) == 2
    code = send_code(newest_link(mail), mail, at=times.now())
    assert send(client, f"/by-link/{newest_link(mail)}/enter", {"link_code": code}).status_code == 303
    assert client.get(page).status_code == 200
    # A form of the caseworker's link is not one of the contact's.
    assert client.get(overview).status_code == 404


def part_of_address(rule: Rule, name: str) -> object:
    """A value that the address takes there."""
    converter = rule._converters[name]
    if isinstance(converter, AnyConverter):
        return sorted(converter.items)[0]
    if isinstance(converter, UUIDConverter):
        return uuid4()
    return 1 if isinstance(converter, IntegerConverter) else "x"


def test_the_contact_writes_sees_the_numbers_and_reads_a_correction(
    client: FlaskClient, owner: Owner, mail: Sink, onward_id: UUID, caseworker: Actor
) -> None:
    page = enter(client, mail)
    assert (
        send(client, f"{page}/message", {"subject": "Saturday", "body": "We are closed."}).status_code == 302
    )
    shown = client.post(f"{page}/contact", data=with_token(client, page))
    assert shown.status_code == 200 and "Record an attempt" not in text_of(shown)
    with owner() as session:
        referral_id = session.get_one(OnwardReferral, onward_id).referral_id
    casework.record_plan(
        referral_id, caseworker, casework.safe_to_phone(safe=SafeAnswer.NO, channels={}), at=times.now()
    )
    read = client.get(page)
    assert "I have read this" in text_of(read)
    notice = re.findall(r'name="notice" value="([^"]+)"', read.text)
    answer = client.post(f"{page}/corrections/read", data={**with_token(client, page), "notice": notice})
    assert answer.status_code == 302 and "I have read this" not in text_of(client.get(page))


def test_a_link_of_ours_takes_as_many_statements_as_any_other(
    client: FlaskClient, connection: Connection, mail: Sink, onward_id: UUID
) -> None:
    token = mailed_link(mail, at=times.now())
    assert send_code(token, mail, at=times.now()) is not None
    client.get("/by-link/warm")
    for path, answers in (("code", {}), ("new", {}), ("enter", {"link_code": "11111111"})):
        sent = []
        for each in (token, "b" * 43):
            form = with_token(client, f"/by-link/{each}")
            with counted_queries(connection) as statements:
                client.post(f"/by-link/{each}/{path}", data={**form, **answers})
            sent.append(len(statements))
        assert sent[0] == sent[1] > 0, path


def test_what_fails_is_logged_without_the_address(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    with app.test_request_context(f"/by-link/{'s' * 43}/enter"):
        app.log_exception((ValueError, ValueError("broken"), None))
    assert "by_link.enter" in caplog.text and "s" * 43 not in caplog.text


def test_a_post_without_the_token_against_forged_forms_does_nothing(
    client: FlaskClient, owner: Owner, mail: Sink, onward_id: UUID
) -> None:
    token = mailed_link(mail, at=times.now())
    for path in ("code", "new", "enter"):
        answer = client.post(f"/by-link/{token}/{path}", data={"link_code": "1"})
        assert answer.status_code == 400
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert [link.wrong_codes for link in links_of(owner, onward_id)] == [0]


def test_over_https_the_pages_need_no_referrer(client: FlaskClient, mail: Sink, onward_id: UUID) -> None:
    token = mailed_link(mail, at=times.now())
    form = with_token(client, f"https://localhost/by-link/{token}")
    answer = client.post(f"https://localhost/by-link/{token}/code", data=form)
    assert answer.status_code == 303


def test_an_offer_that_nobody_could_read_is_refused(
    owner: Owner, mail: Sink, caseworker: Actor, app: Flask
) -> None:
    at = times.now()
    referral_id = casework.assessed(caseworker, at=at - timedelta(hours=3))
    unread = Charity(*casework.provider(owner, key="nobody-there", has_account=False))
    with pytest.raises(InvalidInput, match="Nobody at Nobody There could read it"):
        offer_to(unread, caseworker, referral_id, at=at)
    charity = a_charity(owner, at=at - timedelta(days=1), key="by-link-only")
    with owner() as session:
        session.execute(update(Person).values(restricted=True))
    with pytest.raises((InvalidInput, NotFound)):
        offer_to(charity, caseworker, referral_id, at=at)
    with owner() as session:
        session.execute(update(Person).values(restricted=False))
    usual = app.extensions["settings"]
    app.extensions["settings"] = replace(usual, smtp_url=None)
    try:
        with pytest.raises(InvalidInput, match="no way to send e-mail"):
            offer_to(charity, caseworker, referral_id, at=at)
    finally:
        app.extensions["settings"] = usual
    assert offer_to(charity, caseworker, referral_id, at=at)


def press(browser: FlaskClient, page: str, action: str) -> None:
    token = browser.get(page).text.partition('name="csrf_token" value="')[2].partition('"')[0]
    answer = browser.post(action, data={"csrf_token": token})
    assert answer.status_code == 302, text_of(answer)


def with_token(client: FlaskClient, page: str) -> dict[str, str]:
    return {"csrf_token": client.get(page).text.partition('name="csrf_token" value="')[2].partition('"')[0]}


def neutral(page: str) -> str:
    """A page without what differs from answer to answer, the token of its own address among it."""
    page = re.sub(r"/by-link/[A-Za-z0-9_-]+", "/by-link/TOKEN", page)
    return re.sub(r'(name="(?:csrf_token|submission_id)" value="|nonce="|nonce-)[^"]*', r"\1", page)
