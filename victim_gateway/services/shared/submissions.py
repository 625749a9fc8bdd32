"""A form that is sent twice does its work once."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database.transaction import actor_of, transaction
from victim_gateway.errors import AlreadyDone
from victim_gateway.models import Submission

ALREADY = "This was already saved. Nothing was done twice."


def refuse_repeated_submission(submission_id: UUID | None, *, actor: Actor) -> None:
    """For a form whose answers are read before they are saved. Raises AlreadyDone when it was sent before."""
    with transaction(actor) as session:
        sent = select(Submission.id).where(
            Submission.id == submission_id, Submission.user_id == actor.user_id
        )
        if session.scalar(sent) is not None:
            raise AlreadyDone(ALREADY)


def claim_submission(session: Session, submission_id: UUID | None, at: datetime) -> None:
    """Take a form's number for this transaction; None (a command, a task) claims nothing.

    Raises AlreadyDone when the same form was sent before, also when both arrive at once: the second waits
    for the first to commit.
    """
    actor = actor_of(session)
    if submission_id is None or actor.user_id is None:
        return
    statement = (
        insert(Submission).values(id=submission_id, user_id=actor.user_id, at=at).on_conflict_do_nothing()
    )
    if session.execute(statement.returning(Submission.id)).first() is None:
        raise AlreadyDone(ALREADY)
