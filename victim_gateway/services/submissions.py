"""A form that is sent twice does its work once."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from victim_gateway.errors import AlreadyDone
from victim_gateway.models import Submission
from victim_gateway.transactions import actor_of


def claim(session: Session, submission_id: UUID | None, at: datetime) -> None:
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
        raise AlreadyDone("This was already saved. Nothing was done twice.")
