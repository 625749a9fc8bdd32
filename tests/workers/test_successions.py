"""A succession at work in real processes: two at once and one killed in the middle move each onward referral once."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from config import Settings
from tests.integration.onward_referrals.arrange import Given, a_provider, offered
from tests.integration.onward_referrals.successions import look_at, view_of, work_until_over
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway import create_app_without_pages, times
from victim_gateway.actors import Actor
from victim_gateway.models import OnwardReferral, SuccessionItem
from victim_gateway.provider_vocabulary import SuccessionState
from victim_gateway.services.onward_referrals import succession
from victim_gateway.services.onward_referrals.succession import SuccessionPlan
from victim_gateway.services.onward_referrals.succession_batches import MOVED_AT_ONCE
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role
from workers.providers import continue_succession

COUNT = 12
SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def agreed(
    committed_app: Flask, committed_owner: Owner, committed_make_actor: MakeActor
) -> tuple[UUID, Given, Actor]:
    """A succession that was agreed to and that no worker has begun, the successor, and the senior."""
    old = a_provider(committed_owner, committed_make_actor, "new-era")
    new = a_provider(committed_owner, committed_make_actor, "harbour")
    caseworker, senior = committed_make_actor(Role.CASEWORKER), committed_make_actor(Role.SENIOR)
    for _ in range(COUNT):
        offered(caseworker, old, at=times.now() - timedelta(hours=1))
    assert old.provider.organisation_id is not None and new.provider.organisation_id is not None
    plan = SuccessionPlan(
        old.provider.organisation_id, new.provider.organisation_id, {old.service_id: new.service_id}
    )
    seen = look_at(Command(senior, times.now()), plan)
    assert seen.moving == COUNT
    succession.agree_succession(Command(senior, times.now()), seen.id)
    return seen.id, new, senior


def test_two_workers_at_once_move_each_once(
    agreed: tuple[UUID, Given, Actor], committed_settings: Settings, committed_owner: Owner
) -> None:
    succession_id, new, senior = agreed
    workers = [_start(committed_settings, succession_id) for _ in range(2)]
    for each in workers:
        each.join(120)

    assert [each.exitcode for each in workers] == [0, 0]
    _is_whole(committed_owner, succession_id, new, senior)
    # Handed out once more, as a broker may: nothing is left to do.
    continue_succession(succession_id=str(succession_id))
    _is_whole(committed_owner, succession_id, new, senior)


def test_a_worker_killed_in_the_middle_of_a_batch_leaves_it_undone_and_another_goes_on(
    agreed: tuple[UUID, Given, Actor], committed_settings: Settings, committed_owner: Owner
) -> None:
    succession_id, new, senior = agreed
    is_locked, may_end = threading.Event(), threading.Event()
    holder = threading.Thread(target=_hold_last_item, args=(committed_owner, is_locked, may_end))
    holder.start()
    assert is_locked.wait(30)
    killed = _start(committed_settings, succession_id)
    try:
        # Its batch moved some, and waits for the one whose onward referral another transaction has.
        _wait_until(lambda: _is_anybody_waiting(committed_owner))
        assert killed.pid is not None
        os.kill(killed.pid, signal.SIGKILL)
        killed.join(30)
    finally:
        may_end.set()
        holder.join(30)
    assert _count_done(committed_owner, succession_id) == 0

    work_until_over(succession_id, times.now())
    _is_whole(committed_owner, succession_id, new, senior)


def _work(settings: Settings, succession_id: UUID) -> None:
    with create_app_without_pages(settings).app_context():
        continue_succession(succession_id=str(succession_id))


def _start(settings: Settings, succession_id: UUID) -> Any:
    process = SPAWN.Process(target=_work, args=(settings, succession_id))
    process.start()
    return process


def _hold_last_item(owner: Owner, is_locked: threading.Event, may_end: threading.Event) -> None:
    """Hold the onward referral that the first batch comes to last."""
    with owner() as session:
        last = select(SuccessionItem.onward_referral_id).where(SuccessionItem.position == MOVED_AT_ONCE)
        chosen = select(OnwardReferral.id).where(OnwardReferral.id == last.scalar_subquery())
        session.execute(chosen.with_for_update()).one()
        is_locked.set()
        may_end.wait(120)


def _is_anybody_waiting(owner: Owner) -> bool:
    with owner() as session:
        return bool(session.scalar(text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")))


def _count_done(owner: Owner, succession_id: UUID) -> int:
    with owner() as session:
        done = select(func.count()).where(
            SuccessionItem.succession_id == succession_id, SuccessionItem.done_at.is_not(None)
        )
        return session.scalar(done) or 0


def _is_whole(owner: Owner, succession_id: UUID, new: Given, senior: Actor) -> None:
    """Each has moved, and none twice."""
    view = view_of(Command(senior, times.now()), succession_id)
    assert (view.state, view.moved) == (SuccessionState.DONE, COUNT)
    with owner() as session:
        found = session.scalars(
            select(OnwardReferral.referral_id).where(
                OnwardReferral.provider_id == new.provider.organisation_id
            )
        ).all()
    assert len(found) == len(set(found)) == COUNT


def _wait_until(condition: Callable[[], bool], timeout_s: float = 60) -> None:
    ends_at = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < ends_at, "it did not happen in time"
        time.sleep(0.1)
