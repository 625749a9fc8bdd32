"""The pages around several services: wrong choices, what follows from a decline, giving back, lifting a pause."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.integration.onward_referrals.arrange import Given, a_provider, a_referral, offered, onward_row
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import hidden_of, main_of, send, text_of
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.models import Consent, ListEntry, OfferGroupMember, ProviderNotice
from victim_gateway.offer_vocabulary import DeclineConsequence
from victim_gateway.queries.compliance.service_figures import service_figures
from victim_gateway.vocabulary import NoticeKind, OnwardState, Role, WithdrawReason

EARLIER = timedelta(hours=3)


@pytest.fixture
def services(owner: Owner, make_actor: MakeActor) -> list[Given]:
    return [a_provider(owner, make_actor, key) for key in ("new-era", "rj-hub")]


def test_all_at_once_needs_services_that_differ_and_a_yes_to_each_and_is_stale_after_a_change(
    client: FlaskClient, owner: Owner, caseworker: Actor, services: list[Given]
) -> None:
    sign_in(client, owner, caseworker)
    referral_id = a_referral(caseworker, at=times.now() - EARLIER)
    choose = f"/referrals/{referral_id}/ask-several"
    first, second = (str(each.service_id) for each in services)
    twice = send(client, choose, {"mode": "simultaneous", "first": first, "second": first})
    assert twice.status_code == 422
    assert "Choose each service once" in text_of(twice)
    assert send(client, choose, {"first": first, "second": second}).status_code == 422
    chosen = send(client, choose, {"mode": "simultaneous", "first": first, "second": second})
    share = chosen.headers["Location"]
    assert "Several may accept" in text_of(client.get(share))
    for odd in (f"{choose}/share?service={first}&mode=ranked", f"{choose}/share?service={first}&service=x"):
        assert client.get(odd).status_code == 404
    unknown = f"{choose}/share?service={first}&service={uuid4()}&mode=ranked"
    assert client.get(unknown).status_code == 404
    answers = {"share": ["name"], "step": "check"}
    assert "Choose whether the person has said yes" in text_of(send(client, share, answers))
    today = times.london_date(times.now())
    said = {
        "agreed": "yes",
        "how": "by_phone",
        "given_on-day": str(today.day),
        "given_on-month": str(today.month),
        "given_on-year": str(today.year),
    }
    check = send(client, share, answers | said)
    assert "None of them learns of the others" in text_of(check)
    with owner() as session:
        assert session.scalars(select(Consent.id)).all() == []
    ready = dict(hidden_of(check)) | {"step": "send"}
    stale = client.post(share, data=ready | {"version": "0"})
    assert stale.status_code == 409
    sent = client.post(share, data=ready)
    assert sent.status_code == 302
    assert client.post(share, data=ready).status_code in (302, 409)
    with owner() as session:
        assert len(session.scalars(select(OfferGroupMember.id)).all()) == 2
    page = main_of(client.get(sent.headers["Location"]))
    assert "All at once" in page
    assert "Wilma" not in page
    assert "Several services asked" in text_of(client.get(f"/referrals/{referral_id}/onward-referrals"))


def test_what_follows_from_a_decline_is_shown_changed_with_a_reason_and_lifted_with_one(
    client: FlaskClient, owner: Owner, caseworker: Actor, make_actor: MakeActor, services: list[Given]
) -> None:
    onward_id = offered(caseworker, services[0], at=times.now() - EARLIER)
    referral_id = onward_row(owner, onward_id).referral_id
    sign_in(client, owner, services[0].provider)
    propose = f"/onward-referrals/{onward_id}/propose"
    assert send(client, propose, {"proposed": "", "reason_text": "They need a lawyer"}).status_code == 422
    own = {"proposed": str(services[0].service_id), "reason_text": "They need a lawyer"}
    assert send(client, propose, own).status_code == 422
    other = own | {"proposed": str(services[1].service_id)}
    assert send(client, propose, other).status_code == 302
    assert "Declined by you" in text_of(client.get("/inbox"))
    with owner() as session:
        declined = ProviderNotice.kind == NoticeKind.DECLINED
        notice_id = session.scalars(select(ProviderNotice.id).where(declined)).one()
    mistake = f"/inbox/declined/{notice_id}/by-mistake"
    hidden = dict(hidden_of(client.get("/inbox")))
    assert client.post(mistake, data=hidden).status_code == 302
    assert "You said that it was a mistake" in text_of(client.get("/inbox"))

    sign_in(client, owner, caseworker)
    decide = f"/onward-referrals/{onward_id}/decline-decision"
    page = text_of(client.get(decide))
    assert "The provider says that it declined by mistake" in page
    assert "They propose Rj Hub: Support service" in page
    pause = {"decision": "confirm", "consequence": DeclineConsequence.PAUSE_PAIRING.value, "reason_text": ""}
    assert send(client, decide, pause).status_code == 422
    assert send(client, decide, pause | {"reason_text": "They are full"}).status_code == 302
    choice = text_of(client.get(f"/referrals/{referral_id}/refer-on"))
    assert "Not offered for now" in choice
    last = times.london_date(times.now()) + timedelta(days=60)
    assert f"is not asked again until after {last.day} {last:%B %Y}" in choice
    lift = f"/referrals/{referral_id}/refer-on/{services[0].service_id}/lift"
    assert send(client, lift, {"reason_text": ""}).status_code == 422
    assert send(client, lift, {"reason_text": "They have room again"}).status_code == 302
    assert "Not offered for now" not in text_of(client.get(f"/referrals/{referral_id}/refer-on"))
    assert client.get(lift).status_code == 409
    sign_in(client, owner, services[0].provider)
    assert "Declined by you" not in text_of(client.get("/inbox"))

    sign_in(client, owner, make_actor(Role.ADMIN))
    rules = "/system/lists/decline_consequences"
    assert "Ask the person again before anything is offered" in text_of(client.get(rules))
    entry = f"{rules}/entries/other"
    assert send(client, entry, {"consequence": "not_eligible", "is_at_once": "y"}).status_code == 302
    assert "in a ranked group at once" in text_of(client.get(rules))
    assert "Before: Offer the next service" in text_of(client.get(entry))
    guarded = send(client, f"{rules}/entries/person_said_no", {"consequence": "offer_next"})
    assert guarded.status_code == 422
    with owner() as session:
        kept = select(ListEntry.body).where(
            ListEntry.list_key == "decline_consequences", ListEntry.code == "other"
        )
        assert session.scalars(kept).one() == "not_eligible at_once"


def test_an_accepted_person_is_given_back_and_reasons_stand_by_their_side_and_are_counted(
    client: FlaskClient, owner: Owner, caseworker: Actor, make_actor: MakeActor, services: list[Given]
) -> None:
    onward_id = offered(caseworker, services[0], at=times.now() - EARLIER)
    sign_in(client, owner, services[0].provider)
    back = f"/onward-referrals/{onward_id}/return"
    assert client.get(back).status_code == 409
    assert send(client, f"/onward-referrals/{onward_id}/accept", {}).status_code == 302
    assert send(client, back, {"reason": "person_asked", "reason_text": ""}).status_code == 422
    said = {"reason": "person_asked", "reason_text": "They want to wait", "proposed": ""}
    assert send(client, back, said).status_code == 302
    assert onward_row(owner, onward_id).state is OnwardState.RETURNED
    sign_in(client, owner, caseworker)
    referral_id = onward_row(owner, onward_id).referral_id
    assert "Decide which help comes next" in text_of(client.get(f"/referrals/{referral_id}"))
    assert "Given back to the Gateway" in text_of(client.get(f"/onward-referrals/{onward_id}/overview"))

    again = offered(caseworker, services[0], referral_id=referral_id, at=times.now())
    withdraw = f"/onward-referrals/{again}/withdraw"
    page = text_of(client.get(withdraw))
    for heading in ("The person", "Us", "The provider", "Something outside", "An error"):
        assert f" {heading} " in page
    assert "The provider can't go on" not in page
    assert send(client, withdraw, {"reason": WithdrawReason.TAKEN_OVER_ELSEWHERE.value}).status_code == 302
    today, manager = times.london_date(times.now()), make_actor(Role.MANAGER)
    with transaction(manager) as session:
        figures = service_figures(session, today, today)
    assert [(group.value, number) for group, number in figures.withdrawals] == [("outside", 1)]
    sign_in(client, owner, manager)
    assert "Something outside" in text_of(client.get("/service"))
