"""One row of the case-events feed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.unit.feeds.samples import IMPORTED_AT
from victim_gateway.feeds.case_events import CaseEventRow
from victim_gateway.feeds.problems import Accepted, RejectedRow
from victim_gateway.schemas.case_event_rows import parse_case_event_row

NAMES = frozenset({"suspect_arrested", "suspect_charged"})
EVENT = {"feed_reference": "STF-1", "event": "suspect_arrested", "occurred_at": "2026-03-02T10:00"}


def parse(*, with_history: bool = True, **cells: str) -> Accepted[CaseEventRow] | RejectedRow:
    return parse_case_event_row(
        {**EVENT, **cells}, number=2, imported_at=IMPORTED_AT, event_names=NAMES, with_history=with_history
    )


def accepted(*, with_history: bool = True, **cells: str) -> CaseEventRow:
    outcome = parse(with_history=with_history, **cells)
    assert isinstance(outcome, Accepted), outcome
    assert outcome.warnings == ()
    return outcome.row


def test_an_event_is_recorded_at_the_import_whatever_the_feed_says() -> None:
    row = accepted(with_history=False, recorded_at="2026-03-02T12:00")
    assert row.recorded_at == IMPORTED_AT


def test_with_history_an_event_is_recorded_when_the_feed_says_else_when_it_occurred() -> None:
    assert accepted(recorded_at="2026-03-02T12:00").recorded_at == datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert accepted().recorded_at == accepted().occurred_at == datetime(2026, 3, 2, 10, tzinfo=UTC)


def test_the_optional_columns_are_kept() -> None:
    row = accepted(source="police", note="Two\nlines", subject="s1")
    assert (row.source, row.note, row.subject) == ("police", "Two\nlines", "s1")


@pytest.mark.parametrize(
    ("column", "text", "code"),
    [
        ("feed_reference", "", "missing"),
        ("event", " ", "missing"),
        ("occurred_at", "", "missing"),
        ("event", "suspect_vanished", "not_in_list"),
        ("feed_reference", "n/a", "missing"),
        ("feed_reference", "2.02611E+11", "spreadsheet_damage"),
        ("occurred_at", "soon", "unreadable"),
        ("occurred_at", "2026-03-10T09:01", "in_future"),
        ("recorded_at", "soon", "unreadable"),
        ("recorded_at", "2026-03-10T09:01", "in_future"),
        ("recorded_at", "2026-03-02T09:59", "impossible"),
        ("subject", "s" * 201, "too_long"),
        ("note", "a\0b", "nul"),
    ],
)
def test_what_would_change_a_figure_sets_the_row_aside(column: str, text: str, code: str) -> None:
    outcome = parse(**{column: text})
    assert isinstance(outcome, RejectedRow)
    assert [(reason.column, reason.code) for reason in outcome.reasons] == [(column, code)]


@pytest.mark.parametrize("event", ["Suspect_Arrested", "suspect arrested", " SUSPECT-ARRESTED "])
def test_names_of_events_and_subjects_are_folded_like_codes(event: str) -> None:
    row = accepted(event=event, subject="Suspect - 1")
    assert (row.event, row.subject) == ("suspect_arrested", "suspect_1")


@pytest.mark.parametrize(
    ("text", "is_whole_day"), [("2026-03-02", True), ("2/3/2026", True), ("2026-03-02 10:00", False)]
)
def test_a_row_says_whether_only_the_day_is_known(text: str, is_whole_day: bool) -> None:
    assert accepted(occurred_at=text).is_whole_day is is_whole_day


def test_a_source_that_cannot_be_kept_is_only_a_warning() -> None:
    outcome = parse(source="x" * 600)
    assert isinstance(outcome, Accepted)
    assert outcome.row.source is None
    assert [(warning.column, warning.code) for warning in outcome.warnings] == [("source", "too_long")]
