"""The safe-contact check falls due on the same working day whichever door it came in by."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from tests.factories import casework
from tests.factories.feeds import feed_row
from tests.factories.imports import IMPORTER, import_rows, imported_referral
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.models import Task
from victim_gateway.services.referrals import corrections
from victim_gateway.services.referrals.safe_contact import SafeContactAnswer
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import SafeAnswer, TaskKind

# When the check is opened, and the working day on which it falls due.
DUE = [
    ("2026-01-14T23:30:00+00:00", "2026-01-14"),
    ("2026-01-10T09:00:00+00:00", "2026-01-12"),
    ("2026-07-15T23:30:00+01:00", "2026-07-15"),
    ("2026-07-11T00:30:00+01:00", "2026-07-13"),
    ("2026-04-03T12:00:00+01:00", "2026-04-07"),
    ("2026-12-25T12:00:00+00:00", "2026-12-29"),
]
doors = pytest.mark.parametrize(
    ("at", "due_on"),
    [(datetime.fromisoformat(at).astimezone(UTC), date.fromisoformat(due)) for at, due in DUE],
)


def old_row(**changes: str) -> dict[str, str]:
    moments = {
        "occurred_from": "2025-11-02T20:00:00",
        "reported_at": "2025-11-03T09:00:00",
        "transferred_at": "2025-11-04T09:00:00",
    }
    return feed_row(**(moments | changes))


def due_dates(referral_id: UUID, kind: TaskKind = TaskKind.SAFE_CONTACT_CHECK) -> list[date | None]:
    with transaction(IMPORTER) as session:
        found = select(Task.due_on).where(
            Task.referral_id == referral_id, Task.kind == kind, Task.done_at.is_(None)
        )
        return list(session.scalars(found))


@doors
def test_a_new_row_of_the_feed(app: Flask, at: datetime, due_on: date) -> None:
    first = old_row()
    second = old_row(victim_reference=first["victim_reference"], phone="07700 900321")
    import_rows(first, at=at - timedelta(days=9))

    import_rows(second, at=at)

    assert due_dates(imported_referral(second).id) == [due_on]


@doors
def test_a_changed_row_of_the_feed(app: Flask, at: datetime, due_on: date) -> None:
    row = old_row()
    import_rows(row, at=at - timedelta(days=9))

    import_rows({**row, "phone": "07700 900321"}, at=at)

    assert due_dates(imported_referral(row).id) == [due_on]


@doors
def test_a_referral_typed_by_hand(caseworker: Actor, at: datetime, due_on: date) -> None:
    earlier = at - timedelta(days=9)
    first = casework.recorded(caseworker, at=earlier, safe_contact=SafeContactAnswer(SafeAnswer.NO))
    person_id = casework.referral(first, caseworker).person_id

    second = casework.recorded(caseworker, at=at, person_id=person_id)

    assert due_dates(second) == [due_on]


@doors
def test_a_correction(caseworker: Actor, at: datetime, due_on: date) -> None:
    referral_id = casework.recorded(caseworker, at=at - timedelta(days=9))

    corrections.correct_details(
        Command(caseworker, at, version=casework.referral(referral_id, caseworker).version),
        referral_id,
        {"phone": "07700 900321"},
    )

    assert due_dates(referral_id) == [due_on]


def test_asking_again_makes_an_open_check_due_no_later(caseworker: Actor) -> None:
    at = datetime(2026, 7, 15, 9, tzinfo=UTC)
    referral_id = casework.recorded(caseworker, at=at)
    for day, phone in enumerate(("07700 900321", "07700 900322")):
        corrections.correct_details(
            Command(
                caseworker,
                at + timedelta(days=day),
                version=casework.referral(referral_id, caseworker).version,
            ),
            referral_id,
            {"phone": phone},
        )

    assert due_dates(referral_id) == [date(2026, 7, 15)]


def test_a_conflict_with_a_correction_falls_due_on_a_working_day(caseworker: Actor) -> None:
    row, saturday = old_row(), datetime(2026, 7, 11, 9, tzinfo=UTC)
    import_rows(row, at=saturday - timedelta(days=9))
    referral = imported_referral(row)
    corrections.correct_details(
        Command(caseworker, saturday - timedelta(days=8), version=referral.version),
        referral.id,
        {"district": "Lichfield"},
    )

    import_rows({**row, "district": "Tamworth"}, at=saturday)

    assert due_dates(referral.id, TaskKind.FEED_CONFLICT) == [date(2026, 7, 13)]


def test_two_people_of_one_name_are_compared_by_the_next_working_day(app: Flask) -> None:
    friday = datetime(2026, 7, 10, 9, tzinfo=UTC)
    first = old_row()
    second = old_row(given_name=first["given_name"], family_name=first["family_name"])
    import_rows(first, at=friday - timedelta(days=9))

    import_rows(second, at=friday)

    assert due_dates(imported_referral(second).id, TaskKind.POSSIBLE_SAME_PERSON) == [date(2026, 7, 13)]
