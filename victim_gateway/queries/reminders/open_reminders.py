"""The reminders of the person signed in: overdue, due today, due in the next days, by date and risk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, null, or_, select
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database.audit_log import record_audit
from victim_gateway.errors import NotFound
from victim_gateway.models import CodeEntitlement, Message, OnwardReferral, Referral, Reminder
from victim_gateway.rules.urgency import RISK_RANK
from victim_gateway.vocabulary import MessageState, NextAction, ReminderKind, Risk

PAGE_SIZE = 50
SOON_DAYS = 7
LISTS = ("mine", "team")
DUE = ("overdue", "today", "soon")


@dataclass(frozen=True, slots=True)
class ReminderRow:
    """One open reminder. `standard` is the text of the area's standard.

    `risk` and `next_action` are the Gateway's to see; a provider gets None.
    """

    reminder_id: UUID
    kind: ReminderKind
    about: str
    standard: str | None
    reference: str
    due_on: date | None
    seen_at: datetime | None
    risk: Risk | None
    next_action: NextAction | None
    email_problem: str | None


@dataclass(frozen=True, slots=True)
class ReminderCounts:
    """How many are open in the list that is shown, and in each list."""

    overdue: int
    today: int
    soon: int
    lists: dict[str, int]


@dataclass(frozen=True, slots=True)
class ReminderList:
    rows: tuple[ReminderRow, ...]
    total: int
    counts: ReminderCounts


@dataclass(frozen=True, slots=True)
class ReminderSubject:
    """What a reminder is about: the referral for the Gateway, the onward referral for a provider."""

    referral_id: UUID
    onward_referral_id: UUID | None


def open_reminders(
    session: Session, actor: Actor, *, shown: str, due: str | None, today: date, offset: int = 0
) -> ReminderList:
    """One page of a list: by due date, then by risk. `shown` is one of LISTS, `due` one of DUE or None.

    A provider has one list, that of its organisation and the reader's own together.
    """
    wanted = and_(_open(actor), _list(actor, shown), *([_due(due, today)] if due else []))
    found = session.execute(_rows(actor).where(wanted).limit(PAGE_SIZE).offset(offset)).all()
    record_audit(
        session, "reminders.viewed", list=shown, shown=[row.reference for row in found], offset=offset
    )
    counts = _counts(session, actor, shown, today)
    total = getattr(counts, due) if due else counts.lists[shown]
    return ReminderList(tuple(ReminderRow(**row._mapping) for row in found), total, counts)


def count_open_reminders(session: Session, actor: Actor) -> int:
    """How many open reminders of the reader's own have not been seen."""
    unseen = and_(_open(actor), _list(actor, LISTS[0]), Reminder.seen_at.is_(None))
    return session.scalar(_visible(select(func.count()), actor).where(unseen)) or 0


def find_reminder_subject(session: Session, reminder_id: UUID, actor: Actor) -> ReminderSubject:
    """The record a reminder is about, also when settled. Raises NotFound unless it is the reader's."""
    row = session.execute(
        _visible(select(Reminder.referral_id, Reminder.onward_referral_id), actor).where(
            Reminder.id == reminder_id, addressed_to(actor)
        )
    ).one_or_none()
    if row is None:
        raise NotFound
    return ReminderSubject(row.referral_id, row.onward_referral_id)


def addressed_to(actor: Actor) -> ColumnElement[bool]:
    """The reminders of the actor, and those of the actor's organisation that have no user."""
    return or_(Reminder.recipient_user_id == actor.user_id, _organisations(actor))


def _organisations(actor: Actor) -> ColumnElement[bool]:
    return and_(
        Reminder.recipient_user_id.is_(None), Reminder.recipient_organisation_id == actor.organisation_id
    )


def _open(actor: Actor) -> ColumnElement[bool]:
    return and_(Reminder.resolved_at.is_(None), addressed_to(actor))


def _list(actor: Actor, shown: str) -> ColumnElement[bool]:
    if actor.is_provider:
        return addressed_to(actor)
    return Reminder.recipient_user_id == actor.user_id if shown == "mine" else _organisations(actor)


def _due(due: str, today: date) -> ColumnElement[bool]:
    return {
        "overdue": Reminder.due_on < today,
        "today": Reminder.due_on == today,
        "soon": and_(Reminder.due_on > today, Reminder.due_on <= today + timedelta(days=SOON_DAYS)),
    }[due]


def _visible(statement: Any, actor: Actor) -> Any:
    """Join a reminder to its record, so that only those who may see the record see the reminder."""
    if actor.is_provider:
        return statement.select_from(Reminder).join(
            OnwardReferral, OnwardReferral.id == Reminder.onward_referral_id
        )
    return statement.select_from(Reminder).join(Referral, Referral.id == Reminder.referral_id)


def _rows(actor: Actor) -> Any:
    gateways_own = (
        (null().label("risk"), null().label("next_action"))
        if actor.is_provider
        else (Referral.risk, Referral.next_action)
    )
    columns = [
        Reminder.id.label("reminder_id"),
        Reminder.kind,
        Reminder.about,
        CodeEntitlement.entitlement.label("standard"),
        Reminder.reference,
        Reminder.due_on,
        Reminder.seen_at,
        *gateways_own,
        Message.problem.label("email_problem"),
    ]
    standard = and_(CodeEntitlement.edition == "local", CodeEntitlement.entitlement_id == Reminder.about)
    unsent = and_(
        Message.reminder_id == Reminder.id,
        Message.recipient_user_id == actor.user_id,
        Message.state.in_((MessageState.FAILED, MessageState.PARKED)),
    )
    order: list[Any] = [Reminder.due_on.asc().nulls_last()]
    if not actor.is_provider:
        order.append(case({risk.value: rank for risk, rank in RISK_RANK.items()}, value=Referral.risk))
    return (
        _visible(select(*columns), actor)
        .outerjoin(CodeEntitlement, standard)
        .outerjoin(Message, unsent)
        .order_by(*order, Reminder.created_at, Reminder.id)
    )


def _counts(session: Session, actor: Actor, shown: str, today: date) -> ReminderCounts:
    """The counts in one statement."""
    by_due = {due: and_(_list(actor, shown), _due(due, today)) for due in DUE}
    by_list = {f"list_{name}": _list(actor, name) for name in LISTS}
    columns = [func.count().filter(condition).label(name) for name, condition in (by_due | by_list).items()]
    # For the Gateway the policy of the table asks for the referral already; a join would ask again.
    counted = _visible(select(*columns), actor) if actor.is_provider else select(*columns)
    row = session.execute(counted.where(_open(actor))).one()
    lists = {name: getattr(row, f"list_{name}") for name in LISTS}
    return ReminderCounts(row.overdue, row.today, row.soon, lists)
