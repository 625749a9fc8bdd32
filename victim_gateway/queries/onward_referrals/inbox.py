"""A provider's inbox: what needs an answer, what waits for a first contact, who is being supported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, union_all
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.bounded_counts import bounded_count
from victim_gateway.models import CaseEvent, Note, OnwardReferral, ProviderService
from victim_gateway.queries.onward_referrals.handover import HANDOVER
from victim_gateway.queries.onward_referrals.inbox_order import (
    DUE_KEY,
    InboxPosition,
    InboxSlice,
    inbox_order,
    is_live,
    rows_in_inbox_order,
    stands_in,
)
from victim_gateway.queries.onward_referrals.provider_notices import (
    NoticeEntry,
    undecided_declines,
    unread_endings,
    unread_notices,
)
from victim_gateway.rules.handover import summarize_handover
from victim_gateway.rules.provider_inbox import InboxSection
from victim_gateway.rules.provider_notices import ASKING_FOR_ANSWER, is_shown_as_new
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
    """`late` and `today` count what the provider should have done, or has to do by tonight.

    A number above `bounded_counts.MOST_COUNTED` stands for any number above it. `endings` are what was taken back or
    ran out, until somebody at the provider has read it; `declines` what it declined and may still call a mistake.
    """

    parts: tuple[InboxPart, ...]
    late: int
    today: int
    endings: tuple[NoticeEntry, ...] = ()
    declines: tuple[NoticeEntry, ...] = ()


def provider_inbox(
    session: Session,
    organisation_id: UUID | None,
    *,
    today: date,
    sections: Iterable[InboxSection] = tuple(InboxSection),
    limit: int,
    position: InboxPosition | None = None,
    is_before: bool = False,
) -> Inbox:
    """The reader's own inbox, most urgent first; row-level security lets nothing else be counted.

    The number of queries does not grow with what is in it. `position` is that of an entry of one section: the page is
    of what follows it or, with `is_before`, of what comes before it.
    """
    chosen = tuple(sections)
    found = session.execute(_page(chosen, today, InboxSlice(limit + 1, position, is_before))).all()
    parts = {
        section: _cut([row for row in found if row.section == section], limit, is_before=is_before)
        for section in chosen
    }
    every = [row for rows, _ in parts.values() for row in rows]
    keys = encrypted_rows.open_keys(session, [row[0].key_id for row in every]) if every else {}
    writers = _last_writers(session, [row[0].id for row in every])
    unread = unread_notices(session, [row[0].id for row in every])
    asked = _open_questions(session, [row[0] for row in every])
    record_audit(session, "inbox.viewed", count=len(every))
    return Inbox(
        parts=tuple(
            InboxPart(
                section=section,
                entries=tuple(
                    replace(
                        _entry(row, keys, writers, unread, organisation_id), asked_at=asked.get(row[0].id)
                    )
                    for row in rows
                ),
                total=getattr(rows[0], f"of_{section}") if rows else 0,
                before=_position(rows[0]) if rows and (has_more if is_before else position) else None,
                after=_position(rows[-1]) if rows and (is_before or has_more) else None,
            )
            for section, (rows, has_more) in parts.items()
        ),
        late=found[0].late if found else 0,
        today=found[0].due_today if found else 0,
        endings=unread_endings(session),
        declines=undecided_declines(session, today),
    )


def _page(sections: tuple[InboxSection, ...], today: date, chosen: InboxSlice) -> Any:
    """One page of each section from its index, with what is counted over the whole inbox.

    What was late or due is counted over all sections, those too that are not shown.
    """
    slices = [rows_in_inbox_order(section, chosen).subquery() for section in sections]
    listed = union_all(*(select(rows) for rows in slices)).cte("listed")
    counts = {
        **{f"of_{section}": stands_in(section) for section in sections},
        "late": is_live() & (DUE_KEY < today),
        "due_today": is_live() & (DUE_KEY == today),
    }
    columns = [bounded_count(OnwardReferral, condition).label(name) for name, condition in counts.items()]
    return (
        select(OnwardReferral, ProviderService.name, listed.c.due, listed.c.section, *columns)
        .join(listed, listed.c.id == OnwardReferral.id)
        .join(ProviderService, ProviderService.id == OnwardReferral.service_id)
        .order_by(listed.c.section, *inbox_order())
    )


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


def _entry(
    row: Any,
    keys: Mapping[UUID, bytes],
    writers: Mapping[UUID, UUID],
    unread: Mapping[UUID, tuple[NoticeEntry, ...]],
    organisation_id: UUID | None,
) -> InboxEntry:
    onward, service, due_on = row[:3]
    shared = encrypted_rows.unseal_row(keys[onward.key_id], HANDOVER, onward.id, onward.handover_sealed)
    return InboxEntry(
        id=onward.id,
        reference=onward.reference,
        service=service,
        state=onward.state,
        offered_at=onward.offered_at,
        asked_at=None,
        due_on=due_on,
        first_contact_planned_on=onward.first_contact_planned_on,
        first_contact_at=onward.first_contact_at,
        summary=summarize_handover(shared),
        risk=Risk(shared["risk"]) if "risk" in shared else None,
        has_new_message=onward.id in writers and writers[onward.id] != organisation_id,
        unread=_new_of_each_kind(unread.get(onward.id, ()), onward.state),
    )


def _new_of_each_kind(notices: tuple[NoticeEntry, ...], state: OnwardState) -> tuple[NoticeEntry, ...]:
    """The newest of each kind: that the same was said twice is no news, and an offer again replaces the first."""
    shown = [notice for notice in notices if is_shown_as_new(notice.kind, state)]
    newest = {
        NoticeKind.NEW_OFFER if notice.kind in ASKING_FOR_ANSWER else notice.kind: notice
        for notice in shown[::-1]
    }
    return tuple(notice for notice in shown if notice in newest.values())
