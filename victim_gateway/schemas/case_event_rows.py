"""Rows of the case-events feed through the fields of the schema, compiled once for each header."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import lru_cache

from victim_gateway.feeds.case_events import CASE_EVENT_COLUMNS, CaseEventRow, build_case_event_row
from victim_gateway.feeds.folding import fold_code
from victim_gateway.feeds.problems import Accepted, RejectedRow
from victim_gateway.feeds.rows import CellPlan, plan_cells
from victim_gateway.schemas.case_event import CaseEventSchema
from victim_gateway.schemas.cell_field import column_readers

_READERS = column_readers(CaseEventSchema)
CASE_EVENT_READERS = {column: _READERS[column] for column in CASE_EVENT_COLUMNS}


def parse_case_event_row(
    raw: Mapping[str, str],
    *,
    number: int,
    imported_at: datetime,
    event_names: Collection[str],
    with_history: bool,
    cells_given: tuple[str, ...] = (),
) -> Accepted[CaseEventRow] | RejectedRow:
    """Read one row by its column names.

    Recorded at the import, or, `with_history`, at the time the feed gives: `recorded_at`, else
    `occurred_at`. `event_names` are the names that an event may have.
    """
    return build_case_event_row(
        raw,
        _plan(tuple(raw)),
        _by_folded_name(frozenset(event_names)),
        number=number,
        imported_at=imported_at,
        with_history=with_history,
        cells_given=cells_given,
    )


@lru_cache(maxsize=64)
def _plan(header: tuple[str, ...]) -> CellPlan:
    return plan_cells(frozenset(header), CASE_EVENT_READERS)


@lru_cache(maxsize=8)
def _by_folded_name(event_names: frozenset[str]) -> Mapping[str, str]:
    return {fold_code(name): name for name in event_names}
