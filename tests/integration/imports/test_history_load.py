"""Past years: whether their cases are over is said with the load, and what is over is nobody's work."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.factories import casework
from tests.factories.feeds import feed_file, feed_row
from tests.factories.imports import IMPORTED_AT, IMPORTER, import_rows, imported_plan, imported_referral
from tests.plumbing.accounts import MakeActor
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.models import CaseEvent, EntitlementClock, Task
from victim_gateway.queries.compliance.service_figures import service_figures
from victim_gateway.services.imports.runner import ImportRequest, import_file
from victim_gateway.services.referrals import corrections, safe_contact
from victim_gateway.services.referrals.status import take_referral
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    ImportKind,
    NextAction,
    ReferralState,
    Role,
    SafeAnswer,
    TaskKind,
    WaitingOn,
)


def load_history(*rows: dict[str, str], leave_closed: bool) -> None:
    request = ImportRequest(ImportKind.POLICE_FEED, "old.csv", history=True, leave_closed=leave_closed)
    import_file(feed_file(*rows), request, actor=IMPORTER, at=IMPORTED_AT)


def past_row(days: int, **changes: str) -> dict[str, str]:
    at = (IMPORTED_AT - timedelta(days=days)).isoformat()
    return feed_row(occurred_from="", reported_at=at, transferred_at=at, **changes)


def same_person(row: dict[str, str]) -> dict[str, str]:
    names = ("victim_reference", "given_name", "family_name", "date_of_birth", "phone", "email")
    return {name: row[name] for name in names if name in row}


def next_action_of(row: dict[str, str]) -> NextAction:
    return imported_referral(row).next_action


def open_tasks(row: dict[str, str]) -> set[TaskKind]:
    referral_id = imported_referral(row).id
    with transaction(IMPORTER) as session:
        return set(
            session.scalars(select(Task.kind).where(Task.referral_id == referral_id, Task.done_at.is_(None)))
        )


def called_by(caseworker: Actor, row: dict[str, str]) -> None:
    """Import the row; a caseworker takes it and hears from the person that their phone is safe."""
    import_rows(row, at=IMPORTED_AT)
    referral_id = imported_referral(row).id
    take_referral(Command(caseworker, IMPORTED_AT), referral_id)
    safe_contact.record_safe_contact(
        Command(caseworker, IMPORTED_AT, version=imported_plan(row)[0].version),
        referral_id,
        casework.safe_to_phone(),
    )


def clocks_and_tasks(row: dict[str, str]) -> tuple[int, int]:
    referral_id = imported_referral(row).id
    with transaction(IMPORTER) as session:
        clocks, tasks = (
            session.scalar(select(func.count()).select_from(model).where(model.referral_id == referral_id))
            for model in (EntitlementClock, Task)
        )
    return clocks or 0, tasks or 0


def test_a_past_case_that_is_over_is_left_closed_with_its_clocks_and_without_work(app: Flask) -> None:
    reasons_to_ask = {"domestic_abuse": "yes", "consent_to_referral": "not_asked", "safe_to_contact": "no"}
    over, open_one = past_row(400, **reasons_to_ask), past_row(400, **reasons_to_ask)
    load_history(over, leave_closed=True)
    load_history(open_one, leave_closed=False)
    referral = imported_referral(over)
    assert (referral.state, referral.next_action) == (ReferralState.CLOSED, NextAction.NOTHING)
    assert (referral.waiting_on, referral.next_due_on) == (WaitingOn.NO_ONE, None)
    with transaction(IMPORTER) as session:
        closed = session.scalars(select(CaseEvent).where(CaseEvent.event == "referral.left_closed")).one()
    assert (closed.referral_id, closed.details) == (referral.id, {"history": True})
    # The figures are the same as of one that goes on.
    assert imported_referral(open_one).state is ReferralState.HELD
    assert clocks_and_tasks(over)[0] == clocks_and_tasks(open_one)[0] > 0
    assert clocks_and_tasks(over)[1] == 0 < clocks_and_tasks(open_one)[1]


def test_what_came_in_the_last_four_weeks_stays_open_in_a_file_of_past_cases(app: Flask) -> None:
    lately, before = past_row(27), past_row(29, given_name="Sasha", date_of_birth="1961-02-03")
    load_history(lately, before, leave_closed=True)
    assert imported_referral(lately).state is ReferralState.RECEIVED
    assert imported_referral(before).state is ReferralState.CLOSED


def test_somebody_of_a_past_case_who_is_harmed_again_is_open_again(app: Flask) -> None:
    before = past_row(400)
    load_history(before, leave_closed=True)
    again = {**feed_row(), "victim_reference": before["victim_reference"]}
    again |= {name: before[name] for name in ("given_name", "family_name", "phone", "email")}
    import_rows(again)
    assert imported_referral(again).person_id == imported_referral(before).person_id
    assert imported_referral(again).state is ReferralState.RECEIVED
    assert imported_referral(before).state is ReferralState.CLOSED


@pytest.mark.parametrize(
    "said",
    [{"domestic_abuse": "yes"}, {"safe_to_contact": "no"}, {"deceased": "yes"}, {"phone": "07700 900444"}],
    ids=["domestic abuse", "not safe", "deceased", "another number"],
)
def test_what_a_past_case_says_of_safety_stops_the_call_of_an_open_one(
    app: Flask, make_actor: MakeActor, said: dict[str, str]
) -> None:
    now = feed_row()
    called_by(make_actor(Role.CASEWORKER), now)
    assert next_action_of(now) is NextAction.MAKE_CONTACT

    past = past_row(400, **same_person(now) | said)
    load_history(past, leave_closed=True)

    assert imported_referral(past).person_id == imported_referral(now).person_id
    assert imported_referral(past).state is not ReferralState.CLOSED
    assert next_action_of(now) is NextAction.FIND_SAFE_CONTACT
    # A death asks for another decision: there is no person left to find.
    expected = TaskKind.HOLD_DECISION if "deceased" in said else TaskKind.SAFE_CONTACT_CHECK
    assert expected in open_tasks(past)


def test_in_one_file_a_past_case_guards_the_current_one_in_either_order(app: Flask) -> None:
    for past_is_first in (True, False):
        now = feed_row()
        past = past_row(400, **same_person(now), safe_to_contact="no", domestic_abuse="yes")
        load_history(*((past, now) if past_is_first else (now, past)), leave_closed=True)
        assert imported_referral(now).state is ReferralState.RECEIVED
        assert imported_referral(past).state is not ReferralState.CLOSED
        assert TaskKind.SAFE_CONTACT_CHECK in open_tasks(now) | open_tasks(past)
        assert imported_plan(now)[0].safe is SafeAnswer.NO


def test_a_check_that_only_past_cases_ask_for_waits_for_the_next_referral(
    app: Flask, make_actor: MakeActor
) -> None:
    before = past_row(800)
    after = past_row(400, **same_person(before), domestic_abuse="yes", consent_to_referral="yes")
    load_history(before, after, leave_closed=True)
    assert imported_referral(after).state is ReferralState.CLOSED
    assert open_tasks(after) == {TaskKind.SAFE_CONTACT_CHECK}

    now = feed_row(**same_person(before))
    import_rows(now, at=IMPORTED_AT + timedelta(days=1))
    take_referral(
        Command(make_actor(Role.CASEWORKER), IMPORTED_AT + timedelta(days=1)), imported_referral(now).id
    )
    assert next_action_of(now) is NextAction.FIND_SAFE_CONTACT


def test_a_past_case_that_contradicts_a_correction_or_a_known_person_asks(
    app: Flask, make_actor: MakeActor
) -> None:
    now = feed_row(phone="07700 900555")
    import_rows(now)
    referral_id = imported_referral(now).id
    corrections.correct_details(
        Command(make_actor(Role.SENIOR), IMPORTED_AT), referral_id, {"given_name": "Corrected"}
    )
    same = past_row(400, **same_person(now))
    unlinked = past_row(400, **same_person(now) | {"victim_reference": "", "given_name": "Corrected"})
    load_history(same, unlinked, leave_closed=True)
    assert TaskKind.FEED_CONFLICT in open_tasks(same)
    assert TaskKind.POSSIBLE_SAME_PERSON in open_tasks(unlinked)
    assert imported_referral(unlinked).state is not ReferralState.CLOSED


def test_a_past_case_that_is_left_closed_is_no_closing_of_this_week(
    app: Flask, make_actor: MakeActor
) -> None:
    past = past_row(400)
    load_history(past, leave_closed=True)
    assert imported_referral(past).state is ReferralState.CLOSED
    with transaction(make_actor(Role.MANAGER)) as session:
        found = service_figures(session, IMPORTED_AT.date(), IMPORTED_AT.date())
    assert (found.closed, found.outcomes) == (0, ())


def test_only_past_cases_can_be_left_closed(app: Flask) -> None:
    row = past_row(400)
    request = ImportRequest(ImportKind.POLICE_FEED, "new.csv", leave_closed=True)
    import_file(feed_file(row), request, actor=IMPORTER, at=IMPORTED_AT)
    assert imported_referral(row).state is ReferralState.RECEIVED
