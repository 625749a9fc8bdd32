"""Two records that a caseworker said are different people: kept, so that they are never proposed as one again."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from victim_gateway.models import PersonDistinction
from victim_gateway.row_ids import new_row_id
from victim_gateway.services.shared.command import Command


def mark_as_two(session: Session, command: Command, person_id: UUID, others: Collection[UUID]) -> None:
    """Keep that these are different people, so that they are never proposed as one again."""
    for other_id in others:
        lower, higher = sorted((person_id, other_id))
        if lower == higher or are_distinguished(session, lower, higher):
            continue
        session.execute(
            insert(PersonDistinction).values(
                id=new_row_id(),
                lower_id=lower,
                higher_id=higher,
                recorded_at=command.at,
                recorded_by_id=command.actor.user_id,
            )
        )


def are_distinguished(session: Session, one: UUID, other: UUID) -> bool:
    """Whether a caseworker has said that these two are different people."""
    lower, higher = sorted((one, other))
    pair = PersonDistinction.lower_id == lower, PersonDistinction.higher_id == higher
    return session.scalar(select(PersonDistinction.id).where(*pair)) is not None
