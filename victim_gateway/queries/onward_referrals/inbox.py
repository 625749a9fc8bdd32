"""A provider's inbox: what needs an answer, what waits for a first contact, who is being supported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, union_all
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.bounded_counts import bounded_count
from victim_gateway.models import CaseEvent, Note, OnwardReferral, ProviderService
from victim_gateway.queries.onward_referrals.handover import HANDOVER
from victim_gateway.queries.onward_referrals.inbox_filters import (
    EVERYTHING,
    InboxFilter,
    counted_filters,
    waiting_harms,
)
from victim_gateway.queries.onward_referrals.inbox_order import (
    InboxPosition,
    InboxSlice,
    chosen_rows,
    inbox_order,
    rows_in_inbox_order,
    stands_in,
)
from victim_gateway.queries.onward_referrals.provider_notices import (
    NoticeEntry,
    undecided_declines,
    unread_endings,
    unread_notices,
)
from victim_gateway.queries.onward_referrals.provider_workers import (
    ProviderWorker,
    WorkerLoad,
    live_workers,
    worker_loads,
)
from victim_gateway.queries.onward_referrals.service_records import AppointmentMark, appointment_marks
from victim_gateway.rules.handover import summarize_handover
from victim_gateway.rules.provider_inbox import InboxSection
from victim_gateway.rules.provider_notices import ASKING_FOR_ANSWER, is_shown_as_new
from victim_gateway.rules.provider_urgency import WaitingHarm, harm_rank, sorted_harms
from victim_gateway.service_record_vocabulary import AppointmentState
from victim_gateway.vocabulary import NoticeKind, OnwardState, Risk


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """One onward referral in a list. No name: lists show as little as possible. `summary` is what the person needs.

    `asked_at` is when the provider asked a question that is not answered yet.
    """

    id: UUID
    reference: str
    service: str
    state: OnwardState
    offered_at: datetime
    asked_at: datetime | None
    due_on: date | None
    first_contact_planned_on: date | None
    first_contact_at: datetime | None
    summary: str
    risk: Risk | None
    has_new_message: bool
    unread: tuple[NoticeEntry, ...] = ()
    worker: ProviderWorker | None = None
    marks: tuple[AppointmentMark, ...] = ()
    harms: tuple[WaitingHarm, ...] = ()

    def next_appointment(self, now: datetime) -> AppointmentMark | None:
        """The next one that is planned."""
        planned = (mark for mark in self.marks if mark.state is AppointmentState.PLANNED)
        return next((mark for mark in planned if mark.starts_at > now), None)

    def due_attendance(self, now: datetime) -> AppointmentMark | None:
        """The oldest of which nobody recorded whether the person came."""
        planned = (mark for mark in self.marks if mark.state is AppointmentState.PLANNED)
        return next((mark for mark in planned if mark.starts_at <= now), None)


@dataclass(frozen=True, slots=True)
class InboxPart:
    """One section of the inbox: a page of its entries and how many there are in all.

    `before` and `after` are the positions of its first and last entry, where there is more on that side.
    """

    section: InboxSection
    entries: tuple[InboxEntry, ...]
    total: int
    before: InboxPosition | None = None
    after: InboxPosition | None = None


@dataclass(frozen=True, slots=True)
class Inbox:
    """`counts` are of the whole inbox, by the names of `inbox_filters.COUNTED`, and of the sections as they are shown.

    A number above `bounded_counts.MOST_COUNTED` stands for any number above it. `endings` are what was taken back or
    ran out, until somebody at the provider has read it; `declines` what it declined and may still call a mistake.
    `in_danger` are those who would come to harm by waiting, the gravest first; `loads` who has how many. Both are
    there on the first page alone.
    """

    parts: tuple[InboxPart, ...]
    counts: Mapping[str, int]
    endings: tuple[NoticeEntry, ...] = ()
    declines: tuple[NoticeEntry, ...] = ()
    in_danger: tuple[InboxEntry, ...] = ()
    loads: tuple[WorkerLoad, ...] = ()


@dataclass(frozen=True, slots=True)
class InboxReader:
    """Who looks at the inbox, and when."""

    user_id: UUID | None
    organisation_id: UUID | None
    now: datetime

    @property
    def today(self) -> date:
        """The London date of the moment."""
        return times.london_date(self.now)


@dataclass(frozen=True, slots=True)
class InboxPlace:
    """Where a page of one section begins: after an entry, or before it; without one at the beginning."""

    position: InboxPosition | None = None
    is_before: bool = False


@dataclass(frozen=True, slots=True)
class _Beside:
    """What stands beside the rows of a page, each read with one query for all of them."""

    reader: InboxReader
    keys: Mapping[UUID, bytes]
    writers: Mapping[UUID, UUID]
    unread: Mapping[UUID, tuple[NoticeEntry, ...]]
    asked: Mapping[UUID, datetime]
    workers: Mapping[UUID, ProviderWorker]
    marks: Mapping[UUID, tuple[AppointmentMark, ...]]
    harms: Mapping[UUID, frozenset[WaitingHarm]]


IN_DANGER = "in_danger"
FIRST_PLACE = InboxPlace()


def provider_inbox(
    session: Session,
    reader: InboxReader,
    *,
    sections: Iterable[InboxSection] = tuple(InboxSection),
    limit: int,
    chosen: InboxFilter = EVERYTHING,
    place: InboxPlace = FIRST_PLACE,
) -> Inbox:
    """The reader's own inbox, most urgent first; row-level security lets nothing else be counted.

    The number of queries does not grow with what is in it. `place` is that of an entry of one section: the page is
    of what follows it or comes before it. Without a filter and over all sections it begins with who can't wait.
    """
    wanted = tuple(sections)
    is_whole = chosen == EVERYTHING and len(wanted) > 1
    harms = waiting_harms(session, reader.today) if is_whole else {}
    chosen_slice = InboxSlice(limit + 1, place.position, place.is_before)
    narrowed = None if chosen == EVERYTHING else chosen.condition(today=reader.today, now=reader.now)
    found = session.execute(_page(wanted, narrowed, chosen_slice, list(harms))).all()
    parts = {
        section: _cut([row for row in found if row.section == section], limit, is_before=place.is_before)
        for section in wanted
    }
    endangered = [row for row in found if row.section == IN_DANGER]
    every = [row for rows, _ in parts.values() for row in rows] + endangered
    beside = _beside(session, [row[0] for row in every], reader, harms)
    record_audit(session, "inbox.viewed", count=len(every))
    counts = _count_inbox(session, wanted, narrowed, reader)
    return Inbox(
        parts=tuple(
            InboxPart(
                section=section,
                entries=tuple(_entry(row, beside) for row in rows),
                total=counts[section],
                before=_position(rows[0])
                if rows and (has_more if place.is_before else place.position)
                else None,
                after=_position(rows[-1]) if rows and (place.is_before or has_more) else None,
            )
            for section, (rows, has_more) in parts.items()
        ),
        counts=counts,
        endings=unread_endings(session),
        declines=undecided_declines(session, reader.today),
        in_danger=tuple(
            sorted(
                (_entry(row, beside) for row in endangered),
                key=lambda entry: harm_rank(entry.harms, entry.due_on),
            )
        ),
        loads=worker_loads(session) if is_whole else (),
    )


def _page(
    sections: tuple[InboxSection, ...],
    narrowed: ColumnElement[bool] | None,
    rows_of_section: InboxSlice,
    endangered: list[UUID],
) -> Any:
    """One page of each section from its index, and who can't wait as a part of their own."""
    slices = [rows_in_inbox_order(section, rows_of_section, narrowed).subquery() for section in sections]
    parts: list[Any] = [select(rows) for rows in slices]
    if endangered:
        parts.append(chosen_rows(endangered, IN_DANGER))
    listed = union_all(*parts).cte("listed")
    return (
        select(OnwardReferral, ProviderService.name, listed.c.due, listed.c.section)
        .join(listed, listed.c.id == OnwardReferral.id)
        .join(ProviderService, ProviderService.id == OnwardReferral.service_id)
        .order_by(listed.c.section, *inbox_order())
    )


