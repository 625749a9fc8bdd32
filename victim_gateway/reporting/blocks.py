"""The rows of one entitlement under one total, and which counts to hide so that none can be derived."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from victim_gateway.reporting.exchange import FREE, FlowArc, FlowNetwork
from victim_gateway.reporting.tables import COUNTS, DUE_STATUSES, ONLY_WITH_A_LIMIT, STATUSES

SMALLEST_SHOWN = 5

_COST_OF_A_CELL = 1_000
_COST_OF_A_ZERO = 4_000  # hiding a zero protects little, because readers guess it
_COST_OF_A_TOTAL = 3_000

Key = tuple[str, ...]


@dataclass(slots=True)
class CountLine:
    """One row's true counts and what is hidden of them. `is_withheld`: as a whole, by step 4.

    Without a limit `due` is 0 here and is not published; the counts that are always 0 are known to be.
    """

    key: Key
    counts: Mapping[str, int]
    hidden: set[str] = field(default_factory=set)
    is_withheld: bool = False
    # Cells that a less detailed report gives away: hiding them here would be no use.
    shown_elsewhere: set[str] = field(default_factory=set)
    has_limit: bool = True

    def __post_init__(self) -> None:
        if not self.has_limit:
            self.shown_elsewhere |= set(ONLY_WITH_A_LIMIT)

    def is_primary(self, column: str) -> bool:
        return 0 < self.counts[column] < SMALLEST_SHOWN


@dataclass(slots=True)
class CountBlock:
    """The rows under one row of a less detailed report; no total for a report of one row."""

    lines: list[CountLine]
    total: CountLine | None
    # Hidden cells, by place of the row and column, that were found to be uncertain. Hiding more never
    # makes them certain again, so they needn't be looked at twice.
    safe: set[tuple[int, str]] = field(default_factory=set)

    def follow_total(self) -> None:
        """Take over what the total gives away: the only row under it is the total; under 0 all are 0."""
        if self.total is None:
            return
        shown = set(COUNTS) - self.total.hidden
        is_alone = len(self.lines) == 1
        for line in self.lines:
            line.shown_elsewhere |= {column for column in shown if is_alone or not self.total.counts[column]}
            if is_alone:
                line.hidden |= self.total.hidden
                line.is_withheld |= self.total.is_withheld

    def withhold_counts(self) -> None:
        """Hide the rows whole, but for what can be seen elsewhere anyway."""
        for line in self.lines:
            line.hidden |= set(COUNTS) - line.shown_elsewhere
            line.is_withheld = True


def protect_block(block: CountBlock) -> bool:
    """Hide until nothing that is hidden in the block, or in its total, is certain.

    True if anything was hidden. Where it can't be done with single cells the rows are withheld.
    """
    lines = [*block.lines, block.total] if block.total else block.lines
    before = [len(line.hidden) for line in lines]
    if sum(before) == len(block.safe):
        return False
    if not _BlockNetwork(lines, block.total).make_safe(block.safe):
        block.withhold_counts()
    return before != [len(line.hidden) for line in lines]


_ROOT = 0
_NODES_OF_A_LINE = 3


class _BlockNetwork:
    """The counts of a block as flows.

    Flow runs from the root through each row (clocks_started) into its due and its other part, from there
    by status into one node a status, and back through the total's parts to the root. Without a total the
    statuses lead straight back.
    """

    def __init__(self, lines: list[CountLine], total: CountLine | None) -> None:
        self._network = FlowNetwork(1 + len(STATUSES) + _NODES_OF_A_LINE * len(lines))
        self._cells: dict[int, tuple[int, CountLine, str]] = {}
        ends = {status: node if total else _ROOT for node, status in enumerate(STATUSES, start=1)}
        for place, line in enumerate(lines):
            self._add_line(place, line, ends, is_total=line is total)

    def make_safe(self, safe: set[tuple[int, str]]) -> bool:
        """Hide what the hidden counts need hidden beside them; False if one of them stays certain."""
        for number in self._hidden_arcs():
            place, _, column = self._cells[number]
            if (place, column) in safe:
                continue
            exchange = self._network.exchange_through(number)
            if exchange is None:
                return False
            self._hide(exchange)
            # Each count on the path can change as well.
            path_cells = [self._cells[other] for other in (*exchange, number) if other in self._cells]
            safe.update((place, column) for place, _, column in path_cells)
        return True

    def _hide(self, exchange: list[int]) -> None:
        for number in exchange:
            if self._network.make_free(number):
                _, line, column = self._cells[number]
                line.hidden.add(column)

    def _hidden_arcs(self) -> list[int]:
        """Those whose counts are hidden, primary ones first: what protects them may protect the rest."""
        hidden = [number for number, (_, line, column) in self._cells.items() if column in line.hidden]
        return sorted(hidden, key=self._is_secondary)

    def _is_secondary(self, number: int) -> bool:
        _, line, column = self._cells[number]
        return not line.is_primary(column)

    def _add_line(self, place: int, line: CountLine, ends: Mapping[str, int], *, is_total: bool) -> None:
        node = 1 + len(STATUSES) + _NODES_OF_A_LINE * place
        due, other = node + 1, node + 2
        part_of_due = DUE_STATUSES if line.has_limit else ()
        self._add_cell(place, line, "clocks_started", (_ROOT, node), is_total=is_total)
        self._add_cell(place, line, "due", (node, due), is_total=is_total)
        rest = line.counts["clocks_started"] - line.counts["due"]
        tail, head = (other, node) if is_total else (node, other)
        self._network.add_arc(FlowArc(tail, head, rest, FREE))
        for status in STATUSES:
            wire = (due if status in part_of_due else other, ends[status])
            self._add_cell(place, line, status, wire, is_total=is_total)

    def _add_cell(
        self, place: int, line: CountLine, column: str, wire: tuple[int, int], *, is_total: bool
    ) -> None:
        """Add a cell as an arc, in a total in the opposite direction; none for one that stays published."""
        cost = self._cost(line, column, is_total=is_total)
        if cost is None:
            return
        tail, head = reversed(wire) if is_total else wire
        arc = FlowArc(tail, head, line.counts[column], cost)
        if cost == FREE and not line.is_withheld and line.is_primary(column):
            arc.floor, arc.ceiling = 1, SMALLEST_SHOWN - 1
        self._cells[self._network.add_arc(arc)] = (place, line, column)

    def _cost(self, line: CountLine, column: str, *, is_total: bool) -> int | None:
        """What hiding a cell costs; None for one that is published and stays so."""
        if column in line.hidden:
            return FREE
        if is_total or column in line.shown_elsewhere:
            return None
        count = line.counts[column]
        cost = _COST_OF_A_CELL + min(count, 999) if count else _COST_OF_A_ZERO
        return cost + _COST_OF_A_TOTAL if column in ("clocks_started", "due") else cost
