"""Whether a hidden count can be derived, with the counts of a table as flows in a network.

Every count is the flow along one arc, and everything that an attacker knows to add up is a node where as
much flows in as out. Another table with the same published numbers differs from the true one by exchanges:
closed paths along which hidden counts alternately rise and fall by one. A hidden count is certain exactly if no
such path leads through it, because these networks have whole-number solutions wherever they have any
(D. Gusfield, "A graph theoretic approach to statistical data security", SIAM J. Comput. 17, 1988).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

# What the attacker can't see anyway, such as a sum that is never printed, costs nothing to change.
FREE = 0
_UNREACHED = 1 << 60
# In a large table most of the time would go into weighing hundreds of cells that are as good as each other;
# looking at the first few at each node also keeps the hidden cells together in few rows.
_CHOICES_AT_A_NODE = 40


@dataclass(slots=True)
class FlowArc:
    """A count from `floor` to `ceiling` (None: no limit), as far as the attacker knows.

    `cost` is what hiding it would cost; FREE: hidden already; None: it is published and stays so.
    """

    tail: int
    head: int
    flow: int
    cost: int | None
    floor: int = 0
    ceiling: int | None = None

    def may_rise(self) -> bool:
        return self.cost is not None and (self.ceiling is None or self.flow < self.ceiling)

    def may_fall(self) -> bool:
        return self.cost is not None and self.flow > self.floor


class FlowNetwork:
    """Arcs by number, and the arcs at each node."""

    def __init__(self) -> None:
        self.arcs: list[FlowArc] = []
        self._at: dict[int, list[int]] = {}

    def add_arc(self, arc: FlowArc) -> int:
        """The number of the new arc."""
        number = len(self.arcs)
        self.arcs.append(arc)
        for node in (arc.tail, arc.head):
            self._at.setdefault(node, []).append(number)
        return number

    def exchange_through(self, number: int) -> list[int] | None:
        """The other arcs of a cheap exchange through an arc; None if its flow is certain."""
        return self._exchange(number, _CHOICES_AT_A_NODE) or self._exchange(number, len(self.arcs))

    def _exchange(self, number: int, choices: int) -> list[int] | None:
        arc = self.arcs[number]
        rising = self._cheapest_path(arc.head, arc.tail, number, choices) if arc.may_rise() else None
        if rising is not None and rising[0] == FREE:
            return rising[1]
        falling = self._cheapest_path(arc.tail, arc.head, number, choices) if arc.may_fall() else None
        found = [path for path in (rising, falling) if path is not None]
        return min(found)[1] if found else None

    def _cheapest_path(
        self, start: int, goal: int, without: int, choices: int
    ) -> tuple[int, list[int]] | None:
        """Cost and arcs of the cheapest path along which a unit can be moved (Dijkstra)."""
        came_by: dict[int, tuple[int, int]] = {}
        costs = {start: 0}
        queue = [(0, start)]
        while queue:
            cost, node = heapq.heappop(queue)
            if node == goal:
                return cost, _arcs_back(came_by, start, goal)
            if cost > costs[node]:
                continue
            for number, onward, step in self._steps(node, choices):
                if number != without and cost + step < costs.get(onward, _UNREACHED):
                    costs[onward] = cost + step
                    came_by[onward] = (node, number)
                    if onward == goal and step == FREE:
                        return cost, _arcs_back(came_by, start, goal)  # nothing in the queue is cheaper
                    heapq.heappush(queue, (costs[onward], onward))
        return None

    def _steps(self, node: int, choices: int) -> Iterator[tuple[int, int, int]]:
        """Arcs along which a unit can be moved on from a node, with the next node and the cost."""
        for number in self._at[node]:
            arc = self.arcs[number]
            is_onward = arc.tail == node
            if arc.may_rise() if is_onward else arc.may_fall():
                if arc.cost:
                    choices -= 1
                    if choices < 0:
                        continue
                yield number, arc.head if is_onward else arc.tail, arc.cost or FREE


def _arcs_back(came_by: dict[int, tuple[int, int]], start: int, goal: int) -> list[int]:
    arcs = []
    node = goal
    while node != start:
        node, number = came_by[node]
        arcs.append(number)
    return arcs