def _count_inbox(
    session: Session,
    sections: tuple[InboxSection, ...],
    narrowed: ColumnElement[bool] | None,
    reader: InboxReader,
) -> Mapping[str, int]:
    """What is counted over the whole inbox, those sections too that are not shown; of a section as it is narrowed."""
    counted: dict[str, ColumnElement[bool]] = {
        section: stands_in(section) if narrowed is None else stands_in(section) & narrowed
        for section in sections
    }
    for name, each in counted_filters(reader.user_id).items():
        counted[name] = each.condition(today=reader.today, now=reader.now)
    columns = [bounded_count(OnwardReferral, condition).label(name) for name, condition in counted.items()]
    return dict(session.execute(select(*columns)).one()._mapping)


def _cut(rows: list[Any], limit: int, *, is_before: bool) -> tuple[list[Any], bool]:
    """The rows of the page, and whether there is more beyond them: one more was read at the far end."""
    return (rows[-limit:] if is_before else rows[:limit]), len(rows) > limit


def _position(row: Any) -> InboxPosition:
    return InboxPosition(row.due, row[0].first_contact_planned_on, row[0].offered_at, row[0].id)


def _last_writers(session: Session, onward_ids: list[UUID]) -> dict[UUID, UUID]:
    """Which organisation wrote last, for those where anybody wrote."""
    if not onward_ids:
        return {}
    rows = session.execute(
        select(Note.onward_referral_id, Note.organisation_id)
        .ext(distinct_on(Note.onward_referral_id))
        .where(Note.onward_referral_id.in_(onward_ids))
        .order_by(Note.onward_referral_id, Note.written_at.desc(), Note.id)
    )
    return {row.onward_referral_id: row.organisation_id for row in rows}


