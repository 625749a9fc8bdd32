"""An attacker with linear algebra: slow, and written without the idea of flows.

Around the true table, a hidden count can change if some direction keeps every sum, moves that count, and
leads no count at its floor down nor one at its ceiling up. A direction is found, or shown not to exist, by
the simplex method; whole-number tables follow, as the sums of one table and its total are unimodular.
"""

from __future__ import annotations

from collections.abc import Sequence

from victim_gateway.reporting.blocks import SMALLEST_SHOWN, CountLine
from victim_gateway.reporting.tables import COUNTS, DUE_STATUSES, STATUSES

_NOTHING = 1e-9

Variable = tuple[int, str]
Equation = dict[Variable, int]  # coefficients of changes that add up to nothing


def certain_cells(lines: Sequence[CountLine], total: CountLine | None) -> set[tuple[tuple[str, ...], str]]:
    """The hidden cells that have only one possible value, by (key of the row, column)."""
    everything = [*lines, total] if total else list(lines)
    unknowns = [(place, column) for place, line in enumerate(everything) for column in sorted(line.hidden)]
    equations = _equations(everything, has_total=total is not None)
    moving: set[Variable] = set()
    for unknown in unknowns:
        for step in (1, -1):
            if unknown not in moving and _may_step(everything, unknown, step):
                moving |= _direction(everything, unknowns, equations, unknown, step)
    return {(everything[place].key, column) for place, column in unknowns if (place, column) not in moving}


def _may_step(lines: Sequence[CountLine], unknown: Variable, step: int) -> bool:
    line, column = lines[unknown[0]], unknown[1]
    floor, ceiling = 0, None
    if line.is_primary(column) and not line.is_withheld:
        floor, ceiling = 1, SMALLEST_SHOWN - 1
    after = line.counts[column] + step
    return after >= floor and (ceiling is None or after <= ceiling)


def _equations(lines: Sequence[CountLine], *, has_total: bool) -> list[Equation]:
    sums = []
    for place in range(len(lines)):
        sums.append([(place, "clocks_started", -1), *((place, status, 1) for status in STATUSES)])
        sums.append([(place, "due", -1), *((place, status, 1) for status in DUE_STATUSES)])
    if has_total:
        last = len(lines) - 1
        for column in COUNTS:
            sums.append([(last, column, -1), *((place, column, 1) for place in range(last))])
    return [
        {(place, column): sign for place, column, sign in terms if column in lines[place].hidden}
        for terms in sums
    ]


def _direction(
    lines: Sequence[CountLine], unknowns: list[Variable], equations: list[Equation], goal: Variable, step: int
) -> set[Variable]:
    """What moves in some direction that moves `goal` by `step`; nothing if there is none."""
    moves = [
        (unknown, sign)
        for unknown in unknowns
        for sign in (1, -1)
        if unknown != goal and _may_step(lines, unknown, sign)
    ]
    rows = []
    for equation in equations:
        row = [float(sign * equation.get(unknown, 0)) for unknown, sign in moves]
        constant = float(-step * equation.get(goal, 0))
        rows.append([-cell for cell in row] + [-constant] if constant < 0 else [*row, constant])
    solution = _solve(rows)
    if solution is None:
        return set()
    amounts: dict[Variable, float] = {goal: float(step)}
    for place, amount in solution.items():
        unknown, sign = moves[place]
        amounts[unknown] = amounts.get(unknown, 0) + sign * amount
    return {unknown for unknown, amount in amounts.items() if abs(amount) > _NOTHING}


def _solve(rows: list[list[float]]) -> dict[int, float] | None:
    """Amounts of at least 0 that fulfil every row (coefficients, then a constant of at least 0), or None.

    The first phase of the simplex method with Bland's rule, which never goes round in circles.
    """
    width = len(rows[0]) - 1
    basis = [-1] * len(rows)  # -1: the row's own artificial unknown
    while True:
        short = [row for row, owner in zip(rows, basis, strict=True) if owner == -1]
        gains = [sum(row[place] for row in short) for place in range(width)]
        entering = next((place for place in range(width) if gains[place] > _NOTHING), None)
        if entering is None:
            if sum(row[-1] for row in short) > _NOTHING:
                return None
            return {owner: row[-1] for row, owner in zip(rows, basis, strict=True) if owner >= 0}
        ratios = [
            (row[-1] / row[entering], basis[number], number)
            for number, row in enumerate(rows)
            if row[entering] > _NOTHING
        ]
        _, _, leaving = min(ratios)
        _pivot(rows, leaving, entering)
        basis[leaving] = entering


def _pivot(rows: list[list[float]], at: int, place: int) -> None:
    by = rows[at][place]
    rows[at] = [cell / by for cell in rows[at]]
    for number, row in enumerate(rows):
        if number != at and row[place]:
            times = row[place]
            rows[number] = [cell - times * other for cell, other in zip(row, rows[at], strict=True)]
