"""Past years: whether their cases are over is said with the load, and what is over is nobody's work."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from sqlalchemy import func, select

from tests.factories.feeds import feed_file, feed_row
from tests.factories.imports import IMPORTED_AT, IMPORTER, import_rows, imported_referral
from victim_gateway.database.transaction import transaction
from victim_gateway.models import CaseEvent, EntitlementClock, Task
from victim_gateway.services.imports.runner import ImportRequest, import_file
from victim_gateway.vocabulary import ImportKind, NextAction, ReferralState, WaitingOn


def load_history(*rows: dict[str, str], leave_closed: bool) -> None:
    request = ImportRequest(ImportKind.POLICE_FEED, "old.csv", history=True, leave_closed=leave_closed)
    import_file(feed_file(*rows), request, actor=IMPORTER, at=IMPORTED_AT)


def past_row(days: int, **changes: str) -> dict[str, str]:
    at = (IMPORTED_AT - timedelta(days=days)).isoformat()
    return feed_row(occurred_from="", reported_at=at, transferred_at=at, **changes)


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
        closed = session.scalars(select(CaseEvent).where(CaseEvent.event == "referral.closed")).one()
    assert (closed.referral_id, closed.details) == (referral.id, {"history": True})
    # The figures are the same as of one that goes on.
    assert imported_referral(open_one).state is ReferralState.HELD
    assert clocks_and_tasks(over)[0] == clocks_and_tasks(open_one)[0] > 0
    assert clocks_and_tasks(over)[1] == 0 < clocks_and_tasks(open_one)[1]


def test_what_came_in_the_last_four_weeks_stays_open_in_a_file_of_past_cases(app: Flask) -> None:
    lately, before = past_row(27), past_row(29)
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


def test_only_past_cases_can_be_left_closed(app: Flask) -> None:
    row = past_row(400)
    request = ImportRequest(ImportKind.POLICE_FEED, "new.csv", leave_closed=True)
    import_file(feed_file(row), request, actor=IMPORTER, at=IMPORTED_AT)
    assert imported_referral(row).state is ReferralState.RECEIVED
