"""A provider's inbox: what needs an answer, what waits for a first contact, who is being supported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.models import CaseEvent, EntitlementClock, Note, OnwardReferral, ProviderService
from victim_gateway.queries.onward_referrals.handover import HANDOVER
from victim_gateway.queries.onward_referrals.provider_notices import (
    NoticeEntry,
    unread_endings,
    unread_notices,
)
from victim_gateway.rules.handover import summarize_handover
from victim_gateway.rules.provider_inbox import STATES_OF_SECTION, InboxSection
from victim_gateway.rules.provider_notices import ASKING_FOR_ANSWER, is_shown_as_new
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES, UNANSWERED_ONWARD_STATES
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
    """One section of the inbox: a page of its entries and how many there are in all."""

    section: InboxSection
    entries: tuple[InboxEntry, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Inbox:
    """`late` and `today` count what the provider should have done, or has to do by tonight.

    `endings` are what was taken back or ran out, until somebody at the provider has read it.
    """

    parts: tuple[InboxPart, ...]
    late: int
    today: int
    endings: tuple[NoticeEntry, ...] = ()


def provider_inbox(
    session: Session,
    organisation_id: UUID | None,
    *,
    today: date,
    sections: Iterable[InboxSection] = tuple(InboxSection),
    limit: int,
    offset: int = 0,
) -> Inbox:
    """The reader's own inbox, most urgent first; row-level security lets nothing else be counted.

    The number of queries does not grow with what is in it.
    """
    due = _due()
    counts = _counts(session)
    late, due_today = _pressing(session, due, today)
    chosen = tuple(sections)
    rows = {section: _rows(session, section, due, limit, offset) for section in chosen}
    every = [row for found in rows.values() for row in found]
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
                    for row in rows[section]
                ),
                total=sum(counts.get(state, 0) for state in STATES_OF_SECTION[section]),
            )
            for section in chosen
        ),
        late=late,
        today=due_today,
        endings=unread_endings(session),
    )


def _counts(session: Session) -> dict[OnwardState, int]:
    rows = session.execute(
        select(OnwardReferral.state, func.count())
        .where(OnwardReferral.state.in_(LIVE_ONWARD_STATES))
        .group_by(OnwardReferral.state)
    )
    return {row[0]: row[1] for row in rows}


def _pressing(session: Session, due: Any, today: date) -> tuple[int, int]:
    """How many deadlines of live onward referrals have passed, and how many end today."""
    row = session.execute(
        select(
            func.count().filter(due.c.due_on < today), func.count().filter(due.c.due_on == today)
        ).select_from(due)
    ).one()
    return row[0], row[1]


def _due() -> Any:
    """The next deadline of each live onward referral: `rules.provider_inbox.provider_due_on` in SQL."""
    is_unanswered = OnwardReferral.state.in_(UNANSWERED_ONWARD_STATES)
    answer_due_on = case((is_unanswered, OnwardReferral.answer_due_on))
    due_on = func.least(func.min(EntitlementClock.due_on), answer_due_on)
    return (
        select(OnwardReferral.id.label("onward_referral_id"), due_on.label("due_on"))
        .select_from(CaseEvent)
        # Starts from the live ones, so that ended ones of past years cost nothing.
        .join(OnwardReferral, OnwardReferral.id == CaseEvent.onward_referral_id)
        .join(EntitlementClock, EntitlementClock.start_event_id == CaseEvent.id)
        .where(
            OnwardReferral.state.in_(LIVE_ONWARD_STATES),
            EntitlementClock.status.in_(("running", "overdue")),
        )
        .group_by(OnwardReferral.id)
        .cte("due")
    )


def _rows(session: Session, section: InboxSection, due: Any, limit: int, offset: int) -> list[Any]:
    return list(
        session.execute(
            select(OnwardReferral, ProviderService.name, due.c.due_on)
            .join(ProviderService, ProviderService.id == OnwardReferral.service_id)
            .outerjoin(due, due.c.onward_referral_id == OnwardReferral.id)
            .where(OnwardReferral.state.in_(STATES_OF_SECTION[section]))
            .order_by(
                due.c.due_on.asc().nulls_last(),
                OnwardReferral.first_contact_planned_on.asc().nulls_last(),
                OnwardReferral.offered_at,
                OnwardReferral.id,
            )
            .limit(limit)
            .offset(offset)
        )
    )


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
    onward, service, due_on = row
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
