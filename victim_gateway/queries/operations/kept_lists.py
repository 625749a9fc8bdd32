"""The entries of a list that administrators keep, those that are offered, and what changed in one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.database.current import current_settings
from victim_gateway.errors import NotFound
from victim_gateway.models import ListEntry, ListEntryChange
from victim_gateway.rules.kept_lists import KeptList


@dataclass(frozen=True, slots=True)
class ListChangeLine:
    """One change of an entry, as its history shows it."""

    step: str
    changed_at: datetime
    by: str
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ListLine:
    """One entry as the page of its list shows it. One that ships and was never changed has version 1."""

    code: str
    label: str
    body: str | None
    stands_for: str | None
    is_retired: bool
    version: int
    entry_id: UUID | None


def list_lines(session: Session, kept: KeptList) -> list[ListLine]:
    """Every entry in its order, those that are retired last; with those that ship and were never changed."""
    stored = session.scalars(
        select(ListEntry)
        .where(ListEntry.list_key == kept.key)
        .order_by(ListEntry.retired_at.is_not(None), ListEntry.position, ListEntry.code)
    )
    lines = [
        ListLine(
            row.code, row.label, row.body, row.stands_for, row.retired_at is not None, row.version, row.id
        )
        for row in stored
    ]
    known = {line.code for line in lines}
    untouched = [
        ListLine(code, label, None, None, False, 1, None)
        for code, label in kept.shipped_entries(current_settings().area)
        if code not in known
    ]
    offered = [line for line in lines if not line.is_retired]
    return [*offered, *untouched, *(line for line in lines if line.is_retired)]


def offered_entries(session: Session, list_key: str) -> list[ListEntry]:
    """The entries that are offered for a new record, in their order."""
    return list(
        session.scalars(
            select(ListEntry)
            .where(ListEntry.list_key == list_key, ListEntry.retired_at.is_(None))
            .order_by(ListEntry.position, ListEntry.code)
        )
    )


def list_line(session: Session, kept: KeptList, code: str) -> ListLine:
    """One entry of this list. Raises NotFound."""
    found = next((line for line in list_lines(session, kept) if line.code == code), None)
    if found is None:
        raise NotFound
    return found


def entry_changes(session: Session, entry_id: UUID | None) -> list[ListChangeLine]:
    """What changed in an entry, the last change first."""
    rows = session.scalars(
        select(ListEntryChange)
        .where(ListEntryChange.entry_id == entry_id)
        .order_by(ListEntryChange.changed_at.desc(), ListEntryChange.id.desc())
    )
    return [ListChangeLine(row.step, row.changed_at, row.by_name, row.before, row.after) for row in rows]
