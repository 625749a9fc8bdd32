"""The order of a provider's inbox: one page of a section, read from its index, from a position on."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Date,
    DateTime,
    Select,
    String,
    Uuid,
    cast,
    literal,
    literal_column,
    select,
    tuple_,
)

from victim_gateway.models import OnwardReferral
from victim_gateway.rules.inbox_order_sql import (
    build_due_key,
    build_live_condition,
    build_planned_key,
    build_section_key,
)
from victim_gateway.rules.provider_inbox import InboxSection

DUE_KEY: ColumnElement[date] = literal_column(build_due_key(), Date)
_PLANNED_KEY: ColumnElement[date] = literal_column(build_planned_key(), Date)
_ORDER: tuple[Any, ...] = (DUE_KEY, _PLANNED_KEY, OnwardReferral.offered_at, OnwardReferral.id)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WRITTEN = re.compile(r"([0-9]{8}|none)\.([0-9]{8}|none)\.([0-9]{1,17})\.([0-9a-f]{32})", re.ASCII)


@dataclass(frozen=True, slots=True)
class InboxPosition:
    """Where an onward referral stands in its section; it stays a place when that has left the section."""

    due_on: date | None
    planned_on: date | None
    offered_at: datetime
    onward_referral_id: UUID

    def __str__(self) -> str:
        """As text for an address; it holds days and our own key."""
        days = [f"{day:%Y%m%d}" if day else "none" for day in (self.due_on, self.planned_on)]
        offered = (self.offered_at - _EPOCH) // timedelta(microseconds=1)
        return ".".join([*days, str(offered), self.onward_referral_id.hex])


def read_inbox_position(text: str) -> InboxPosition | None:
    """The position of an address; None where the text is none."""
    match = _WRITTEN.fullmatch(text)
    if match is None:
        return None
    try:
        return InboxPosition(
            _day(match[1]),
            _day(match[2]),
            _EPOCH + timedelta(microseconds=int(match[3])),
            UUID(match[4]),
        )
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class InboxSlice:
    """Which rows of a section: the first `size`, or those next to a position, after it or before it."""

    size: int
    position: InboxPosition | None = None
    is_before: bool = False


def stands_in(section: InboxSection) -> ColumnElement[bool]:
    """Whether an onward referral stands in a section. In the words of the index, or it would not be recognised."""
    return literal_column(f"{build_live_condition()} AND {build_section_key()} = '{section}'", Boolean)


def is_live() -> ColumnElement[bool]:
    """Whether it stands in any section."""
    return literal_column(build_live_condition(), Boolean)


def rows_in_inbox_order(
    section: InboxSection, chosen: InboxSlice, condition: ColumnElement[bool] | None = None
) -> Select[UUID, str, date]:
    """One slice of a section: `id`, `section`, and `due`, which is null where there is no day.

    `condition` narrows it further.
    """
    wanted = stands_in(section)
    if condition is not None:
        wanted = wanted & condition
    if chosen.position is not None:
        columns, place = tuple_(*_ORDER), _place(chosen.position)
        wanted = wanted & (columns < place if chosen.is_before else columns > place)
    return (
        select(
            OnwardReferral.id,
            literal_column(f"'{section}'", String).label("section"),
            literal_column(f"nullif({build_due_key()}, 'infinity')", Date).label("due"),
        )
        .where(wanted)
        .order_by(*(column.desc() if chosen.is_before else column for column in _ORDER))
        .limit(literal_column(str(chosen.size)))
    )


def chosen_rows(onward_referral_ids: Collection[UUID], part: str) -> Select[UUID, str, date]:
    """Some onward referrals as a part of their own, in the columns of `rows_in_inbox_order`."""
    return select(
        OnwardReferral.id,
        literal_column(f"'{part}'", String).label("section"),
        literal_column(f"nullif({build_due_key()}, 'infinity')", Date).label("due"),
    ).where(OnwardReferral.id.in_(onward_referral_ids))


def inbox_order() -> tuple[Any, ...]:
    """By what the rows of a section are ordered, where they are joined to others that have no state of their own."""
    return _ORDER


def _place(position: InboxPosition) -> Any:
    days = [day.isoformat() if day else "infinity" for day in (position.due_on, position.planned_on)]
    return tuple_(
        *(cast(literal(day, String), Date) for day in days),
        literal(position.offered_at, DateTime(timezone=True)),
        literal(position.onward_referral_id, Uuid),
    )


def _day(written: str) -> date | None:
    return None if written == "none" else datetime.strptime(written, "%Y%m%d").date()  # noqa: DTZ007  a day
