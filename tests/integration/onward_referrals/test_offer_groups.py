"""Several services for one person: in an order or at once, each checked anew, one acceptance closing the rest."""

from __future__ import annotations

import threading
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, update

from tests.integration.onward_referrals.arrange import (
    EVERYTHING,
    MORNING,
    YES,
    Given,
    a_provider,
    a_referral,
    events_of,
    offered,
    onward_row,
)
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import (
    GatewayError,
    InvalidInput,
    NotFound,
    OnwardReferralEnded,
    TransitionNotAllowed,
)
from victim_gateway.models import (
    Consent,
    OfferGroup,
    OnwardReferral,
    ProviderNotice,
    ServicePause,
    Task,
)
from victim_gateway.offer_vocabulary import (
    DeclineConsequence,
    OfferGroupEnd,
    OfferGroupMode,
    OfferHindrance,
    ReturnReason,
)
from victim_gateway.queries.onward_referrals.eligibility import gather_eligibility_facts, rank_services
from victim_gateway.queries.onward_referrals.offer_groups import OfferGroupView, offer_group_view
from victim_gateway.queries.onward_referrals.outdated_handover import handover_amendments
from victim_gateway.queries.onward_referrals.provider_notices import undecided_declines
from victim_gateway.rules.handover import HandoverText
from victim_gateway.services import onward_referrals
from victim_gateway.services.onward_referrals import Amendment, OfferToSeveral, ReturnAnswers
from victim_gateway.services.referrals import corrections, entered_in_error
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import DeclineReason, NoticeKind, OnwardState, Role, TaskKind, WithdrawReason

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TEXTS = HandoverText(what_happened="Her house was broken into.", wants="To sleep again.")


@pytest.fixture
def services(owner: Owner, make_actor: MakeActor) -> list[Given]:
    return [a_provider(owner, make_actor, key) for key in ("new-era", "rj-hub", "small-charity")]


def asked(
    caseworker: Actor, referral_id: UUID, services: list[Given], mode: OfferGroupMode = OfferGroupMode.RANKED
) -> UUID:
    return onward_referrals.offer_to_several(
        Command(caseworker, MORNING),
        referral_id,
        OfferToSeveral(
            service_ids=[given.service_id for given in services],
            mode=mode,
            share=EVERYTHING,
            texts=TEXTS,
            consent=YES,
        ),
    )


def group_of(caseworker: Actor, group_id: UUID) -> OfferGroupView:
    with transaction(caseworker) as session:
        return offer_group_view(session, group_id)


def states(found: OfferGroupView) -> list[OnwardState | None]:
    return [line.state for line in found.lines]


def open_kinds(owner: Owner) -> list[TaskKind]:
    with owner() as session:
        return sorted(session.scalars(select(Task.kind).where(Task.done_at.is_(None))))


def decline(given: Given, onward_id: UUID | None, reason: DeclineReason, hours: int) -> None:
    assert onward_id is not None
    onward_referrals.decline_onward_referral(
        Command(given.provider, MORNING + hours * HOUR), onward_id, reason=reason, text="We can't"
    )


