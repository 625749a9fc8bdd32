"""Facts learned one by one, clocks that follow them, and what a page is told of both."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tests.generators.compliance_rows import Row, write
from victim_gateway.actors import Actor
from victim_gateway.compliance.editions import EnhancedCategory
from victim_gateway.compliance.facts import Event, Facts
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import CalendarExhausted, NotFound
from victim_gateway.models import CaseFacts, EntitlementClock
from victim_gateway.queries.compliance.figures import ClockFilter, count_clocks
from victim_gateway.queries.referrals.rights import explained_clocks, rights_summary, summarise_clocks
from victim_gateway.services.compliance import case_events, case_facts, recompute, stored_clocks
from victim_gateway.services.compliance.case_events import NewCaseEvent
from victim_gateway.services.compliance.case_facts import CaseFactChanges, NewCaseFacts
from victim_gateway.vocabulary import EventKind

Owner = Callable[[], AbstractContextManager[Session]]
WORKER = Actor.worker("tests")
MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
WEDNESDAY = MONDAY + timedelta(days=2)
ARREST = "told_suspect_arrested"


@pytest.fixture
def arrested(app: Flask, owner: Owner) -> UUID:
    """A referral with an arrest on Monday 2 March 2026."""
    row = Row(known=[(MONDAY, Facts(observers=frozenset({"partner"})))], events=[], opens_code_clocks=True)
    with owner() as session:
        write(session, [row])
    with transaction(WORKER) as session:
        happened(session, row.referral_id, "suspect_arrested", MONDAY)
    return row.referral_id


def happened(
    session: Session, referral_id: UUID, event: str, at: datetime, kind: EventKind = EventKind.CODE
) -> UUID:
    return case_events.append_case_event(
        session,
        NewCaseEvent(referral_id=referral_id, event=event, kind=kind, occurred_at=at, recorded_at=at),
    )


def arrest_clock(referral_id: UUID) -> EntitlementClock:
    with transaction(WORKER) as session:
        return session.scalars(
            select(EntitlementClock).where(
                EntitlementClock.referral_id == referral_id, EntitlementClock.entitlement_id == ARREST
            )
        ).one()


def test_enhanced_rights_found_later_shorten_the_limit_from_the_day_they_begin(arrested: UUID) -> None:
    assert arrest_clock(arrested).due_on == date(2026, 3, 9)

    with transaction(WORKER) as session:
        found = [(EnhancedCategory.VULNERABLE_OR_INTIMIDATED, WEDNESDAY.date())]
        case_facts.update_case_facts(session, arrested, CaseFactChanges(add_enhanced=found), at=WEDNESDAY)
        stored_clocks.refresh_clocks(session, [arrested], at=WEDNESDAY)

    shortened = arrest_clock(arrested)
    assert (shortened.due_on, shortened.enhanced, shortened.limit_days) == (date(2026, 3, 5), True, 1)


def test_what_is_recorded_twice_is_one_row(arrested: UUID) -> None:
    with transaction(WORKER) as session:
        for _ in range(2):
            found = [(EnhancedCategory.PERSISTENTLY_TARGETED, MONDAY.date())]
            case_facts.update_case_facts(session, arrested, CaseFactChanges(add_enhanced=found), at=WEDNESDAY)
        rows = session.scalars(select(CaseFacts).where(CaseFacts.referral_id == arrested)).all()
    assert len(rows) == 2


def test_a_fact_is_never_older_than_what_it_builds_on(arrested: UUID) -> None:
    with transaction(WORKER) as session:
        opted_out = CaseFactChanges(conditions={"not_opted_out": False})
        case_facts.update_case_facts(session, arrested, opted_out, at=WEDNESDAY)
        case_facts.update_case_facts(session, arrested, CaseFactChanges(district="Tamworth"), at=MONDAY)
        latest = session.scalars(
            select(CaseFacts).order_by(CaseFacts.recorded_at.desc(), CaseFacts.sequence.desc()).limit(1)
        ).one()
    assert (latest.conditions, latest.district, latest.recorded_at) == (
        {"not_opted_out": False},
        "Tamworth",
        WEDNESDAY,
    )


def test_declining_and_withholding_set_a_clock_aside_and_can_be_taken_back(arrested: UUID) -> None:
    def after(changes: CaseFactChanges) -> str:
        with transaction(WORKER) as session:
            case_facts.update_case_facts(session, arrested, changes, at=WEDNESDAY)
            stored_clocks.refresh_clocks(session, [arrested], at=WEDNESDAY)
        return arrest_clock(arrested).status

    assert after(CaseFactChanges(declined=[(ARREST, WEDNESDAY)])) == "declined"
    assert after(CaseFactChanges(no_longer_declined=[ARREST])) == "running"
    assert after(CaseFactChanges(withheld=[(ARREST, MONDAY, None)])) == "withheld_for_safety"
    assert after(CaseFactChanges(no_longer_withheld=[ARREST])) == "running"
    assert after(CaseFactChanges(cancelled_at=WEDNESDAY)) == "not_applicable"


def test_facts_of_a_referral_that_has_none_are_not_found(app: Flask) -> None:
    with pytest.raises(NotFound), transaction(WORKER) as session:
        case_facts.update_case_facts(session, uuid4(), CaseFactChanges(district="Stafford"), at=MONDAY)


def test_the_first_facts_open_the_clocks_of_events_already_there(app: Flask, owner: Owner) -> None:
    row = Row(known=[], events=[Event("reported_to_police", MONDAY, MONDAY, event_id=str(uuid4()))])
    with owner() as session:
        write(session, [row])
    with transaction(WORKER) as session:
        stored_clocks.refresh_clocks(session, [row.referral_id], at=MONDAY)
        assert explained_clocks(session, row.referral_id, at=MONDAY) == ()
        case_facts.create_case_facts(
            session,
            row.referral_id,
            NewCaseFacts(crime_type="Burglary", opens_code_clocks=True, observers=["partner"]),
            at=MONDAY,
        )
        stored_clocks.refresh_clocks(session, [row.referral_id], at=MONDAY)
        assert explained_clocks(session, row.referral_id, at=MONDAY)


def test_an_event_appended_without_clocks_moves_them_only_when_they_are_refreshed(arrested: UUID) -> None:
    event = NewCaseEvent(
        referral_id=arrested,
        event="victim_told_suspect_arrested",
        kind=EventKind.CODE,
        occurred_at=WEDNESDAY,
        recorded_at=WEDNESDAY,
    )
    with transaction(WORKER) as session:
        case_events.append_case_event_without_clocks(session, event)
    assert arrest_clock(arrested).status == "running"

    with transaction(WORKER) as session:
        stored_clocks.refresh_clocks(session, [arrested], at=WEDNESDAY)
    assert arrest_clock(arrested).status == "met"


def test_a_voided_event_takes_its_clock_away(arrested: UUID) -> None:
    with transaction(WORKER) as session:
        event_id = arrest_start(session, arrested)
        case_events.void_case_event(session, event_id, at=WEDNESDAY, reason_code="mistake")
        assert explained_clocks(session, arrested, at=WEDNESDAY) == ()
        assert len(explained_clocks(session, arrested, at=MONDAY)) == 1


def arrest_start(session: Session, referral_id: UUID) -> UUID:
    return session.execute(
        text("SELECT id FROM case_event WHERE referral_id = :id AND event = 'suspect_arrested'"),
        {"id": referral_id},
    ).scalar_one()


def test_a_deadline_past_the_calendar_is_refused_by_its_date(arrested: UUID) -> None:
    beyond = datetime(2027, 12, 30, 10, tzinfo=UTC)
    with (
        pytest.raises(CalendarExhausted, match="suspect_charged on 2027-12-30"),
        transaction(WORKER) as session,
    ):
        happened(session, arrested, "suspect_charged", beyond)


def test_a_stored_clock_read_later_is_late_without_being_stored_again(arrested: UUID) -> None:
    with transaction(WORKER) as session:

        def status(today: date) -> str:
            chosen = ClockFilter(MONDAY.date(), MONDAY.date())
            (cell,) = count_clocks(session, chosen, today=today, as_at=None)
            return cell.status

        assert (status(date(2026, 3, 9)), status(date(2026, 3, 10))) == ("running", "overdue")


def test_growing_late_is_no_drift(arrested: UUID) -> None:
    recompute.recompute_clocks(actor=WORKER, as_at=MONDAY)

    found = recompute.recompute_clocks(actor=WORKER, as_at=datetime(2026, 3, 20, tzinfo=UTC))

    assert (found.changed, found.aged, found.drift) == (1, 1, 0)


def test_a_rebuild_never_forgets_what_was_learned_while_it_waited(arrested: UUID) -> None:
    before = MONDAY - timedelta(hours=1)

    found = recompute.recompute_clocks(actor=WORKER, as_at=before)

    assert (found.removed, found.drift, found.as_at) == (0, 0, MONDAY)


def test_a_check_counts_as_a_rebuild_does_and_changes_nothing(arrested: UUID, owner: Owner) -> None:
    def stored() -> list[Any]:
        with owner() as session:
            return list(session.execute(text("SELECT * FROM entitlement_clock ORDER BY id")).all())

    with owner() as session:
        session.execute(text("UPDATE entitlement_clock SET due_on = due_on + 1"))
    wrong = stored()

    checked = recompute.check_clocks(actor=WORKER, as_at=WEDNESDAY)

    assert stored() == wrong
    assert (checked.changed, checked.drift) == (1, 1)
    assert recompute.recompute_clocks(actor=WORKER, as_at=WEDNESDAY) == checked
    assert stored() != wrong
    assert recompute.check_clocks(actor=WORKER, as_at=WEDNESDAY).drift == 0


def test_a_page_is_told_each_clock_with_its_reason(arrested: UUID) -> None:
    with transaction(WORKER) as session:
        happened(session, arrested, "victim_told_suspect_arrested", WEDNESDAY)
        (view,) = explained_clocks(session, arrested, at=WEDNESDAY)

    assert view.clock_id == arrest_clock(arrested).id
    assert (view.status, view.stopped_on, view.owner, view.is_local) == (
        "met",
        WEDNESDAY.date(),
        "police",
        False,
    )
    assert "it was done on Wednesday 4 March 2026, in time" in view.because


def test_two_who_add_events_at_once_each_see_the_others(committed_app: Flask, committed_owner: Owner) -> None:
    """Neither start nor stop is visible to the other's transaction until it commits; the clock must be met."""
    import threading

    row = Row(known=[(MONDAY, Facts())], events=[])
    with committed_owner() as session:
        write(session, [row])
    failures: list[BaseException] = []
    ready = threading.Barrier(2)

    def add(event: str, at: datetime) -> None:
        try:
            with committed_app.app_context(), transaction(WORKER) as session:
                added = NewCaseEvent(
                    referral_id=row.referral_id,
                    event=event,
                    kind=EventKind.CODE,
                    occurred_at=at,
                    recorded_at=at,
                )
                case_events.append_case_event_without_clocks(session, added)
                session.flush()
                ready.wait(10)
                stored_clocks.refresh_clocks(session, [row.referral_id], at=WEDNESDAY)
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=add, args=("suspect_arrested", MONDAY)),
        threading.Thread(target=add, args=("victim_told_suspect_arrested", WEDNESDAY)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert failures == []
    assert arrest_clock(row.referral_id).status == "met"


def test_a_persons_promises_without_a_limit_are_counted_by_themselves_and_come_last(
    app: Flask, owner: Owner
) -> None:
    sent = MONDAY + timedelta(days=1)
    happened_then = (("reported_to_police", MONDAY), ("written_acknowledgement_sent", sent))
    row = Row(
        known=[(MONDAY, Facts(observers=frozenset({"partner"})))],
        events=[Event(name, at, at, event_id=str(uuid4())) for name, at in happened_then],
    )
    with owner() as session:
        write(session, [row])
    recompute.recompute_clocks(actor=WORKER, as_at=WEDNESDAY)

    with transaction(WORKER) as session:
        promises = explained_clocks(session, row.referral_id, at=WEDNESDAY)
        summary = rights_summary(session, row.referral_id, at=WEDNESDAY)

    # Of the report's clocks only the referral to a support service has a limit; the rest is apart.
    assert summary == summarise_clocks(promises)
    assert (summary.in_time, summary.running, summary.unlimited_done) == (0, 1, 1)
    assert summary.unlimited == len([promise for promise in promises if promise.due_on is None]) > 5
    assert [promise.due_on is None for promise in promises] == [False] + [True] * summary.unlimited
