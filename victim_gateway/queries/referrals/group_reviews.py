"""Group review: the proposal for the next meeting, the meetings, and one referral on an agenda.

The proposal is read from the heads of the lists of work, of each a hundred rows in their order, so that it costs the
same at any size. A restricted referral stands on an agenda only for who may see it; others see how many there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from sqlalchemy import Boolean, and_, func, literal_column, or_, select, tuple_, union
from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.database.table_aliases import named_alias
from victim_gateway.database.transaction import as_service
from victim_gateway.errors import NotFound
from victim_gateway.models import (
    OnwardReferral,
    Referral,
    ReviewAttendee,
    ReviewItem,
    ReviewMeeting,
    Task,
    User,
)
from victim_gateway.queries.referrals.work_order import HIGH_KEY, QueueSlice, rows_in_work_order
from victim_gateway.rules.group_review import ProposedReview, ReviewFacts, choose_for_review
from victim_gateway.rules.hold import in_order_of_harm
from victim_gateway.rules.transitions import UNANSWERED_ONWARD_STATES
from victim_gateway.vocabulary import HeldReason, NextAction, ReferralState, Risk, TaskKind

PAGE_SIZE = 50
_HEAD = 100
_IS_OPEN = literal_column(f"referral.next_act <> '{NextAction.NOTHING}'", Boolean)
_ON_HOLD = literal_column(f"referral.state = '{ReferralState.HELD}'", Boolean)
_REVIEW_WAITS = literal_column("task.done_at IS NULL AND task.kind = 'high_risk_review'", Boolean)


@dataclass(frozen=True, slots=True)
class MeetingRow:
    """One meeting of the list; the numbers count what the reader may see."""

    meeting_id: UUID
    meets_on: date
    opened_at: datetime
    opened_by: str
    is_closed: bool
    on_agenda: int
    decided: int

    @property
    def position(self) -> str:
        """Where it stands in the list, as text for an address."""
        return f"{self.opened_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}_{self.meeting_id}"


@dataclass(frozen=True, slots=True)
class AgendaRow:
    """A referral on an agenda, without a name."""

    item_id: UUID
    referral_id: UUID
    reference: str
    offence: str
    risk: Risk
    state: ReferralState
    causes: tuple[str, ...]
    decision: str | None
    due_on: date | None
    decided_by: str | None


@dataclass(frozen=True, slots=True)
class MeetingPage:
    """One meeting with the part of its agenda that the reader may see; `hidden` counts the rest."""

    meeting: ReviewMeeting
    opened_by: str
    attendees: tuple[str, ...]
    agenda: tuple[AgendaRow, ...]
    hidden: int

    @property
    def next_undecided(self) -> AgendaRow | None:
        """Where the meeting goes on: what it has not decided yet, or can no more because it is over."""
        return next((row for row in self.agenda if row.decision is None and not row_is_over(row)), None)

    @property
    def decided(self) -> int:
        """How many of those that the reader sees were decided."""
        return sum(row.decision is not None for row in self.agenda)


@dataclass(frozen=True, slots=True)
class OpenedReview:
    """One referral on an agenda, opened. `place` and `of` count what the reader may see; 0 for who is not there."""

    item: ReviewItem
    meets_on: date | None
    is_closed: bool
    decided_by: str | None
    reason: str
    next_step: str
    place: int
    of: int
    previous: AgendaRow | None
    following: AgendaRow | None


def row_is_over(row: AgendaRow) -> bool:
    """Whether the referral was closed or entered in error since the agenda was made."""
    return row.state in (ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR)


def proposed_agenda(session: Session, today: date) -> tuple[ProposedReview, ...]:
    """What the next meeting goes through, as the rule chooses now among what the reader may see."""
    limits = current_settings().area.thresholds.next_action_working_days
    return choose_for_review(_facts(session, _candidates(session, today), today), today, limits)


def agenda_references(session: Session, proposed: Sequence[ProposedReview]) -> dict[UUID, tuple[str, str]]:
    """The reference and the crime of each, for the list; audited."""
    rows = session.execute(
        select(Referral.id, Referral.reference, Referral.offence).where(
            Referral.id.in_([each.referral_id for each in proposed])
        )
    ).all()
    record_audit(session, "group_review.proposed", shown=[row.reference for row in rows])
    return {row.id: (row.reference, row.offence) for row in rows}


def review_meetings(
    session: Session, *, after: tuple[datetime, UUID] | None = None
) -> tuple[tuple[MeetingRow, ...], bool]:
    """A page of the meetings that the reader may see, the newest first. Audited."""
    chosen = select(ReviewMeeting, User.name).join(User, User.id == ReviewMeeting.opened_by_id)
    if after is not None:
        chosen = chosen.where(tuple_(ReviewMeeting.opened_at, ReviewMeeting.id) < after)
    found = session.execute(
        chosen.order_by(ReviewMeeting.opened_at.desc(), ReviewMeeting.id.desc()).limit(PAGE_SIZE + 1)
    ).all()
    counts = {
        row.meeting_id: row
        for row in session.execute(
            select(
                ReviewItem.meeting_id,
                func.count().label("all"),
                func.count(ReviewItem.decided_at).label("decided"),
            )
            .where(ReviewItem.meeting_id.in_([meeting.id for meeting, _ in found]))
            .group_by(ReviewItem.meeting_id)
        )
    }
    record_audit(session, "group_reviews.listed", shown=[str(meeting.id) for meeting, _ in found[:PAGE_SIZE]])
    rows = tuple(
        MeetingRow(
            meeting_id=meeting.id,
            meets_on=meeting.meets_on,
            opened_at=meeting.opened_at,
            opened_by=name,
            is_closed=meeting.closed_at is not None,
            on_agenda=counts[meeting.id].all if meeting.id in counts else 0,
            decided=counts[meeting.id].decided if meeting.id in counts else 0,
        )
        for meeting, name in found[:PAGE_SIZE]
    )
    return rows, len(found) > PAGE_SIZE


def meeting_page(session: Session, meeting_id: UUID) -> MeetingPage:
    """One meeting with its agenda. Audited. Raises NotFound for one that is absent or not the reader's to see."""
    row = session.execute(
        select(ReviewMeeting, User.name)
        .join(User, User.id == ReviewMeeting.opened_by_id)
        .where(ReviewMeeting.id == meeting_id)
    ).one_or_none()
    if row is None:
        raise NotFound
    agenda = _agenda(session, meeting_id)
    names = session.scalars(
        select(User.name)
        .join(ReviewAttendee, ReviewAttendee.user_id == User.id)
        .where(ReviewAttendee.meeting_id == meeting_id)
        .order_by(User.name, User.id)
    )
    record_audit(
        session,
        "group_review.viewed",
        subject_type="review_meeting",
        subject_id=meeting_id,
        shown=[each.reference for each in agenda],
    )
    attendees = tuple(names)
    with as_service(session):
        counted = select(func.count()).where(ReviewItem.meeting_id == meeting_id)
        total = session.scalars(counted).one()
    return MeetingPage(row[0], row[1], attendees, agenda, total - len(agenda))


