"""The safe-contact plan in force: of each person there is one at most."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from victim_gateway import times
from victim_gateway.database import bulk_insert
from victim_gateway.models import SafeContactPlan, User


def is_plan_in_force(person_id: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """For a join: the plan is that of the person in this column, and no later one has taken its place."""
    return and_(SafeContactPlan.person_id == person_id, SafeContactPlan.superseded_at.is_(None))


def plan_in_force(session: Session, person_id: UUID) -> SafeContactPlan | None:
    """The plan by which a person may be contacted now; None where there is no answer at all."""
    return session.scalar(
        select(SafeContactPlan).where(
            SafeContactPlan.person_id == person_id, SafeContactPlan.superseded_at.is_(None)
        )
    )


def describe_plan_origin(session: Session, plan: SafeContactPlan | None) -> str:
    """Who recorded the plan in force, and when: for a refusal of what was typed on an older page."""
    if plan is None:
        return "How to contact the person safely was changed after you opened this page."
    name = session.scalar(select(User.name).where(User.id == plan.recorded_by_id))
    wall = plan.recorded_at.astimezone(times.LONDON)
    return (
        f"{name or 'Somebody'} recorded safe contact at {wall:%H:%M} on {wall.day} {wall:%B},"
        " after you opened this page. Look at it before you save."
    )


def plans_in_force(session: Session, person_ids: Collection[UUID]) -> list[SafeContactPlan]:
    """The plans of many people; those without one are left out."""
    return list(
        session.scalars(
            select(SafeContactPlan).where(
                bulk_insert.column_in(SafeContactPlan.person_id, person_ids),
                SafeContactPlan.superseded_at.is_(None),
            )
        )
    )
