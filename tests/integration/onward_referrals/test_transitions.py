"""Every step that is not in the table is refused, by the record and by the database."""

from __future__ import annotations

from itertools import product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests.integration.onward_referrals.arrange import a_provider, offered, onward_row
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.property_tests import examples
from victim_gateway.actors import Actor
from victim_gateway.errors import TransitionNotAllowed
from victim_gateway.models import OnwardReferral
from victim_gateway.rules.transitions import (
    LIVE_ONWARD_STATES,
    ONWARD_TRANSITIONS,
    UNANSWERED_ONWARD_STATES,
    withdraw_reasons,
)
from victim_gateway.vocabulary import OnwardState

PAIRS = [pair for pair in product(OnwardState, OnwardState) if pair[0] is not pair[1]]


def test_the_table_names_every_state_and_ends_stay_ended() -> None:
    assert set(ONWARD_TRANSITIONS) == set(OnwardState)
    for state in OnwardState:
        if state not in (*LIVE_ONWARD_STATES, OnwardState.DRAFT, OnwardState.DECLINED):
            assert ONWARD_TRANSITIONS[state] == frozenset()


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_the_record_takes_exactly_the_steps_of_the_table(before: OnwardState, after: OnwardState) -> None:
    onward = OnwardReferral(state=before)

    if after in ONWARD_TRANSITIONS[before]:
        onward.move_to(after)
        assert onward.state is after
    else:
        with pytest.raises(TransitionNotAllowed):
            onward.move_to(after)


def test_the_database_takes_exactly_the_steps_of_the_table(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    onward_id = offered(caseworker, a_provider(owner, make_actor))

    with owner() as session:
        for before, after in PAIRS:
            _put(session, onward_id, before)
            assert _takes(session, onward_id, after) == (after in ONWARD_TRANSITIONS[before]), (before, after)


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(walk=st.lists(st.sampled_from(list(OnwardState)), min_size=1, max_size=8))
def test_whatever_is_tried_one_after_the_other_record_and_database_agree(
    walk: list[OnwardState], caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    onward_id = offered(caseworker, a_provider(owner, make_actor))
    onward = OnwardReferral(state=onward_row(owner, onward_id).state)

    with owner() as session:
        for state in walk:
            if state is onward.state:
                continue
            allowed = True
            try:
                onward.move_to(state)
            except TransitionNotAllowed:
                allowed = False
            assert _takes(session, onward_id, state) == allowed


@pytest.mark.parametrize("state", list(OnwardState))
def test_there_are_reasons_to_withdraw_exactly_where_it_can_be_withdrawn(state: OnwardState) -> None:
    assert bool(withdraw_reasons(state)) == (OnwardState.WITHDRAWN in ONWARD_TRANSITIONS[state])
    assert (state in UNANSWERED_ONWARD_STATES) <= (state in LIVE_ONWARD_STATES)


def _put(session: Session, onward_id: UUID, state: OnwardState) -> None:
    """Set a state past the trigger, as no program can."""
    session.execute(text("ALTER TABLE onward_referral DISABLE TRIGGER onward_referral_steps"))
    session.execute(_update(), _values(onward_id, state))
    session.execute(text("ALTER TABLE onward_referral ENABLE TRIGGER onward_referral_steps"))


def _takes(session: Session, onward_id: UUID, state: OnwardState) -> bool:
    try:
        with session.begin_nested():
            session.execute(_update(), _values(onward_id, state))
    except IntegrityError as refused:
        assert refused.orig is not None
        assert refused.orig.diag.constraint_name == "onward_referral_steps"  # type: ignore[attr-defined]
        return False
    return True


def _update() -> Any:
    # With everything that each state must have, so that only the step can be refused.
    return text(
        "UPDATE onward_referral SET state = :state, decline_reason = 'other', outcome = 'other',"
        " provider_access_ended_at = now() WHERE id = :id"
    )


def _values(onward_id: UUID, state: OnwardState) -> dict[str, object]:
    return {"id": onward_id, "state": state.value}
