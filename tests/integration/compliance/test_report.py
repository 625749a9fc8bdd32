"""The report's figures, held against the pure core counted by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from config.area_profile import load_area
from tests.generators.compliance_rows import Row, write, write_knowledge
from tests.integration.compliance.test_three_agree import Made, core, made
from victim_gateway.actors import Actor
from victim_gateway.compliance.editions import Entitlement, code_editions
from victim_gateway.compliance.facts import EnhancedPeriod, Event, Facts
from victim_gateway.database.reference_data import area_edition
from victim_gateway.errors import InvalidInput
from victim_gateway.queries.compliance.clocks_sql import EVERYTHING
from victim_gateway.reporting.tables import STATUSES, rate_of
from victim_gateway.services.compliance import report
from victim_gateway.services.compliance.report import ReportRequest
from victim_gateway.services.compliance.stored_clocks import store_clocks
from victim_gateway.times import london_date

Owner = Callable[[], AbstractContextManager[Session]]
WORKER = Actor.worker("tests")
DISTRICTS = ("Stafford", "Tamworth", None)
CRIMES = ("Burglary", "Robbery")
AFTER_ALL = datetime(2027, 12, 20, tzinfo=UTC)


def write_with_clocks(session: Session, rows: list[Row]) -> None:
    write(session, rows)
    store_clocks(session, EVERYTHING, AFTER_ALL)


def test_every_count_is_that_of_the_pure_core(app: Flask, owner: Owner) -> None:
    items = made(31, 800)
    for number, item in enumerate(items):
        item.row.district = DISTRICTS[number % 3]
        item.row.crime_type = CRIMES[number % 2]
    with owner() as session:
        write_with_clocks(session, [item.row for item in items])
    as_at = sorted(item.as_at for item in items)[600]
    period = (london_date(as_at - timedelta(days=3000)), london_date(as_at))

    found = report.make_report(
        ReportRequest(
            *period, as_at=as_at, by=("crime_type", "district", "month", "enhanced"), unsuppressed=True
        ),
        actor=WORKER,
        form="csv",
    )

    expected = counted(items, as_at, period)
    assert expected
    assert {
        (row.edition, row.entitlement_id, *row.by, status): getattr(row, status)
        for row in found.rows
        for status in STATUSES
        if getattr(row, status)
    } == expected
    order = [(not r.has_limit, r.edition, r.right, r.entitlement_id, r.by) for r in found.rows]
    assert order == sorted(order)
    limits = {(e.edition, e.entitlement_id): e.limit for e in every_entitlement()}
    for row in found.rows:
        assert row.clocks_started == sum(getattr(row, status) for status in STATUSES)
        due = (row.met or 0) + (row.met_late or 0) + (row.overdue or 0)
        if limits[row.edition, row.entitlement_id] is None:
            assert (row.due, row.rate, due) == (None, None, row.met)
        else:
            assert (row.due, row.rate) == (due, rate_of(row.met or 0, due))
    assert {row.has_limit for row in found.rows} == {True, False}


def every_entitlement() -> list[Entitlement]:
    editions = (*code_editions(), area_edition(load_area("staffordshire")))
    return [entitlement for edition in editions for entitlement in edition.entitlements]


def counted(items: list[Made], as_at: datetime, period: tuple[date, date]) -> Counter[tuple[Any, ...]]:
    counts: Counter[tuple[Any, ...]] = Counter()
    for item in items:
        started = {event.event_id: event.occurred_on for event in item.row.events}
        for (event_id, edition, own), clock in (core(item.row, as_at) or {}).items():
            day = started[str(event_id)]
            if period[0] <= day <= period[1]:
                by = (
                    item.row.crime_type,
                    item.row.district or "",
                    f"{day:%Y-%m}",
                    "yes" if clock[1] else "no",
                )
                counts[(edition, own, *by, clock[-1])] += 1
    return counts


REPORTED = datetime(2024, 3, 4, 10, tzinfo=UTC)
SENT = REPORTED + timedelta(days=1)


def simple(**changes: Any) -> Row:
    """A burglary reported on a Monday and passed on the next day."""
    values: dict[str, Any] = {
        "known": [(REPORTED, Facts(observers=frozenset({"partner"})))],
        "events": [
            Event("reported_to_police", REPORTED, REPORTED, event_id=str(uuid4())),
            Event("referred_to_support_service", SENT, SENT, event_id=str(uuid4())),
        ],
    }
    return Row(**{**values, **changes})


def march(**changes: Any) -> ReportRequest:
    values: dict[str, Any] = {
        "started_from": date(2024, 3, 1),
        "started_to": date(2024, 3, 31),
        "as_at": datetime(2024, 4, 1, tzinfo=UTC),
    }
    return ReportRequest(**{**values, **changes})


def test_the_same_as_at_gives_the_same_figures_whatever_is_recorded_since(app: Flask, owner: Owner) -> None:
    row = simple()
    with owner() as session:
        write_with_clocks(session, [row])
    wanted = march(unsuppressed=True, by=("district", "under_18"))
    before = report.make_report(wanted, actor=WORKER, form="csv")

    later = datetime(2024, 5, 1, tzinfo=UTC)
    late_knowledge = Row(
        known=[(later, Facts(under_18=True, cancelled_at=REPORTED))],
        events=[Event("referred_to_support_service", REPORTED, later, event_id=str(uuid4()))],
        voids={},
        district="Tamworth",
        referral_id=row.referral_id,
    )
    with owner() as session:
        write_knowledge(session, [late_knowledge])
        store_clocks(session, EVERYTHING, AFTER_ALL)

    assert report.make_report(wanted, actor=WORKER, form="csv") == before
    assert (
        report.make_report(march(unsuppressed=True, as_at=later), actor=WORKER, form="csv").rows
        != before.rows
    )


def test_a_clock_belongs_to_the_london_day_on_which_it_started(app: Flask, owner: Owner) -> None:
    first_of_april_in_london = datetime(2024, 3, 31, 23, 30, tzinfo=UTC)
    event = Event(
        "reported_to_police", first_of_april_in_london, first_of_april_in_london, event_id=str(uuid4())
    )
    with owner() as session:
        write_with_clocks(session, [simple(events=[event], known=[(REPORTED, Facts())])])
    as_at = datetime(2024, 6, 1, tzinfo=UTC)

    assert not report.make_report(march(as_at=as_at), actor=WORKER, form="csv").rows
    april = march(started_from=date(2024, 4, 1), started_to=date(2024, 4, 1), as_at=as_at)
    assert report.make_report(april, actor=WORKER, form="csv").rows


def test_dimensions_are_those_known_at_the_moment(app: Flask, owner: Owner) -> None:
    enhanced = Facts(
        under_18=False,
        enhanced=(EnhancedPeriod("persistently_targeted", date(2024, 3, 4)),),  # type: ignore[arg-type]
    )
    with owner() as session:
        write_with_clocks(session, [simple(known=[(REPORTED, enhanced)], district=None, force=None)])
    by = ("district", "crime_type", "owner", "enhanced", "force", "provider", "month", "under_18")

    found = report.make_report(march(by=by, unsuppressed=True), actor=WORKER, form="csv")

    row = next(row for row in found.rows if row.entitlement_id == "referred_to_support_service")
    assert row.by == ("", "Burglary", "police", "yes", "", "", "2024-03", "no")
    assert (row.met, row.due, row.clocks_started, str(row.rate)) == (1, 1, 1, "1.0000")


def test_a_provider_is_named_by_its_key_on_the_areas_own_clocks(app: Flask, owner: Owner) -> None:
    with owner() as session:
        provider_id = uuid4()
        session.execute(
            text("INSERT INTO organisation VALUES (:id, 'new-era', 'provider', 'New Era')"),
            {"id": provider_id},
        )
        session.execute(
            text("INSERT INTO provider (id, description, active_from) VALUES (:id, 'Support', '2015-01-01')"),
            {"id": provider_id},
        )
        offered = Event("onward_referral_offered", SENT, SENT, "OR-1", str(uuid4()))
        write_with_clocks(session, [simple(events=[offered], provider_id=provider_id)])

    found = report.make_report(march(by=("provider",), unsuppressed=True), actor=WORKER, form="csv")

    assert [(r.edition, r.entitlement_id, r.by, r.overdue) for r in found.rows] == [
        ("local", "provider_response", ("new-era",), 1)
    ]
    target = load_area("staffordshire").target_rate("local")
    assert [float(r.target or 0) for r in found.rows] == [target]


def test_small_counts_are_hidden_unless_plain_ones_are_asked_for(app: Flask, owner: Owner) -> None:
    with owner() as session:
        write_with_clocks(session, [simple()])

    assert all(row.suppressed for row in report.make_report(march(), actor=WORKER, form="csv").rows)
    plain = report.make_report(march(unsuppressed=True), actor=WORKER, form="csv").rows
    assert not any(row.suppressed for row in plain)


def test_making_a_report_is_written_down_with_its_parameters(
    app: Flask, owner: Owner, manager: Actor
) -> None:
    report.make_report(march(unsuppressed=True, by=("month",)), actor=manager, form="xlsx")

    with owner() as session:
        entry = session.execute(
            text("SELECT entry FROM audit_entry WHERE action = 'compliance.report_made'")
        ).scalar_one()
    for said in ('"unsuppressed": true', '"by": ["month"]', '"rows": 0', '"form": "xlsx"', "2024-03-31"):
        assert said in entry


def test_a_period_that_ends_before_it_begins_is_refused(app: Flask) -> None:
    with pytest.raises(InvalidInput, match="ends before it begins"):
        march(started_from=date(2024, 4, 1), started_to=date(2024, 3, 1))


def test_what_the_calendar_does_not_cover_is_left_out_and_said(app: Flask, owner: Owner) -> None:
    long_ago = datetime(2009, 3, 2, tzinfo=UTC)
    event = Event("reported_to_police", long_ago, long_ago, event_id=str(uuid4()))
    with owner() as session:
        write_with_clocks(session, [simple(events=[event], known=[(long_ago, Facts())]), simple()])

    found = report.make_report(march(started_from=date(2009, 1, 1)), actor=WORKER, form="csv")

    assert found.left_out > 0
    assert found.left_out_start == "reported_to_police on 2009-03-02"
    assert "referred_to_support_service" in {row.entitlement_id for row in found.rows}