def meeting_of_item(session: Session, item_id: UUID) -> UUID:
    """The meeting of an item of an agenda. Raises NotFound."""
    meeting_id = session.scalar(select(ReviewItem.meeting_id).where(ReviewItem.id == item_id))
    if meeting_id is None:
        raise NotFound
    return meeting_id


def opened_review(session: Session, referral_id: UUID, item_id: UUID, key: bytes) -> OpenedReview:
    """One referral on an agenda with what was decided, and its neighbours for who may see the meeting.

    Raises NotFound for an item of another referral.
    """
    item = session.scalar(
        select(ReviewItem).where(ReviewItem.id == item_id, ReviewItem.referral_id == referral_id)
    )
    if item is None:
        raise NotFound
    meeting = session.get(ReviewMeeting, item.meeting_id)
    agenda = _agenda(session, item.meeting_id) if meeting is not None else ()
    place = next((at for at, each in enumerate(agenda) if each.item_id == item_id), -1)
    said = encrypted_rows.unseal_row(key, "review_item", item.id, item.sealed) if item.sealed else {}
    decider = select(User.name).where(User.id == item.decided_by_id)
    return OpenedReview(
        item=item,
        meets_on=meeting.meets_on if meeting else None,
        is_closed=meeting is None or meeting.closed_at is not None,
        decided_by=session.scalar(decider) if item.decided_by_id else None,
        reason=said.get("reason", ""),
        next_step=said.get("next_step", ""),
        place=place + 1,
        of=len(agenda),
        previous=agenda[place - 1] if place > 0 else None,
        following=agenda[place + 1] if 0 <= place < len(agenda) - 1 else None,
    )


def _agenda(session: Session, meeting_id: UUID) -> tuple[AgendaRow, ...]:
    rows = session.execute(
        select(ReviewItem, Referral.reference, Referral.offence, Referral.risk, Referral.state, User.name)
        .join(Referral, Referral.id == ReviewItem.referral_id)
        .outerjoin(User, User.id == ReviewItem.decided_by_id)
        .where(ReviewItem.meeting_id == meeting_id)
        .order_by(ReviewItem.position)
    )
    return tuple(
        AgendaRow(
            item_id=item.id,
            referral_id=item.referral_id,
            reference=reference,
            offence=offence,
            risk=risk,
            state=state,
            causes=tuple(item.causes),
            decision=item.decision,
            due_on=item.due_on,
            decided_by=name,
        )
        for item, reference, offence, risk, state, name in rows
    )


