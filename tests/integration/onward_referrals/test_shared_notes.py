"""A note that a provider shared is read: a task until a caseworker says so, today where the risk is high."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from tests.integration.onward_referrals.arrange import (
    MORNING,
    Given,
    a_provider,
    a_referral,
    events_of,
    offered,
    referral_row,
)
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import NotAllowed
from victim_gateway.models import Task
from victim_gateway.queries.onward_referrals.service_records import unread_note_ids
from victim_gateway.services import onward_referrals
from victim_gateway.services.onward_referrals.read_progress import READ
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import NextAction, Risk, TaskKind


@pytest.fixture
def given(owner: Owner, make_actor: MakeActor) -> Given:
    return a_provider(owner, make_actor)


@pytest.mark.parametrize(("risk", "due"), [(Risk.HIGH, "2026-07-14"), (Risk.MEDIUM, "2026-07-15")])
def test_a_shared_note_asks_a_caseworker_to_read_it_and_one_of_their_own_does_not(
    app: Flask, owner: Owner, caseworker: Actor, given: Given, risk: Risk, due: str
) -> None:
    onward_id = _accepted(caseworker, given, risk)
    _note(given, onward_id, is_shared=False)
    assert _tasks(owner, onward_id) == []

    note_id = _note(given, onward_id)

    (task,) = _tasks(owner, onward_id)
    assert (task.due_on, task.details) == (date.fromisoformat(due), {"note_id": str(note_id)})
    row = referral_row(owner, onward_id)
    assert (row.next_action, row.next_due_on) == (NextAction.DO_TASK, task.due_on)


def test_the_button_ends_what_the_page_showed_and_no_other(
    app: Flask, owner: Owner, caseworker: Actor, given: Given
) -> None:
    onward_id, other = (_accepted(caseworker, given, Risk.MEDIUM) for _ in range(2))
    first, elsewhere = _note(given, onward_id), _note(given, other)
    own, later = _note(given, onward_id, is_shared=False), _note(given, onward_id)
    command = Command(caseworker, MORNING)

    with pytest.raises(NotAllowed):
        onward_referrals.read_progress_notes(Command(given.provider, MORNING), onward_id, note_ids=[first])
    assert onward_referrals.read_progress_notes(command, onward_id, note_ids=[first, own, elsewhere]) == 1

    assert _unread(caseworker, onward_id) == {later}
    assert _unread(caseworker, other) == {elsewhere}
    assert [event.event for event in events_of(owner, onward_id)].count(READ) == 1
    assert onward_referrals.read_progress_notes(command, onward_id, note_ids=[first]) == 0
    assert [event.event for event in events_of(owner, onward_id)].count(READ) == 1
    onward_referrals.read_progress_notes(command, onward_id, note_ids=[later])
    assert referral_row(owner, onward_id).next_action is NextAction.WAIT_FOR_PROVIDER


def _accepted(caseworker: Actor, given: Given, risk: Risk) -> UUID:
    onward_id = offered(caseworker, given, referral_id=a_referral(caseworker, risk=risk))
    onward_referrals.accept_onward_referral(Command(given.provider, MORNING), onward_id)
    return onward_id


def _note(given: Given, onward_id: UUID, *, is_shared: bool = True) -> UUID:
    return onward_referrals.write_progress_note(
        Command(given.provider, MORNING), onward_id, text="Wants to move.", is_shared=is_shared
    )


def _unread(caseworker: Actor, onward_id: UUID) -> frozenset[UUID]:
    with transaction(caseworker) as session:
        return unread_note_ids(session, onward_id)


def _tasks(owner: Owner, onward_id: UUID) -> list[Task]:
    with owner() as session:
        return list(
            session.scalars(
                select(Task).where(
                    Task.onward_referral_id == onward_id,
                    Task.kind == TaskKind.PROGRESS_UNREAD,
                    Task.done_at.is_(None),
                )
            )
        )
