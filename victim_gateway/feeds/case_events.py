"""Parse rows of the case-events feed, version 1, into typed rows.

Everything in an event but its source and note decides figures, so hardly anything can be left empty: an
event that can't be placed in time, as it happened and as it became known, is set aside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from victim_gateway.feeds.moments import Moment
from victim_gateway.feeds.problems import IMPOSSIBLE, IN_FUTURE, NOT_IN_LIST, Accepted, RejectedRow
from victim_gateway.feeds.reading import FeedFormat
from victim_gateway.feeds.rows import CellPlan, CellsRead, read_cells, reasons_to_set_aside

CASE_EVENT_COLUMNS = ("feed_reference", "event", "occurred_at", "recorded_at", "source", "note", "subject")
REQUIRED = {
    "feed_reference": "give the reference of the referral that the event belongs to",
    "event": "give the event's name",
    "occurred_at": "give when it happened, as 2018-10-28T18:39 or 28/10/2018 18:39",
}
CASE_EVENTS_FEED = FeedFormat(
    name="case-events feed",
    columns=CASE_EVENT_COLUMNS,
    required=tuple(REQUIRED),
    date_columns=frozenset({"occurred_at", "recorded_at"}),
)

# A subject that can't be read would let the notice about one suspect stop the clock of another.
_NOTHING_MAY_BE_LOST = frozenset(REQUIRED) | {"recorded_at", "subject"}


@dataclass(frozen=True, slots=True)
class CaseEventRow:
    """A usable event; moments are aware and in UTC. `recorded_at` is when we learned it, never None.

    With `is_whole_day` the feed gave only the London date: it is the same event as one with a time on that day.
    """

    number: int
    raw: Mapping[str, str]
    feed_reference: str
    event: str
    occurred_at: datetime
    is_whole_day: bool
    recorded_at: datetime
    source: str | None
    note: str | None
    subject: str | None


def build_case_event_row(
    raw: Mapping[str, str],
    plan: CellPlan,
    event_names: Mapping[str, str],
    *,
    number: int,
    imported_at: datetime,
    with_history: bool,
    cells_given: tuple[str, ...] = (),
) -> Accepted[CaseEventRow] | RejectedRow:
    """Read the cells of one row as its file's plan says. `event_names` are the known ones, by their folded form."""
    read = read_cells(raw, plan)
    _check(read, event_names, imported_at)
    reasons = reasons_to_set_aside(read, raw, required=REQUIRED, must_be_whole=_NOTHING_MAY_BE_LOST)
    if reasons:
        return RejectedRow(number, raw, cells_given, reasons)
    row = _row(read.values, number=number, raw=raw, imported_at=imported_at, with_history=with_history)
    return Accepted(row, (*read.lost, *read.warnings))


def _check(read: CellsRead, event_names: Mapping[str, str], imported_at: datetime) -> None:
    event = read.values["event"]
    if event is not None and event not in event_names:
        read.reject_cell("event", NOT_IN_LIST, "is not the name of an event that this service knows")
    elif event is not None:
        read.values["event"] = event_names[event]
    for column in ("occurred_at", "recorded_at"):
        moment: Moment | None = read.values[column]
        if moment is not None and moment.is_after(imported_at):
            read.reject_cell(column, IN_FUTURE, "lies in the future; give when it happened")
    occurred: Moment | None = read.values["occurred_at"]
    recorded: Moment | None = read.values["recorded_at"]
    if occurred is not None and recorded is not None and recorded.is_before(occurred):
        read.reject_cell("recorded_at", IMPOSSIBLE, "is before occurred_at; give when it became known")


def _row(
    values: Mapping[str, Any],
    *,
    number: int,
    raw: Mapping[str, str],
    imported_at: datetime,
    with_history: bool,
) -> CaseEventRow:
    occurred: Moment = values["occurred_at"]
    recorded: Moment = values["recorded_at"] or occurred
    return CaseEventRow(
        number=number,
        raw=raw,
        feed_reference=values["feed_reference"],
        event=values["event"],
        occurred_at=occurred.at,
        is_whole_day=occurred.is_whole_day,
        recorded_at=recorded.at if with_history else imported_at,
        source=values["source"],
        note=values["note"],
        subject=values["subject"],
    )
