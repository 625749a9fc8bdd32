"""Counts of long lists that stop at a bound: what a reader can't work through is "more than 1,000" and no dearer."""

from __future__ import annotations

from sqlalchemy import ColumnElement, FromClause, ScalarSelect, func, literal_column, select

MOST_COUNTED = 1000


def bounded_count(table: type[object] | FromClause, condition: ColumnElement[bool]) -> ScalarSelect[int]:
    """How many rows fit, at most MOST_COUNTED and one more, which stands for any number.

    The bound is written into the statement: of a parameter the planner would not know how few rows are read.
    """
    found = (
        select(literal_column("1"))
        .select_from(table)
        .where(condition)
        .limit(literal_column(str(MOST_COUNTED + 1)))
        .subquery()
    )
    return select(func.count()).select_from(found).scalar_subquery()
