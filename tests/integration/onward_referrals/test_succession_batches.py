"""A succession in batches: looked at, agreed to, each onward referral once, and what breaks off stays for a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update

from tests.integration.onward_referrals.arrange import MORNING, Given, a_provider, offered, onward_row
from tests.integration.onward_referrals.successions import carry_out, look_at, view_of, work_until_over
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.errors import NotAllowed, StaleVersion, TransitionNotAllowed
from victim_gateway.models import (
    AuditEntry,
    Consent,
    OnwardReferral,
    Outbox,
    Referral,
    Task,
)
from victim_gateway.provider_vocabulary import StayReason, SuccessionState
from victim_gateway.services import onward_referrals
from victim_gateway.services.onward_referrals import succession, succession_batches
from victim_gateway.services.onward_referrals.succession import SuccessionPlan
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import DeclineReason, OnwardState, Risk, TaskKind, TaskName

LATER = MORNING + timedelta(hours=3)


@dataclass(frozen=True)
class Both:
    old: Given
    new: Given
    plan: SuccessionPlan


@pytest.fixture
def both(app: Flask, owner: Owner, make_actor: MakeActor) -> Both:
    old, new = a_provider(owner, make_actor, "new-era"), a_provider(owner, make_actor, "harbour")
    return Both(old, new, SuccessionPlan(_id(old), _id(new), {old.service_id: new.service_id}))


def test_the_requests_only_write_what_was_decided_and_ask_a_worker(
    owner: Owner, caseworker: Actor, senior: Actor, both: Both
) -> None:
    onward_id = offered(caseworker, both.old)

    succession_id = succession.open_succession(Command(senior, LATER), both.plan)
    assert view_of(Command(senior, LATER), succession_id).state is SuccessionState.CHECKING
    with pytest.raises(TransitionNotAllowed, match="still being looked at"):
        succession.agree_succession(Command(senior, LATER), succession_id)
    work_until_over(succession_id, LATER)
    with pytest.raises(NotAllowed):
        succession.agree_succession(Command(caseworker, LATER), succession_id)
    succession.agree_succession(Command(senior, LATER), succession_id)

    assert onward_row(owner, onward_id).state is OnwardState.OFFERED
    with owner() as session:
        asked = session.scalars(select(Outbox.task)).all()
        said = session.scalars(
            select(AuditEntry.action).where(AuditEntry.action.startswith("provider.succe"))
        ).all()
    assert asked.count(TaskName.CONTINUE_SUCCESSION) == 1 + succession.HELPERS
    assert sorted(said) == ["provider.succeeded", "provider.succession_opened"]
    # Until its turn the old provider works on, the successor sees nothing, and it is not taken for late.
    assert succession.close_late_offers(Command(Actor.worker("tests"), LATER)) == 0
    onward_referrals.accept_onward_referral(Command(both.old.provider, LATER), onward_id)
    assert _offers_of(owner, both.new) == 0
    work_until_over(succession_id, LATER)
    assert _offers_of(owner, both.new) == 1
    assert onward_row(owner, onward_id).provider_access_ended_at is not None


def test_a_yes_to_what_was_seen_long_ago_is_refused_and_what_was_laid_aside_is_over(
    caseworker: Actor, senior: Actor, both: Both
) -> None:
    offered(caseworker, both.old)
    seen = look_at(Command(senior, LATER), both.plan)
    with pytest.raises(StaleVersion, match="more than a day ago"):
        succession.agree_succession(Command(senior, LATER + timedelta(hours=25)), seen.id)

    again = look_at(Command(senior, LATER), both.plan)
    with pytest.raises(TransitionNotAllowed, match="laid aside"):
        succession.agree_succession(Command(senior, LATER), seen.id)
    succession.discard_succession(Command(senior, LATER), again.id)
    with pytest.raises(TransitionNotAllowed, match="laid aside"):
        succession.agree_succession(Command(senior, LATER), again.id)
    assert work_until_over(again.id, LATER) == 0


def test_each_is_looked_at_again_at_its_turn_and_what_was_to_stay_stays(
    owner: Owner, caseworker: Actor, senior: Actor, both: Both
) -> None:
    moves, refused_since, ended, grown = (offered(caseworker, both.old) for _ in range(4))
    with owner() as session:
        came_of_age = Task(
            referral_id=session.get_one(OnwardReferral, grown).referral_id,
            kind=TaskKind.CAME_OF_AGE,
            dedupe_key="came-of-age",
            due_on=MORNING.date(),
            created_at=MORNING,
        )
        session.add(came_of_age)
    seen = look_at(Command(senior, LATER), both.plan)
    assert (seen.moving, seen.stays) == (3, {StayReason.CAME_OF_AGE: 1})
    # Since then: a yes was taken back, one was taken back whole, and the one who came of age was asked.
    with owner() as session:
        session.execute(
            update(Consent)
            .where(Consent.id == session.get_one(OnwardReferral, refused_since).consent_id)
            .values(withdrawn_at=LATER)
        )
        session.execute(delete(Task).where(Task.kind == TaskKind.CAME_OF_AGE))
    onward_referrals.decline_onward_referral(
        Command(both.old.provider, LATER), ended, reason=DeclineReason.NO_CAPACITY, text="Full until May."
    )

    done = carry_out(Command(senior, LATER), seen.id)

    assert (done.moved, done.ended_before, done.changed) == (1, 1, 1)
    assert {each.onward_referral_id: each.reason for each in done.staying} == {
        refused_since: StayReason.NOT_AGREED,
        grown: StayReason.CAME_OF_AGE,
    }
    assert onward_row(owner, moves).state is OnwardState.WITHDRAWN
    assert onward_row(owner, ended).state is OnwardState.DECLINED


def test_what_was_offered_after_the_look_is_decided_about_by_the_same_rule(
    owner: Owner, caseworker: Actor, senior: Actor, both: Both
) -> None:
    seen = look_at(Command(senior, LATER), both.plan)
    since = offered(caseworker, both.old)

    done = carry_out(Command(senior, LATER), seen.id)

    assert (done.total, done.moved) == (1, 1)
    assert onward_row(owner, since).state is OnwardState.WITHDRAWN


def test_people_at_high_risk_have_their_turn_first(
    owner: Owner, caseworker: Actor, senior: Actor, both: Both
) -> None:
    for _ in range(succession_batches.MOVED_AT_ONCE):
        offered(caseworker, both.old)
    endangered = offered(caseworker, both.old)
    referral_id = onward_row(owner, endangered).referral_id
    with owner() as session:
        session.execute(update(Referral).where(Referral.id == referral_id).values(risk=Risk.HIGH))
    seen = look_at(Command(senior, LATER), both.plan)
    succession.agree_succession(Command(senior, LATER), seen.id)

    succession_batches.work_on_next_batch(seen.id, at=LATER)

    assert onward_row(owner, endangered).state is OnwardState.WITHDRAWN
    assert view_of(Command(senior, LATER), seen.id).done == succession_batches.MOVED_AT_ONCE


def test_one_that_breaks_off_stops_no_other_and_stays_for_a_person(
    owner: Owner, caseworker: Actor, senior: Actor, both: Both
) -> None:
    broken, *whole = (offered(caseworker, both.old) for _ in range(4))
    seen = look_at(Command(senior, LATER), both.plan)
    with owner() as session:
        session.execute(
            update(OnwardReferral).where(OnwardReferral.id == broken).values(handover_sealed=b"torn")
        )

    done = carry_out(Command(senior, LATER), seen.id)

    assert (done.state, done.moved, done.stays) == (
        SuccessionState.DONE,
        3,
        {StayReason.COULD_NOT_BE_MOVED: 1},
    )
    assert onward_row(owner, broken).provider_access_ended_at is not None
    assert {onward_row(owner, each).state for each in whole} == {OnwardState.WITHDRAWN}
    assert _offers_of(owner, both.new) == 3


def test_a_succession_that_no_worker_is_at_is_given_to_one(
    owner: Owner, caseworker: Actor, senior: Actor, both: Both
) -> None:
    offered(caseworker, both.old)
    seen = look_at(Command(senior, LATER), both.plan)
    worker = Actor.worker("tests")
    # It waits for a person.
    assert succession_batches.wake_successions(actor=worker, at=LATER + timedelta(hours=1)) == 0
    succession.agree_succession(Command(senior, LATER), seen.id)
    assert succession_batches.wake_successions(actor=worker, at=LATER + timedelta(minutes=1)) == 0
    assert succession_batches.wake_successions(actor=worker, at=LATER + timedelta(minutes=5)) == 1
    work_until_over(seen.id, LATER)
    assert succession_batches.wake_successions(actor=worker, at=LATER + timedelta(hours=1)) == 0


def _offers_of(owner: Owner, given: Given) -> int:
    with owner() as session:
        return session.scalar(select(func.count()).where(OnwardReferral.provider_id == _id(given))) or 0


def _id(given: Given) -> UUID:
    assert given.provider.organisation_id is not None
    return given.provider.organisation_id
