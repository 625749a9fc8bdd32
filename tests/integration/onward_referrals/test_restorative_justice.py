"""Restorative justice: a wish makes a task, and after domestic or sexual abuse a senior's yes comes first."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from tests.factories import casework as make
from tests.integration.onward_referrals.arrange import (
    ABOUT_RESTORATIVE_JUSTICE,
    Given,
    a_provider,
    onward_row,
)
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import GatewayError, InvalidInput, NotAllowed, TransitionNotAllowed
from victim_gateway.models import AuditEntry, ProviderService, Referral, Task
from victim_gateway.queries.onward_referrals.detail import onward_referral_view
from victim_gateway.queries.onward_referrals.outdated_handover import earlier_handovers
from victim_gateway.rules.handover import HandoverText
from victim_gateway.services import onward_referrals
from victim_gateway.services.onward_referrals import SharingConsent
from victim_gateway.services.referrals import corrections
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    ConsentHow,
    DeclineReason,
    HandoverPart,
    NextAction,
    OnwardState,
    ReferralState,
    Risk,
    TaskKind,
)

WANTED, DECISION = TaskKind.RESTORATIVE_JUSTICE_WANTED, TaskKind.RESTORATIVE_JUSTICE_DECISION
NOON = make.MONDAY + timedelta(hours=3)
ABUSE = {"offence": "Violence and sexual offences", "flags": frozenset({"domestic_abuse"})}


@pytest.fixture
def hub(owner: Owner, make_actor: MakeActor) -> Given:
    return a_provider(owner, make_actor, "rj-hub", is_restorative=True)


def assessed(actor: Actor, answer: str = "yes", **typed: object) -> UUID:
    referral_id = make.in_contact(actor, **typed)
    assess(referral_id, actor, answer)
    return referral_id


def assess(
    referral_id: UUID, actor: Actor, answer: str, *, hours: int = 1, risk: Risk = Risk.STANDARD
) -> None:
    at = make.MONDAY + timedelta(hours=hours)
    make.assess(referral_id, actor, at=at, wants_restorative_justice=answer, risk=risk)


def offer(actor: Actor, referral_id: UUID, hub: Given, *, hours: int = 4) -> UUID:
    at = make.MONDAY + timedelta(hours=hours)
    return onward_referrals.offer_onward_referral(
        Command(actor, at, submission_id=uuid4()),
        referral_id,
        onward_referrals.OfferToProvider(
            service_id=hub.service_id,
            share=(HandoverPart.NAME,),
            texts=HandoverText(),
            consent=SharingConsent(agreed=True, how=ConsentHow.SPOKEN, given_at=at),
            answers=ABOUT_RESTORATIVE_JUSTICE,
        ),
    )


def test_nothing_is_offered_after_abuse_before_a_senior_says_yes(
    caseworker: Actor, senior: Actor, hub: Given, owner: Owner
) -> None:
    referral_id = assessed(caseworker, **ABUSE)
    assert make.open_tasks(referral_id, caseworker) == [WANTED]
    assert make.referral(referral_id, caseworker).next_action is NextAction.REFER_OR_CLOSE
    with pytest.raises(TransitionNotAllowed, match="A senior caseworker must say yes first"):
        offer(caseworker, referral_id, hub)

    onward_referrals.request_restorative_justice(
        Command(caseworker, NOON), referral_id, text="She asked twice."
    )
    with pytest.raises(NotAllowed):
        onward_referrals.decide_restorative_justice(
            Command(caseworker, NOON), referral_id, agreed=True, text="I think so."
        )
    with pytest.raises(TransitionNotAllowed):
        offer(caseworker, referral_id, hub)
    with owner() as session:
        due = {task.kind: task.due_on for task in session.scalars(select(Task))}
    assert (due[WANTED], due[DECISION]) == (date(2026, 3, 9), date(2026, 3, 3))

    onward_referrals.decide_restorative_justice(
        Command(senior, NOON), referral_id, agreed=True, text="Letters only, with her support worker."
    )
    offer(caseworker, referral_id, hub)

    assert make.open_tasks(referral_id, caseworker) == []
    with owner() as session:
        actions = session.scalars(select(AuditEntry.action)).all()
        referral = session.get_one(Referral, referral_id)
    assert {"restorative_justice.requested", "restorative_justice.agreed"} <= set(actions)
    assert (referral.restorative_yes_at, referral.restorative_yes_by_id) == (NOON, senior.user_id)
    assert make.events_of(referral_id, caseworker, "story").count("restorative_justice.agreed") == 1


def test_a_yes_ends_with_a_no_and_with_a_later_finding_of_high_risk(
    caseworker: Actor, senior: Actor, hub: Given
) -> None:
    referral_id = assessed(caseworker, offence="Sexual assault")
    decide = onward_referrals.decide_restorative_justice
    decide(Command(senior, NOON), referral_id, agreed=True, text="With a plan.")
    assess(referral_id, caseworker, "yes", hours=4, risk=Risk.HIGH)
    with pytest.raises(TransitionNotAllowed):
        offer(caseworker, referral_id, hub, hours=5)

    again = make.MONDAY + timedelta(hours=5)
    decide(Command(senior, again), referral_id, agreed=True, text="The plan was looked at again.")
    decide(Command(senior, again), referral_id, agreed=False, text="He was seen at her door.")
    with pytest.raises(TransitionNotAllowed):
        offer(caseworker, referral_id, hub, hours=6)


def test_somebody_who_said_no_is_not_offered_it_and_its_tasks_end(caseworker: Actor, hub: Given) -> None:
    referral_id = assessed(caseworker, **ABUSE)
    onward_referrals.request_restorative_justice(Command(caseworker, NOON), referral_id, text="She asked.")
    assert set(make.open_tasks(referral_id, caseworker)) == {WANTED, DECISION}

    assess(referral_id, caseworker, "no", hours=4)

    assert make.open_tasks(referral_id, caseworker) == []
    with pytest.raises(InvalidInput, match="They said no to restorative justice"):
        offer(caseworker, referral_id, hub, hours=5)


def test_a_wish_after_a_burglary_needs_no_senior_and_ends_with_the_offer(
    caseworker: Actor, senior: Actor, hub: Given
) -> None:
    referral_id = assessed(caseworker)
    with pytest.raises(TransitionNotAllowed, match="No yes of a senior caseworker is needed"):
        onward_referrals.request_restorative_justice(
            Command(caseworker, NOON), referral_id, text="They asked."
        )

    offer(caseworker, referral_id, hub)
    assess(referral_id, caseworker, "yes", hours=5)

    assert make.open_tasks(referral_id, caseworker) == []


def correct(actor: Actor, referral_id: UUID, *, hours: int, **changes: object) -> None:
    corrections.correct_details(
        Command(actor, make.MONDAY + timedelta(hours=hours)), referral_id, changes, reason="They told us."
    )


def test_abuse_found_after_the_offer_asks_a_senior_whose_no_takes_it_back(
    caseworker: Actor, senior: Actor, hub: Given, owner: Owner
) -> None:
    referral_id = assessed(caseworker)
    onward_id = offer(caseworker, referral_id, hub)
    assert make.open_tasks(referral_id, caseworker) == []

    correct(caseworker, referral_id, hours=5, domestic_abuse=True, family_name="Ashton")
    assert set(make.open_tasks(referral_id, caseworker)) == {DECISION, TaskKind.SHARE_AGAIN}
    at = make.MONDAY + timedelta(hours=6)
    with pytest.raises(TransitionNotAllowed, match="A senior caseworker must say yes first"):
        onward_referrals.share_again(Command(caseworker, at), onward_id)
    decide = onward_referrals.decide_restorative_justice
    decide(Command(senior, at), referral_id, agreed=True, text="By letter, with a plan.")
    onward_referrals.share_again(Command(caseworker, at), onward_id)
    assert make.open_tasks(referral_id, caseworker) == []

    # The yes was given for domestic abuse alone.
    correct(caseworker, referral_id, hours=7, offence="Rape")
    assert DECISION in make.open_tasks(referral_id, caseworker)
    later = make.MONDAY + timedelta(hours=8)
    decide(Command(senior, later), referral_id, agreed=False, text="He waits for her there.")

    onward = onward_row(owner, onward_id)
    assert (onward.state, onward.ended_at) == (OnwardState.WITHDRAWN, later)
    assert make.referral(referral_id, caseworker).state is ReferralState.TRIAGED
    assert make.open_tasks(referral_id, caseworker) == []


def test_a_decline_is_overturned_only_as_a_new_offer_could_be_and_with_what_is_recorded_now(
    caseworker: Actor, senior: Actor, hub: Given, owner: Owner
) -> None:
    referral_id = assessed(caseworker)
    onward_id = offer(caseworker, referral_id, hub)
    onward_referrals.decline_onward_referral(
        Command(hub.provider, make.MONDAY + timedelta(hours=5)),
        onward_id,
        reason=DeclineReason.NO_CAPACITY,
        text="Full until May.",
    )
    correct(caseworker, referral_id, hours=6, domestic_abuse=True, family_name="Ashton")
    again = Command(caseworker, make.MONDAY + timedelta(hours=7))
    with pytest.raises(TransitionNotAllowed, match="A senior caseworker must say yes first"):
        onward_referrals.overturn_decline(again, onward_id, text="They asked again.")
    onward_referrals.decide_restorative_justice(
        Command(senior, again.at), referral_id, agreed=True, text="By letter, with a plan."
    )
    with owner() as session:
        session.get_one(ProviderService, hub.service_id).min_age = 99
    with pytest.raises(InvalidInput, match="aged 99 or over"):
        onward_referrals.overturn_decline(again, onward_id, text="They asked again.")
    with owner() as session:
        session.get_one(ProviderService, hub.service_id).min_age = None

    onward_referrals.overturn_decline(again, onward_id, text="They asked again.")

    with transaction(hub.provider) as session:
        view = onward_referral_view(
            session, onward_id, reader_organisation_id=hub.provider.organisation_id, at=again.at
        )
    assert str(view.handover["name"]).endswith("Ashton")
    with transaction(caseworker) as session:
        (earlier,) = earlier_handovers(session, onward_id)
    assert (earlier.fields, earlier.replaced_at) == (("harms", "domestic_abuse", "name"), again.at)


@pytest.mark.parametrize("text", ["", "  \n"])
def test_neither_is_asked_nor_decided_without_a_reason(caseworker: Actor, senior: Actor, text: str) -> None:
    referral_id = assessed(caseworker, **ABUSE)
    for call in (
        lambda: onward_referrals.request_restorative_justice(
            Command(caseworker, NOON), referral_id, text=text
        ),
        lambda: onward_referrals.decide_restorative_justice(
            Command(senior, NOON), referral_id, agreed=True, text=text
        ),
    ):
        with pytest.raises(GatewayError) as refusal:
            call()
        assert refusal.value.fields.keys() == {"reason"}
