"""What the pages of a link and of its caseworker say and refuse, so that a link reaches only whom it is for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from tests.factories import casework
from tests.integration.onward_referrals.by_link import (
    MAILBOX,
    Charity,
    a_charity,
    begun,
    links_of,
    mailed_link,
    offer_to,
    register,
    send_code,
    with_mail,
)
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import hidden_of, send, text_of
from tests.plumbing.sign_in import sign_in
from tests.plumbing.smtp import Sink
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import TransitionNotAllowed
from victim_gateway.models import ContactLink, OnwardReferral, ProviderService, Task
from victim_gateway.services import onward_referrals
from victim_gateway.services.accounts.rate_limits import TooManyAttempts
from victim_gateway.services.messages.contact_link_answers import LinkRequest, ask_by_link, describe_link
from victim_gateway.services.onward_referrals.contact_links import revoke_links
from victim_gateway.services.providers import editing
from victim_gateway.services.providers.directory_entries import cells_of
from victim_gateway.services.providers.directory_rows import stored_entries
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role, TaskKind, WithdrawReason

EVIL = "mallory@evil.example"


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


def change_service(charity: Charity, administrator: Actor, **cells: str) -> None:
    """As an administrator does it on the page of the directory."""
    with transaction(administrator) as session:
        (entry,) = stored_entries(session, charity.service_id)
        version = session.get_one(ProviderService, charity.service_id).version
    command = Command(administrator, times.now(), submission_id=uuid4(), version=version)
    editing.change_service(command, charity.service_id, {**cells_of(entry), **cells})


def open_link(client: FlaskClient, mail: Sink, onward_id: UUID) -> str:
    """Open the referral by link in this browser; its page."""
    page = f"/onward-referrals/{onward_id}"
    client.set_cookie("link", begun(mailed_link(mail, at=times.now()), mail).cookie, path=page)
    assert client.get(page).status_code == 200
    return page


def test_a_changed_contact_is_shown_with_who_when_old_and_new_and_is_rung_first(
    client: FlaskClient,
    owner: Owner,
    mail: Sink,
    onward_id: UUID,
    charity: Charity,
    caseworker: Actor,
    administrator_actor: Actor,
) -> None:
    mailed_link(mail, at=times.now())
    change_service(charity, administrator_actor, contact_email=EVIL)
    sign_in(client, owner, caseworker)
    page = f"/onward-referrals/{onward_id}"
    said = text_of(client.get(f"{page}/overview"))
    assert "Ring the charity before you send a link" in said
    assert f"was Ann Lee ({MAILBOX}), now Ann Lee ({EVIL})" in said
    assert f"Changed by {administrator_actor.name} on" in said
    form = dict(hidden_of(client.get(f"{page}/overview")))
    refused = client.post(f"{page}/link/send", data=form)
    assert refused.status_code == 422 and "Ring the charity at the number" in text_of(refused)
    assert [link.ending for link in links_of(owner, onward_id)] == ["contact_changed"]
    sent = client.post(f"{page}/link/send", data={**form, "submission_id": str(uuid4()), "has_rung": "y"})
    assert sent.status_code == 302
    said = text_of(client.get(f"{page}/overview"))
    assert "(not sent yet)" in said and "Ring the charity before" not in said
    assert [link.sent_to for link in links_of(owner, onward_id)] == [MAILBOX, EVIL]


def test_a_number_that_was_changed_as_well_is_no_proof(
    client: FlaskClient,
    owner: Owner,
    onward_id: UUID,
    charity: Charity,
    caseworker: Actor,
    administrator_actor: Actor,
) -> None:
    change_service(charity, administrator_actor, contact_email=EVIL)
    sign_in(client, owner, caseworker)
    page = f"/onward-referrals/{onward_id}/overview"
    warning = "The number in the directory was changed as well"
    assert warning not in text_of(client.get(page))
    change_service(charity, administrator_actor, phone="01785 000009")
    said = text_of(client.get(page))
    assert warning in said and "Use a number that you knew before" in said


def test_the_task_of_a_changed_contact_opens_and_says_to_ring(
    client: FlaskClient, owner: Owner, mail: Sink, onward_id: UUID, charity: Charity, caseworker: Actor
) -> None:
    register(charity.service_id, "Ann Lee", EVIL, at=times.now())
    with owner() as session:
        task = session.scalars(select(Task).where(Task.kind == TaskKind.MESSAGE_FAILED)).one()
        address = f"/referrals/{task.referral_id}/failed-messages/{task.id}"
    sign_in(client, owner, caseworker)
    page = client.get(address)
    assert page.status_code == 200 and "ring the charity" in text_of(page) and EVIL not in page.text


def test_the_caseworker_sees_that_e_mails_bring_no_link_after_an_end(
    client: FlaskClient, owner: Owner, mail: Sink, onward_id: UUID, caseworker: Actor
) -> None:
    sign_in(client, owner, caseworker)
    overview = f"/onward-referrals/{onward_id}/overview"
    assert "End the link" in text_of(client.get(overview))
    revoke_links(Command(caseworker, times.now(), submission_id=uuid4()), onward_id)
    said = text_of(client.get(overview))
    assert "E-mails bring no link, as it was ended or locked" in said and "(never sent)" in said
    assert "/link/end" not in client.get(overview).text


def test_every_address_below_a_link_keeps_it_secret(client: FlaskClient, mail: Sink, onward_id: UUID) -> None:
    token = mailed_link(mail, at=times.now())
    for method, path in (
        *(("GET", f"/by-link/{token}{rest}") for rest in ("/", "/code", "/new", "/x", "//")),
        *(("POST", f"/by-link/{token}"), ("PUT", f"/by-link/{token}/enter")),
    ):
        page = client.open(path, method=method)
        headers = page.headers.get("Referrer-Policy"), page.headers.get("X-Robots-Tag")
        assert headers == ("no-referrer", "noindex, nofollow"), (method, path)
    assert client.get(f"/by-link/{token}/").status_code == 200


def test_what_ended_warns_not_to_contact_the_person(
    client: FlaskClient, mail: Sink, onward_id: UUID, caseworker: Actor
) -> None:
    page = open_link(client, mail, onward_id)
    onward_referrals.withdraw_onward_referral(
        Command(caseworker, times.now(), submission_id=uuid4()),
        onward_id,
        reason=WithdrawReason.NO_LONGER_SAFE,
    )
    said = text_of(client.get(page))
    assert "Do not contact the person until you have opened the referral again" in said


def test_the_first_page_offers_a_new_link(client: FlaskClient, mail: Sink, onward_id: UUID) -> None:
    token = mailed_link(mail, at=times.now())
    page = client.get(f"/by-link/{token}")
    assert f'action="/by-link/{token}/new"' in page.text
    asked = client.post(f"/by-link/{token}/new", data=dict(hidden_of(page)))
    assert asked.headers["Location"] == f"/by-link/{token}/asked"


def test_what_was_typed_by_link_is_not_recorded_as_an_account(
    client: FlaskClient, owner: Owner, mail: Sink, onward_id: UUID, make_actor: MakeActor
) -> None:
    sign_in(client, owner, make_actor(Role.PROVIDER, organisation="small-charity"))
    page = open_link(client, mail, onward_id)
    form = dict(hidden_of(client.get(f"{page}/ask")))
    with owner() as session:
        session.execute(update(ContactLink).values(ended_at=times.now(), ending="revoked"))
    answer = client.post(f"{page}/ask", data={**form, "question": "As whom?"})
    assert answer.status_code == 403 and "As whom?" in answer.text
    with owner() as session:
        assert session.get_one(OnwardReferral, onward_id).state.value == "offered"
    # Once it has been read, the account works there again.
    assert "signed in with an account" in text_of(client.get(page))
    assert client.get(page).status_code == 200


def test_a_code_is_taken_as_people_copy_it(client: FlaskClient, mail: Sink, onward_id: UUID) -> None:
    token = mailed_link(mail, at=times.now())
    code = send_code(token, mail, at=times.now())
    assert code is not None
    typed = f"{code[:4]}-{code[4:]}."
    assert send(client, f"/by-link/{token}/enter", {"link_code": typed}).status_code == 303


def test_what_can_not_be_a_code_is_no_try(
    client: FlaskClient, owner: Owner, mail: Sink, onward_id: UUID
) -> None:
    token = mailed_link(mail, at=times.now())
    send_code(token, mail, at=times.now())
    for typed in ("12", "123456789", "not it", "12", "12", "12"):
        answer = send(client, f"/by-link/{token}/enter", {"link_code": typed})
        assert answer.status_code == 422 and "Enter the 8 digits" in text_of(answer)
    (link,) = links_of(owner, onward_id)
    assert (link.wrong_codes, link.ending) == (0, None)


def test_an_e_mail_names_the_day_and_hour_of_london() -> None:
    made = SimpleNamespace(address="x", expires_at=datetime(2026, 7, 14, 23, 30, tzinfo=UTC))
    assert "until Wednesday 15 July 2026 at 00:30" in " ".join(describe_link(made))


def test_a_strangers_tries_do_not_keep_the_contact_out(mail: Sink, onward_id: UUID) -> None:
    token = mailed_link(mail, at=times.now())
    for _ in range(10):
        ask_by_link(token, LinkRequest.CODE, actor=Actor.signing_in("203.0.113.9"), at=times.now())
    with pytest.raises(TooManyAttempts):
        ask_by_link(token, LinkRequest.CODE, actor=Actor.signing_in("203.0.113.9"), at=times.now())
    ask_by_link(token, LinkRequest.CODE, actor=Actor.signing_in("192.0.2.50"), at=times.now())


def test_no_file_is_chosen_for_a_service_that_works_by_link(
    client: FlaskClient, owner: Owner, mail: Sink, onward_id: UUID, caseworker: Actor
) -> None:
    sign_in(client, owner, caseworker)
    said = text_of(client.get(f"/onward-referrals/{onward_id}/files"))
    assert "works by a link, and files are not shown there" in said
    assert "can open them" not in said and "Choose files" not in said
    with pytest.raises(TransitionNotAllowed, match="works by a link"):
        onward_referrals.copy_files_for_provider(
            Command(caseworker, times.now(), submission_id=uuid4()), onward_id, attachment_ids=[uuid4()]
        )
