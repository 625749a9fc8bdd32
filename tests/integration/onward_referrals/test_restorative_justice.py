"""Restorative justice: a wish makes a task, and after domestic or sexual abuse a senior's yes comes first."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from tests.factories import casework as make
from tests.integration.onward_referrals.arrange import Given, a_provider
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.errors import GatewayError, InvalidInput, NotAllowed, TransitionNotAllowed
from victim_gateway.models import AuditEntry, Referral, Task
from victim_gateway.rules.handover import HandoverText
from victim_gateway.services import onward_referrals
from victim_gateway.services.onward_referrals import SharingConsent
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import ConsentHow, HandoverPart, NextAction, Risk, TaskKind

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
