"""Past years are loaded into months of published figures only when that is asked for."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.factories.feeds import feed_file, feed_row
from tests.factories.imports import IMPORTER
from victim_gateway.actors import Actor
from victim_gateway.errors import UnusableFile
from victim_gateway.services.compliance.report import MadeReport, ReportRequest, make_report
from victim_gateway.services.imports.batches import ImportSummary
from victim_gateway.services.imports.runner import ImportRequest, import_file
from victim_gateway.services.imports.uploads import run_uploaded_batch, upload_file
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import ImportKind

Owner = Callable[[], AbstractContextManager[Session]]
NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
OLD = {"reported_at": "2024-03-04T10:00", "transferred_at": "2024-03-05T10:00", "feed_reference": "OLD-1"}


def load(
    *rows: dict[str, str],
    events: bool = False,
    history: bool = True,
    reopen: bool = False,
    dry_run: bool = False,
) -> ImportSummary:
    kind = ImportKind.CASE_EVENTS if events else ImportKind.POLICE_FEED
    request = ImportRequest(kind, "old.csv", history=history, reopen_published=reopen, dry_run=dry_run)
    return import_file(feed_file(*rows, events=events), request, actor=IMPORTER, at=NOW)


def old_row(day: str, reference: str = "OLD-2") -> dict[str, str]:
    return feed_row(feed_reference=reference, reported_at=f"{day}T10:00", transferred_at=f"{day}T12:00")


def publish(*, reason: str | None = None, as_at: datetime = NOW, **changes: Any) -> MadeReport:
    wanted = ReportRequest(
        **{"started_from": date(2024, 3, 1), "started_to": date(2024, 3, 31), "as_at": as_at, **changes}
    )
    return make_report(wanted, actor=IMPORTER, form="csv", reason=reason)


@pytest.fixture
def loaded(app: Flask) -> Iterator[None]:
    """One referral of March 2024, loaded as history."""
    load(feed_row(**OLD))
    yield


def batches(owner: Owner) -> int:
    with owner() as session:
        return int(session.execute(text("SELECT count(*) FROM import_batch")).scalar_one())


def test_published_months_are_refused_by_name_and_nothing_is_stored(loaded: None, owner: Owner) -> None:
    publish()
    before = batches(owner)

    for dry_run in (True, False):
        with pytest.raises(UnusableFile) as refused:
            load(old_row("2024-03-31"), old_row("2024-04-01", "OLD-3"), dry_run=dry_run)
        assert "published figures of 2024-03;" in refused.value.message
        assert "--reopen-published" in refused.value.message and "\n" not in refused.value.message
    assert batches(owner) == before


def test_it_is_done_when_it_is_asked_for_and_then_audited_and_named_in_the_report(
    loaded: None, owner: Owner
) -> None:
    first = publish()

    assert load(old_row("2024-03-06"), reopen=True).imported == 1

    again = publish()
    assert sum(row.clocks_started or 0 for row in again.rows) >= sum(
        r.clocks_started or 0 for r in first.rows
    )
    assert again.history_loaded_at is not None and again.history_loaded_at != first.history_loaded_at
    document = again.document(made_by="m", made_at=NOW)
    assert document.parameters["history_loaded_at"] == again.history_loaded_at
    with owner() as session:
        opened = session.execute(
            text(
                "SELECT entry FROM audit_entry WHERE action = 'import.opened' ORDER BY sequence DESC LIMIT 1"
            )
        ).scalar_one()
    details = json.loads(opened)["details"]
    assert (details["history"], details["reopen_published"]) == (True, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"unsuppressed": True},
        {"reason": "own_work"},
        {"started_from": date(2024, 4, 1), "started_to": date(2024, 4, 30)},
        {"as_at": datetime(2024, 3, 20, tzinfo=UTC)},
    ],
)
def test_what_was_not_published_is_loaded(loaded: None, changes: dict[str, Any]) -> None:
    publish(**changes)

    assert load(old_row("2024-03-25")).imported == 1


def test_other_months_and_imports_of_today_are_not_touched(loaded: None) -> None:
    publish(reason="return")

    assert load(old_row("2024-04-01")).imported == 1
    assert load(old_row("2024-03-20", "NEW-1"), history=False).imported == 1


def test_the_very_same_file_changes_nothing_and_is_no_reason_to_refuse(loaded: None) -> None:
    row = old_row("2024-03-20")
    load(row)
    publish()

    assert load(row).unchanged == 1


def test_an_event_outside_the_period_that_may_stop_a_published_clock_is_refused(loaded: None) -> None:
    publish()
    event = {
        "feed_reference": "OLD-1",
        "event": "written_acknowledgement_sent",
        "occurred_at": "2024-06-03T10:00",
    }

    with pytest.raises(UnusableFile, match=r"figures of 2024-03;"):
        load(event, events=True)
    assert load({**event, "feed_reference": "OLD-9"}, events=True).set_aside == 1


def test_an_uploaded_file_is_refused_with_the_reason_on_its_page(
    loaded: None, owner: Owner, senior: Actor
) -> None:
    publish()
    content = io.BytesIO(feed_file(old_row("2024-03-20")).getvalue())
    batch_id = upload_file(
        Command(senior, NOW), content, kind=ImportKind.POLICE_FEED, file_name="old.csv", history=True
    )

    assert run_uploaded_batch(batch_id, actor=IMPORTER, at=NOW + timedelta(minutes=1)) is None

    with owner() as session:
        state, problem = session.execute(
            text("SELECT state, problem FROM import_batch WHERE id = :id"), {"id": batch_id}
        ).one()
    assert state == "refused" and "2024-03" in problem


def test_history_that_was_never_loaded_is_not_named(app: Flask) -> None:
    load(old_row("2024-03-20"), history=False)

    made = publish()

    assert made.history_loaded_at is None
    assert made.document(made_by="m", made_at=NOW).parameters["history_loaded_at"] is None
