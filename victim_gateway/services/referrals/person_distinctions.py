"""Two records that a caseworker said are different people: kept, so that they are never proposed as one again."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, NotFound, TransitionNotAllowed
from victim_gateway.models import PersonDistinction
from victim_gateway.queries.people.merged_records import records_of_person
from victim_gateway.row_ids import new_row_id
from victim_gateway.services.shared import case_locks, submissions
from victim_gateway.services.shared.command import Command

LONGEST_REASON = 1000


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
    pair = (
        PersonDistinction.lower_id == lower,
        PersonDistinction.higher_id == higher,
        PersonDistinction.taken_back_at.is_(None),
    )
    return session.scalar(select(PersonDistinction.id).where(*pair)) is not None


def take_back_distinction(command: Command, person_id: UUID, distinction_id: UUID, *, reason: str) -> None:
    """Take back that two records are different people: they may be proposed as one, or merged, again.

    Nothing else changes: both stay what they are. Raises NotFound, InvalidInput without a reason, and
    TransitionNotAllowed for one that was taken back already.
    """
    said = reason.strip()
    if not said or len(said) > LONGEST_REASON:
        message = f"Shorten this to {LONGEST_REASON:,} characters" if said else "Enter why it is not so"
        raise InvalidInput(message, fields={"reason": message})
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        found = session.get(PersonDistinction, distinction_id)
        of_person = set(records_of_person(session, person_id))
        if found is None or not of_person & {found.lower_id, found.higher_id}:
            raise NotFound
        # The people in order, as every action on them does.
        _, key = case_locks.open_person(session, found.lower_id, lock=True)
        case_locks.open_person(session, found.higher_id, lock=True)
        session.refresh(found)
        if found.taken_back_at is not None:
            raise TransitionNotAllowed("This was taken back already. Nothing was changed.")
        found.taken_back_at, found.taken_back_by_id = command.at, command.actor.user_id
        found.taken_back_sealed = encrypted_rows.seal_row(
            key, "person_distinction", found.id, {"words": said}
        )
        for each, other in ((found.lower_id, found.higher_id), (found.higher_id, found.lower_id)):
            record_audit(
                session,
                "person_distinction.taken_back",
                subject_type="person",
                subject_id=each,
                person_id=each,
                other_person=str(other),
            )
