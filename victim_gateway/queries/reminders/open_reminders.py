"""The reminders of a reader: what is due, what they put aside, what was settled; who comes to harm by waiting first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, false, func, null, or_, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.audit_log import record_audit
from victim_gateway.errors import NotFound
from victim_gateway.models import (
    CodeEntitlement,
    Message,
    OnwardReferral,
    Referral,
    Reminder,
    ReminderSnooze,
)
from victim_gateway.queries.reminders.addressing import (
    addressed_to,
    addressed_to_reader,
    is_snoozed,
    of_organisation,
)
from victim_gateway.queries.reminders.risk_order import IS_HIGH, RISK_ORDER
from victim_gateway.vocabulary import MessageState, NextAction, ReminderKind, SnoozeReason

PAGE_SIZE = 50
SOON_DAYS = 7
# What was settled longer ago than this is not listed.
DONE_DAYS = 30
LISTS = ("mine", "team")
VIEWS = ("due", "snoozed", "done")
DUE = ("overdue", "today", "soon")


@dataclass(frozen=True, slots=True)
class ReminderRow:
    """One reminder. `standard` is the text of the area's standard. `snooze_id` and what follows: how it was put aside.

    `is_high_risk` and `next_action` are the Gateway's to see; a provider gets None.
    """

    reminder_id: UUID
    kind: ReminderKind
    about: str
    standard: str | None
    reference: str
    due_on: date | None
    seen_at: datetime | None
    is_high_risk: bool | None
    next_action: NextAction | None
    email_problem: str | None
    rule_code: str | None
    is_urgent: bool
    resolved_at: datetime | None
    snooze_id: UUID | None
    snoozed_until: datetime | None
    snooze_reason: SnoozeReason | None
    sealed_note: bytes | None
    keyring_id: str | None


@dataclass(frozen=True, slots=True)
class ReminderCounts:
    """How many are open in the list that is shown, in each list, and put aside in it."""

    overdue: int
    today: int
    soon: int
    lists: dict[str, int]
    snoozed: int


@dataclass(frozen=True, slots=True)
class ReminderList:
    rows: tuple[ReminderRow, ...]
    total: int
    counts: ReminderCounts


@dataclass(frozen=True, slots=True)
class ReminderSubject:
    """What a reminder is about: the referral for the Gateway, the onward referral for a provider.

    A file that has not come in belongs to neither. `rule_code` names the rule that made it.
    """

    referral_id: UUID | None
    onward_referral_id: UUID | None
    rule_code: str | None


def list_reminders(
    session: Session,
    actor: Actor,
    *,
    shown: str,
    at: datetime,
    view: str = "due",
    due: str | None = None,
    offset: int = 0,
) -> ReminderList:
    """One page of a list. `shown` is one of LISTS, `view` one of VIEWS, `due` one of DUE or None.

    What is due or overdue stands first, in it who is at high risk. A provider has one list, that of its organisation
    and the reader's own together. What was put aside is in its own view until it comes back.
    """
    today = times.london_date(at)
    wanted = [_list(actor, shown), *([_due(due, today)] if due and view == "due" else [])]
    statement = _rows(actor, at).where(*wanted, *_of_view(actor, view, at))
    order = [Reminder.resolved_at.desc()] if view == "done" else _order(actor, today)
    statement = statement.order_by(*order, Reminder.created_at, Reminder.id)
    found = session.execute(statement.limit(PAGE_SIZE).offset(offset)).all()
    record_audit(
        session, "reminders.viewed", list=shown, shown=[row.reference for row in found], offset=offset
    )
    counts = _counts(session, actor, shown, today, at)
    if view == "due":
        total = getattr(counts, due) if due else counts.lists[shown]
    else:
        total = counts.snoozed if view == "snoozed" else offset + len(found)
    return ReminderList(tuple(ReminderRow(**row._mapping) for row in found), total, counts)


def _of_view(actor: Actor, view: str, at: datetime) -> list[ColumnElement[bool]]:
    if view == "done":
        return [Reminder.resolved_at > at - timedelta(days=DONE_DAYS)]
    snoozed = is_snoozed(actor, at)
    return [Reminder.resolved_at.is_(None), snoozed if view == "snoozed" else ~snoozed]


def one_reminder(session: Session, actor: Actor, reminder_id: UUID, at: datetime) -> ReminderRow:
    """One open reminder of the reader's. Raises NotFound."""
    row = session.execute(
        _rows(actor, at).where(
            Reminder.id == reminder_id, addressed_to(actor), Reminder.resolved_at.is_(None)
        )
    ).first()
    if row is None:
        raise NotFound
    return ReminderRow(**row._mapping)


