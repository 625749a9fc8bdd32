"""The work queue: the next action of each referral, who must take it, and by when.

It is the one list of what is due: a caseworker's reminders are made from the same rows. Ordered by the harm of
waiting: what is overdue at high risk first (domestic abuse counts as high), then by due date, risk, and since when
it waits. On the tab "mine" what others owe stands apart: it is not the reader's to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, any_, case, func, literal, or_, select
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database.audit_log import record_audit
from victim_gateway.models import Message, Person, Referral, Reminder, SafeContactPlan, Task, User
from victim_gateway.queries.people.decrypted_people import SealedPerson, open_person_documents
from victim_gateway.queries.people.safe_contact_plans import is_plan_in_force
from victim_gateway.queries.reminders.unread_notes import UnreadNote, unread_notes
from victim_gateway.rules.hold import WAITING_ORDER, in_order_of_harm
from victim_gateway.rules.person_names import person_name
from victim_gateway.rules.step_dates import HIGH_GRADE
from victim_gateway.rules.urgency import RISK_RANK
from victim_gateway.times import london_date
from victim_gateway.vocabulary import (
    HeldReason,
    MessageState,
    NextAction,
    ReferralState,
    Risk,
    SafeAnswer,
    TaskKind,
    WaitingOn,
)

PAGE_SIZE = 50
TABS = ("mine", "team", "unassigned", "waiting", "held")
DUE = ("overdue", "today", "week")


@dataclass(frozen=True, slots=True)
class QueueFilters:
    """The filters of a tab. `due_by` is the last London date of `due` "week"."""

    due: str | None = None
    due_by: date | None = None
    district: str | None = None
    risk: Risk | None = None
    next_action: NextAction | None = None
    caseworker_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One referral of the queue."""

    referral_id: UUID
    reference: str
    name: str
    offence: str
    district: str | None
    risk: Risk
    state: ReferralState
    held_reasons: tuple[HeldReason, ...]
    next_action: NextAction
    waiting_on: WaitingOn
    next_due_on: date | None
    next_since: datetime
    received_at: datetime
    assigned_to: str | None
    safe: SafeAnswer | None
    restricted: bool
    domestic_abuse: bool
    tasks: tuple[TaskKind, ...]
    email_problem: str | None

    @property
    def is_due_on_receipt(self) -> bool:
        """Whether its day had passed before the referral reached us."""
        return self.next_due_on is not None and self.next_due_on < london_date(self.received_at)


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """Counts for the links over the list and for the tabs.

    The first four are the reader's own: what they must do, and what others owe them. The rest are the team's.
    """

    overdue: int
    due_today: int
    owed_by_others: int
    owed_late: int
    new: int
    waiting: int
    tabs: dict[str, int]


@dataclass(frozen=True, slots=True)
class WorkQueue:
    """One page. `owed_by_others` is filled on the first page of "mine" only, up to PAGE_SIZE."""

    rows: tuple[QueueRow, ...]
    total: int
    counts: QueueCounts
    owed_by_others: tuple[QueueRow, ...] = ()
    notes: tuple[UnreadNote, ...] = ()


def work_queue_page(
    session: Session, actor: Actor, tab: str, filters: QueueFilters, *, today: date, offset: int = 0
) -> WorkQueue:
    """One page of a tab, and who else owes the reader something. Only the names of its rows are opened.

    What is held stands before all else by who comes to harm by waiting.
    """
    wanted = and_(_tab(tab, actor), *_narrowed(filters, today))
    total = session.scalar(select(func.count()).select_from(Referral).where(wanted)) or 0
    found = list(session.execute(_rows(wanted, today, offset, by_harm=tab == "held")))
    is_first_of_mine = tab == "mine" and offset == 0 and filters == QueueFilters(due_by=filters.due_by)
    owed = list(session.execute(_rows(_owed_to(actor), today, 0, by_harm=False))) if is_first_of_mine else []
    opened = _open_rows(session, actor, [*found, *owed])
    shown = [row.reference for row in opened]
    record_audit(session, "work.viewed", tab=tab, shown=shown, offset=offset)
    return WorkQueue(
        opened[: len(found)],
        total,
        _counts(session, actor, today),
        owed_by_others=opened[len(found) :],
        notes=unread_notes(session, actor) if is_first_of_mine else (),
    )