def _open_questions(session: Session, onward: list[OnwardReferral]) -> dict[UUID, datetime]:
    """When the last question was asked, for those where one waits for an answer."""
    if not onward:
        return {}
    asked = [each.id for each in onward if each.state is OnwardState.INFORMATION_REQUESTED]
    rows = session.execute(
        select(CaseEvent.onward_referral_id, func.max(CaseEvent.occurred_at).label("asked_at"))
        .where(
            CaseEvent.onward_referral_id.in_(asked),
            CaseEvent.event == "onward_referral.information_requested",
        )
        .group_by(CaseEvent.onward_referral_id)
    )
    return {row.onward_referral_id: row.asked_at for row in rows if row.onward_referral_id}


def _beside(
    session: Session,
    onward: list[OnwardReferral],
    reader: InboxReader,
    harms: Mapping[UUID, frozenset[WaitingHarm]],
) -> _Beside:
    ids = [each.id for each in onward]
    return _Beside(
        reader=reader,
        keys=encrypted_rows.open_keys(session, [each.key_id for each in onward]) if onward else {},
        writers=_last_writers(session, ids),
        unread=unread_notices(session, ids),
        asked=_open_questions(session, onward),
        workers=live_workers(session, ids),
        marks=appointment_marks(session, ids),
        harms=harms,
    )


def _entry(row: Any, beside: _Beside) -> InboxEntry:
    onward, service, due_on = row[:3]
    key = beside.keys[onward.key_id]
    shared = encrypted_rows.unseal_row(key, HANDOVER, onward.id, onward.handover_sealed)
    writer = beside.writers.get(onward.id)
    return InboxEntry(
        id=onward.id,
        reference=onward.reference,
        service=service,
        state=onward.state,
        offered_at=onward.offered_at,
        asked_at=beside.asked.get(onward.id),
        due_on=due_on,
        first_contact_planned_on=onward.first_contact_planned_on,
        first_contact_at=onward.first_contact_at,
        summary=summarize_handover(shared),
        risk=Risk(shared["risk"]) if "risk" in shared else None,
        has_new_message=writer is not None and writer != beside.reader.organisation_id,
        unread=_new_of_each_kind(beside.unread.get(onward.id, ()), onward.state),
        worker=beside.workers.get(onward.id),
        marks=beside.marks.get(onward.id, ()),
        harms=sorted_harms(beside.harms.get(onward.id, ())),
    )


def _new_of_each_kind(notices: tuple[NoticeEntry, ...], state: OnwardState) -> tuple[NoticeEntry, ...]:
    """The newest of each kind: that the same was said twice is no news, and an offer again replaces the first."""
    shown = [notice for notice in notices if is_shown_as_new(notice.kind, state)]
    newest = {
        NoticeKind.NEW_OFFER if notice.kind in ASKING_FOR_ANSWER else notice.kind: notice
        for notice in shown[::-1]
    }
    return tuple(notice for notice in shown if notice in newest.values())