def find_reminder_subject(session: Session, reminder_id: UUID, actor: Actor) -> ReminderSubject:
    """The record a reminder is about, also when settled. Raises NotFound unless it is the reader's."""
    row = session.execute(
        _visible(select(Reminder.referral_id, Reminder.onward_referral_id, Reminder.rule_code), actor).where(
            Reminder.id == reminder_id, addressed_to(actor)
        )
    ).one_or_none()
    if row is None:
        raise NotFound
    return ReminderSubject(row.referral_id, row.onward_referral_id, row.rule_code)


def _list(actor: Actor, shown: str) -> ColumnElement[bool]:
    return addressed_to_reader(actor) if actor.is_provider or shown == "mine" else of_organisation(actor)


def _due(due: str, today: date) -> ColumnElement[bool]:
    return {
        "overdue": Reminder.due_on < today,
        "today": Reminder.due_on == today,
        "soon": and_(Reminder.due_on > today, Reminder.due_on <= today + timedelta(days=SOON_DAYS)),
    }[due]


def _visible(statement: Any, actor: Actor) -> Any:
    """Join a reminder to its record, so that only those who may see the record see the reminder.

    What belongs to no referral the policies of the table show to those it is for.
    """
    if actor.is_provider:
        return statement.select_from(Reminder).join(
            OnwardReferral, OnwardReferral.id == Reminder.onward_referral_id
        )
    return (
        statement.select_from(Reminder)
        .outerjoin(Referral, Referral.id == Reminder.referral_id)
        .where(or_(Reminder.referral_id.is_(None), Referral.id.is_not(None)))
    )


def _order(actor: Actor, today: date) -> list[Any]:
    is_later = case((or_(Reminder.due_on.is_(None), Reminder.due_on > today), 1), else_=0)
    order: list[Any] = [is_later]
    if not actor.is_provider:
        order.append(RISK_ORDER)
    return [*order, Reminder.is_urgent.desc(), Reminder.due_on.asc().nulls_last()]


def _rows(actor: Actor, at: datetime) -> Any:
    gateways_own = (
        (null().label("is_high_risk"), null().label("next_action"))
        if actor.is_provider
        else (func.coalesce(IS_HIGH, false()).label("is_high_risk"), Referral.next_action)
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
        Reminder.rule_code,
        Reminder.is_urgent,
        Reminder.resolved_at,
        ReminderSnooze.id.label("snooze_id"),
        ReminderSnooze.until_at.label("snoozed_until"),
        ReminderSnooze.reason.label("snooze_reason"),
        ReminderSnooze.sealed_note,
        ReminderSnooze.keyring_id,
    ]
    standard = and_(CodeEntitlement.edition == "local", CodeEntitlement.entitlement_id == Reminder.about)
    unsent = and_(
        Message.reminder_id == Reminder.id,
        Message.recipient_user_id == actor.user_id,
        Message.state.in_((MessageState.FAILED, MessageState.PARKED)),
    )
    snooze = and_(
        ReminderSnooze.reminder_id == Reminder.id,
        ReminderSnooze.user_id == actor.user_id,
        ReminderSnooze.ended_at.is_(None),
        ReminderSnooze.until_at > at,
    )
    return (
        _visible(select(*columns), actor)
        .outerjoin(CodeEntitlement, standard)
        .outerjoin(Message, unsent)
        .outerjoin(ReminderSnooze, snooze)
    )


def _counts(session: Session, actor: Actor, shown: str, today: date, at: datetime) -> ReminderCounts:
    """The counts in one statement."""
    snoozed = is_snoozed(actor, at)
    by_due = {due: and_(_list(actor, shown), _due(due, today), ~snoozed) for due in DUE}
    by_list = {f"list_{name}": and_(_list(actor, name), ~snoozed) for name in LISTS}
    aside = {"snoozed": and_(_list(actor, shown), snoozed)}
    columns = [
        func.count().filter(condition).label(name) for name, condition in (by_due | by_list | aside).items()
    ]
    # For the Gateway the policy of the table asks for the referral already; a join would ask again.
    counted = _visible(select(*columns), actor) if actor.is_provider else select(*columns)
    row = session.execute(counted.where(Reminder.resolved_at.is_(None), addressed_to(actor))).one()
    lists = {name: getattr(row, f"list_{name}") for name in LISTS}
    return ReminderCounts(row.overdue, row.today, row.soon, lists, row.snoozed)
