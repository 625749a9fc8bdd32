"""The work queue: the next action of each referral, and who must take it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, any_, case, func, literal, or_, select
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database.audit_log import record_audit
from victim_gateway.models import Person, Referral, SafeContactPlan, Task, User
from victim_gateway.queries.people.decrypted_people import SealedPerson, open_person_documents
from victim_gateway.queries.people.safe_contact_plans import is_plan_in_force
from victim_gateway.rules.hold import WAITING_ORDER, in_order_of_harm
from victim_gateway.rules.person_names import person_name
from victim_gateway.rules.urgency import RISK_RANK
from victim_gateway.vocabulary import (
    HeldReason,
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
    tasks: tuple[TaskKind, ...]


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """Counts for the links over the list and for the tabs."""

    overdue: int
    due_today: int
    new: int
    waiting: int
    tabs: dict[str, int]


@dataclass(frozen=True, slots=True)
class WorkQueue:
    rows: tuple[QueueRow, ...]
    total: int
    counts: QueueCounts


def work_queue_page(
    session: Session, actor: Actor, tab: str, filters: QueueFilters, *, today: date, offset: int = 0
) -> WorkQueue:
    """One page of a tab: overdue first, then by due date, then by risk. Only its rows' names are opened.

    What is held stands before all else by who comes to harm by waiting.
    """
    wanted = and_(_tab(tab, actor), *_narrowed(filters, today))
    total = session.scalar(select(func.count()).select_from(Referral).where(wanted)) or 0
    found = session.execute(_rows(wanted, today, offset, by_harm=tab == "held")).all()
    tasks = _open_tasks(session, [row.id for row in found])
    people = open_person_documents(
        session,
        (SealedPerson(row.person_id, row.key_id, row.sealed, row.erased_at is not None) for row in found),
    )
    record_audit(session, "work.viewed", tab=tab, shown=[row.reference for row in found], offset=offset)
    rows = tuple(_row(row, person_name(people[row.person_id]), tasks.get(row.id, ())) for row in found)
    return WorkQueue(rows, total, _counts(session, actor, today))


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
        "mine": and_(Referral.assigned_to_id == actor.user_id, _is_open()),
        "team": _is_open(),
        "unassigned": Referral.next_action == NextAction.ASSIGN,
        "waiting": Referral.waiting_on == WaitingOn.PROVIDER,
        "held": Referral.state == ReferralState.HELD,
    }
    return conditions[tab]


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
    rank = case({risk.value: rank for risk, rank in RISK_RANK.items()}, value=Referral.risk, else_=9)
    order = (
        *([_harm_rank()] if by_harm else []),
        case((Referral.next_due_on < today, 0), else_=1),
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


def _row(row: Any, name: str, tasks: tuple[TaskKind, ...]) -> QueueRow:
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
        tasks=tasks,
    )


def _counts(session: Session, actor: Actor, today: date) -> QueueCounts:
    """The counts in one statement; overdue and due today are the actor's own, as their links show."""
    mine = _tab("mine", actor)
    counted = {
        "overdue": and_(mine, Referral.next_due_on < today),
        "due_today": and_(mine, Referral.next_due_on == today),
        **{f"tab_{tab}": _tab(tab, actor) for tab in TABS},
    }
    columns = [func.count().filter(condition).label(name) for name, condition in counted.items()]
    row = session.execute(
        select(*columns).select_from(Referral).where(or_(_is_open(), Referral.state == ReferralState.HELD))
    ).one()
    tabs = {tab: getattr(row, f"tab_{tab}") for tab in TABS}
    return QueueCounts(row.overdue, row.due_today, tabs["unassigned"], tabs["waiting"], tabs)
