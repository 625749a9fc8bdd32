"""A death, or a referral that the force takes back: contact stops at once, and a person decides."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from tests.factories import casework as make
from tests.factories.imports import plan_in_force, provider_safe_contact
from tests.factories.sealed_documents import feed_conflict, seal_documents, sealed_documents
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, TransitionNotAllowed
from victim_gateway.models import EntitlementClock, OnwardReferral, Task
from victim_gateway.rules.contact_stops import ContactStop
from victim_gateway.services.referrals import contact_stops, corrections, status
from victim_gateway.services.referrals.assessment_reviews import ReviewAnswer, review_assessment
from victim_gateway.services.referrals.contact_stops import StoppedReferralEnd
from victim_gateway.services.referrals.marac import MaracAnswer, decide_marac
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    CloseOutcome,
    OnwardState,
    ReferralState,
    Risk,
    Role,
    SafeAnswer,
    TaskKind,
)

LATER = make.MONDAY + timedelta(days=2)
DIED, WITHDRAWN = ContactStop.PERSON_DIED, ContactStop.WITHDRAWN_BY_FORCE


@pytest.fixture
def caseworker(app: Flask, make_actor: MakeActor) -> Actor:
    return make_actor(Role.CASEWORKER)


def record_death(referral_id: UUID, caseworker: Actor) -> None:
    corrections.correct_details(
        Command(caseworker, LATER), referral_id, {"deceased": True}, reason="The officer told us"
    )


def end(
    referral_id: UUID, caseworker: Actor, stop: ContactStop, how: StoppedReferralEnd, text: str = "Decided"
) -> None:
    contact_stops.end_stopped_referral(Command(caseworker, LATER), referral_id, stop=stop, end=how, text=text)


@pytest.mark.parametrize(
    ("person", "referral"), [({"deceased": True}, {}), ({}, {"withdrawn": True})], ids=["died", "withdrawn"]
)
def test_no_attempt_is_made_whatever_the_plan_says(
    caseworker: Actor, person: dict[str, bool], referral: dict[str, bool]
) -> None:
    referral_id = make.assigned(caseworker)
    seal_documents(referral_id, person=person, referral=referral)
    with pytest.raises(TransitionNotAllowed, match="Do not contact|before anybody is contacted"):
        make.log_attempt(referral_id, caseworker, at=LATER, although_unsafe=True)


@pytest.mark.parametrize(
    ("person", "referral"), [({"deceased": True}, {}), ({}, {"withdrawn": True})], ids=["died", "withdrawn"]
)
def test_nothing_is_offered_to_a_provider(
    caseworker: Actor, owner: Owner, person: dict[str, bool], referral: dict[str, bool]
) -> None:
    referral_id = make.assessed(caseworker)
    seal_documents(referral_id, person=person, referral=referral)
    with pytest.raises(TransitionNotAllowed):
        make.offered(caseworker, owner, referral_id)


def test_a_death_stops_contact_on_every_referral_of_the_person_and_a_withdrawal_on_one(
    caseworker: Actor,
) -> None:
    first = make.assigned(caseworker)
    second = make.assigned(caseworker, person={}, person_id=make.referral(first, caseworker).person_id)
    seal_documents(first, referral={"withdrawn": True})
    make.log_attempt(second, caseworker, at=LATER)
    record_death(first, caseworker)
    with pytest.raises(TransitionNotAllowed):
        make.log_attempt(second, caseworker, at=LATER)


def test_a_recorded_death_leaves_no_way_of_contact_safe_and_providers_read_it(
    caseworker: Actor, owner: Owner
) -> None:
    referral_id = make.assessed(caseworker)
    onward_id = make.offered(caseworker, owner, referral_id)
    record_death(referral_id, caseworker)
    plan, document = plan_in_force(make.referral(referral_id, caseworker).person_id)
    assert (plan.safe, plan.safe_channels) == (SafeAnswer.NO, [])
    assert set(document["channels"].values()) == {"no"}
    assert provider_safe_contact(onward_id)["safe"] == "no"


def test_a_death_without_a_reason_is_not_recorded(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    with pytest.raises(InvalidInput):
        corrections.correct_details(Command(caseworker, LATER), referral_id, {"deceased": True})
    assert not sealed_documents(referral_id)[0].get("deceased")


def test_a_death_that_was_a_mistake_lets_nobody_be_called_before_they_are_asked_again(
    caseworker: Actor,
) -> None:
    referral_id = make.assigned(caseworker)
    record_death(referral_id, caseworker)
    corrections.correct_details(
        Command(caseworker, LATER), referral_id, {"deceased": False}, reason="They rang us"
    )
    plan, _ = plan_in_force(make.referral(referral_id, caseworker).person_id)
    assert plan.safe is SafeAnswer.NO


def test_a_senior_enters_a_withdrawn_referral_in_error_and_it_leaves_tasks_and_figures(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    reported_at = make.MONDAY - timedelta(days=1)
    referral_id = make.assessed(caseworker, reported_at=reported_at)
    onward_id = make.offered(caseworker, owner, referral_id)
    seal_documents(referral_id, referral={"withdrawn": True})
    feed_conflict(referral_id, "withdrawn", at=make.MONDAY)
    with pytest.raises(InvalidInput, match="Ask one to decide") as refused:
        end(referral_id, caseworker, WITHDRAWN, StoppedReferralEnd.ENTERED_IN_ERROR)
    assert "decision" in refused.value.fields
    end(referral_id, make_actor(Role.SENIOR), WITHDRAWN, StoppedReferralEnd.ENTERED_IN_ERROR)
    with owner() as session:
        assert session.get_one(OnwardReferral, onward_id).state is OnwardState.WITHDRAWN
        assert session.scalars(select(EntitlementClock)).all() == []
    assert make.referral(referral_id, caseworker).state is ReferralState.ENTERED_IN_ERROR
    assert make.open_tasks(referral_id, caseworker) == []
    assert "referral.entered_in_error" in make.events_of(referral_id, caseworker, "story")


@pytest.mark.parametrize(
    ("stop", "how", "outcome", "standing"),
    [
        (WITHDRAWN, StoppedReferralEnd.DUPLICATE, CloseOutcome.DUPLICATE, "overdue"),
        (WITHDRAWN, StoppedReferralEnd.CLOSED, CloseOutcome.OTHER, "overdue"),
        (DIED, StoppedReferralEnd.CLOSED, CloseOutcome.OTHER, "not_applicable"),
    ],
)
def test_it_can_be_closed_instead_and_only_a_death_takes_a_duty_of_ours_away(
    caseworker: Actor,
    owner: Owner,
    stop: ContactStop,
    how: StoppedReferralEnd,
    outcome: CloseOutcome,
    standing: str,
) -> None:
    referral_id = make.in_contact(caseworker)
    seal_documents(referral_id, person={"deceased": stop is DIED}, referral={"withdrawn": stop is WITHDRAWN})
    command = Command(caseworker, make.MONDAY + timedelta(hours=2))
    contact_stops.end_stopped_referral(command, referral_id, stop=stop, end=how, text="SG-26-000001")
    referral = make.referral(referral_id, caseworker)
    assert (referral.state, referral.outcome) == (ReferralState.CLOSED, outcome)
    with owner() as session:
        triage = EntitlementClock.entitlement_id == "triage_assessment_completed"
        assert session.scalars(select(EntitlementClock.status).where(triage)).one() == standing


def test_a_referral_that_a_provider_has_does_not_end_under_them(caseworker: Actor, owner: Owner) -> None:
    referral_id = make.assessed(caseworker)
    make.offered(caseworker, owner, referral_id)
    record_death(referral_id, caseworker)
    with pytest.raises(TransitionNotAllowed):
        end(referral_id, caseworker, DIED, StoppedReferralEnd.CLOSED)


def test_how_it_ends_needs_a_reason_and_a_referral_ends_once(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    seal_documents(referral_id, referral={"withdrawn": True})
    with pytest.raises(InvalidInput):
        end(referral_id, caseworker, WITHDRAWN, StoppedReferralEnd.CLOSED, "  ")
    end(referral_id, caseworker, WITHDRAWN, StoppedReferralEnd.CLOSED)
    with pytest.raises(TransitionNotAllowed):
        end(referral_id, caseworker, WITHDRAWN, StoppedReferralEnd.CLOSED)


def test_the_safe_contact_check_of_the_person_moves_to_a_referral_that_goes_on(caseworker: Actor) -> None:
    first = make.assigned(caseworker)
    second = make.assigned(caseworker, person={}, person_id=make.referral(first, caseworker).person_id)
    corrections.correct_details(Command(caseworker, LATER), first, {"phone": "07700 900222"})
    assert make.open_tasks(first, caseworker) == [TaskKind.SAFE_CONTACT_CHECK]
    seal_documents(first, referral={"withdrawn": True})
    end(first, caseworker, WITHDRAWN, StoppedReferralEnd.CLOSED)
    assert make.open_tasks(first, caseworker) == []
    assert make.open_tasks(second, caseworker) == [TaskKind.SAFE_CONTACT_CHECK]


def test_a_review_and_a_decision_about_marac_do_not_keep_a_referral_open_after_a_death(
    caseworker: Actor,
) -> None:
    referral_id = make.assessed(caseworker, risk=Risk.HIGH, flags=frozenset({"domestic_abuse"}))
    record_death(referral_id, caseworker)
    end(referral_id, caseworker, DIED, StoppedReferralEnd.CLOSED)
    assert make.referral(referral_id, caseworker).state is ReferralState.CLOSED
    with transaction(caseworker) as session:
        waiting = session.scalars(select(Task.kind).where(Task.done_at.is_(None))).all()
    assert waiting == []


def test_a_referral_that_the_force_took_back_ends_only_once_review_and_marac_are_answered(
    caseworker: Actor, make_actor: MakeActor
) -> None:
    referral_id = make.assessed(caseworker, risk=Risk.HIGH, flags=frozenset({"domestic_abuse"}))
    senior = make_actor(Role.SENIOR)
    corrections.correct_details(
        Command(caseworker, LATER), referral_id, {"withdrawn": True}, reason="The officer told us"
    )
    with pytest.raises(TransitionNotAllowed):
        end(referral_id, caseworker, WITHDRAWN, StoppedReferralEnd.CLOSED)
    assert {TaskKind.HIGH_RISK_REVIEW, TaskKind.MARAC_DECISION} <= set(
        make.open_tasks(referral_id, caseworker)
    )
    review_assessment(Command(senior, LATER, version=1), referral_id, ReviewAnswer(False, "Ask the officer"))
    make.assess(referral_id, caseworker, at=LATER, risk=Risk.HIGH)
    review_assessment(Command(senior, LATER, version=2), referral_id, ReviewAnswer(True))
    not_referred = MaracAnswer(is_referred=False, decided_on=LATER.date(), text="They moved far away")

    def decide() -> None:
        version = make.referral(referral_id, caseworker).version
        decide_marac(Command(caseworker, LATER, version=version), referral_id, not_referred)

    decide()
    end(referral_id, caseworker, WITHDRAWN, StoppedReferralEnd.CLOSED)
    assert make.referral(referral_id, caseworker).state is ReferralState.CLOSED
    # Reopened it is held, and can still be assessed again and decided.
    status.reopen_referral(Command(caseworker, LATER), referral_id, text="They rang")
    assert make.referral(referral_id, caseworker).is_taken_back_by_force
    make.assess(referral_id, caseworker, at=LATER, risk=Risk.HIGH)
    decide()
    assert make.referral(referral_id, caseworker).state is ReferralState.HELD