def test_a_ranked_group_goes_on_after_a_no_that_was_agreed_to_and_after_an_offer_ran_out(
    owner: Owner, caseworker: Actor, services: list[Given], worker_actor: Actor
) -> None:
    referral_id = a_referral(caseworker)
    group_id = asked(caseworker, referral_id, services)
    found = group_of(caseworker, group_id)
    assert states(found) == [OnwardState.OFFERED, None, None]
    # What is not asked yet is a row that no provider's role can read at all.
    with transaction(services[1].provider) as session:
        assert session.scalars(select(OnwardReferral.id)).all() == []

    first = found.lines[0].onward_referral_id
    assert first is not None
    decline(services[0], first, DeclineReason.NOT_ELIGIBLE, 1)
    assert states(group_of(caseworker, group_id)) == [OnwardState.DECLINED, None, None]
    onward_referrals.confirm_decline(Command(caseworker, MORNING + 2 * HOUR), first)
    found = group_of(caseworker, group_id)
    assert states(found) == [OnwardState.DECLINED, OnwardState.OFFERED, None]
    second = found.lines[1].onward_referral_id
    assert second is not None
    assert {event.actor_name for event in events_of(owner, second)} == {"Victim Gateway"}
    assert onward_row(owner, second).offered_by_id == caseworker.user_id
    with pytest.raises(TransitionNotAllowed):
        onward_referrals.overturn_decline(Command(caseworker, MORNING + 3 * HOUR), first, text="Again")
    # It said that the person is not for it: it stands so where a service is chosen, until that is lifted.
    with transaction(caseworker) as session:
        facts = gather_eligibility_facts(session, referral_id, MORNING.date())
        fits = {fit.service.id: fit for fit in rank_services(session, referral_id, facts, MORNING.date())}
    assert fits[services[0].service_id].pause is not None
    with pytest.raises(InvalidInput, match="not for this person"):
        offered(caseworker, services[0], referral_id=referral_id)
    with pytest.raises(InvalidInput):
        onward_referrals.lift_service_pause(
            Command(caseworker, MORNING + 3 * HOUR), referral_id, services[0].service_id, text=" "
        )
    onward_referrals.lift_service_pause(
        Command(caseworker, MORNING + 3 * HOUR), referral_id, services[0].service_id, text="A new service"
    )
    with pytest.raises(TransitionNotAllowed):
        onward_referrals.lift_service_pause(
            Command(caseworker, MORNING + 3 * HOUR), referral_id, services[0].service_id, text="Twice"
        )

    late = MORNING + 30 * DAY
    assert onward_referrals.expire_unanswered_offers(Command(worker_actor, late)) == 1
    found = group_of(caseworker, group_id)
    assert states(found) == [OnwardState.DECLINED, OnwardState.EXPIRED, OnwardState.OFFERED]
    with owner() as session:
        notices = session.scalars(
            select(ProviderNotice.kind).where(ProviderNotice.onward_referral_id == second)
        )
        assert set(notices) == {NoticeKind.NEW_OFFER, NoticeKind.EXPIRED}
        assert session.get_one(OfferGroup, group_id).sealed is None
    assert TaskKind.OFFER_EXPIRED in open_kinds(owner)
    third = found.lines[2].onward_referral_id
    assert third is not None
    onward_referrals.accept_onward_referral(Command(services[2].provider, late + HOUR), third)
    assert group_of(caseworker, group_id).end_reason is OfferGroupEnd.ACCEPTED
    assert onward_referrals.ask_next_services(Command(worker_actor, late + DAY)) == 0


def test_a_stale_yes_asks_nobody_and_a_person_decides_who_comes_next(
    owner: Owner, caseworker: Actor, services: list[Given], worker_actor: Actor
) -> None:
    referral_id = a_referral(caseworker)
    group_id = asked(caseworker, referral_id, services[:2])
    first = group_of(caseworker, group_id).lines[0].onward_referral_id
    assert first is not None
    with owner() as session:
        theirs = Consent.recipient_organisation_id == services[1].provider.organisation_id
        session.execute(update(Consent).where(theirs).values(withdrawn_at=MORNING + HOUR))
    # By the area's list the next one is asked at once where there is no room.
    decline(services[0], first, DeclineReason.NO_CAPACITY, 2)
    found = group_of(caseworker, group_id)
    assert states(found) == [OnwardState.DECLINED, None]
    assert found.lines[1].hindrance is OfferHindrance.NO_CONSENT
    assert TaskKind.ONWARD_DECISION in open_kinds(owner)
    assert onward_referrals.ask_next_services(Command(worker_actor, MORNING + 3 * HOUR)) == 0
    with owner() as session:
        session.execute(update(Consent).where(theirs).values(withdrawn_at=None))
    assert onward_referrals.ask_next_now(Command(caseworker, MORNING + 4 * HOUR), group_id) is not None
    found = group_of(caseworker, group_id)
    assert states(found) == [OnwardState.DECLINED, OnwardState.OFFERED]
    assert TaskKind.ONWARD_DECISION not in open_kinds(owner)
    # A no of the person's own stops everything, and confirming it with something else needs a reason.
    second = found.lines[1].onward_referral_id
    assert second is not None
    decline(services[1], second, DeclineReason.PERSON_SAID_NO, 5)
    with pytest.raises(InvalidInput):
        onward_referrals.confirm_decline(
            Command(caseworker, MORNING + 6 * HOUR), second, consequence=DeclineConsequence.PAUSE_PAIRING
        )
    onward_referrals.confirm_decline(Command(caseworker, MORNING + 6 * HOUR), second)
    assert TaskKind.ONWARD_DECISION in open_kinds(owner)
    assert group_of(caseworker, group_id).end_reason is OfferGroupEnd.EXHAUSTED
    with pytest.raises(TransitionNotAllowed):
        onward_referrals.stop_offer_group(Command(caseworker, MORNING + 7 * HOUR), group_id)
    onward_referrals.confirm_decline(Command(caseworker, MORNING + 6 * HOUR), first)
    with owner() as session:
        pause = session.scalars(select(ServicePause)).one()
    assert (pause.service_id, pause.last_day_on) == (services[0].service_id, (MORNING + 60 * DAY).date())