def _candidates(session: Session, today: date) -> set[UUID]:
    """The heads of the lists of what is open, high and held, reviews past their day, and what was left undecided."""
    first = QueueSlice(_HEAD)
    high = QueueSlice(_HEAD, only_high=True)
    pages = (
        rows_in_work_order(_IS_OPEN, first, today, by_harm=False, name="open_head"),
        rows_in_work_order(
            and_(_IS_OPEN, HIGH_KEY == 0, Referral.assigned_to_id.is_not(None)),
            high,
            today,
            by_harm=False,
            name="high_head",
        ),
        rows_in_work_order(_ON_HOLD, first, today, by_harm=True, name="held_head"),
    )
    reviews = (
        select(Task.referral_id)
        .where(_REVIEW_WAITS, Task.due_on < today)
        .order_by(Task.due_on, Task.id)
        .limit(_HEAD)
    )
    left = (
        select(ReviewItem.referral_id)
        .where(ReviewItem.decided_at.is_(None))
        .order_by(ReviewItem.id.desc())
        .limit(_HEAD)
    )
    return {
        *session.scalars(union(*(select(page.c.id) for page in pages))),
        *session.scalars(reviews),
        *session.scalars(left),
    }


def _facts(session: Session, chosen: set[UUID], today: date) -> list[ReviewFacts]:
    of_referral = Task.referral_id == Referral.id
    review_due = select(func.min(Task.due_on)).where(of_referral, _REVIEW_WAITS).correlate(Referral)
    running = (
        select(Task.id)
        .where(
            of_referral,
            Task.done_at.is_(None),
            Task.kind == TaskKind.GROUP_REVIEW_STEP,
            Task.due_on >= today,
        )
        .correlate(Referral)
    )
    offered = (
        select(OnwardReferral.id)
        .where(OnwardReferral.referral_id == Referral.id, OnwardReferral.state.in_(UNANSWERED_ONWARD_STATES))
        .correlate(Referral)
    )
    rows = session.execute(
        select(
            Referral,
            review_due.scalar_subquery().label("review_due_on"),
            running.exists().label("has_running_step"),
            offered.exists().label("awaits_answer"),
        ).where(Referral.id.in_(chosen), _IS_OPEN)
    ).all()
    in_open_meeting, left_over = _undecided(session, chosen)
    return [
        ReviewFacts(
            referral_id=row.Referral.id,
            risk=row.Referral.risk,
            domestic_abuse=row.Referral.domestic_abuse,
            officer_grade=row.Referral.officer_grade,
            held_reasons=_hold_reasons(row.Referral),
            next_action=row.Referral.next_action,
            next_due_on=row.Referral.next_due_on,
            next_since=row.Referral.next_since,
            is_assigned=row.Referral.assigned_to_id is not None,
            awaits_answer=row.awaits_answer,
            review_due_on=row.review_due_on,
            is_carried_over=row.Referral.id in left_over,
            has_running_step=row.has_running_step,
        )
        for row in rows
        if row.Referral.id not in in_open_meeting
    ]


def _undecided(session: Session, chosen: set[UUID]) -> tuple[set[UUID], set[UUID]]:
    """Those that an open meeting has before it, and those that the last meeting they stood in left undecided."""
    later = named_alias(ReviewItem, "later")
    again = select(later.id).where(later.referral_id == ReviewItem.referral_id, later.id > ReviewItem.id)
    # As the service: an open meeting that the reader may not see has its referrals all the same.
    with as_service(session):
        rows = session.execute(
            select(ReviewItem.referral_id, ReviewItem.decided_at, ReviewMeeting.closed_at)
            .join(ReviewMeeting, ReviewMeeting.id == ReviewItem.meeting_id)
            .where(
                ReviewItem.referral_id.in_(chosen),
                or_(
                    ReviewMeeting.closed_at.is_(None),
                    and_(ReviewItem.decided_at.is_(None), ~again.exists()),
                ),
            )
        ).all()
    return (
        {row.referral_id for row in rows if row.closed_at is None},
        {row.referral_id for row in rows if row.closed_at is not None},
    )


def _hold_reasons(referral: Referral) -> tuple[HeldReason, ...]:
    if referral.held_reason is None:
        return ()
    return in_order_of_harm({HeldReason(referral.held_reason), *map(HeldReason, referral.held_reasons)})
