"""The order of the work queue: one page of it, read from the indexes in that order, from a position on.

What is overdue at high risk stands first, and that changes with the day, so no index has the whole order. Each page is
put together from three runs that have it: the high ones that are overdue, the high ones that are not, and the rest.
Of each only the first rows are read, so a page costs the same however long the list is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Select,
    String,
    Uuid,
    cast,
    func,
    literal,
    literal_column,
    select,
    true,
    tuple_,
    union_all,
)

from victim_gateway.models import Referral
from victim_gateway.rules.work_order_sql import (
    LAST_HARM_RANK,
    build_due_key,
    build_harm_key,
    build_high_key,
    build_risk_key,
)

HIGH_KEY: ColumnElement[int] = literal_column(build_high_key(), Integer)
DUE_KEY: ColumnElement[date] = literal_column(build_due_key(), Date)
_RISK_KEY: ColumnElement[int] = literal_column(build_risk_key(), Integer)
_HARM_KEY: ColumnElement[int] = literal_column(build_harm_key(), Integer)
_RUN_ORDER: tuple[Any, ...] = (DUE_KEY, _RISK_KEY, Referral.next_since, Referral.id)
_PAGE_ORDER = ("harm", "run", "due", "rank", "since", "id")
_OVERDUE_HIGH, _REST = 0, 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WRITTEN = re.compile(r"([0-9])\.([01])\.([0-9]{8}|none)\.([0-9])\.([0-9]{1,17})\.([0-9a-f]{32})", re.ASCII)


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """Where a referral stands in a list; it stays a place in the list when that referral has left it.

    `harm` is the rank of why it is held, 0 on lists that are not ordered by it; `run` is 0 for what is overdue at
    high risk. `next_since` is exact, as two of one moment stand in the order of their ids.
    """

    harm: int
    run: int
    next_due_on: date | None
    rank: int
    next_since: datetime
    referral_id: UUID

    def __str__(self) -> str:
        """As text for an address; it holds codes, dates and our own key."""
        due = f"{self.next_due_on:%Y%m%d}" if self.next_due_on else "none"
        since = (self.next_since - _EPOCH) // timedelta(microseconds=1)
        return f"{self.harm}.{self.run}.{due}.{self.rank}.{since}.{self.referral_id.hex}"


def read_queue_position(text: str) -> QueuePosition | None:
    """The position of an address; None where the text is none."""
    match = _WRITTEN.fullmatch(text)
    if match is None:
        return None
    harm, run, due, rank, since, referral_id = match.groups()
    try:
        return QueuePosition(
            int(harm),
            int(run),
            None if due == "none" else datetime.strptime(due, "%Y%m%d").date(),  # noqa: DTZ007  a day
            int(rank),
            _EPOCH + timedelta(microseconds=int(since)),
            UUID(referral_id),
        )
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class QueueSlice:
    """Which rows of a list: the first `size`, or those next to a position, after it or before it.

    `only_high`: the list has none but what is ranked as high risk, so the rest is not looked through for it.
    """

    size: int
    position: QueuePosition | None = None
    is_before: bool = False
    only_high: bool = False


def rows_in_work_order(
    wanted: ColumnElement[bool], chosen: QueueSlice, today: date, *, by_harm: bool, name: str
) -> CTE:
    """The ids of one slice with the columns of `page_order`: `harm`, `run`, `due`, `rank`, `since`.

    `by_harm`: ordered by who comes to harm by waiting before all else; the list is of held referrals then.
    """
    if by_harm:
        runs = [run for part in _parts_by_harm(chosen) for run in _harm_runs(wanted, chosen, today, *part)]
    else:
        runs = _runs(wanted, chosen, today, harm=literal_column("0", Integer), position=chosen.position)
    rows = union_all(*runs).subquery()
    order = [rows.c[column] for column in _PAGE_ORDER]
    return (
        select(rows)
        .order_by(*(column.desc() if chosen.is_before else column for column in order))
        .limit(_literal(chosen.size))
        .cte(name)
    )


def page_order(page: CTE) -> list[ColumnElement[Any]]:
    """The columns to order the rows of a page by."""
    return [page.c[column] for column in _PAGE_ORDER]


def _parts_by_harm(chosen: QueueSlice) -> list[tuple[int, int, QueuePosition | None]]:
    """The ranks of harm to read, from the first to the last, and in which the position counts."""
    position = chosen.position
    if position is None:
        return [(0, LAST_HARM_RANK, None)]
    further = (0, position.harm - 1, None) if chosen.is_before else (position.harm + 1, LAST_HARM_RANK, None)
    return [(position.harm, position.harm, position), further]


def _harm_runs(
    wanted: ColumnElement[bool],
    chosen: QueueSlice,
    today: date,
    first: int,
    last: int,
    position: QueuePosition | None,
) -> list[Select[Any]]:
    """The runs of each rank: the ranks are few, and of each only the first rows are read."""
    ranks = (
        func.generate_series(_literal(first), _literal(last))
        .table_valued("harm")
        .render_derived(name="ranks")
    )
    inner = union_all(
        *_runs(wanted & (ranks.c.harm == _HARM_KEY), chosen, today, harm=ranks.c.harm, position=position)
    ).lateral()
    return [select(inner).select_from(ranks.join(inner, true()))]


def _runs(
    wanted: ColumnElement[bool],
    chosen: QueueSlice,
    today: date,
    *,
    harm: ColumnElement[int],
    position: QueuePosition | None,
) -> list[Select[Any]]:
    runs = []
    for run, condition in (
        (_OVERDUE_HIGH, (HIGH_KEY == 0) & (DUE_KEY < today)),
        (_REST, (HIGH_KEY == 0) & (DUE_KEY >= today)),
        (_REST, HIGH_KEY == 1),
    )[: 2 if chosen.only_high else 3]:
        if position is None or position.run == run:
            rows = wanted & condition & _beside(position, is_before=chosen.is_before)
        elif (position.run < run) == chosen.is_before:
            # Wholly on the other side of the position.
            continue
        else:
            rows = wanted & condition
        runs.append(_run(rows, chosen, harm, run))
    return runs


def _run(rows: ColumnElement[bool], chosen: QueueSlice, harm: ColumnElement[int], run: int) -> Select[Any]:
    return (
        select(
            harm.label("harm"),
            _literal(run).label("run"),
            DUE_KEY.label("due"),
            _RISK_KEY.label("rank"),
            Referral.next_since.label("since"),
            Referral.id.label("id"),
        )
        .where(rows)
        .order_by(*(column.desc() if chosen.is_before else column for column in _RUN_ORDER))
        .limit(_literal(chosen.size))
    )


def _beside(position: QueuePosition | None, *, is_before: bool) -> ColumnElement[bool]:
    if position is None:
        return true()
    due = position.next_due_on.isoformat() if position.next_due_on else "infinity"
    place = tuple_(
        cast(literal(due, String), Date),
        literal(position.rank, Integer),
        literal(position.next_since, DateTime(timezone=True)),
        literal(position.referral_id, Uuid),
    )
    columns = tuple_(*_RUN_ORDER)
    return columns < place if is_before else columns > place


def _literal(number: int) -> Any:
    # Of a parameter the planner would not know how few rows are read.
    return literal_column(str(number), Integer)
