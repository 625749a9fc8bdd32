"""The wordings of the kept lists, one copy for each process: read again only after a change, told by its stamp.

The stamp is read with the session of a request, so a page costs no statement more. Where there is no request (a
task, a command), what ships is used: nothing that leaves the service is worded by these lists.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from uuid import UUID

from flask import current_app, g, has_app_context
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.area_profile import AreaProfile
from config.area_support import SUPPORT_MANNERS, ActivityKind
from victim_gateway.database.current import current_settings
from victim_gateway.models import ListEntry
from victim_gateway.rules.kept_lists import ACTIVITY_KINDS, KEPT_LISTS, NEEDS, WANTS
from victim_gateway.rules.kept_wordings import KeptWordings, WordedEntry

_SHIPPED = KeptWordings()
_KEY = "kept_wordings"
_AREAS = "worded_areas"


def current_wordings() -> KeptWordings:
    """What the lists say in this request; what ships, where there is none."""
    found: KeptWordings = g.get(_KEY, _SHIPPED) if has_app_context() else _SHIPPED
    return found


def use_wordings(session: Session, stamp: UUID | None) -> None:
    """Let this request speak the wordings of this stamp: the process's copy, or the rows where it is an older one."""
    if stamp is None:
        g.kept_wordings = _SHIPPED
        return
    cached: KeptWordings | None = current_app.extensions.get(_KEY)
    if cached is None or cached.stamp != stamp:
        cached = current_app.extensions[_KEY] = read_wordings(session, stamp)
    g.kept_wordings = cached


def read_wordings(session: Session, stamp: UUID) -> KeptWordings:
    """Every entry without its longer text, in one statement."""
    rows = session.execute(
        select(
            ListEntry.list_key, ListEntry.code, ListEntry.label, ListEntry.retired_at, ListEntry.stands_for
        ).order_by(ListEntry.list_key, ListEntry.position, ListEntry.code)
    )
    stored = {
        key: tuple(
            WordedEntry(row.code, row.label, row.retired_at is not None, row.stands_for) for row in entries
        )
        for key, entries in groupby(rows, key=lambda row: str(row.list_key))
    }
    return KeptWordings(stamp, stored)


def current_area() -> AreaProfile:
    """The area's profile, with its lists as administrators word and order them. Retired entries are still there."""
    return _worded_area(current_settings().area, current_wordings())


def offered_entries_of(list_key: str) -> tuple[WordedEntry, ...]:
    """The entries of a list that are offered for a new record, in their order."""
    shipped = KEPT_LISTS[list_key].shipped_entries(current_settings().area)
    return current_wordings().offered(list_key, shipped)


def _worded_area(area: AreaProfile, wordings: KeptWordings) -> AreaProfile:
    if wordings.stamp is None:
        return area
    built: dict[tuple[str, UUID], AreaProfile] = current_app.extensions.setdefault(_AREAS, {})
    key = (area.key, wordings.stamp)
    found = built.get(key)
    if found is None:
        # One at a time: a change of any list makes another.
        built.clear()
        found = built[key] = _with_wordings(area, wordings)
    return found


def _with_wordings(area: AreaProfile, wordings: KeptWordings) -> AreaProfile:
    def pairs(list_key: str) -> tuple[tuple[str, str], ...]:
        entries = wordings.entries(list_key, KEPT_LISTS[list_key].shipped_entries(area))
        return tuple((entry.code, entry.label) for entry in entries)

    manners = {kind.key: kind.manners for kind in area.support.activities}
    activities = tuple(
        ActivityKind(code, label, manners.get(code, SUPPORT_MANNERS)) for code, label in pairs(ACTIVITY_KINDS)
    )
    return replace(
        area,
        needs=replace(area.needs, areas=pairs(NEEDS)),
        triage=replace(area.triage, wants=pairs(WANTS)),
        support=replace(area.support, activities=activities),
    )
