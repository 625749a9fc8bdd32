"""What a provider records because of the kind of its service, and the contact that is due from the report."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import ProgrammingError

from tests.integration.onward_referrals.arrange import (
    ABOUT_RESTORATIVE_JUSTICE,
    MORNING,
    Given,
    a_provider,
    a_referral,
    offered,
    onward_row,
)
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, NotFound, TransitionNotAllowed
from victim_gateway.models import CaseEvent, EntitlementClock, OnwardReferral, RecordedKindStep, Referral
from victim_gateway.provider_vocabulary import ServiceKind
from victim_gateway.queries.onward_referrals.inbox import InboxReader, provider_inbox
from victim_gateway.queries.onward_referrals.service_records import ServiceRecord, service_record
from victim_gateway.rules.handover import HandoverText
from victim_gateway.service_record_vocabulary import KindStep
from victim_gateway.services import onward_referrals
from victim_gateway.services.onward_referrals import KindStepAnswers
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import DeclineReason, HandoverPart, Risk, Role, WithdrawReason

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TODAY = MORNING.date()
RJ, ADVICE = ServiceKind.RESTORATIVE_JUSTICE, ServiceKind.BUSINESS_CRIME_ADVICE


@pytest.fixture
def hub(owner: Owner, make_actor: MakeActor) -> Given:
    return a_provider(owner, make_actor, "rj-hub", kind=RJ)


@pytest.fixture
def adviser(owner: Owner, make_actor: MakeActor) -> Given:
    return a_provider(owner, make_actor, "chambers", kind=ADVICE)


def accepted_by(
    caseworker: Actor, given: Given, answers: dict[str, str] | None = None, **said: object
) -> UUID:
    referral_id = a_referral(caseworker, **said)
    onward_id = offered(
        caseworker,
        given,
        referral_id=referral_id,
        answers=answers,
        share=(HandoverPart.NAME,),
        texts=HandoverText(wants="To be heard."),
    )
    onward_referrals.accept_onward_referral(Command(given.provider, MORNING), onward_id)
    return onward_id


def record(actor: Actor, onward_id: UUID, step: KindStep, *, on: date = TODAY, **said: object) -> UUID:
    return onward_referrals.record_kind_step(
        Command(actor, MORNING + HOUR, submission_id=uuid4()),
        onward_id,
        KindStepAnswers(step=step, happened_on=on, **said),  # type: ignore[arg-type]
    )


def record_of(actor: Actor, onward_id: UUID) -> ServiceRecord:
    with transaction(actor) as session:
        return service_record(session, onward_id, is_provider=actor.role is Role.PROVIDER)


def test_the_hub_records_each_step_with_its_day_and_the_caseworker_reads_it(
    caseworker: Actor, hub: Given, owner: Owner
) -> None:
    onward_id = accepted_by(caseworker, hub, ABOUT_RESTORATIVE_JUSTICE)
    record(hub.provider, onward_id, KindStep.DURING_PROCEEDINGS, on=TODAY - 90 * DAY)
    record(hub.provider, onward_id, KindStep.PERSON_ASKED, on=TODAY - DAY)
    wrong = record(hub.provider, onward_id, KindStep.CONFERENCE)
    record(hub.provider, onward_id, KindStep.LETTER, text="Read together at the hub.")
    for step in (KindStep.SECURITY_HELP, KindStep.ENGAGED):
        with pytest.raises(InvalidInput, match="Choose what happened"):
            record(hub.provider, onward_id, step, minutes=5)
    with pytest.raises(InvalidInput) as refused:
        record(hub.provider, onward_id, KindStep.LETTER, on=TODAY - DAY)
    assert set(refused.value.fields) == {"happened_on"}
    taken_back = onward_referrals.take_back_kind_step
    taken_back(Command(hub.provider, MORNING + HOUR, submission_id=uuid4()), onward_id, wrong)
    with pytest.raises(TransitionNotAllowed, match="already"):
        taken_back(Command(hub.provider, MORNING + HOUR, submission_id=uuid4()), onward_id, wrong)
    for reader in (hub.provider, caseworker):
        steps = record_of(reader, onward_id).kind_steps
        assert {each.step: each.taken_back_at is None for each in steps} == {
            KindStep.LETTER: True,
            KindStep.CONFERENCE: False,
            KindStep.PERSON_ASKED: True,
            KindStep.DURING_PROCEEDINGS: True,
        }
        assert [each.happened_on for each in steps] == [TODAY, TODAY, TODAY - DAY, TODAY - 90 * DAY]
        assert (
            next(each.text for each in steps if each.step is KindStep.LETTER) == "Read together at the hub."
        )
    with owner() as session:
        events = session.scalars(
            select(CaseEvent.event).where(CaseEvent.onward_referral_id == onward_id)
        ).all()
    assert events.count("onward_referral.kind_step_recorded") == 4
    assert events.count("onward_referral.kind_step_taken_back") == 1


def test_nothing_brings_the_two_sides_together_once_the_yes_of_a_senior_fell(
    caseworker: Actor, senior: Actor, hub: Given, owner: Owner
) -> None:
    referral_id = a_referral(caseworker, domestic_abuse=True)
    onward_referrals.decide_restorative_justice(
        Command(senior, MORNING), referral_id, agreed=True, text="Letters only."
    )
    onward_id = offered(
        caseworker,
        hub,
        referral_id=referral_id,
        answers=ABOUT_RESTORATIVE_JUSTICE,
        share=(HandoverPart.NAME,),
    )
    onward_referrals.accept_onward_referral(Command(hub.provider, MORNING), onward_id)
    record(hub.provider, onward_id, KindStep.PREPARATION)
    with owner() as session:
        session.get_one(Referral, referral_id).risk = Risk.HIGH
    for step in (KindStep.PREPARATION, KindStep.LETTER, KindStep.SHUTTLE, KindStep.CONFERENCE):
        with pytest.raises(TransitionNotAllowed, match="Stop"):
            record(hub.provider, onward_id, step)
    record(hub.provider, onward_id, KindStep.NO_FURTHER)


def test_help_for_a_business_is_counted_by_kind_and_more_than_the_free_hour_needs_a_reason(
    caseworker: Actor, adviser: Given
) -> None:
    onward_id = accepted_by(caseworker, adviser, victim_type="business")
    record(adviser.provider, onward_id, KindStep.SECURITY_HELP, minutes=40)
    with pytest.raises(InvalidInput) as refused:
        record(adviser.provider, onward_id, KindStep.ICT_HELP, minutes=30)
    assert refused.value.fields == {"text": "That is 10 minutes more than the free time. Say why"}
    with pytest.raises(InvalidInput):
        record(adviser.provider, onward_id, KindStep.INSURANCE_HELP)
    record(adviser.provider, onward_id, KindStep.ICT_HELP, minutes=30, text="They were hit twice.")
    used = [(each.step, each.minutes) for each in record_of(caseworker, onward_id).kind_steps]
    assert sorted(used) == [(KindStep.ICT_HELP, 30), (KindStep.SECURITY_HELP, 40)]


def test_steps_wait_for_the_acceptance_and_are_the_providers_own(
    caseworker: Actor, adviser: Given, hub: Given, owner: Owner, make_actor: MakeActor
) -> None:
    onward_id = offered(caseworker, adviser, referral_id=a_referral(caseworker, victim_type="business"))
    with pytest.raises(TransitionNotAllowed, match="Accept this referral first"):
        record(adviser.provider, onward_id, KindStep.SECURITY_HELP, minutes=5)
    onward_referrals.accept_onward_referral(Command(adviser.provider, MORNING), onward_id)
    step_id = record(adviser.provider, onward_id, KindStep.SECURITY_HELP, minutes=5)
    with pytest.raises(NotFound):
        record(hub.provider, onward_id, KindStep.SECURITY_HELP, minutes=5)
    with transaction(hub.provider) as session:
        assert session.scalars(select(RecordedKindStep.id)).all() == []
    # A caseworker writes down that the person asked, and nothing that is the provider's.
    for statement in (
        text("UPDATE onward_kind_step SET minutes = 6"),
        text("DELETE FROM onward_kind_step"),
    ):
        for actor in (caseworker, adviser.provider):
            with pytest.raises(ProgrammingError), transaction(actor) as session:
                session.execute(statement)
    with pytest.raises(ProgrammingError), transaction(caseworker) as session:
        session.add(
            RecordedKindStep(
                onward_referral_id=onward_id,
                provider_id=adviser.provider.organisation_id,
                kind=ADVICE,
                step=KindStep.CHOICE_MET,
                happened_on=TODAY,
                recorded_at=MORNING,
                by_id=caseworker.user_id,
                by_name="x",
            )
        )
        session.flush()
    with transaction(make_actor(Role.MANAGER)) as session:
        assert session.execute(select(RecordedKindStep.step, RecordedKindStep.minutes)).all() == [
            (KindStep.SECURITY_HELP, 5)
        ]
    with pytest.raises(ProgrammingError), transaction(make_actor(Role.MANAGER)) as session:
        session.scalars(select(RecordedKindStep.sealed)).all()
    # Nothing shows to the provider once it has ended, nor of a restricted referral to who may not see it.
    outsider = make_actor(Role.CASEWORKER)
    with owner() as session:
        session.execute(update(Referral).values(restricted=True))
    with transaction(outsider) as session:
        assert session.scalars(select(RecordedKindStep.id)).all() == []
    onward_referrals.withdraw_onward_referral(
        Command(Actor.worker("tests"), MORNING + HOUR),
        onward_id,
        reason=WithdrawReason.PERSON_SAID_NO,
        text="No longer",
    )
    with owner() as session:
        # The transaction that ends the access may finish its own work, and a rolled-back test is one transaction.
        session.execute(update(OnwardReferral).values(provider_access_ended_at=MORNING))
    with transaction(adviser.provider) as session:
        assert session.get(RecordedKindStep, step_id) is None


def contact_clock(owner: Owner, onward_id: UUID) -> tuple[date | None, str] | None:
    with owner() as session:
        row = session.execute(
            select(EntitlementClock.due_on, EntitlementClock.status)
            .join(CaseEvent, CaseEvent.id == EntitlementClock.start_event_id)
            .where(
                CaseEvent.onward_referral_id == onward_id,
                EntitlementClock.entitlement_id == "business_advice_contact",
            )
        ).first()
    return (row.due_on, str(row.status)) if row else None


def test_contact_with_a_business_is_due_one_working_day_from_the_report_and_stands_first_in_the_inbox(
    caseworker: Actor, adviser: Given, owner: Owner
) -> None:
    # MORNING is a Tuesday.
    later = offered(
        caseworker, adviser, referral_id=a_referral(caseworker, victim_type="business", reported_at=MORNING)
    )
    sooner = offered(
        caseworker,
        adviser,
        at=MORNING + HOUR,
        referral_id=a_referral(caseworker, victim_type="business", reported_at=MORNING - 4 * DAY),
    )
    assert contact_clock(owner, later) == (TODAY + DAY, "running")
    assert contact_clock(owner, sooner) == (TODAY - DAY, "overdue")
    assert onward_row(owner, later).answer_due_on == TODAY + DAY
    assert onward_row(owner, sooner).answer_due_on == TODAY - DAY
    with transaction(adviser.provider) as session:
        reader = InboxReader(adviser.provider.user_id, adviser.provider.organisation_id, MORNING + HOUR)
        inbox = provider_inbox(session, reader, limit=20)
    shown = [entry.id for part in inbox.parts for entry in part.entries]
    assert shown == [sooner, later]

    onward_referrals.accept_onward_referral(Command(adviser.provider, MORNING + HOUR), later)
    onward_referrals.record_provider_first_contact(
        Command(adviser.provider, MORNING + 2 * HOUR), later, contacted_at=MORNING + 2 * HOUR
    )
    clock = contact_clock(owner, later)
    assert clock is not None and clock[1] == "met"
    onward_referrals.decline_onward_referral(
        Command(adviser.provider, MORNING + HOUR), sooner, reason=DeclineReason.NO_CAPACITY, text="Full"
    )
    assert contact_clock(owner, sooner) is None


def test_another_kind_of_service_has_no_clock_from_the_report(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    other = a_provider(owner, make_actor)
    onward_id = offered(caseworker, other, referral_id=a_referral(caseworker, reported_at=MORNING - 9 * DAY))
    assert contact_clock(owner, onward_id) is None
