"""What is new for a provider, on its pages, and how the caseworker sees that it was read."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from tests.integration.onward_referrals.arrange import Given, a_provider, offered, onward_row
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import hidden_of, send, text_of
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.models import ProviderNotice, Task
from victim_gateway.services import onward_referrals
from victim_gateway.services.messages import failed_messages
from victim_gateway.services.messages.provider_notices import tell_provider
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import NoticeKind, Role, TaskKind, WithdrawReason


@pytest.fixture
def new_era(owner: Owner, make_actor: MakeActor) -> Given:
    return a_provider(owner, make_actor, "new-era")


@pytest.fixture
def onward_id(caseworker: Actor, new_era: Given) -> UUID:
    return offered(caseworker, new_era, at=times.now() - timedelta(hours=2))


def test_a_correction_goes_from_the_form_over_the_check_to_the_providers_page_and_is_seen_as_read(
    client: FlaskClient, owner: Owner, caseworker: Actor, new_era: Given, onward_id: UUID
) -> None:
    referral_id = onward_row(owner, onward_id).referral_id
    sign_in(client, owner, caseworker)
    address = f"/referrals/{referral_id}/correct"
    answers = {"given_name": "Wilma", "family_name": "Ashton", "offence": "Burglary", "district": "Stafford"}
    check = send(client, address, answers)
    assert "1 provider may have the old details." in text_of(check)
    assert "Last name Ashdown Ashton" in text_of(check)
    saved = client.post(address, data=MultiDict([*hidden_of(check), ("step", "save")]))
    assert saved.status_code == 302
    assert "Compare, and share again" in text_of(client.get(f"/referrals/{referral_id}"))
    share = f"/onward-referrals/{onward_id}/share-again"
    assert "Name Wilma Ashdown Wilma Ashton" in text_of(client.get(share))
    assert send(client, share, {}).status_code == 422
    shared = {"fields_chosen": ["name"], "reason_text": "They told us their new name"}
    assert send(client, share, shared).status_code == 302
    overview = f"/onward-referrals/{onward_id}/overview"
    assert "The Gateway corrected what it told you: name" in text_of(client.get(overview))
    assert "Not read yet" in text_of(client.get(overview))

    sign_in(client, owner, new_era.provider)
    assert "New: The Gateway corrected what it told you: name" in text_of(client.get("/inbox"))
    detail = f"/onward-referrals/{onward_id}"
    client.get(detail)
    # Opening the page says nothing of a correction: that is what the button is for.
    again = client.get(detail)
    assert "Read what has changed before you contact the person again" in text_of(again)
    assert "Name Wilma Ashdown Wilma Ashton Why: They told us their new name" in text_of(again)
    sign_in(client, owner, caseworker)
    assert "Not read yet" in text_of(client.get(overview))
    assert "Name Wilma Ashdown Wilma Ashton" in text_of(client.get(overview))
    sign_in(client, owner, new_era.provider)
    data = MultiDict(hidden_of(client.get(detail)))
    assert client.post(f"{detail}/corrections/read", data=data).status_code == 302
    assert "Read what has changed" not in text_of(client.get(detail))
    assert "New: The Gateway corrected" not in text_of(client.get("/inbox"))
    sign_in(client, owner, caseworker)
    assert "Not read yet" not in text_of(client.get(overview))


def test_what_was_taken_back_stands_in_the_inbox_until_it_is_marked_as_read_and_says_not_why(
    client: FlaskClient, owner: Owner, caseworker: Actor, new_era: Given, onward_id: UUID
) -> None:
    onward_referrals.withdraw_onward_referral(
        Command(caseworker, times.now()), onward_id, reason=WithdrawReason.PERSON_SAID_NO
    )
    sign_in(client, owner, new_era.provider)
    inbox = text_of(client.get("/inbox"))
    assert "Ended: stop contact with these people" in inbox
    assert "said no" not in inbox
    with owner() as session:
        ended = ProviderNotice.kind == NoticeKind.WITHDRAWN
        notice_id = session.scalars(select(ProviderNotice.id).where(ended)).one()
    page = client.get("/inbox")
    data = dict(hidden_of(page))
    assert client.post(f"/inbox/ended/{notice_id}/read", data=data).status_code == 302
    assert "Ended: stop contact" not in text_of(client.get("/inbox"))


def test_a_failed_email_is_dealt_with_on_its_own_page(
    client: FlaskClient, owner: Owner, caseworker: Actor, onward_id: UUID
) -> None:
    onward = onward_row(owner, onward_id)
    with transaction(caseworker) as session:
        notice_id = tell_provider(session, onward, NoticeKind.ANSWERED, at=times.now())
        with as_service(session):
            notice = session.get_one(ProviderNotice, notice_id)
            failed_messages.open_unaddressed_task(session, notice, onward.referral_id, at=times.now())
    with owner() as session:
        task_id = session.scalars(select(Task.id).where(Task.kind == TaskKind.MESSAGE_FAILED)).one()
    sign_in(client, owner, caseworker)
    address = f"/referrals/{onward.referral_id}/failed-messages/{task_id}"
    page = text_of(client.get(address))
    assert "New Era may not know this yet." in page
    assert "Nobody at the provider has an account" in page
    assert send(client, address, {"how": "", "step": "told"}).status_code == 422
    assert send(client, address, {"how": "Rang them", "step": "told"}).status_code == 302
    assert client.get(address).status_code == 404


def test_a_senior_marks_a_referral_as_entered_in_error_and_a_caseworker_may_not(
    client: FlaskClient, owner: Owner, caseworker: Actor, make_actor: MakeActor, onward_id: UUID
) -> None:
    address = f"/referrals/{onward_row(owner, onward_id).referral_id}/entered-in-error"
    sign_in(client, owner, caseworker)
    assert client.get(address).status_code == 403
    sign_in(client, owner, make_actor(Role.SENIOR))
    assert "It is taken back from New Era. They are told at once" in text_of(client.get(address))
    assert send(client, address, {"reason_text": "A test"}).status_code == 302
    assert client.get(address).status_code == 409