def test_where_the_person_is_to_be_asked_first_nothing_that_happens_meanwhile_asks_the_next(
    caseworker: Actor, services: list[Given], worker_actor: Actor
) -> None:
    group_id = asked(caseworker, a_referral(caseworker), services)
    first = group_of(caseworker, group_id).lines[0].onward_referral_id
    assert first is not None
    # At once, before the caseworker decides that the person has to be asked.
    decline(services[0], first, DeclineReason.NO_CAPACITY, 1)
    assert states(group_of(caseworker, group_id))[1] is OnwardState.OFFERED
    onward_referrals.confirm_decline(
        Command(caseworker, MORNING + 2 * HOUR),
        first,
        text="She was not sure",
        consequence=DeclineConsequence.ASK_PERSON,
    )
    with pytest.raises(TransitionNotAllowed, match="has to answer first"):
        onward_referrals.ask_next_now(Command(caseworker, MORNING + 3 * HOUR), group_id)
    late = MORNING + 30 * DAY
    assert onward_referrals.expire_unanswered_offers(Command(worker_actor, late)) == 1
    found = group_of(caseworker, group_id)
    assert states(found) == [OnwardState.DECLINED, OnwardState.EXPIRED, None]
    assert found.lines[2].hindrance is OfferHindrance.ASK_PERSON


def test_taking_back_for_the_persons_sake_asks_nobody_next_and_stopping_keeps_what_is_asked(
    owner: Owner, caseworker: Actor, make_actor: MakeActor, worker_actor: Actor, services: list[Given]
) -> None:
    group_id = asked(caseworker, a_referral(caseworker), services)
    first = group_of(caseworker, group_id).lines[0].onward_referral_id
    assert first is not None
    onward_referrals.withdraw_onward_referral(
        Command(caseworker, MORNING + HOUR), first, reason=WithdrawReason.NO_LONGER_SAFE
    )
    found = group_of(caseworker, group_id)
    assert states(found) == [OnwardState.WITHDRAWN, None, None]
    assert found.lines[1].hindrance is OfferHindrance.ASK_PERSON
    onward_referrals.ask_next_now(Command(caseworker, MORNING + 2 * HOUR), group_id)
    second = group_of(caseworker, group_id).lines[1].onward_referral_id
    assert second is not None
    onward_referrals.stop_offer_group(Command(caseworker, MORNING + 3 * HOUR), group_id)
    found = group_of(caseworker, group_id)
    assert (states(found)[1:], found.end_reason) == ([OnwardState.OFFERED, None], OfferGroupEnd.STOPPED)
    decline(services[1], second, DeclineReason.NO_CAPACITY, 4)
    assert states(group_of(caseworker, group_id))[2] is None
    # Of a restricted referral a group is seen by the named few alone; a provider sees none.
    senior = make_actor(Role.SENIOR)
    hidden = asked(senior, a_referral(senior, restricted_to=senior.user_id), services[:2])
    with pytest.raises(NotFound):
        group_of(caseworker, hidden)
    with pytest.raises(NotFound):
        onward_referrals.stop_offer_group(Command(caseworker, MORNING + 5 * HOUR), hidden)
    # A referral that is over asks nobody, and keeps nothing of what would have been handed over.
    referral_id = group_of(senior, hidden).referral_id
    entered_in_error.enter_in_error(Command(senior, MORNING + 5 * HOUR), referral_id, text="Another person")
    assert onward_referrals.ask_next_services(Command(worker_actor, MORNING + 6 * HOUR)) == 0
    assert group_of(senior, hidden).end_reason is OfferGroupEnd.STOPPED
    with owner() as session:
        assert session.get_one(OfferGroup, hidden).sealed is None