def assignable_caseworkers(session: Session) -> list[tuple[UUID, str]]:
    """The users a referral can be assigned to, in order of names."""
    rows = session.execute(
        select(User.id, User.name)
        .where(User.role.in_(("caseworker", "senior")), User.disabled_at.is_(None))
        .order_by(User.name, User.id)
    )
    return [(row.id, row.name) for row in rows]


def _is_open() -> ColumnElement[bool]:
    return Referral.next_action != NextAction.NOTHING


def _tab(tab: str, actor: Actor) -> ColumnElement[bool]:
    conditions = {
        "mine": and_(
            Referral.assigned_to_id == actor.user_id, _is_open(), Referral.waiting_on != WaitingOn.PROVIDER
        ),
        "team": _is_open(),
        "unassigned": Referral.next_action == NextAction.ASSIGN,
        "waiting": Referral.waiting_on == WaitingOn.PROVIDER,
        "held": Referral.state == ReferralState.HELD,
    }
    return conditions[tab]


def _owed_to(actor: Actor) -> ColumnElement[bool]:
    """What others owe on the actor's own referrals."""
    return and_(Referral.assigned_to_id == actor.user_id, Referral.waiting_on == WaitingOn.PROVIDER)


def _open_rows(session: Session, actor: Actor, found: list[Any]) -> tuple[QueueRow, ...]:
    ids = [row.id for row in found]
    tasks, problems = _open_tasks(session, ids), _email_problems(session, actor, ids)
    people = open_person_documents(
        session,
        (SealedPerson(row.person_id, row.key_id, row.sealed, row.erased_at is not None) for row in found),
    )
    return tuple(
        _row(row, person_name(people[row.person_id]), tasks.get(row.id, ()), problems.get(row.id))
        for row in found
    )


def _narrowed(filters: QueueFilters, today: date) -> list[ColumnElement[bool]]:
    chosen: list[ColumnElement[bool]] = []
    if filters.due == "overdue":
        chosen.append(Referral.next_due_on < today)
    elif filters.due == "today":
        chosen.append(Referral.next_due_on == today)
    elif filters.due == "week":
        chosen.append(Referral.next_due_on.between(today, filters.due_by))
    equal = {
        Referral.district: filters.district,
        Referral.risk: filters.risk,
        Referral.next_action: filters.next_action,
        Referral.assigned_to_id: filters.caseworker_id,
    }
    return chosen + [column == value for column, value in equal.items() if value is not None]


def _rows(wanted: ColumnElement[bool], today: date, offset: int, *, by_harm: bool) -> Any:
    """Read one page: find its referrals first, so that names are opened for those alone."""
    ranks = case({risk.value: rank for risk, rank in RISK_RANK.items()}, value=Referral.risk, else_=9)
    graded_high = and_(Referral.risk == Risk.UNKNOWN, Referral.officer_grade == HIGH_GRADE)
    rank = case((or_(Referral.domestic_abuse, graded_high), RISK_RANK[Risk.HIGH]), else_=ranks)
    order = (
        *([_harm_rank()] if by_harm else []),
        case((and_(Referral.next_due_on < today, rank == RISK_RANK[Risk.HIGH]), 0), else_=1),
        Referral.next_due_on.asc().nulls_last(),
        rank,
        Referral.next_since,
        Referral.id,
    )
    page = select(Referral.id).where(wanted).order_by(*order).limit(PAGE_SIZE).offset(offset).cte("page")
    return (
        select(
            Referral.id,
            Referral.reference,
            Referral.person_id,
            Referral.offence,
            Referral.district,
            Referral.risk,
            Referral.state,
            Referral.held_reason,
            Referral.held_reasons,
            Referral.next_action,
            Referral.waiting_on,
            Referral.next_due_on,
            Referral.next_since,
            Referral.received_at,
            Referral.restricted,
            Referral.domestic_abuse,
            Person.key_id,
            Person.sealed,
            Person.erased_at,
            User.name.label("assigned_to"),
            SafeContactPlan.safe,
        )
        .join(page, page.c.id == Referral.id)
        .join(Person, Person.id == Referral.person_id)
        .outerjoin(User, User.id == Referral.assigned_to_id)
        .outerjoin(SafeContactPlan, is_plan_in_force(Referral.person_id))
        .order_by(*order)
    )


