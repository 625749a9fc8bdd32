"""A provider's live onward referrals go to its successor in one act; what was meant for it alone stays and is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, update

from tests.integration.onward_referrals.arrange import (
    MORNING,
    Given,
    a_provider,
    a_referral,
    events_of,
    offered,
    onward_row,
    referral_row,
)
from tests.integration.onward_referrals.successions import carry_out, look_at, take_over
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import AlreadyDone, NotAllowed, NotFound, TransitionNotAllowed
from victim_gateway.models import (
    AuditEntry,
    Consent,
    DirectoryChange,
    EntitlementClock,
    OnwardReferral,
    Provider,
    ProviderNotice,
    ProviderService,
    RecordedKindStep,
    Referral,
    ServicePause,
    Task,
)
from victim_gateway.offer_vocabulary import PairingStop
from victim_gateway.provider_vocabulary import ServiceKind, StayReason, SuccessionState
from victim_gateway.queries.compliance.service_figures import service_figures
from victim_gateway.queries.onward_referrals.detail import onward_referral_view
from victim_gateway.queries.onward_referrals.own_figures import own_figures
from victim_gateway.queries.providers.directory_pages import left_by_succession
from victim_gateway.rules.handover import HandoverText
from victim_gateway.rules.provider_figures import OfferFate
from victim_gateway.service_record_vocabulary import KindStep
from victim_gateway.services import onward_referrals
from victim_gateway.services.onward_referrals import SharingConsent, succession, succession_steps
from victim_gateway.services.onward_referrals.succession import SuccessionPlan
from victim_gateway.services.providers import directory
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    ConsentHow,
    ConsentPurpose,
    DeclineReason,
    HandoverPart,
    NoticeKind,
    OnwardState,
    ReferralState,
    Risk,
    Role,
    TaskKind,
)

LATER = MORNING + timedelta(hours=3)


def test_live_onward_referrals_go_to_the_successor_in_one_act_and_the_rest_is_asked(
    app: Flask, owner: Owner, make_actor: MakeActor, caseworker: Actor, senior: Actor
) -> None:
    old, new = a_provider(owner, make_actor, "new-era"), a_provider(owner, make_actor, "harbour")
    waiting, helped, closed, restricted, written, named = _arranged(owner, caseworker, senior, old)
    plan = SuccessionPlan(_id(old), _id(new), {old.service_id: new.service_id})
    command = Command(senior, LATER)

    with pytest.raises(NotAllowed):
        succession.open_succession(Command(caseworker, LATER), plan)
    seen = look_at(command, plan)
    assert (seen.moving, seen.stays) == (
        2,
        {
            StayReason.RESTRICTED: 1,
            StayReason.WRITTEN_FOR_PROVIDER: 1,
            StayReason.NAMED_IN_HANDOVER: 1,
        },
    )
    assert {each.onward_referral_id for each in seen.staying} == {written, named}
    # Looking moves nothing, and the old provider goes on.
    onward_referrals.acknowledge_offer(Command(old.provider, LATER), waiting)
    done = carry_out(command, seen.id)
    assert (done.state, done.moved, done.stays) == (SuccessionState.DONE, seen.moving, seen.stays)

    with owner() as session:
        moved = session.scalars(
            select(OnwardReferral).where(OnwardReferral.provider_id == _id(new)).order_by(OnwardReferral.id)
        ).all()
        consents = session.scalars(select(Consent).where(Consent.recipient_organisation_id == _id(new))).all()
        provider = session.get_one(Provider, _id(old))
        tasks = session.execute(select(Task.onward_referral_id, Task.details, Task.kind)).all()
        notices = session.execute(select(ProviderNotice.provider_id, ProviderNotice.kind)).all()
        audit = session.scalars(
            select(AuditEntry.action).where(AuditEntry.action == "provider.succeeded")
        ).all()
        history = session.scalars(select(DirectoryChange.after)).all()
    assert {each.state for each in moved} == {OnwardState.OFFERED}
    assert all(each.answer_due_on is not None for each in moved)
    assert {each.carried_from_id for each in consents} == {
        onward_row(owner, each).consent_id for each in (waiting, helped)
    }
    assert (provider.successor_id, str(provider.retired_on)) == (_id(new), "2026-07-14")
    asked = {row.onward_referral_id: row.details for row in tasks if row.kind is TaskKind.SERVICE_ENDED}
    assert asked == {
        waiting: {"succession": "moved"},
        helped: {"succession": "moved"},
        restricted: {"succession": "restricted"},
        written: {"succession": "written_for_provider"},
        named: {"succession": "named_in_handover"},
    }
    assert notices.count((_id(new), NoticeKind.NEW_OFFER)) == 2
    assert notices.count((_id(old), NoticeKind.WITHDRAWN)) == 5
    assert len(audit) == 1 and history[-1]["successor"] == "Harbour"

    # The old provider sees nothing more, the successor exactly what was shared, without whose it was.
    for onward_id in (waiting, helped, restricted, written, named):
        row = onward_row(owner, onward_id)
        # Closed to it from the moment at which this is committed.
        assert row.provider_id == _id(old) and row.provider_access_ended_at is not None
    for onward_id in (waiting, helped):
        row = onward_row(owner, onward_id)
        assert row.state is OnwardState.WITHDRAWN
        assert succession_steps.MOVED in {each.event for each in events_of(owner, onward_id)}
    for onward_id in (restricted, written, named):
        # Nobody can answer it any more: it is taken back, and stays to be decided.
        assert onward_row(owner, onward_id).state is OnwardState.WITHDRAWN
        assert succession_steps.LEFT in {each.event for each in events_of(owner, onward_id)}
    shown = _view(new.provider, moved[0].id)
    assert shown.handover["wants"] == "To sleep again."
    assert "New Era" not in repr(shown)
    # Old records keep the old provider.
    assert (onward_row(owner, closed).provider_id, onward_row(owner, closed).state) == (
        _id(old),
        OnwardState.DECLINED,
    )
    onward_referrals.accept_onward_referral(Command(new.provider, LATER), moved[0].id)

    with pytest.raises(TransitionNotAllowed, match="Harbour took over its work already"):
        succession.agree_succession(command, seen.id)
    with pytest.raises(TransitionNotAllowed):
        succession.open_succession(command, replace(plan, services={}))


def test_what_the_person_or_the_service_asks_for_is_not_carried_over(
    app: Flask, owner: Owner, make_actor: MakeActor, caseworker: Actor, senior: Actor
) -> None:
    old = a_provider(owner, make_actor, "new-era")
    second = a_provider(owner, make_actor, "new-era")
    new = a_provider(owner, make_actor, "harbour", max_age=17)
    adult, unmapped = offered(caseworker, old), offered(caseworker, second)
    refused = a_referral(caseworker)
    offered(caseworker, old, referral_id=refused)
    with owner() as session:
        given = session.scalars(select(Consent).where(Consent.referral_id == refused)).one()
        session.add(
            Consent(
                person_id=given.person_id,
                referral_id=refused,
                purpose=given.purpose,
                recipient_organisation_id=_id(new),
                agreed=False,
                how=ConsentHow.BY_PHONE,
                given_at=MORNING,
                recorded_at=MORNING,
            )
        )
    plan = SuccessionPlan(_id(old), _id(new), {old.service_id: new.service_id})

    seen = look_at(Command(senior, LATER), plan)

    assert (seen.moving, seen.stays) == (
        0,
        {StayReason.SAID_NO: 1, StayReason.NO_SERVICE: 1, StayReason.DOES_NOT_FIT: 1},
    )
    assert {
        each.onward_referral_id: each.reason
        for each in seen.staying
        if each.onward_referral_id in (adult, unmapped)
    } == {
        adult: StayReason.DOES_NOT_FIT,
        unmapped: StayReason.NO_SERVICE,
    }
    # A service of a third provider is no place to go, and a retired provider no successor.
    third = a_provider(owner, make_actor, "brake")
    with pytest.raises(NotFound):
        succession.open_succession(
            Command(senior, LATER), replace(plan, services={old.service_id: third.service_id})
        )
    with owner() as session:
        assert session.get_one(ProviderService, old.service_id).retired_on is None


def test_what_is_known_by_now_decides_what_moves_and_with_what(
    app: Flask, owner: Owner, make_actor: MakeActor, caseworker: Actor, senior: Actor
) -> None:
    old, new = a_provider(owner, make_actor, "new-era"), a_provider(owner, make_actor, "harbour")
    also_old = a_provider(owner, make_actor, "new-era")
    narrowed, limited, paused, grown, worse = (offered(caseworker, old) for _ in range(5))
    twice = onward_row(owner, worse).referral_id
    second = offered(caseworker, also_old, referral_id=twice)
    _agree(owner, narrowed, _id(old), scope=[HandoverPart.NEEDS.value])
    _agree(owner, limited, _id(new), scope=[HandoverPart.NEEDS.value])
    paused_person = onward_row(owner, paused).person_id
    grown_referral = onward_row(owner, grown).referral_id
    with owner() as session:
        session.add(
            ServicePause(
                person_id=paused_person,
                service_id=new.service_id,
                onward_referral_id=paused,
                kind=PairingStop.NOT_ELIGIBLE,
                created_at=MORNING,
                created_by_id=caseworker.user_id,
            )
        )
        session.add(
            Task(
                referral_id=grown_referral,
                kind=TaskKind.CAME_OF_AGE,
                dedupe_key="came-of-age",
                due_on=MORNING.date(),
                created_at=MORNING,
            )
        )
        session.execute(update(Referral).where(Referral.id == twice).values(risk=Risk.HIGH))
    plan = SuccessionPlan(
        _id(old), _id(new), {old.service_id: new.service_id, also_old.service_id: new.service_id}
    )
    command = Command(senior, LATER)
    csv = directory.export_entries(actor=senior)

    seen = look_at(command, plan)
    assert {each.onward_referral_id: each.reason for each in seen.staying} == {
        narrowed: StayReason.LIMITED_YES,
        limited: StayReason.LIMITED_YES,
        paused: StayReason.SERVICE_PAUSED,
        grown: StayReason.CAME_OF_AGE,
        second: StayReason.THERE_ALREADY,
    }
    # The other service of the same referral stays, and its person is at high risk: it is shown first.
    assert (seen.high_risk_staying, seen.staying[0].onward_referral_id) == (1, second)
    carry_out(command, seen.id)
    with owner() as session:
        moved = session.scalars(select(OnwardReferral).where(OnwardReferral.provider_id == _id(new))).one()
        assert moved.shared_risk is Risk.HIGH
    # An offer that was being made beside the act is closed by the minute's pass.
    late = offered(caseworker, a_provider(owner, make_actor, "brake"))
    with owner() as session:
        session.execute(update(OnwardReferral).where(OnwardReferral.id == late).values(provider_id=_id(old)))
    assert _view(new.provider, moved.id).handover["risk"] == "high"
    worker = Command(Actor.worker("tests"), LATER)
    assert succession.close_late_offers(worker) == 1
    assert succession.close_late_offers(worker) == 0
    assert onward_row(owner, late).provider_access_ended_at is not None
    # A file from before the act does not offer people to the old provider again.
    directory.import_directory(worker, [each for each in csv if each.provider_key == "new-era"])
    with owner() as session:
        assert session.get_one(Provider, _id(old)).retired_on is not None


def _agree(owner: Owner, onward_id: UUID, provider_id: UUID, *, scope: list[str]) -> None:
    """A newer answer of the person for this provider."""
    row = onward_row(owner, onward_id)
    before = (Consent.person_id == row.person_id) & (Consent.recipient_organisation_id == provider_id)
    with owner() as session:
        session.execute(update(Consent).where(before).values(withdrawn_at=LATER - timedelta(hours=1)))
        session.add(
            Consent(
                person_id=row.person_id,
                referral_id=row.referral_id,
                purpose=ConsentPurpose.SHARE_WITH_PROVIDER,
                recipient_organisation_id=provider_id,
                agreed=True,
                how=ConsentHow.BY_PHONE,
                scope=scope,
                given_at=LATER - timedelta(hours=1),
                recorded_at=LATER - timedelta(hours=1),
            )
        )


def _arranged(owner: Owner, caseworker: Actor, senior: Actor, old: Given) -> tuple[UUID, ...]:
    """Two that move, a declined one, and one each that is restricted, agreed on paper, and names the provider."""
    waiting, helped, closed = (offered(caseworker, old) for _ in range(3))
    onward_referrals.accept_onward_referral(Command(old.provider, MORNING), helped)
    onward_referrals.record_provider_first_contact(
        Command(old.provider, LATER), helped, contacted_at=MORNING + timedelta(hours=2), text=""
    )
    onward_referrals.decline_onward_referral(
        Command(old.provider, MORNING), closed, reason=DeclineReason.NO_CAPACITY, text="Full until May."
    )
    hidden = a_referral(caseworker, restricted_to=caseworker.user_id)
    restricted = offered(caseworker, old, referral_id=hidden)
    paper = SharingConsent(agreed=True, how=ConsentHow.WRITTEN, given_at=MORNING)
    written = onward_referrals.offer_onward_referral(
        Command(caseworker, MORNING),
        a_referral(caseworker),
        onward_referrals.OfferToProvider(
            service_id=old.service_id, share=(), texts=HandoverText(), consent=paper
        ),
    )
    named = offered(
        caseworker, old, texts=HandoverText(what_happened="Burgled.", wants="Only new  ERA, as her friend.")
    )
    return waiting, helped, closed, restricted, written, named


def _id(given: Given) -> UUID:
    assert given.provider.organisation_id is not None
    return given.provider.organisation_id


def _view(provider: Actor, onward_id: UUID) -> Any:
    with transaction(provider) as session:
        return onward_referral_view(
            session, onward_id, reader_organisation_id=provider.organisation_id, at=LATER
        )


def test_the_same_sending_is_done_once(
    app: Flask, owner: Owner, make_actor: MakeActor, senior: Actor
) -> None:
    old, new = a_provider(owner, make_actor, "new-era"), a_provider(owner, make_actor, "harbour")
    plan = SuccessionPlan(_id(old), _id(new), {})
    seen = look_at(Command(senior, LATER), plan)
    command = Command(senior, LATER, submission_id=old.service_id)

    succession.agree_succession(command, seen.id)
    with pytest.raises(AlreadyDone):
        succession.agree_succession(command, seen.id)


def test_what_is_left_owes_no_answer_and_no_first_contact_and_the_figures_agree(
    app: Flask, owner: Owner, make_actor: MakeActor, caseworker: Actor, senior: Actor
) -> None:
    old, new = a_provider(owner, make_actor, "new-era"), a_provider(owner, make_actor, "harbour")
    unanswered, accepted, supported = (offered(caseworker, old) for _ in range(3))
    for onward_id in (accepted, supported):
        onward_referrals.accept_onward_referral(Command(old.provider, MORNING), onward_id)
    onward_referrals.record_provider_first_contact(
        Command(old.provider, LATER), supported, contacted_at=LATER, text=""
    )
    # No service was chosen: all of it stays.
    plan = SuccessionPlan(_id(old), _id(new), {})
    take_over(Command(senior, LATER), plan)

    weeks_later = Command(Actor.worker("tests"), LATER + timedelta(days=60))
    assert onward_referrals.list_offers_to_expire(weeks_later) == []
    with owner() as session:
        clocks = session.execute(
            select(EntitlementClock.entitlement_id, EntitlementClock.status).where(
                EntitlementClock.provider_id == _id(old),
                EntitlementClock.status.in_(("running", "overdue")),
            )
        ).all()
        kinds = session.scalars(select(Task.kind).where(Task.done_at.is_(None))).all()
    assert clocks == []
    assert set(kinds) == {TaskKind.SERVICE_ENDED}
    assert [onward_row(owner, each).state for each in (unanswered, accepted, supported)] == [
        OnwardState.WITHDRAWN,
        OnwardState.ACCEPTED,
        OnwardState.IN_SERVICE,
    ]
    # The one that was never helped is back with us, to be referred on or closed.
    assert referral_row(owner, unanswered).state is ReferralState.TRIAGED
    assert referral_row(owner, supported).state is ReferralState.SUPPORTED
    with pytest.raises(TransitionNotAllowed):
        onward_referrals.share_again(Command(caseworker, LATER), supported)

    with transaction(old.provider) as session:
        own = own_figures(session).total
    with transaction(make_actor(Role.MANAGER)) as session:
        whole = service_figures(session, MORNING.date(), MORNING.date()).providers
    with transaction(senior) as session:
        left = left_by_succession(session, _id(old))
    assert (own.counts.offered, own.counts.waiting, own.counts.supported, own.counts.left) == (3, 0, 0, 2)
    assert own.counts.by_fate[OfferFate.WITHDRAWN] == 1
    assert own.waiting_since is None
    figures = next(each for each in whole if each.name == "New Era")
    assert (
        figures.offered
        == 3
        == sum((figures.accepted, figures.declined, figures.expired, figures.withdrawn, figures.waiting))
    )
    assert (figures.accepted, figures.withdrawn) == (2, 1)
    assert {onward_id for _, onward_id in left} == {unanswered, accepted, supported}


def test_answers_of_one_kind_go_to_no_other_kind_and_that_the_person_asked_goes_along(
    owner: Owner, caseworker: Actor, senior: Actor, make_actor: MakeActor
) -> None:
    answers = {"adviser_gender": "woman", "asked_for_service": "yes", "asked_on": "2026-07-10"}
    for kind, kept in (
        (ServiceKind.ISVA, {"kind": "isva", "answers": answers}),
        (ServiceKind.GENERAL, None),
        (ServiceKind.SEXUAL_ASSAULT_REFERRAL_CENTRE, None),
    ):
        old = a_provider(owner, make_actor, f"old-{kind.value}", kind=ServiceKind.ISVA)
        new = a_provider(owner, make_actor, f"new-{kind.value}", kind=kind)
        offered(caseworker, old, share=(HandoverPart.NAME,), answers=answers)
        plan = SuccessionPlan(_id(old), _id(new), {old.service_id: new.service_id})
        command = Command(senior, MORNING)
        seen = take_over(command, plan)
        with transaction(new.provider) as session:
            moved = session.scalars(select(OnwardReferral.id)).all()
            asked = session.scalars(select(RecordedKindStep.step)).all()
        if kind is ServiceKind.SEXUAL_ASSAULT_REFERRAL_CENTRE:
            assert (moved, dict(seen.stays)) == ([], {StayReason.ANSWERS_NEEDED: 1})
            continue
        assert _view(new.provider, moved[0]).handover.get("kind") == kept
        assert asked == ([KindStep.ASKED_FOR_SERVICE] if kept else [])
