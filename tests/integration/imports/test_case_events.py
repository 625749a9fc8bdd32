"""Importing case events: idempotent, patient with events whose referral is not here yet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from tests.factories.feeds import event_row, feed_row
from tests.factories.imports import IMPORTED_AT, IMPORTER, import_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.models import CaseEvent, EntitlementClock, ImportRow

AT = IMPORTED_AT


def clocks(entitlement_id: str) -> list[EntitlementClock]:
    with transaction(IMPORTER) as session:
        return list(
            session.scalars(
                select(EntitlementClock)
                .where(EntitlementClock.entitlement_id == entitlement_id)
                .order_by(EntitlementClock.started_at, EntitlementClock.subject)
            )
        )


def test_an_arrest_opens_a_clock_and_the_notice_stops_it(app: Flask) -> None:
    row = feed_row()
    import_rows(row)

    summary = import_rows(
        event_row(row["feed_reference"]),
        event_row(row["feed_reference"], "victim_told_suspect_arrested", occurred_at="2026-03-06T10:00:00",
                  recorded_at="2026-03-06T10:00:00"),
        events=True,
    )  # fmt: skip

    assert (summary.imported, summary.unchanged, summary.set_aside) == (2, 0, 0)
    assert [clock.status for clock in clocks("told_suspect_arrested")] == ["met"]


def test_the_same_event_twice_is_unchanged_in_one_file_and_in_two(app: Flask) -> None:
    row = feed_row()
    import_rows(row)
    event = event_row(row["feed_reference"])

    first = import_rows(event, {**event, "note": "said again"}, events=True)
    second = import_rows(event, events=True)

    assert (first.imported, first.unchanged) == (1, 1)
    assert (second.imported, second.unchanged) == (0, 1)
    assert len(clocks("told_suspect_arrested")) == 1


def test_the_subject_tells_two_suspects_arrested_at_one_moment_apart(app: Flask) -> None:
    row = feed_row()
    import_rows(row)

    summary = import_rows(
        event_row(row["feed_reference"], subject="s1"),
        event_row(row["feed_reference"], subject="s2"),
        event_row(row["feed_reference"], "victim_told_suspect_arrested", subject="s2",
                  occurred_at="2026-03-05T10:00:00", recorded_at="2026-03-05T10:00:00"),
        events=True,
    )  # fmt: skip

    assert summary.imported == 3
    assert [(clock.subject, clock.status) for clock in clocks("told_suspect_arrested")] == [
        ("s1", "running"),
        ("s2", "met"),
    ]


def test_an_unknown_event_or_reference_is_set_aside_with_its_reason(app: Flask) -> None:
    row = feed_row()
    import_rows(row)

    summary = import_rows(
        event_row(row["feed_reference"], "suspect_arested"), event_row("NOBODY-1"), event_row(row["feed_reference"]),
        events=True,
    )  # fmt: skip

    assert (summary.imported, summary.set_aside) == (1, 2)
    with transaction(IMPORTER) as session:
        aside = session.scalars(select(ImportRow).where(ImportRow.outcome == "set_aside")).all()
    assert {row.reasons[0]["column"] for row in aside} == {"event", "feed_reference"}


@pytest.mark.parametrize("others", [0, 40])
def test_events_that_came_first_are_used_by_themselves_when_the_referral_arrives(
    app: Flask, others: int
) -> None:
    row = feed_row()
    early = event_row(row["feed_reference"])
    assert import_rows(early, events=True).set_aside == 1

    import_rows(row, *(feed_row() for _ in range(others)), at=datetime(2026, 3, 11, 9, tzinfo=UTC))

    assert [clock.status for clock in clocks("told_suspect_arrested")] == ["running"]
    with transaction(IMPORTER) as session:
        arrest = session.scalars(select(CaseEvent).where(CaseEvent.event == "suspect_arrested")).one()
        kept = session.scalars(select(ImportRow).where(ImportRow.outcome == "set_aside")).one()
    assert arrest.recorded_at == AT
    assert kept.retried_at is not None
    # sent again, it is known
    assert import_rows(early, events=True).unchanged == 1


def test_a_feed_is_learned_at_the_import_and_history_at_the_time_it_gives(app: Flask) -> None:
    row = feed_row()
    import_rows(row)
    import_rows(event_row(row["feed_reference"]), events=True)
    import_rows(
        event_row(row["feed_reference"], occurred_at="2026-03-05T10:00:00", recorded_at=""),
        events=True,
        history=True,
    )

    with transaction(IMPORTER) as session:
        recorded = list(
            session.scalars(
                select(CaseEvent.recorded_at)
                .where(CaseEvent.event == "suspect_arrested")
                .order_by(CaseEvent.occurred_at)
            )
        )
    at_the_import, as_the_file_says = recorded
    assert AT <= at_the_import < AT + timedelta(minutes=5)
    assert as_the_file_says == datetime(2026, 3, 5, 10, tzinfo=UTC)


def test_a_note_about_a_person_is_sealed(app: Flask) -> None:
    row = feed_row()
    import_rows(row)
    import_rows(event_row(row["feed_reference"], note="She asked for Wednesday"), events=True)
    with transaction(IMPORTER) as session:
        arrest = session.scalars(select(CaseEvent).where(CaseEvent.event == "suspect_arrested")).one()
    assert arrest.sealed is not None
    assert b"Wednesday" not in arrest.sealed
    assert arrest.details == {}


@pytest.mark.parametrize(
    ("first", "again", "is_new"),
    [
        ("2026-03-04T10:00:00", "2026-03-04T10:00:41", False),
        ("2026-03-04T10:00:00", "2026-03-04 10:00", False),
        ("2026-03-04T10:00:00", "2026-03-04T10:01:00", True),
        ("2026-03-04", "2026-03-04T10:00:00", False),
        ("2026-03-04T23:30:00", "04/03/2026", False),
        ("2026-03-04", "2026-03-05", True),
        ("2026-03-04T00:00:00", "2026-03-04T10:00:00", True),
    ],
)
def test_an_event_is_known_by_its_minute_or_by_its_date_where_no_time_is_given(
    app: Flask, first: str, again: str, is_new: bool
) -> None:
    row = feed_row()
    import_rows(row)
    import_rows(event_row(row["feed_reference"], occurred_at=first, recorded_at=""), events=True)

    summary = import_rows(
        event_row(row["feed_reference"], event="Suspect Arrested", occurred_at=again, recorded_at=""),
        events=True,
    )

    assert (summary.imported, summary.unchanged) == ((1, 0) if is_new else (0, 1))


def test_two_suspects_are_two_events_however_their_names_are_written(app: Flask) -> None:
    row = feed_row()
    import_rows(row)
    one, other = (event_row(row["feed_reference"], subject=name) for name in ("S 1", "S 2"))

    summary = import_rows(one, other, {**one, "subject": "s-1"}, events=True)

    assert (summary.imported, summary.unchanged) == (2, 1)