def _harm_rank() -> ColumnElement[int]:
    """`rules.hold.waiting_rank` in SQL: the reason whose wait does the most harm, and a death last."""
    last = len(WAITING_ORDER) - 1
    first = [HeldReason.PERSON_DIED, *(reason for reason in WAITING_ORDER[:last])]
    ranks = [
        (
            or_(Referral.held_reason == reason, literal(reason.value) == any_(Referral.held_reasons)),
            WAITING_ORDER.index(reason),
        )
        for reason in first
    ]
    return case(*ranks, else_=len(WAITING_ORDER))


def _open_tasks(session: Session, referral_ids: list[UUID]) -> dict[UUID, tuple[TaskKind, ...]]:
    rows = session.execute(
        select(Task.referral_id, Task.kind)
        .where(Task.referral_id.in_(referral_ids), Task.done_at.is_(None))
        .order_by(Task.created_at)
    )
    found: dict[UUID, tuple[TaskKind, ...]] = {}
    for referral_id, kind in rows:
        found[referral_id] = (*found.get(referral_id, ()), kind)
    return found


def _email_problems(session: Session, actor: Actor, referral_ids: list[UUID]) -> dict[UUID, str | None]:
    """Why an e-mail to the actor about one of these referrals could not be sent."""
    rows = session.execute(
        select(Reminder.referral_id, Message.problem)
        .join(Message, Message.reminder_id == Reminder.id)
        .where(
            Reminder.referral_id.in_(referral_ids),
            Reminder.resolved_at.is_(None),
            Message.recipient_user_id == actor.user_id,
            Message.state == MessageState.FAILED,
        )
    )
    return {row.referral_id: row.problem for row in rows}


def _row(row: Any, name: str, tasks: tuple[TaskKind, ...], email_problem: str | None) -> QueueRow:
    return QueueRow(
        referral_id=row.id,
        reference=row.reference,
        name=name,
        offence=row.offence,
        district=row.district,
        risk=row.risk,
        state=row.state,
        held_reasons=in_order_of_harm({HeldReason(row.held_reason), *map(HeldReason, row.held_reasons)})
        if row.held_reason
        else (),
        next_action=row.next_action,
        waiting_on=row.waiting_on,
        next_due_on=row.next_due_on,
        next_since=row.next_since,
        received_at=row.received_at,
        assigned_to=row.assigned_to,
        safe=row.safe,
        restricted=row.restricted,
        domestic_abuse=row.domestic_abuse,
        tasks=tasks,
        email_problem=email_problem,
    )


def _counts(session: Session, actor: Actor, today: date) -> QueueCounts:
    """The counts in one statement; overdue and due today are the actor's own, as their links show."""
    mine, owed = _tab("mine", actor), _owed_to(actor)
    counted = {
        "overdue": and_(mine, Referral.next_due_on < today),
        "due_today": and_(mine, Referral.next_due_on == today),
        "owed_by_others": owed,
        "owed_late": and_(owed, Referral.next_due_on < today),
        **{f"tab_{tab}": _tab(tab, actor) for tab in TABS},
    }
    columns = [func.count().filter(condition).label(name) for name, condition in counted.items()]
    row = session.execute(
        select(*columns).select_from(Referral).where(or_(_is_open(), Referral.state == ReferralState.HELD))
    ).one()
    tabs = {tab: getattr(row, f"tab_{tab}") for tab in TABS}
    return QueueCounts(
        overdue=row.overdue,
        due_today=row.due_today,
        owed_by_others=row.owed_by_others,
        owed_late=row.owed_late,
        new=tabs["unassigned"],
        waiting=tabs["waiting"],
        tabs=tabs,
    )
