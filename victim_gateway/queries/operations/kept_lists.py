"""The entries of a list that administrators keep, those that are offered, and what changed in one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from victim_gateway.errors import NotFound
from victim_gateway.models import ListEntry, ListEntryChange


@dataclass(frozen=True, slots=True)
class ListChangeLine:
    """One change of an entry, as its history shows it."""

    step: str
    changed_at: datetime
    by: str
    before: dict[str, Any]
    after: dict[str, Any]


def list_entries(session: Session, list_key: str) -> list[ListEntry]:
    """Every entry in its order, those that are retired last."""
    return list(
        session.scalars(
            select(ListEntry)
            .where(ListEntry.list_key == list_key)
            .order_by(ListEntry.retired_at.is_not(None), ListEntry.position, ListEntry.code)
        )
    )


def offered_entries(session: Session, list_key: str) -> list[ListEntry]:
    """The entries that are offered for a new record, in their order."""
    return list(
        session.scalars(
            select(ListEntry)
            .where(ListEntry.list_key == list_key, ListEntry.retired_at.is_(None))
            .order_by(ListEntry.position, ListEntry.code)
        )
    )


def count_entries(session: Session) -> dict[str, int]:
    """How many entries of each list are offered."""
    rows = session.execute(
        select(ListEntry.list_key, func.count())
        .where(ListEntry.retired_at.is_(None))
        .group_by(ListEntry.list_key)
        .order_by(ListEntry.list_key)
    )
    return {row[0]: row[1] for row in rows}


def list_entry(session: Session, list_key: str, entry_id: UUID) -> ListEntry:
    """One entry of this list. Raises NotFound."""
    found = session.get(ListEntry, entry_id)
    if found is None or found.list_key != list_key:
        raise NotFound
    return found


def entry_changes(session: Session, entry_id: UUID) -> list[ListChangeLine]:
    """What changed in an entry, the last change first."""
    rows = session.scalars(
        select(ListEntryChange)
        .where(ListEntryChange.entry_id == entry_id)
        .order_by(ListEntryChange.changed_at.desc(), ListEntryChange.id.desc())
    )
    return [ListChangeLine(row.step, row.changed_at, row.by_name, row.before, row.after) for row in rows]
