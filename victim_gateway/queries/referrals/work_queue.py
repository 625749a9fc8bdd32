"""The work queue: the next action of each referral, who must take it, and by when.

It is the one list of what is due: a caseworker's reminders are made from the same rows. Ordered by the harm of
waiting: what is overdue at high risk first (domestic abuse counts as high), then by due date, risk, and since when
it waits. On the tab "mine" what others owe stands apart: it is not the reader's to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    and_,
    literal_column,
    select,
)
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.bounded_counts import bounded_count
from victim_gateway.models import (
    Referral,
    User,
)
from victim_gateway.queries.people.decrypted_people import JoinedPerson, SealedPerson, open_joined_people
from victim_gateway.queries.referrals.cancelled_appointments import (
    CloseAppointment,
    close_cancelled_appointments,
)
from victim_gateway.queries.referrals.drafts import DraftLine, own_drafts
from victim_gateway.queries.referrals.queue_rows import queue_rows
from victim_gateway.queries.referrals.work_order import (
    DUE_KEY,
    HIGH_KEY,
    QueuePosition,
    QueueSlice,
    page_order,
    rows_in_work_order,
)
from victim_gateway.queries.reminders.beside_work import BesideWork, read_beside_work
from victim_gateway.rules.hold import in_order_of_harm
from victim_gateway.rules.person_names import person_name
from victim_gateway.times import london_date
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
# So many are tried before the caseworker is told that others were quicker.
_NEXT_TRIED = 5
_FOUND, _OWED = "found", "owed"
TABS = ("mine", "team", "unassigned", "high", "waiting", "held")
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
    """One referral of the queue. `awaits_answer`: a provider has not answered an offer yet, whoever else helps.

    `earlier_referrals` counts those of the person in the 12 months before it.
    """

    referral_id: UUID
    version: int
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
    assigned_to_id: UUID | None
    assigned_to: str | None
    safe: SafeAnswer | None
    restricted: bool
    domestic_abuse: bool
    tasks: tuple[TaskKind, ...]
    email_problem: str | None
    awaits_answer: bool
    earlier_referrals: int
    persistently_targeted: bool
    is_marac_repeat: bool

    @property
    def is_due_on_receipt(self) -> bool:
        """Whether its day had passed before the referral reached us."""
        return self.next_due_on is not None and self.next_due_on < london_date(self.received_at)


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """Counts for the links over the list and for the tabs.

    The first four are the reader's own: what they must do, and what others owe them. The rest are the team's.
    A number above `bounded_counts.MOST_COUNTED` stands for any number above it.
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
    """One page. `owed_by_others` is filled on the first page of "mine" only, up to PAGE_SIZE.

    `before` and `after` are the positions of its first and last row, where there is more on that side.
    """

    rows: tuple[QueueRow, ...]
    total: int
    counts: QueueCounts
    owed_by_others: tuple[QueueRow, ...] = ()
    beside: BesideWork = BesideWork()
    cancelled: tuple[CloseAppointment, ...] = ()
    drafts: tuple[DraftLine, ...] = ()
    before: QueuePosition | None = None
    after: QueuePosition | None = None


def work_queue_page(
    session: Session,
    actor: Actor,
    tab: str,
    filters: QueueFilters,
    *,
    today: date,
    position: QueuePosition | None = None,
    is_before: bool = False,
) -> WorkQueue:
    """One page of a tab, and who else owes the reader something. Only the names of its rows are opened.

    What is held stands before all else by who comes to harm by waiting. `position` is that of a row which an earlier
    page gave: the page is of what follows it or, with `is_before`, of what comes before it.
    """
    is_filtered = filters != QueueFilters(due_by=filters.due_by)
    wanted = and_(_tab(tab, actor), *_narrowed(filters, today))
    chosen = QueueSlice(
        PAGE_SIZE + 1, position, is_before, only_high=tab == "high" or filters.risk is Risk.HIGH
    )
    pages = {_FOUND: rows_in_work_order(wanted, chosen, today, by_harm=tab == "held", name=_FOUND)}
    is_first_of_mine = tab == "mine" and position is None and not is_filtered
    if is_first_of_mine:
        first = QueueSlice(PAGE_SIZE)
        pages[_OWED] = rows_in_work_order(_owed_to(actor), first, today, by_harm=False, name=_OWED)
    rows = session.execute(queue_rows(pages, actor)).all()
    found = [row for row in rows if row.part == _FOUND]
    has_more = len(found) > PAGE_SIZE
    if is_before:
        # One more was read at the far end, which is the first here.
        found = found[-PAGE_SIZE:]
    found = found[:PAGE_SIZE]
    owed = [row for row in rows if row.part == _OWED]
    opened = _open_rows([*found, *owed])
    is_whole = position is None and not has_more
    counts, total = _counts(session, actor, today, wanted if is_filtered and not is_whole else None)
    record_audit(
        session, "work.viewed", tab=tab, shown=[row.reference for row in opened], position=str(position or "")
    )
    return WorkQueue(
        opened[: len(found)],
        len(found) if is_whole else counts.tabs[tab] if total is None else total,
        counts,
        owed_by_others=opened[len(found) :],
        beside=read_beside_work(session, actor) if is_first_of_mine else BesideWork(),
        cancelled=close_cancelled_appointments(session, actor, today) if is_first_of_mine else (),
        drafts=own_drafts(session, actor) if is_first_of_mine else (),
        before=_position(found[0]) if found and (has_more if is_before else position is not None) else None,
        after=_position(found[-1]) if found and (is_before or has_more) else None,
    )


