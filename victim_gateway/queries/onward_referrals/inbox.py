"""A provider's inbox: what needs an answer, what waits for a first contact, who is being supported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, case, func, literal, literal_column, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.models import CaseEvent, EntitlementClock, Note, OnwardReferral, ProviderService
from victim_gateway.models.events import OPEN_PROVIDER_CLOCK
from victim_gateway.queries.onward_referrals.handover import HANDOVER
from victim_gateway.queries.onward_referrals.provider_notices import (
    NoticeEntry,
    unread_endings,
    unread_notices,
)
from victim_gateway.rules.handover import summarize_handover
from victim_gateway.rules.provider_inbox import STATES_OF_SECTION, InboxSection
from victim_gateway.rules.provider_notices import ASKING_FOR_ANSWER, is_shown_as_new
from victim_gateway.rules.transitions import UNANSWERED_ONWARD_STATES
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
    chosen = tuple(sections)
    found = session.execute(_page(chosen, today, limit, offset)).all()
    rows = {section: [row for row in found if row.section == section] for section in chosen}
    every = found
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
                total=rows[section][0].total if rows[section] else 0,
            )
            for section in chosen
        ),
        late=found[0].late if found else 0,
        today=found[0].due_today if found else 0,
        endings=unread_endings(session),
    )


def _page(sections: tuple[InboxSection, ...], today: date, limit: int, offset: int) -> Any:
    """One page of each section, with what is counted over the whole inbox, in one pass over what is live.

    What was late or due is counted over all sections, those too that are not shown.
    """
    due, live = _due(), aliased(OnwardReferral)
    is_unanswered = live.state.in_(UNANSWERED_ONWARD_STATES)
    section = case(
        *((live.state.in_(states), literal(str(name))) for name, states in STATES_OF_SECTION.items())
    )
    due_on = case(
        (
            due.c.onward_referral_id.is_not(None),
            func.least(due.c.clock_due_on, case((is_unanswered, live.answer_due_on))),
        )
    )
    order = (
        due_on.asc().nulls_last(),
        live.first_contact_planned_on.asc().nulls_last(),
        live.offered_at,
        live.id,
    )
    listed = (
        select(
            live.id,
            section.label("section"),
            due_on.label("due_on"),
            func.row_number().over(partition_by=section, order_by=order).label("place"),
        )
        .outerjoin(due, due.c.onward_referral_id == live.id)
        .where(live.state.in_([state for states in STATES_OF_SECTION.values() for state in states]))
        .cte("listed")
    )
    same = listed.alias("same")
    return (
        select(
            OnwardReferral,
            ProviderService.name,
            listed.c.due_on,
            listed.c.section,
            select(func.count()).where(same.c.section == listed.c.section).scalar_subquery().label("total"),
            select(func.count()).where(listed.alias().c.due_on < today).scalar_subquery().label("late"),
            select(func.count()).where(listed.alias().c.due_on == today).scalar_subquery().label("due_today"),
        )
        .join(listed, listed.c.id == OnwardReferral.id)
        .join(ProviderService, ProviderService.id == OnwardReferral.service_id)
        .where(
            listed.c.section.in_([str(name) for name in sections]),
            listed.c.place > offset,
            listed.c.place <= offset + limit,
        )
        .order_by(listed.c.section, listed.c.place)
    )


def _due() -> Any:
    """The earliest open clock of each onward referral, read from the index of the provider's clocks that run.

    With the offer's day it makes `rules.provider_inbox.provider_due_on`.
    """
    return (
        select(CaseEvent.onward_referral_id, func.min(EntitlementClock.due_on).label("clock_due_on"))
        .join(EntitlementClock, EntitlementClock.start_event_id == CaseEvent.id)
        .where(
            CaseEvent.onward_referral_id.is_not(None),
            literal_column(OPEN_PROVIDER_CLOCK, Boolean),
        )
        .group_by(CaseEvent.onward_referral_id)
        .cte("due")
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
