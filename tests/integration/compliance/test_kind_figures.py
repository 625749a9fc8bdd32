"""Who asked for an adviser and engaged, and the free help to businesses: counted once, small numbers hidden."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from tests.integration.onward_referrals.arrange import MORNING, Given, a_provider, a_referral, offered
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.provider_vocabulary import ServiceKind
from victim_gateway.queries.compliance.kind_figures import HelpCount, KindFigures, kind_figures
from victim_gateway.reporting.small_shares import SmallShare
from victim_gateway.service_record_vocabulary import KindStep
from victim_gateway.services import onward_referrals
from victim_gateway.services.onward_referrals import KindStepAnswers
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import HandoverPart, Role

TODAY = MORNING.date()
ASKED = {"asked_for_service": "yes", "asked_on": TODAY.isoformat()}


@pytest.fixture
def manager(make_actor: MakeActor) -> Actor:
    return make_actor(Role.MANAGER)


def counted(manager: Actor, days: int = 0) -> KindFigures:
    with transaction(manager) as session:
        return kind_figures(session, TODAY - timedelta(days), TODAY - timedelta(days))


def accepted_by(caseworker: Actor, given: Given, answers: dict[str, str], **said: object) -> UUID:
    onward_id = offered(
        caseworker,
        given,
        referral_id=a_referral(caseworker, **said),
        answers=answers,
        share=(HandoverPart.NAME,),
    )
    onward_referrals.accept_onward_referral(Command(given.provider, MORNING), onward_id)
    return onward_id


def record(given: Given, onward_id: UUID, step: KindStep, minutes: int | None = None) -> UUID:
    return onward_referrals.record_kind_step(
        Command(given.provider, MORNING, submission_id=uuid4()),
        onward_id,
        KindStepAnswers(step=step, happened_on=TODAY, minutes=minutes),
    )


def test_of_those_who_asked_it_is_counted_who_engaged_and_small_numbers_are_hidden(
    caseworker: Actor, manager: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    given = a_provider(owner, make_actor, "advisers", kind=ServiceKind.ISVA)
    people = [accepted_by(caseworker, given, ASKED) for _ in range(4)]
    assert dict(counted(manager).engaged)[ServiceKind.ISVA] == SmallShare(None, None)
    people += [accepted_by(caseworker, given, ASKED) for _ in range(6)]
    suggested = accepted_by(caseworker, given, {"asked_for_service": "no"})
    record(given, suggested, KindStep.ENGAGED)
    for onward_id in people[:4]:
        record(given, onward_id, KindStep.ENGAGED)
    assert dict(counted(manager).engaged)[ServiceKind.ISVA] == SmallShare(10, None)
    wrong = record(given, people[4], KindStep.ENGAGED)
    assert dict(counted(manager).engaged) == {
        ServiceKind.IDVA: SmallShare(0, 0),
        ServiceKind.ISVA: SmallShare(10, 5),
    }
    assert dict(counted(manager, days=1).engaged)[ServiceKind.ISVA] == SmallShare(0, 0)
    onward_referrals.take_back_kind_step(Command(given.provider, MORNING), people[4], wrong)
    assert dict(counted(manager).engaged)[ServiceKind.ISVA] == SmallShare(10, None)


def test_free_help_is_counted_by_its_kind(
    caseworker: Actor, manager: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    given = a_provider(owner, make_actor, "chambers", kind=ServiceKind.BUSINESS_CRIME_ADVICE)
    businesses = [accepted_by(caseworker, given, {}, victim_type="business") for _ in range(5)]
    for onward_id in businesses:
        record(given, onward_id, KindStep.SECURITY_HELP, 10)
        record(given, onward_id, KindStep.SECURITY_HELP, 5)
    record(given, businesses[0], KindStep.ICT_HELP, 20)
    assert counted(manager).help_given == (
        HelpCount(KindStep.SECURITY_HELP, 5, 75),
        HelpCount(KindStep.ICT_HELP, None, None),
        HelpCount(KindStep.INSURANCE_HELP, 0, 0),
    )
