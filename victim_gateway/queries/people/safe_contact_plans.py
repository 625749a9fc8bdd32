"""The safe-contact plan in force: of each person there is one at most."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from victim_gateway.database import bulk_insert
from victim_gateway.models import SafeContactPlan


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