def test_of_two_that_accept_in_the_same_second_one_wins_and_the_other_is_told_plainly(
    committed_app: Flask, committed_owner: Owner, committed_make_actor: MakeActor
) -> None:
    services = [a_provider(committed_owner, committed_make_actor, key) for key in ("new-era", "rj-hub")]
    caseworker = committed_make_actor(Role.CASEWORKER)
    group_id = asked(caseworker, a_referral(caseworker), services, OfferGroupMode.SIMULTANEOUS)
    ids = [line.onward_referral_id for line in group_of(caseworker, group_id).lines]
    start, refusals = threading.Barrier(2), []

    def accept(given: Given, onward_id: UUID | None) -> None:
        assert onward_id is not None
        with committed_app.app_context():
            start.wait(10)
            try:
                onward_referrals.accept_onward_referral(Command(given.provider, MORNING + HOUR), onward_id)
            except GatewayError as error:
                refusals.append(error)

    threads = [threading.Thread(target=accept, args=pair) for pair in zip(services, ids, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    found = group_of(caseworker, group_id)
    assert sorted(str(state) for state in states(found)) == ["accepted", "withdrawn"]
    assert len(refusals) == 1
    assert isinstance(refusals[0], OnwardReferralEnded | TransitionNotAllowed)
    lost = next(line.onward_referral_id for line in found.lines if line.state is OnwardState.WITHDRAWN)
    assert lost is not None
    taken = next(e for e in events_of(committed_owner, lost) if e.event == "onward_referral.withdrawn")
    # Who accepted is nowhere in what the other provider's record says.
    assert (taken.actor_name, taken.organisation_id) == ("Victim Gateway", None)
    assert taken.reason_code == "another_service_chosen"
    loser = services[ids.index(lost)].provider
    with transaction(loser) as session:
        kinds = session.scalars(
            select(ProviderNotice.kind).where(ProviderNotice.onward_referral_id == lost)
        ).all()
    # Of its offer it may read that it ended, and nothing else.
    assert kinds == [NoticeKind.WITHDRAWN]
    with pytest.raises(OnwardReferralEnded):
        onward_referrals.accept_onward_referral(Command(loser, MORNING + 2 * HOUR), lost)


def test_a_decline_by_mistake_is_reinstated_and_a_return_proposes_another_service(
    owner: Owner, caseworker: Actor, services: list[Given]
) -> None:
    new_era, rj_hub = services[0], services[1]
    onward_id = offered(caseworker, new_era)
    decline(new_era, onward_id, DeclineReason.OTHER, 1)
    with transaction(new_era.provider) as session:
        (notice,) = undecided_declines(session, MORNING.date())
    for other in (rj_hub.provider, new_era.provider):
        with transaction(other) as session:
            count = len(undecided_declines(session, (MORNING + 10 * DAY).date()))
        assert count == 0
    with pytest.raises(NotFound):
        onward_referrals.report_mistaken_decline(
            Command(rj_hub.provider, MORNING + 2 * HOUR), notice.notice_id
        )
    with pytest.raises(TransitionNotAllowed):
        onward_referrals.report_mistaken_decline(
            Command(new_era.provider, MORNING + 10 * DAY), notice.notice_id
        )
    onward_referrals.report_mistaken_decline(Command(new_era.provider, MORNING + 2 * HOUR), notice.notice_id)
    # What they say gives them no sight back.
    row = onward_row(owner, onward_id)
    assert (row.state, row.decline_mistake_at) == (OnwardState.DECLINED, MORNING + 2 * HOUR)
    assert row.provider_access_ended_at is not None
    onward_referrals.overturn_decline(Command(caseworker, MORNING + 3 * HOUR), onward_id, text="They rang")
    with pytest.raises(NotFound):
        onward_referrals.report_mistaken_decline(
            Command(new_era.provider, MORNING + 4 * HOUR), notice.notice_id
        )
    onward_referrals.accept_onward_referral(Command(new_era.provider, MORNING + 4 * HOUR), onward_id)
    answers = ReturnAnswers(ReturnReason.NEEDS_OTHER_HELP, "Counselling would help more", new_era.service_id)
    command = Command(new_era.provider, MORNING + 5 * HOUR)
    with pytest.raises(InvalidInput):
        onward_referrals.return_onward_referral(command, onward_id, answers)
    onward_referrals.return_onward_referral(
        command, onward_id, ReturnAnswers(answers.reason, answers.text, rj_hub.service_id)
    )
    row = onward_row(owner, onward_id)
    assert (row.state, row.proposed_service_id) == (OnwardState.RETURNED, rj_hub.service_id)
    assert row.provider_access_ended_at is not None
    assert open_kinds(owner) == [TaskKind.ONWARD_DECISION]
    with transaction(rj_hub.provider) as session:
        assert session.scalars(select(OnwardReferral.id)).all() == []
    # To refer on answers the question which help comes next.
    offered(caseworker, rj_hub, referral_id=row.referral_id, at=MORNING + 6 * HOUR)
    assert open_kinds(owner) == []


def test_an_amendment_says_old_and_new_to_both_sides_and_is_read_by_a_button(
    owner: Owner, caseworker: Actor, services: list[Given], worker_actor: Actor
) -> None:
    given = services[0]
    onward_id = offered(caseworker, given)
    changes = {"family_name": "Ashton", "language": "Polish"}
    corrections.correct_details(
        Command(caseworker, MORNING + HOUR), onward_row(owner, onward_id).referral_id, changes
    )
    shared = onward_referrals.share_again(
        Command(caseworker, MORNING + 2 * HOUR), onward_id, Amendment("A new surname", frozenset({"name"}))
    )
    assert shared == ("name",)
    # What was left out is still to be shared.
    assert TaskKind.SHARE_AGAIN in open_kinds(owner)
    for reader in (caseworker, given.provider):
        with transaction(reader) as session:
            (amendment,) = handover_amendments(session, onward_id)
        (change,) = amendment.changes
        assert (change.before, change.now) == ("Wilma Ashdown", "Wilma Ashton")
        assert (amendment.reason, amendment.by) == ("A new surname", caseworker.name)
    with transaction(services[1].provider) as session:
        assert handover_amendments(session, onward_id) == ()
    assert onward_referrals.chase_unread_corrections(Command(worker_actor, MORNING + 2 * DAY)) == 1
    with owner() as session:
        notice_id = session.scalars(
            select(ProviderNotice.id).where(ProviderNotice.kind == NoticeKind.SHARED_AGAIN)
        ).one()
    command = Command(given.provider, MORNING + 3 * DAY)
    with pytest.raises(NotFound):
        onward_referrals.acknowledge_corrections(
            Command(services[1].provider, MORNING + 3 * DAY), onward_id, notice_ids=[notice_id]
        )
    assert onward_referrals.acknowledge_corrections(command, onward_id, notice_ids=[]) == 0
    assert onward_referrals.acknowledge_corrections(command, onward_id, notice_ids=[notice_id]) == 1
    assert onward_referrals.acknowledge_corrections(command, onward_id, notice_ids=[notice_id]) == 0
    assert TaskKind.CORRECTION_UNREAD not in open_kinds(owner)
    assert "onward_referral.correction_read" in {event.event for event in events_of(owner, onward_id)}
    decline(given, onward_id, DeclineReason.NO_CAPACITY, 80)
    with transaction(given.provider) as session:
        assert handover_amendments(session, onward_id) == ()
