"""What the work queue shows of a referral, read for the rows of its pages in one statement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    Text,
    cast,
    func,
    literal,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from victim_gateway.actors import Actor
from victim_gateway.models import (
    Message,
    OnwardReferral,
    Person,
    Referral,
    Reminder,
    SafeContactPlan,
    Task,
    User,
    WrappedKey,
)
from victim_gateway.queries.people.safe_contact_plans import is_plan_in_force
from victim_gateway.queries.referrals.repeat_marks import (
    count_earlier_referrals,
    is_marac_repeat,
    is_persistently_targeted,
)
from victim_gateway.queries.referrals.work_order import page_order
from victim_gateway.rules.transitions import UNANSWERED_ONWARD_STATES
from victim_gateway.vocabulary import MessageState


def queue_rows(pages: Mapping[str, CTE], actor: Actor) -> Any:
    """The rows of these pages with all that is shown of them: found first, so that names are opened for those alone."""
    page = union_all(
        *(select(literal(part).label("part"), *page_order(each)) for part, each in pages.items())
    ).cte("page")
    return (
        select(
            page.c.part,
            page.c.harm,
            page.c.run,
            page.c.rank,
            Referral.id,
            Referral.version,
            Referral.assigned_to_id,
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
            WrappedKey.keyring_id,
            WrappedKey.wrapped,
            User.name.label("assigned_to"),
            SafeContactPlan.safe,
            _open_tasks(),
            _email_problem(actor),
            _awaits_answer(),
            count_earlier_referrals().label("earlier_referrals"),
            is_persistently_targeted().label("persistently_targeted"),
            is_marac_repeat().label("is_marac_repeat"),
        )
        .join(page, page.c.id == Referral.id)
        .join(Person, Person.id == Referral.person_id)
        .outerjoin(WrappedKey, WrappedKey.id == Person.key_id)
        .outerjoin(User, User.id == Referral.assigned_to_id)
        .outerjoin(SafeContactPlan, is_plan_in_force(Referral.person_id))
        .order_by(page.c.part, *page_order(page))
    )


def _open_tasks() -> ColumnElement[Any]:
    """The kinds of the open tasks of a row, the oldest first."""
    kinds = func.array_agg(aggregate_order_by(cast(Task.kind, Text), Task.created_at), type_=ARRAY(Text))
    return (
        select(kinds)
        .where(Task.referral_id == Referral.id, Task.done_at.is_(None))
        .correlate(Referral)
        .scalar_subquery()
        .label("tasks")
    )


def _email_problem(actor: Actor) -> ColumnElement[Any]:
    """Why an e-mail to the actor about a row could not be sent; of several, the latest."""
    return (
        select(Message.problem)
        .join(Reminder, Message.reminder_id == Reminder.id)
        .where(
            Reminder.referral_id == Referral.id,
            Reminder.resolved_at.is_(None),
            Message.recipient_user_id == actor.user_id,
            Message.state.in_((MessageState.FAILED, MessageState.PARKED)),
        )
        .order_by(Message.created_at.desc())
        .limit(literal_column("1"))
        .correlate(Referral)
        .scalar_subquery()
        .label("email_problem")
    )


def _awaits_answer() -> ColumnElement[bool]:
    """Whether a provider has not answered an offer of a row."""
    return (
        select(OnwardReferral.id)
        .where(OnwardReferral.referral_id == Referral.id, OnwardReferral.state.in_(UNANSWERED_ONWARD_STATES))
        .correlate(Referral)
        .exists()
        .label("awaits_answer")
    )
