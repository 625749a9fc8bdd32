"""Sharing without consent: asked, decided by another, used, come to its last day, ended; and what it never opens."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.integration.onward_referrals.arrange import MORNING, a_provider, a_referral, onward_row
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import hidden_of, send, text_of
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.errors import InvalidInput, NotAllowed, TransitionNotAllowed
from victim_gateway.models import AuditEntry, Task
from victim_gateway.rules.handover import HandoverText
from victim_gateway.services import onward_referrals
from victim_gateway.services.onward_referrals import OfferToProvider
from victim_gateway.services.referrals import consents
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    ConsentHow,
    ConsentPurpose,
    HandoverPart,
    OnwardState,
    OverrideGround,
    Role,
    TaskKind,
)

DAY = timedelta(days=1)
LAST_DAY = MORNING.date() + timedelta(days=3)
WHY = "He has said that he will come back tonight."


def ask(actor: Actor, referral_id: UUID, provider_id: UUID | None, last_day_on: date = LAST_DAY) -> UUID:
    assert provider_id is not None
    return onward_referrals.ask_sharing_override(
        Command(actor, MORNING),
        referral_id,
        provider_id=provider_id,
        ground=OverrideGround.VITAL_INTEREST,
        reason=WHY,
        last_day_on=last_day_on,
    )


def decide(actor: Actor, referral_id: UUID, override_id: UUID, *, agreed: bool = True) -> None:
    onward_referrals.decide_sharing_override(
        Command(actor, MORNING), referral_id, override_id=override_id, agreed=agreed, reason="It can't wait."
    )


def offer(actor: Actor, referral_id: UUID, service_id: UUID, after: timedelta = timedelta()) -> UUID:
    without = OfferToProvider(
        service_id=service_id,
        share=(HandoverPart.NAME,),
        texts=HandoverText(remarks="Ring first."),
        without_consent=True,
    )
    return onward_referrals.offer_onward_referral(Command(actor, MORNING + after), referral_id, without)


def open_kinds(owner: Owner, referral_id: UUID) -> list[TaskKind]:
    with owner() as session:
        return list(
            session.scalars(select(Task.kind).where(Task.referral_id == referral_id, Task.done_at.is_(None)))
        )


def test_another_senior_says_yes_and_it_lasts_to_its_last_day_and_ends_by_hand(
    caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    given = a_provider(owner, make_actor)
    rj = a_provider(owner, make_actor, "rj-hub", is_restorative=True)
    referral_id = a_referral(caseworker)
    provider_id = given.provider.organisation_id
    senior, other = make_actor(Role.SENIOR), make_actor(Role.SENIOR)
    for day in (MORNING.date() - DAY, MORNING.date() + timedelta(days=93)):
        with pytest.raises(InvalidInput, match="last day"):
            ask(senior, referral_id, provider_id, day)
    override_id = ask(senior, referral_id, provider_id)
    assert TaskKind.OVERRIDE_DECISION in open_kinds(owner, referral_id)
    with pytest.raises(TransitionNotAllowed, match="No senior caseworker's yes"):
        offer(caseworker, referral_id, given.service_id)
    with pytest.raises(TransitionNotAllowed, match="asked for this yourself"):
        decide(senior, referral_id, override_id)
    with pytest.raises(NotAllowed):
        decide(caseworker, referral_id, override_id)
    decide(other, referral_id, override_id)
    with pytest.raises(TransitionNotAllowed, match="decided since"):
        decide(other, referral_id, override_id, agreed=False)

    onward_id = offer(caseworker, referral_id, given.service_id)
    row = onward_row(owner, onward_id)
    assert (row.consent_id, row.sharing_override_id) == (None, override_id)
    refusal = consents.ConsentAnswer(
        purpose=ConsentPurpose.SHARE_WITH_PROVIDER,
        agreed=False,
        how=ConsentHow.BY_PHONE,
        given_at=MORNING,
        recipient_organisation_id=provider_id,
    )
    consents.record_consent(Command(caseworker, MORNING), referral_id, refusal)
    assert onward_row(owner, onward_id).state is OnwardState.OFFERED

    rj_id = ask(caseworker, referral_id, rj.provider.organisation_id)
    decide(other, referral_id, rj_id)
    with pytest.raises((InvalidInput, TransitionNotAllowed)):
        offer(caseworker, referral_id, rj.service_id)

    service = Command(Actor.worker("tests"), MORNING + 2 * DAY)
    assert onward_referrals.ask_for_due_overrides(service) == 0
    due = Command(Actor.worker("tests"), MORNING + 3 * DAY)
    assert (onward_referrals.ask_for_due_overrides(due), onward_referrals.ask_for_due_overrides(due)) == (
        2,
        0,
    )
    assert TaskKind.OVERRIDE_REVIEW in open_kinds(owner, referral_id)
    with pytest.raises((InvalidInput, TransitionNotAllowed)):
        offer(caseworker, referral_id, given.service_id, 4 * DAY)
    elsewhere = replace(
        refusal,
        agreed=True,
        recipient_organisation_id=rj.provider.organisation_id,
        given_at=MORNING + 4 * DAY,
    )
    consents.record_consent(Command(caseworker, MORNING + 4 * DAY), referral_id, elsewhere)
    assert onward_row(owner, onward_id).state is OnwardState.OFFERED

    end = Command(other, MORNING + 4 * DAY)
    onward_referrals.end_sharing_override(end, referral_id, override_id=override_id, reason="She is safe.")
    ended = onward_row(owner, onward_id)
    assert ended.state is OnwardState.WITHDRAWN and ended.provider_access_ended_at is not None
    with owner() as session:
        said = session.scalars(
            select(AuditEntry.action).where(AuditEntry.action.like("sharing_override.%"))
        ).all()
    assert sorted(said) == [
        "sharing_override.agreed",
        "sharing_override.agreed",
        "sharing_override.asked",
        "sharing_override.asked",
        "sharing_override.ended",
    ]


def test_the_pages_ask_decide_share_and_tell_the_provider_that_it_is_without_consent(
    client: FlaskClient, caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    at = times.now() - timedelta(hours=2)
    given = a_provider(owner, make_actor)
    referral_id = a_referral(caseworker, at=at)
    page, last = f"/referrals/{referral_id}/consent", times.london_date(times.now())
    sign_in(client, owner, caseworker)
    on = {f"last_day_on-{part}": getattr(last, part) for part in ("day", "month", "year")}
    asked = {"provider": str(given.provider.organisation_id), "ground": "child_at_risk", "reason": WHY, **on}
    assert "Choose the ground" in text_of(send(client, f"{page}/without", {**asked, "ground": ""}))
    assert send(client, f"{page}/without", asked).status_code == 302
    assert "asked for this provider already" in text_of(send(client, f"{page}/without", asked))
    shown = client.get(page)
    assert WHY in text_of(shown) and "/decide" not in shown.get_data(as_text=True)
    decided = _decide_on_page(client, owner, make_actor(Role.SENIOR), page)

    sign_in(client, owner, caseworker)
    assert client.get(decided).status_code == 403
    share = f"/referrals/{referral_id}/refer-on/{given.service_id}"
    assert "Shared without consent." in text_of(client.get(share))
    checked = client.post(
        share, data={**dict(hidden_of(client.get(share))), "step": "check", "share": ["age"]}
    )
    assert "A child is at risk of harm" in text_of(checked)
    sent = client.post(share, data={**dict(hidden_of(checked)), "step": "send"})
    assert sent.status_code == 302
    sign_in(client, owner, given.provider)
    read = text_of(client.get(sent.headers["Location"].removesuffix("/overview")))
    assert "Shared without consent, to keep a person safe" in read and WHY not in read


def _decide_on_page(client: FlaskClient, owner: Owner, senior: Actor, page: str) -> str:
    sign_in(client, owner, senior)
    html = client.get(page).get_data(as_text=True)
    decide_page = html.partition(f'href="{page}/without/')[2].partition('"')[0]
    address = f"{page}/without/{decide_page}"
    assert address.endswith("/decide")
    assert "Choose yes or no" in text_of(send(client, address, {"reason": "It can't wait"}))
    assert send(client, address, {"decision": "yes", "reason": "It can't wait"}).status_code == 302
    assert client.get(address).status_code == 404
    assert "Nothing rests on it now" in text_of(client.get(address.replace("/decide", "/end")))
    return address
