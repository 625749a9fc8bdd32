"""Sharing without consent: asked, decided by another, used, come to its last day, ended; and what it never opens."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from tests.integration.onward_referrals.arrange import MORNING, a_provider, a_referral, onward_row
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import hidden_of, send, text_of
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, NotAllowed, TransitionNotAllowed
from victim_gateway.models import AuditEntry, ProviderService, SharingOverride, Task
from victim_gateway.queries.onward_referrals.detail import onward_referral_view
from victim_gateway.queries.onward_referrals.handover import sharing_basis
from victim_gateway.rules.handover import HandoverText, RecordedConsent
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
    OverrideState,
    Role,
    TaskKind,
)

DAY = timedelta(days=1)
LAST_DAY = MORNING.date() + timedelta(days=3)
WHY = "He has said that he will come back tonight."


WRITTEN_YES = consents.ConsentAnswer(
    purpose=ConsentPurpose.SHARE_WITH_PROVIDER,
    agreed=True,
    how=ConsentHow.BY_PHONE,
    given_at=MORNING,
    scope=(HandoverPart.NAME,),
)


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

    with owner() as session:
        session.get_one(ProviderService, given.service_id).takes_explicit_consent_only = True
    with pytest.raises(TransitionNotAllowed, match="only with their own explicit yes"):
        offer(caseworker, referral_id, given.service_id)
    with owner() as session:
        session.get_one(ProviderService, given.service_id).takes_explicit_consent_only = False
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
    # Beside a yes to less, the caseworker chooses which of the two it goes by.
    limited = replace(WRITTEN_YES, recipient_organisation_id=given.provider.organisation_id, given_at=at)
    consents.record_consent(Command(caseworker, times.now()), referral_id, limited)
    assert "Go by the senior caseworker’s yes" in text_of(client.get(share))
    by_own_yes = {**dict(hidden_of(client.get(share))), "step": "check", "share": ["age"]}
    assert "does not reach this" in text_of(client.post(share, data=by_own_yes))
    instead = client.get(f"{share}?without_consent=yes")
    assert "Go by their own yes instead" in text_of(instead)
    checked = client.post(share, data={**dict(hidden_of(instead)), "step": "check", "share": ["age"]})
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


def said_yes(
    actor: Actor, referral_id: UUID, provider_id: UUID | None, after: timedelta, *scope: HandoverPart
) -> None:
    answer = consents.ConsentAnswer(
        purpose=ConsentPurpose.SHARE_WITH_PROVIDER,
        agreed=True,
        how=ConsentHow.BY_PHONE,
        given_at=MORNING + after,
        recipient_organisation_id=provider_id,
        scope=scope,
    )
    consents.record_consent(Command(actor, MORNING + after), referral_id, answer)


def test_a_new_yes_of_a_senior_prolongs_it_and_the_persons_own_yes_takes_over_without_an_end_of_support(
    caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    given = a_provider(owner, make_actor)
    provider_id, referral_id = given.provider.organisation_id, a_referral(caseworker)
    senior, other = make_actor(Role.SENIOR), make_actor(Role.SENIOR)
    # A yes to less hinders neither the question nor the choice.
    said_yes(caseworker, referral_id, provider_id, timedelta(), HandoverPart.AGE)
    first = ask(caseworker, referral_id, provider_id)
    decide(senior, referral_id, first)
    onward_id = offer(caseworker, referral_id, given.service_id)
    onward_referrals.ask_for_due_overrides(Command(Actor.worker("tests"), MORNING + 3 * DAY))
    assert TaskKind.OVERRIDE_REVIEW in open_kinds(owner, referral_id)

    second = ask(senior, referral_id, provider_id, LAST_DAY + 10 * DAY)
    with pytest.raises(TransitionNotAllowed, match="asked for this provider already"):
        ask(caseworker, referral_id, provider_id)
    with pytest.raises(TransitionNotAllowed, match="asked for this yourself"):
        decide(senior, referral_id, second)
    assert onward_row(owner, onward_id).sharing_override_id == first
    decide(other, referral_id, second)
    row = onward_row(owner, onward_id)
    assert (row.state, row.sharing_override_id) == (OnwardState.OFFERED, second)
    assert TaskKind.OVERRIDE_REVIEW not in open_kinds(owner, referral_id)
    with owner() as session:
        states = dict(session.execute(select(SharingOverride.id, SharingOverride.state)).all())
    assert states == {first: OverrideState.ENDED, second: OverrideState.AGREED}

    # Past its last day the person's newest answer counts: less than was shared does not, all of it does.
    after = 20 * DAY
    with transaction(caseworker) as session:
        stored = session.get_one(type(row), onward_id)
        assert not isinstance(sharing_basis(session, stored, (MORNING + DAY).date()), RecordedConsent)
        assert isinstance(sharing_basis(session, stored, (MORNING + after).date()), RecordedConsent)
    said_yes(caseworker, referral_id, provider_id, after, HandoverPart.AGE)
    assert onward_row(owner, onward_id).sharing_override_id == second
    said_yes(caseworker, referral_id, provider_id, after)
    row = onward_row(owner, onward_id)
    assert row.sharing_override_id is None and row.consent_id is not None
    assert TaskKind.SHARE_AGAIN in open_kinds(owner, referral_id)
    with pytest.raises(TransitionNotAllowed, match="has said yes to this provider"):
        ask(caseworker, referral_id, provider_id)
    with pytest.raises(TransitionNotAllowed, match="said yes to this provider since"):
        offer(caseworker, referral_id, a_provider(owner, make_actor).service_id, after)
    end = Command(other, MORNING + after)
    onward_referrals.end_sharing_override(end, referral_id, override_id=second, reason="She agreed.")
    assert onward_row(owner, onward_id).state is OnwardState.OFFERED
    onward_referrals.share_again(Command(caseworker, MORNING + after), onward_id)
    with transaction(given.provider) as session:
        view = onward_referral_view(
            session, onward_id, reader_organisation_id=provider_id, at=MORNING + after
        )
    assert "agreed" in view.handover and "without_consent" not in view.handover
    # A narrower yes asks a person about what was shared beyond it.
    said_yes(caseworker, referral_id, provider_id, after, HandoverPart.AGE)
    assert TaskKind.SHARING_REFUSED in open_kinds(owner, referral_id)
    said_yes(caseworker, referral_id, provider_id, after)
    assert TaskKind.SHARING_REFUSED not in open_kinds(owner, referral_id)


def test_the_database_lets_none_ask_decide_or_end_in_anothers_name(
    caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    given = a_provider(owner, make_actor)
    referral_id = a_referral(caseworker)
    senior, other = make_actor(Role.SENIOR), make_actor(Role.SENIOR)
    override_id = ask(senior, referral_id, given.provider.organisation_id)
    insert = (
        "INSERT INTO sharing_override (id, referral_id, provider_id, ground, state, sealed, last_day_on, asked_at,"
        " asked_by_id) SELECT gen_random_uuid(), referral_id, provider_id, ground, 'asked', sealed, last_day_on,"
        " asked_at, :other FROM sharing_override"
    )
    decided = "UPDATE sharing_override SET state = 'agreed', decided_at = now(), decided_by_id = :{}"
    ended = "UPDATE sharing_override SET state = 'ended', ended_at = now(), ended_by_id = :{}"
    for actor, statement in (
        (caseworker, insert),
        (caseworker, decided.format("me")),
        (caseworker, decided.format("other")),
        (senior, decided.format("me")),
        (senior, decided.format("other")),
        (make_actor(Role.SENIOR), ended.format("other")),
    ):
        values = {"me": actor.user_id, "other": other.user_id}
        with (
            pytest.raises((ProgrammingError, IntegrityError), match=r"row-level security|check constraint"),
            transaction(actor) as session,
        ):
            session.execute(text(statement), values)
    decide(other, referral_id, override_id)
    with pytest.raises(ProgrammingError, match="row-level security"), transaction(caseworker) as session:
        session.execute(text(ended.format("me")), {"me": caseworker.user_id})
