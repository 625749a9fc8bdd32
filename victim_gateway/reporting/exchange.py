"""Whether a hidden count can be derived, with the counts of a table as flows in a network.

Every count is the flow along one arc, and everything that an attacker knows to add up is a node where as
much flows in as out. Another table with the same published numbers differs from the true one by exchanges:
closed paths along which hidden counts alternately rise and fall by one. A hidden count is certain exactly if no
such path leads through it, because these networks have whole-number solutions wherever they have any
(D. Gusfield, "A graph theoretic approach to statistical data security", SIAM J. Comput. 17, 1988).
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass
from heapq import heappop, heappush

# What the attacker can't see anyway, such as a sum that is never printed, costs nothing to change.
FREE = 0
_UNREACHED = 1 << 60
# In a large table most of the time would go into weighing hundreds of cells that are as good as each other;
# looking at the first few at each node also keeps the hidden cells together in few rows.
_CHOICES_AT_A_NODE = 40


@dataclass(slots=True)
class FlowArc:
    """A count from `floor` to `ceiling` (None: no limit), as far as the attacker knows.

    `cost` is what hiding it would cost; FREE: it is hidden already. A count that is published and stays so needs
    no arc: nothing can be moved along it.
    """

    tail: int
    head: int
    flow: int
    cost: int
    floor: int = 0
    ceiling: int | None = None

    def may_rise(self) -> bool:
        return self.ceiling is None or self.flow < self.ceiling

    def may_fall(self) -> bool:
        return self.flow > self.floor


class FlowNetwork:
    """Arcs by number, and at each node the steps along which a unit can be moved.

    Whether an arc's count can rise or fall is known when the arc is added; only what that costs changes later, through
    `make_free`. So a search reads short lists of numbers, and no arcs.
    """

    def __init__(self, nodes: int) -> None:
        self.arcs: list[FlowArc] = []
        # At each node, in the order of the arcs: the arc's number and the next node.
        self._free_steps: list[list[tuple[int, int]]] = [[] for _ in range(nodes)]
        self._dear_steps: list[list[tuple[int, int]]] = [[] for _ in range(nodes)]

    def add_arc(self, arc: FlowArc) -> int:
        """The number of the new arc."""
        number = len(self.arcs)
        self.arcs.append(arc)
        steps = self._dear_steps if arc.cost else self._free_steps
        if arc.may_rise():
            steps[arc.tail].append((number, arc.head))
        if arc.may_fall():
            steps[arc.head].append((number, arc.tail))
        return number

    def make_free(self, number: int) -> bool:
        """Hide the count of an arc. True if that was not free before."""
        arc = self.arcs[number]
        if not arc.cost:
            return False
        arc.cost = FREE
        for node, onward in ((arc.tail, arc.head), (arc.head, arc.tail)):
            if (number, onward) in self._dear_steps[node]:
                self._dear_steps[node].remove((number, onward))
                insort(self._free_steps[node], (number, onward))
        return True

    def exchange_through(self, number: int) -> list[int] | None:
        """The other arcs of a cheap exchange through an arc; None if its flow is certain."""
        return (
            self._free_exchange(number)
            or self._exchange(number, _CHOICES_AT_A_NODE)
            or self._exchange(number, len(self.arcs))
        )

    def _free_exchange(self, number: int) -> list[int] | None:
        """An exchange that hides nothing more: most hidden counts have one, and it is found soonest."""
        arc = self.arcs[number]
        rising = self._free_path(arc.head, arc.tail, number) if arc.may_rise() else None
        return rising or (self._free_path(arc.tail, arc.head, number) if arc.may_fall() else None)

    def _free_path(self, start: int, goal: int, without: int) -> list[int] | None:
        """The arcs of a shortest path of free steps (breadth first)."""
        came_by: dict[int, tuple[int, int]] = {start: (start, without)}
        queue = [start]
        for node in queue:
            for number, onward in self._free_steps[node]:
                if onward not in came_by and number != without:
                    came_by[onward] = (node, number)
                    if onward == goal:
                        return _arcs_back(came_by, start, goal)
                    queue.append(onward)
        return None

    def _exchange(self, number: int, choices: int) -> list[int] | None:
        arc = self.arcs[number]
        searches = [(arc.head, arc.tail)] if arc.may_rise() else []
        searches += [(arc.tail, arc.head)] if arc.may_fall() else []
        found = (self._cheapest_path(start, goal, number, choices) for start, goal in searches)
        return min((path for path in found if path is not None), default=(FREE, None))[1]

    def _cheapest_path(
        self, start: int, goal: int, without: int, choices: int
    ) -> tuple[int, list[int]] | None:
        """Cost and arcs of the cheapest path along which a unit can be moved (Dijkstra)."""
        arcs = self.arcs
        came_by: dict[int, tuple[int, int]] = {}
        costs = [_UNREACHED] * len(self._free_steps)
        costs[start] = FREE
        queue = [(FREE, start)]
        while queue:
            cost, node = heappop(queue)
            if node == goal:
                return cost, _arcs_back(came_by, start, goal)
            if cost > costs[node]:
                continue
            for number, onward in self._free_steps[node]:
                if cost < costs[onward] and number != without:
                    costs[onward] = cost
                    came_by[onward] = (node, number)
                    heappush(queue, (cost, onward))
            for number, onward in self._dear_steps[node][:choices]:
                reached = cost + arcs[number].cost
                if reached < costs[onward] and number != without:
                    costs[onward] = reached
                    came_by[onward] = (node, number)
                    heappush(queue, (reached, onward))
        return None


def _arcs_back(came_by: dict[int, tuple[int, int]], start: int, goal: int) -> list[int]:
    arcs = []
    node = goal
    while node != start:
        node, number = came_by[node]
        arcs.append(number)
    return arcs