def first_unassigned(session: Session, today: date) -> list[tuple[UUID, int]]:
    """The next unassigned referrals, in the order of work, with their versions: those that the reader may see."""
    page = rows_in_work_order(
        and_(Referral.next_action == NextAction.ASSIGN, _is_open()),
        QueueSlice(_NEXT_TRIED),
        today,
        by_harm=False,
        name="next",
    )
    rows = session.execute(
        select(Referral.id, Referral.version).join(page, page.c.id == Referral.id).order_by(*page_order(page))
    )
    return [(row.id, row.version) for row in rows]


def assignable_caseworkers(session: Session) -> list[tuple[UUID, str]]:
    """The users a referral can be assigned to, in order of names."""
    rows = session.execute(
        select(User.id, User.name)
        .where(User.role.in_(("caseworker", "senior")), User.disabled_at.is_(None))
        .order_by(User.name, User.id)
    )
    return [(row.id, row.name) for row in rows]


def _is_open() -> ColumnElement[bool]:
    return _in_index(f"referral.next_act <> '{NextAction.NOTHING}'")


def _in_index(condition: str) -> ColumnElement[bool]:
    """A condition of a partial index, as the text that the index has: with a parameter it would not be recognised."""
    return literal_column(condition, Boolean)


def _is_with_provider() -> ColumnElement[bool]:
    return _in_index(f"referral.waiting_on = '{WaitingOn.PROVIDER}'")


def _is_mine(actor: Actor) -> ColumnElement[bool]:
    return and_(Referral.assigned_to_id == actor.user_id, _is_open())


def _tab(tab: str, actor: Actor) -> ColumnElement[bool]:
    conditions = {
        "mine": and_(_is_mine(actor), Referral.waiting_on != WaitingOn.PROVIDER),
        "team": _is_open(),
        "unassigned": and_(Referral.next_action == NextAction.ASSIGN, _is_open()),
        "high": and_(_is_open(), HIGH_KEY == 0),
        "waiting": _is_with_provider(),
        "held": _in_index(f"referral.state = '{ReferralState.HELD}'"),
    }
    return conditions[tab]


def _owed_to(actor: Actor) -> ColumnElement[bool]:
    """What others owe on the actor's own referrals."""
    return and_(_is_mine(actor), _is_with_provider())


def _open_rows(found: Sequence[Any]) -> tuple[QueueRow, ...]:
    people = open_joined_people(
        JoinedPerson(
            SealedPerson(row.person_id, row.key_id, row.sealed, row.erased_at is not None),
            row.keyring_id,
            row.wrapped,
        )
        for row in found
    )
    return tuple(_row(row, person_name(people[row.person_id])) for row in found)


def _position(row: Any) -> QueuePosition:
    return QueuePosition(row.harm, row.run, row.next_due_on, row.rank, row.next_since, row.id)


def _narrowed(filters: QueueFilters, today: date) -> list[ColumnElement[bool]]:
    chosen: list[ColumnElement[bool]] = []
    if filters.due == "overdue":
        chosen.append(DUE_KEY < today)
    elif filters.due == "today":
        chosen.append(DUE_KEY == today)
    elif filters.due == "week":
        chosen.append(DUE_KEY.between(today, filters.due_by))
    equal = {
        Referral.district: filters.district,
        Referral.risk: filters.risk,
        Referral.next_action: filters.next_action,
        Referral.assigned_to_id: filters.caseworker_id,
    }
    return chosen + [column == value for column, value in equal.items() if value is not None]


def _row(row: Any, name: str) -> QueueRow:
    return QueueRow(
        referral_id=row.id,
        version=row.version,
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
        assigned_to_id=row.assigned_to_id,
        assigned_to=row.assigned_to,
        safe=row.safe,
        restricted=row.restricted,
        domestic_abuse=row.domestic_abuse,
        tasks=tuple(TaskKind(kind) for kind in row.tasks or ()),
        email_problem=row.email_problem,
        awaits_answer=row.awaits_answer,
        earlier_referrals=row.earlier_referrals,
        persistently_targeted=bool(row.persistently_targeted),
        is_marac_repeat=row.is_marac_repeat,
    )


def _counts(
    session: Session, actor: Actor, today: date, narrowed: ColumnElement[bool] | None
) -> tuple[QueueCounts, int | None]:
    """The counts in one statement, and how many fit the filters, if there are any.

    Overdue and due today are the actor's own, as their links show. Each is counted in an index of what is open.
    """
    mine, owed = _tab("mine", actor), _owed_to(actor)
    counted = {
        "overdue": and_(mine, DUE_KEY < today),
        "due_today": and_(mine, DUE_KEY == today),
        "owed_by_others": owed,
        "owed_late": and_(owed, DUE_KEY < today),
        **{f"tab_{tab}": _tab(tab, actor) for tab in TABS},
        **({} if narrowed is None else {"total": narrowed}),
    }
    row = session.execute(
        select(*(bounded_count(Referral, condition).label(name) for name, condition in counted.items()))
    ).one()
    tabs = {tab: getattr(row, f"tab_{tab}") for tab in TABS}
    counts = QueueCounts(
        overdue=row.overdue,
        due_today=row.due_today,
        owed_by_others=row.owed_by_others,
        owed_late=row.owed_late,
        new=tabs["unassigned"],
        waiting=tabs["waiting"],
        tabs=tabs,
    )
    return counts, None if narrowed is None else row.total
