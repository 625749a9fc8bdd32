"""A form that is sent twice does its work once."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from victim_gateway.database.transaction import transaction
from victim_gateway.errors import AlreadyDone
from victim_gateway.models import Submission
from victim_gateway.services.shared import drafts
from victim_gateway.services.shared.command import Command

ALREADY = "This was already saved. Nothing was done twice."


def refuse_repeated_submission(command: Command) -> None:
    """For a form whose answers are read before they are saved. Raises AlreadyDone when it was sent before."""
    with transaction(command.actor) as session:
        sent = select(Submission.id).where(
            Submission.id == command.submission_id, Submission.user_id == command.actor.user_id
        )
        if session.scalar(sent) is not None:
            raise AlreadyDone(ALREADY)


def claim_submission(session: Session, command: Command) -> None:
    """Take a form's number for this transaction; None (a command line, a task) claims nothing.

    The draft of the form is deleted with it: what is being saved for good is no draft any more, or neither happens.

    Raises AlreadyDone when the same form was sent before, also when both arrive at once: the second waits
    for the first to commit.
    """
    if command.submission_id is None or command.actor.user_id is None:
        return
    statement = (
        insert(Submission)
        .values(id=command.submission_id, user_id=command.actor.user_id, at=command.at)
        .on_conflict_do_nothing()
    )
    if session.execute(statement.returning(Submission.id)).first() is None:
        raise AlreadyDone(ALREADY)
    drafts.delete_sent_draft(session, command.draft_id, at=command.at)
