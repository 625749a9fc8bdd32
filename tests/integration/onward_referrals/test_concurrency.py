"""Two people act on the same onward referral at the same moment: one act happens, the other is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

from flask import Flask

from tests.integration.onward_referrals.arrange import (
    EVERYTHING,
    MORNING,
    YES,
    a_provider,
    a_referral,
    events_of,
    offered,
    onward_row,
    referral_row,
)
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.errors import (
    AlreadyDone,
    GatewayError,
    InvalidInput,
    OnwardReferralEnded,
    TransitionNotAllowed,
)
from victim_gateway.rules.handover import HandoverText
from victim_gateway.services import onward_referrals
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import OnwardState, ReferralState, Role, WithdrawReason

LATER = MORNING + timedelta(hours=1)


def test_accepting_and_taking_back_at_once_leaves_one_of_the_two(
    committed_app: Flask, committed_owner: Owner, committed_make_actor: MakeActor
) -> None:
    given = a_provider(committed_owner, committed_make_actor)
    caseworker = committed_make_actor(Role.CASEWORKER)
    onward_id = offered(caseworker, given)

    errors = _at_once(
        committed_app,
        lambda: onward_referrals.accept_onward_referral(Command(given.provider, LATER), onward_id),
        lambda: onward_referrals.withdraw_onward_referral(
            Command(caseworker, LATER), onward_id, reason=WithdrawReason.SENT_BY_MISTAKE
        ),
    )

    onward, referral = onward_row(committed_owner, onward_id), referral_row(committed_owner, onward_id)
    # After an acceptance that reason does not fit; after a withdrawal there is nothing to accept, or, for who
    # was reading it at that moment, no longer.
    expected = (
        {InvalidInput}
        if onward.state is OnwardState.ACCEPTED
        else {OnwardReferralEnded, TransitionNotAllowed}
    )
    assert len(errors) == 1
    assert type(errors[0]) in expected
    supported = onward.state is OnwardState.ACCEPTED
    assert referral.state is (ReferralState.SUPPORTED if supported else ReferralState.TRIAGED)


def test_the_same_form_arriving_twice_at_once_accepts_once(
    committed_app: Flask, committed_owner: Owner, committed_make_actor: MakeActor
) -> None:
    given, form = a_provider(committed_owner, committed_make_actor), uuid4()
    onward_id = offered(committed_make_actor(Role.CASEWORKER), given)

    def accept() -> None:
        onward_referrals.accept_onward_referral(Command(given.provider, LATER, submission_id=form), onward_id)

    errors = _at_once(committed_app, accept, accept)

    assert [type(error) for error in errors] == [AlreadyDone]
    assert len(events_of(committed_owner, onward_id)) == 3


def test_two_caseworkers_offering_the_same_at_once_offer_it_once(
    committed_app: Flask, committed_owner: Owner, committed_make_actor: MakeActor
) -> None:
    given = a_provider(committed_owner, committed_make_actor)
    people = [committed_make_actor(Role.CASEWORKER) for _ in range(2)]
    referral_id = a_referral(people[0])

    errors = _at_once(
        committed_app,
        *(
            lambda person=person: onward_referrals.offer_onward_referral(
                Command(person, MORNING),
                referral_id,
                onward_referrals.OfferToProvider(
                    service_id=given.service_id, share=EVERYTHING, texts=HandoverText(), consent=YES
                ),
            )
            for person in people
        ),
    )

    assert [type(error) for error in errors] == [InvalidInput]
    assert "already referred on" in str(errors[0])


def test_an_offer_that_runs_out_while_it_is_accepted_ends_in_one_way(
    committed_app: Flask, committed_owner: Owner, committed_make_actor: MakeActor
) -> None:
    given = a_provider(committed_owner, committed_make_actor)
    onward_id = offered(committed_make_actor(Role.CASEWORKER), given)
    at = MORNING + timedelta(days=30)

    errors = _at_once(
        committed_app,
        lambda: onward_referrals.accept_onward_referral(Command(given.provider, at), onward_id),
        lambda: onward_referrals.expire_offer(Command(Actor.worker("tests"), at), onward_id),
    )

    state = onward_row(committed_owner, onward_id).state
    expected = TransitionNotAllowed if state is OnwardState.ACCEPTED else OnwardReferralEnded
    assert [type(error) for error in errors] == [expected]


def _at_once(app: Flask, *actions: Callable[[], object]) -> list[GatewayError]:
    """Do these at the same moment, each on a connection of its own; the refusals."""
    start, errors = threading.Barrier(len(actions)), []

    def run(action: Callable[[], object]) -> None:
        with app.app_context():
            start.wait(10)
            try:
                action()
            except GatewayError as error:
                errors.append(error)

    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return errors
