"""Hide small numbers, and enough other counts that none can be derived from the rest.

Method
1. Every count from 1 to 4 is hidden (primary suppression), and a rate with either of its parts. Zeros and
   counts from 5 are shown. A hidden cell is empty and its row says `suppressed` yes.
2. More counts are hidden (secondary suppression) until every hidden one has at least two possible values
   for a reader who knows all that is published, that clocks_started is the sum of the eight statuses and
   due = met + met_late + overdue (an entitlement without a limit has no due and is never late), how large
   the entitlement is in the less detailed reports, and even which cells are hidden as 1 to 4. Fewest cells
   first, then small counts before large ones, totals last.
3. The less detailed reports are those without one or more of the by-columns, for the same period, moment
   and filters. They are suppressed by the same method first, so they come out the same whether a reader
   asks for them or not, and the detailed report is made safe against each of them.
4. Where hiding single cells can't do it (two districts of 4 make a published 8), all rows under that total
   are withheld, so that a reader can't tell which of their cells are small.

What it promises: a report split by no column or one is safe as step 2 says, exactly. Split by two or more,
each total is respected as far as cells can be hidden, and small counts held against every attack on one
total at a time that the tests tried; it is not proven against several less detailed reports put together.
Hidden counts are uncertain, not necessarily by much, and reports for overlapping periods or filters can be
subtracted from each other. Those are for the person who releases them to weigh.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from victim_gateway.reporting.blocks import CountBlock, CountLine, Key, protect_block
from victim_gateway.reporting.tables import BY_COLUMNS, COUNTS, ReportRow

Places = tuple[int, ...]


def suppress_small_counts(rows: Sequence[ReportRow], *, by: tuple[str, ...]) -> list[ReportRow]:
    """The rows of a whole report, in their order, with small numbers hidden.

    Takes plain rows (no count None, but due without a limit) that all have the same by-columns; every row of
    the report has to be given at once, as the others decide what hides a cell. The same figures hide the
    same cells, whatever the order of rows and by-columns: two files that hide different cells would fill
    each other's gaps.
    """
    order = sorted(range(len(by)), key=lambda place: BY_COLUMNS.index(by[place]))
    keys = [tuple(row.by[place] for place in order) for row in rows]
    groups: dict[Key, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        groups[row.edition, row.entitlement_id].append(place)
    published = list(rows)
    for places in groups.values():
        lines = protect_lines(
            [
                CountLine(keys[place], counts_of(rows[place]), has_limit=rows[place].has_limit)
                for place in places
            ]
        )
        for place, line in zip(places, lines, strict=True):
            published[place] = _without(rows[place], line.hidden)
    return published


def counts_of(row: ReportRow) -> dict[str, int]:
    """A plain row's counts by column; `due` is 0 where the entitlement has no limit."""
    return {column: getattr(row, column) or 0 for column in COUNTS}


def _without(row: ReportRow, hidden: set[str]) -> ReportRow:
    if not hidden:
        return row
    rate = None if hidden & {"met", "due"} else row.rate
    changes: dict[str, Any] = {**dict.fromkeys(hidden), "rate": rate, "suppressed": True}
    return replace(row, **changes)


def protect_lines(lines: list[CountLine]) -> list[CountLine]:
    """Decide what to hide in all rows of one entitlement; the lines are changed and given back."""
    everything = tuple(range(len(lines[0].key)))
    reports: dict[Places, list[CountLine]] = {}
    for size in range(len(everything) + 1):
        for kept in itertools.combinations(everything, size):
            report = lines if kept == everything else _less_detailed(lines, kept)
            _protect_report(sorted(report, key=lambda line: line.key), kept, reports)
            reports[kept] = report
    return lines


def _less_detailed(lines: list[CountLine], kept: Places) -> list[CountLine]:
    """The rows of the report that keeps only some of the by-columns."""
    parts = _parts(lines, kept)
    return [CountLine(key, _sum(part), has_limit=part[0].has_limit) for key, part in parts.items()]


def _parts(lines: list[CountLine], kept: Places) -> dict[Key, list[CountLine]]:
    parts: dict[Key, list[CountLine]] = defaultdict(list)
    for line in lines:
        parts[tuple(line.key[place] for place in kept)].append(line)
    return parts


def _protect_report(
    lines: list[CountLine], places: Places, reports: Mapping[Places, list[CountLine]]
) -> None:
    """Make one report safe against the less detailed `reports`, which are decided already."""
    for line in lines:
        line.hidden.update(column for column in COUNTS if line.is_primary(column))
    blocks: list[CountBlock] = []
    for kept, totals in reports.items():
        if set(kept) < set(places):
            parts = _parts(lines, tuple(places.index(place) for place in kept))
            blocks += [CountBlock(parts[total.key], total) for total in totals]
    for block in blocks:
        block.follow_total()
    shared = [block for block in blocks if len(block.lines) > 1]
    if not blocks:
        shared = [CountBlock([line], None) for line in lines]
    # What one total makes us hide has to be safe against the others, too.
    while sum(protect_block(block) for block in shared):
        pass


def _sum(lines: list[CountLine]) -> dict[str, int]:
    return {column: sum(line.counts[column] for line in lines) for column in COUNTS}
